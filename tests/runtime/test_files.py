"""Atomic files, and locks that one process holds at a time."""

import csv
import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from helpers import disk_full_at

from runtime.files import (
    LockedError,
    check_output,
    delete_lock,
    discard,
    folder_of,
    lock,
    on_disk,
    read_arrays,
    release,
    sweep,
    temporary_name,
    whole_file,
    whole_folder,
    write_arrays,
    write_bytes,
    write_json,
    write_table,
    write_text,
)

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.png") as part:
        part.write_text("new")
        assert part.suffix == ".png", "writers choose the format by the suffix"
        assert not (tmp_path / "a.png").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_failed_file_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")

    def fail() -> None:
        with whole_file(tmp_path / "a") as part:
            part.write_text("half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


@pytest.mark.parametrize("durable", [True, False])
def test_only_durable_files_wait_for_the_disk(
    durable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr("os.fsync", flushed.append)
    write_bytes(tmp_path / "a", b"whole", durable=durable)
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert bool(flushed) == durable


def test_json_and_tables_keep_every_name(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"名": [1, None]})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"名": [1, None]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    rows = [("two, words", 'a "b"'), (os.fsdecode(b"\xff.jpg"), "no UTF-8")]
    write_table(tmp_path / "a.csv", ("name", "reason"), rows)
    with (tmp_path / "a.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        assert [tuple(row) for row in csv.reader(file)] == [("name", "reason"), *rows]


def test_a_name_of_any_length_has_a_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".png")
    write_bytes(path, b"whole")
    assert path.read_bytes() == b"whole"


def test_a_temporary_name_for_a_use_is_the_same_in_every_run(tmp_path: Path) -> None:
    """The next run overwrites what a killed one left in folders that are never swept."""
    path = tmp_path / "out.mkv"
    part = temporary_name(path, use="result")
    part.write_text("left by a killed run")
    with whole_file(path, use="result") as again:
        assert again == part
        again.write_text("whole")
    assert [(left.name, left.read_text()) for left in tmp_path.iterdir()] == [("out.mkv", "whole")]
    others = {temporary_name(path, use="sound"), temporary_name(path), temporary_name(path)}
    assert len(others | {part}) == 4


def test_what_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    check_output(tmp_path / "new.json")
    (tmp_path / "new.json").touch()
    check_output(tmp_path / "new.json")
    assert (tmp_path / "new.json").read_bytes() == b""
    for path, says in ((tmp_path, "it is a folder"), (tmp_path / "a" / "b", "folder .* does not")):
        with pytest.raises(ValueError, match=f"cannot write {path}: {says}"):
            check_output(path)


def test_a_folder_replaces_the_older_one_as_a_whole(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with whole_folder(tmp_path / "room") as part:
            (part / content).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [
        "room",
        "room/new",
    ]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "room") as part:
        (part / "old").touch()

    def fail() -> None:
        with whole_folder(tmp_path / "room") as part:
            (part / "half").touch()
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert [path.name for path in (tmp_path / "room").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["room"]


def test_discarding_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    for name in ("link", "absent"):
        discard(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "kept"]


def test_only_leftovers_are_swept(tmp_path: Path) -> None:
    temporary_name(tmp_path / "a.png").touch()
    temporary_name(tmp_path / "b").mkdir()
    others = ["a.png", "download.part", "of.part.png"]
    for name in others:
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == others


HOLDER = """
import sys; from pathlib import Path; from runtime.files import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_holds_a_lock_and_its_death_releases_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match="another process holds"), lock(path):
            pass
        holder.kill()
    with lock(path):
        assert path.exists()


LATE_HOLDER = """
import fcntl, sys
from pathlib import Path
from runtime.files import lock

flock, tried = fcntl.flock, []

def late_flock(*args):
    if not tried:
        tried.append(args)
        print("opened", flush=True)
        sys.stdin.readline()
    return flock(*args)

fcntl.flock = late_flock
with lock(Path(sys.argv[1]), wait=True):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot delete an open file")
@pytest.mark.parametrize("with_folder", [False, True])
def test_a_lock_that_is_deleted_is_not_held_by_who_has_opened_it_before(
    tmp_path: Path, with_folder: bool
) -> None:
    path = tmp_path / "job" / "lock"
    command = [sys.executable, "-c", LATE_HOLDER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as late:
        assert late.stdin is not None
        assert late.stdout is not None
        with lock(path):
            assert late.stdout.readline() == "opened\n"
            delete_lock(path)
            if with_folder:
                path.parent.rmdir()
        late.stdin.write("\n")
        late.stdin.flush()
        assert late.stdout.readline() == "held\n"
        with pytest.raises(LockedError), lock(path):
            pass
        late.stdin.close()


def test_a_lock_can_be_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        holder.stdin.close()
        with lock(path, wait=True):
            pass


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"ab": rng.normal(size=(3, 4, 5, 2)).astype(np.float32), "of": np.array("digest")}
    write_arrays(tmp_path / "a.npz", arrays)
    kept = read_arrays(tmp_path / "a.npz")
    assert kept is not None
    assert list(kept) == list(arrays)
    for name, array in arrays.items():
        assert kept[name].dtype == array.dtype
        np.testing.assert_array_equal(kept[name], array)


@pytest.mark.parametrize(
    "room_bytes", [100, 20_000, 40_100]
)  # damage in a header, an array, the directory
def test_a_full_disk_is_an_error_and_leaves_the_older_file(tmp_path: Path, room_bytes: int) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, {"x": np.arange(3)})
    with disk_full_at(room_bytes), pytest.raises(OSError, match="File too large"):
        write_arrays(path, {"x": np.zeros(10_000, np.float32)})
    kept = read_arrays(path)
    assert kept is not None
    np.testing.assert_array_equal(kept["x"], np.arange(3))
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("kind", [OSError, ValueError])
def test_an_error_names_the_file_and_not_its_temporary_name(
    tmp_path: Path, kind: type[Exception]
) -> None:
    path = tmp_path / "none" / "a.png"
    with pytest.raises(OSError, match=r"none/a\.png'$") as missing:
        write_bytes(path, b"x")
    assert missing.value.filename == str(path)
    path.parent.mkdir()
    with pytest.raises(kind, match=re.escape(str(path))) as failed, whole_file(path) as part:
        raise OSError(28, "No space left", str(part)) if kind is OSError else ValueError(f"{part} is bad")  # fmt: skip
    assert ".part" not in str(failed.value)
    with pytest.raises(ValueError, match=re.escape(str(path))), whole_folder(path) as part:
        raise ValueError(f"{part} is bad")


def test_a_folder_is_made_for_a_file_and_not_left_without_one(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.png"
    with folder_of(path):
        path.touch()
    assert path.exists()
    other = tmp_path / "a" / "d" / "e" / "f.png"
    with pytest.raises(KeyboardInterrupt), folder_of(other):
        raise KeyboardInterrupt
    assert not (tmp_path / "a" / "d").exists()
    assert path.exists()
    with suppress(KeyboardInterrupt), folder_of(other):
        (other.parent.parent / "of another").touch()
        raise KeyboardInterrupt
    assert not other.parent.exists()
    assert (tmp_path / "a" / "d" / "of another").exists()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_an_array_on_disk_has_its_values_and_only_what_is_used_in_memory(
    tmp_path: Path, kind: type[np.generic]
) -> None:
    array = np.random.default_rng(0).integers(0, 256, (4000, 4001)).astype(kind)
    kept = on_disk(array, tmp_path)
    assert not list(tmp_path.iterdir())  # it has no name
    assert not kept.flags.writeable
    for _ in range(2):
        np.testing.assert_array_equal(kept, array)
        release(kept[10:20])
    release(array)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read in /proc")
def test_what_is_released_is_not_in_memory(tmp_path: Path) -> None:
    def mapped_bytes() -> int:
        status = Path("/proc/self/status").read_text()
        return int(re.findall(r"RssFile:\s+(\d+) kB", status)[0]) * 1024

    kept = on_disk(np.ones((8000, 8000), np.uint8), tmp_path)
    before = mapped_bytes()
    assert kept.sum() == kept.size
    assert mapped_bytes() > before + 0.9 * kept.nbytes
    release(kept)
    assert mapped_bytes() < before + 0.1 * kept.nbytes


def test_without_room_an_array_stays_in_memory(tmp_path: Path) -> None:
    array = np.ones((100, 100), np.uint8)
    with disk_full_at(5000):
        assert on_disk(array, tmp_path) is array
    assert not list(tmp_path.iterdir())
