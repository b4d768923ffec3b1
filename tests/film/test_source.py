"""What identifies a film: its content, or the list of its pictures."""

import os
from pathlib import Path

import pytest
from sequences import write_sequence

from film.source import source_of


@pytest.fixture
def some_bytes(tmp_path: Path) -> Path:
    path = tmp_path / "a film.mp4"
    path.write_bytes(bytes(range(256)) * 20_000)
    return path


def test_a_source_follows_content_not_dates(some_bytes: Path) -> None:
    before = source_of(some_bytes)
    os.utime(some_bytes, (1, 1))
    assert source_of(some_bytes) == before


@pytest.mark.parametrize("place", [0, 2_560_000, 5_119_999])
def test_a_source_sees_head_middle_and_tail(some_bytes: Path, place: int) -> None:
    before = source_of(some_bytes)
    with some_bytes.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff\x00"[:1] if place % 256 != 255 else b"\x00")
    assert source_of(some_bytes) != before


def test_the_source_of_an_empty_film(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert source_of(tmp_path / "empty.mp4").size == 0


@pytest.mark.parametrize("change", ["touched", "longer", "renamed", "removed", "added"])
def test_the_source_of_a_sequence_sees_each_change_of_its_list(tmp_path: Path, change: str) -> None:
    paths = write_sequence(tmp_path / "scan_%04d.png", count=4)
    before = source_of(tmp_path)
    assert source_of(tmp_path / "scan_%04d.png") == before
    if change == "touched":
        os.utime(paths[1], (1, 1))
    elif change == "longer":
        status = paths[1].stat()
        paths[1].write_bytes(paths[1].read_bytes() + b"more")
        os.utime(paths[1], ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "renamed":
        paths[-1].rename(tmp_path / "scan_0009.png")
    elif change == "removed":
        paths[1].unlink()
    else:
        paths[-1].with_name("scan_0005.png").write_bytes(paths[-1].read_bytes())
    assert source_of(tmp_path).digest != before.digest


def test_the_source_of_a_sequence_does_not_see_other_files(tmp_path: Path) -> None:
    write_sequence(tmp_path / "scan_%04d.png", count=2)
    before = source_of(tmp_path)
    (tmp_path / "notes.txt").write_text("reel 3")
    (tmp_path / ".hidden_0001.png").write_bytes(b"x")
    assert source_of(tmp_path) == before
    assert before.name == "scan"
