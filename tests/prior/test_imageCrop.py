"""Central square of the right size, same tree, unchanged source, resumable."""

import csv
import io
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import run_script, scene, tree, wait_for, write_tree
from PIL import Image

from image.resize import center_square
from prior import imageCrop

ROOT = Path(__file__).resolve().parent.parent.parent


def encoded(image: Any, kind: str = "JPEG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(stream, kind, **options)
    return stream.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 8  # turn counterclockwise to view
    return encoded(np.rot90(scene(300, 400), -1), quality=95, exif=exif)


FILES = {
    "a/wide.jpg": encoded(scene(300, 400), quality=95),
    "a/small.JPEG": encoded(scene(60, 80), quality=95),
    "b/turned.jpg": turned(),
    "b/ 'odd' 名.jpg": encoded(scene(300, 400), quality=95),
    "b/cmyk.jpg": encoded(Image.fromarray(scene(300, 400)).convert("CMYK"), quality=95),
    "b/palette.png": encoded(Image.fromarray(scene(300, 400)).quantize(256), "PNG"),
    "b/alpha.png": encoded(np.dstack([scene(300, 400), np.full((300, 400), 255, np.uint8)]), "PNG"),
    "b/deep.png": encoded(Image.fromarray(scene(300, 400)[..., 0] * np.uint16(257)), "PNG"),
}
BROKEN = {
    "a/half.jpg": FILES["a/wide.jpg"][:2500],
    "a/zero.jpg": b"",
    "a/text.jpg": b"just words",
}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    write_tree(root, FILES | BROKEN, loop_in="a")
    return root


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    return run_script(imageCrop.main, "-processes", 1, *words, patch=monkeypatch)


def test_every_kind_of_picture_is_cropped_upright_and_the_source_left(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert run(monkeypatch, "-data", pictures, "-out", out, "-size", 128) == 0
    assert tree(pictures) == FILES | BROKEN
    made = {name: data for name, data in tree(out).items() if name.endswith((".jpg", ".JPEG"))}
    assert made.keys() == {n + ".jpg" if n.endswith("png") else n for n in FILES}
    wanted = center_square(scene(300, 400), side_px=128).astype(int)
    for name, data in made.items():
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == "JPEG"
            assert image.size == (128, 128)
            rgb = np.asarray(image.convert("RGB")).astype(int)
        if "deep" in name:
            assert np.abs(rgb - wanted[..., :1]).mean() < 6
        else:
            assert np.abs(rgb - wanted).mean() < 6, name
    with (out / "imageCrop.csv").open(encoding="utf-8", newline="") as file:
        assert dict(list(csv.reader(file))[1:]) == {
            "a/half.jpg": "truncated JPEG",
            "a/text.jpg": "not a picture",
            "a/zero.jpg": "empty file",
        }


def test_what_is_there_is_left(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert run(monkeypatch, "-data", pictures, "-out", out) == 0
    first = tree(out)
    (out / "a" / "wide.jpg").unlink()
    (out / "b" / "turned.jpg").write_bytes(b"mine")
    with caplog.at_level("INFO"):
        assert run(monkeypatch, "-data", pictures, "-out", out) == 0
    assert "1 written, 7 existed, 3 failed" in caplog.text
    assert tree(out) == first | {"b/turned.jpg": b"mine"}
    assert run(monkeypatch, "-data", pictures, "-out", out, "-size", 64) == 1
    assert "was started with -size 256" in capsys.readouterr().err
    assert tree(out) == first | {"b/turned.jpg": b"mine"}


def test_a_name_that_its_suffix_makes_too_long_stops_no_other_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "n" * 249 + ".png"  # 253 bytes; with .jpg more than the 255 of a name
    (tmp_path / "in").mkdir()
    for name in (long, "z.jpg"):
        (tmp_path / "in" / name).write_bytes(FILES["a/small.JPEG"])
    out = tmp_path / "out"
    assert run(monkeypatch, "-data", tmp_path / "in", "-out", out, "-size", 64) == 0
    assert (out / "z.jpg").is_file()
    with (out / "imageCrop.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1:] == [[long, "its name is too long with .jpg: shorten it"]]


def test_shards_and_several_sources(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(pictures / "a" / "wide.jpg", "../x/wide.jpg")
    out = tmp_path / "out"
    assert run(monkeypatch, "-data", tmp_path / "s.tar", pictures / "b", "-out", out) == 0
    assert (out / "s.tar" / "x" / "wide.jpg").exists()
    assert (out / "b" / "turned.jpg").exists()
    assert not (tmp_path / "x").exists()


def test_the_current_folder_as_a_source_is_cropped_below_out(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pictures / "a")
    assert run(monkeypatch, "-data", ".", "../b", "-out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "a" / "wide.jpg").exists()
    assert (tmp_path / "out" / "b" / "turned.jpg").exists()


def test_without_words_the_owners_folders_are_cropped_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = tmp_path / "train", tmp_path / "test"
    for root in roots:
        (root / "class").mkdir(parents=True)
        (root / "class" / "x.jpg").write_bytes(FILES["a/wide.jpg"])
    monkeypatch.setattr("prior.batches.FOLDERS", roots)
    out = tmp_path / "cropped"
    assert run(monkeypatch, "-out", out) == 0
    found = {path.relative_to(out).as_posix() for path in out.rglob("*.jpg")}
    assert found == {"train/class/x.jpg", "test/class/x.jpg"}


@pytest.mark.slow
def test_killed_and_continued_equals_uninterrupted(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    data = encoded(scene(600, 800), quality=95)
    for number in range(300):
        (source / f"{number:03}.jpg").write_bytes(data)
    words = [sys.executable, ROOT / "prior" / "imageCrop.py", "-processes", "2", "-data", source]
    out = tmp_path / "out"
    first = subprocess.Popen([*words, "-out", out], cwd=tmp_path, start_new_session=True)
    wait_for(lambda: first.poll() is not None or len(list(out.glob("*.jpg"))) >= 20)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert len(list(out.glob("*.jpg"))) < 300
    subprocess.run([*words, "-out", out], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(
        [*words, "-out", tmp_path / "other"], cwd=tmp_path, check=True, capture_output=True
    )
    left_over = {name for name in tree(out) if ".part" in name}
    assert {n: d for n, d in tree(out).items() if n not in left_over} == tree(tmp_path / "other")


@pytest.mark.parametrize(
    ("words", "code", "wrong"),
    [
        (("-data", "missing"), 1, "does not exist"),
        (("-data", "empty"), 1, "has no pictures"),
        (("-data", "in/a/wide.jpg"), 1, "is a file"),
        (("-data", "in", "-out", "in"), 1, "overlap: choose another -out"),
        (("-data", "in", "-out", "in/cropped"), 1, "overlap: choose another -out"),
        (("-data", "in/a", "-out", "in"), 1, "overlap: choose another -out"),
        (("-data", "in", "-out", "a file"), 1, "a file"),
        (("-data", "in", "-out", "a file/out"), 1, "a file"),
        (("-data", "in", "-size", "0"), 2, "number of 1 or more"),
        (("-data", "in", "-quality", "101"), 2, "from 1 to 100"),
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
    words = words if "-out" in words else ("-out", "out", *words)
    if code == 2:
        with pytest.raises(SystemExit, match="2"):
            run(monkeypatch, *words)
    else:
        assert run(monkeypatch, *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("prior/imageCrop.py: ")
    assert wrong in line
    assert tree(pictures) == FILES | BROKEN


@pytest.mark.parametrize("script", ["getExperience", "getWeight", "Clear", "imageCrop"])
def test_scripts_explain_themselves_from_any_folder(script: str, tmp_path: Path) -> None:
    path = ROOT / "prior" / f"{script}.py"
    done = subprocess.run(
        [sys.executable, path, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "default" in done.stdout
    said = done.stdout.lower()
    assert "reads" in said
    assert "writes" in said
