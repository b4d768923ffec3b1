"""Listed pictures and reasons; nothing changes without an option, and nothing is lost."""

import csv
import errno
import io
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import run_script, tree, write_tree
from numpy.typing import NDArray
from PIL import Image

from prior import Clear
from prior.Clear import lack_of_color
from prior.dataset import decode_rgb

SEPIA, FADED, CYANOTYPE = (112, 66, 20), (150, 130, 100), (60, 100, 150)


def colorful(seed: int = 0, height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    small = np.random.default_rng(seed).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def gray(seed: int = 0) -> NDArray[np.uint8]:
    return np.repeat(colorful(seed)[..., :1], 3, axis=-1)


def toned(seed: int = 0, tone: tuple[int, int, int] = SEPIA) -> NDArray[np.uint8]:
    """Return a ramp from black through a tone to white."""
    t = gray(seed) / 255
    light = tone + (2 * t - 1) * (255 - np.array(tone))
    return np.where(t < 0.5, 2 * t * tone, light).astype(np.uint8)


def encoded(
    rgb: NDArray[np.uint8], kind: str = "JPEG", mode: str = "RGB", quality: int = 80
) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).convert(mode).save(stream, kind, quality=quality)
    return stream.getvalue()


def damaged(data: bytes) -> bytes:
    """Remove a piece of the scan but not its end: decoders continue with only a warning."""
    return data[: len(data) // 2] + data[-len(data) // 4 :]


FILES = {
    "class a/fine.jpg": encoded(colorful(1)),
    "class a/two words 'and' \"quotes\".jpg": encoded(gray()),
    "class b/一色.JPEG": encoded(toned()),
    "class b/luminance.jpg": encoded(gray(), mode="L"),
    "class b/half.jpg": encoded(colorful(2))[:2000],
    "class b/damaged.jpg": damaged(encoded(colorful(3))),
    "class b/really png.jpg": encoded(colorful(4), "PNG"),
    "class b/text.jpg": b"just words",
    "class b/zero.jpg": b"",
    "class b/cmyk.jpg": encoded(colorful(5), mode="CMYK"),
}
REASONS = {
    "class a/two words 'and' \"quotes\".jpg": "grayscale",
    "class b/一色.JPEG": "one tone",
    "class b/luminance.jpg": "grayscale",
    "class b/half.jpg": "truncated JPEG",
    "class b/damaged.jpg": "corrupt JPEG",
    "class b/really png.jpg": "not JPEG but PNG",
    "class b/text.jpg": "not a picture",
    "class b/zero.jpg": "empty file",
}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "train"
    write_tree(root, FILES, loop_in="class a")
    return root


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    return run_script(Clear.main, "-processes", 1, *words, patch=monkeypatch)


@pytest.mark.parametrize("quality", [60, 80, 95])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gray_toned_and_colored_are_told_apart(seed: int, quality: int) -> None:
    def seen(rgb: NDArray[np.uint8]) -> str | None:
        return lack_of_color(decode_rgb(encoded(rgb, quality=quality)))

    assert seen(gray(seed)) == "grayscale"
    for tone in (SEPIA, FADED, CYANOTYPE) if quality > 70 else (FADED,):
        assert str(seen(toned(seed, tone))).startswith("one tone")
    assert seen(colorful(seed)) is None


def test_little_color_is_color_enough() -> None:
    rgb = gray()
    rgb[:20, :30] = (200, 40, 40)
    assert lack_of_color(rgb) is None
    tinted = toned()
    tinted[:20, :30] = (40, 60, 200)
    assert lack_of_color(tinted) is None


def test_tiny_and_narrow_pictures_are_judged() -> None:
    assert lack_of_color(np.full((1, 1, 3), 128, np.uint8)) == "grayscale"
    assert lack_of_color(colorful(0, 3, 2000)) is None


def test_all_faults_are_listed_and_nothing_changes(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    report = tmp_path / "clear.csv"
    assert run(monkeypatch, "-data", pictures, "-report", report) == 0
    assert tree(pictures) == FILES
    out, err = capfd.readouterr()
    listed = dict(line.split("\t")[:2] for line in out.splitlines())
    with report.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert {name: reason for name, reason, _ in rows} == listed
    assert listed.keys() == REASONS.keys()
    for name, reason in REASONS.items():
        assert listed[name].startswith(reason), name
    assert {action for _, _, action in rows} == {"kept"}
    assert "Corrupt" not in err


def test_move_keeps_the_tree_and_every_byte(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "set aside"
    (away / "class b").mkdir(parents=True)
    (away / "class b" / "zero.jpg").write_bytes(b"was here before")
    assert run(monkeypatch, "-data", pictures, "-move", away) == 0
    moved = tree(away)
    assert moved.pop("class b/zero.jpg") == b"was here before"
    left = tree(pictures)
    assert left.keys() == FILES.keys() - (REASONS.keys() - {"class b/zero.jpg"})
    assert moved | left == FILES


def test_delete_removes_the_listed_only(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "-data", pictures, "-delete") == 0
    assert tree(pictures) == {n: d for n, d in FILES.items() if n not in REASONS}
    assert run(monkeypatch, "-data", pictures, "-delete") == 0


@pytest.mark.parametrize("words", [("-delete",), ("-move", "away")])
def test_a_picture_that_cannot_be_cleared_is_kept_and_all_others_are_listed(
    words: tuple[str, ...],
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refusing(function: Any) -> Any:
        def refuse(path: Path, *rest: object) -> None:
            if path.name == "half.jpg":
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            function(path, *rest)

        return refuse

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "unlink", refusing(Path.unlink))
    monkeypatch.setattr(shutil, "move", refusing(shutil.move))
    assert run(monkeypatch, "-data", pictures, *words) == 0
    actions = dict(line.split("\t")[::2] for line in capsys.readouterr().out.splitlines())
    assert actions.keys() == REASONS.keys()
    assert actions.pop("class b/half.jpg") == "kept: Permission denied"
    assert {action.split()[0] for action in actions.values()} <= {"moved", "deleted"}
    kept = {name for name in FILES if name not in actions}
    assert tree(pictures).keys() == kept


def test_what_is_cleared_is_in_the_report_though_nobody_reads_the_list(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
    report = tmp_path / "clear.csv"
    run(monkeypatch, "-data", pictures, "-delete", "-report", report)
    with report.open(encoding="utf-8", newline="") as file:
        actions = {name: action for name, _, action in list(csv.reader(file))[1:]}
    assert actions.keys() == REASONS.keys()
    gone = {name for name, action in actions.items() if action == "deleted"}
    assert gone == FILES.keys() - tree(pictures).keys() != set()


def test_pictures_inside_a_shard_are_listed_and_left(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shard = tmp_path / "s.tar"
    with tarfile.open(shard, "w") as tar:
        tar.add(pictures / "class b" / "zero.jpg", "zero.jpg")
    before = shard.read_bytes()
    assert run(monkeypatch, "-data", shard, "-delete") == 0
    assert f"kept: inside {shard}" in capsys.readouterr().out
    assert shard.read_bytes() == before


@pytest.mark.slow
def test_several_processes_list_the_same(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(100):
        rgb = gray() if number % 7 else colorful()
        (pictures / f"{number}.jpg").write_bytes(encoded(rgb))
    assert run(monkeypatch, "-data", pictures) == 0
    alone = capsys.readouterr().out
    assert run(monkeypatch, "-processes", 2, "-data", pictures) == 0
    assert capsys.readouterr().out == alone
    assert len(alone.splitlines()) == len(REASONS) + 85


@pytest.mark.parametrize(
    ("words", "code", "wrong"),
    [
        (("-data", "missing"), 1, "does not exist"),
        (("-data", "empty"), 1, "has no pictures"),
        (("-data", "train/class b/zero.jpg"), 1, "is a file"),
        (("-data", "train", "-move", "train/away"), 1, "is inside"),
        (
            ("-data", "train", "-delete", "-report", "no/such/clear.csv"),
            1,
            "folder no/such does not exist",
        ),
        (("-data", "train", "-delete", "-report", "a file/clear.csv"), 1, "cannot be written to"),
        (("-data", "train", "-delete", "-report", "empty"), 1, "is a folder"),
        (("-data", "train", "-move", "a file/away"), 1, "cannot be written to"),
        (("-data", "train", "-move", "x", "-delete"), 2, "not allowed with"),
        (("-data", "train", "-processes", "0"), 2, "number of 1 or more"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(
    words: tuple[str, ...],
    code: int,
    wrong: str,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a file").touch()
    if code == 2:
        with pytest.raises(SystemExit, match="2"):
            run(monkeypatch, *words)
    else:
        assert run(monkeypatch, *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("prior/Clear.py: ")
    assert wrong in line
    assert tree(pictures) == FILES
