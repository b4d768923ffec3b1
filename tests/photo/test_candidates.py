"""Tests candidates on the command line: files and a sheet, without replacing other files."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import texture, tree
from PIL import Image

import main
from photo.candidates import candidate_path, sheet_path
from prior.lab import gray2lightness, rgb2lab


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(texture(np.random.default_rng(0), 96, 128)).save("photo.png")
    return Path("photo.png")


def test_candidates_are_numbered_and_on_a_sheet(
    small: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-img_in", "photo.png", "-save", "out.png", *small]
    assert main.main([*words, "-candidates", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["out.1.png", "out.2.png", "out.candidates.png"]
    assert not Path("out.png").exists()
    pictures = [np.asarray(Image.open(name)) for name in lines]
    for picture in pictures[:2]:
        lightness = gray2lightness(np.asarray(Image.open(photo)))
        assert np.abs(rgb2lab(picture)[..., 0] - lightness).max() < 1
    assert pictures[2].ndim == 3
    assert main.main(words) == 0
    np.testing.assert_array_equal(pictures[0], np.asarray(Image.open("out.png")))


def test_a_rerun_leaves_them_and_no_file_is_replaced(
    small: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-img_in", "photo.png", "-save", "out.png", "-candidates", "2", *small]
    Path("out.2.png").write_text("a letter")
    assert main.main(words) == 1
    assert "out.2.png exists already" in capsys.readouterr().err
    assert Path("out.2.png").read_text() == "a letter"
    assert main.main([*words, "-overwrite"]) == 0
    first = Path("out.1.png").stat().st_mtime_ns
    assert main.main(words) == 0
    assert Path("out.1.png").stat().st_mtime_ns == first


def test_what_a_killed_run_left_is_made_again(
    small: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-img_in", "photo.png", "-save", "out.png", "-candidates", "2", *small]
    assert main.main(words) == 0
    whole = tree(Path())
    for left in (["out.1.png"], ["out.1.png", "out.1.json"], ["out.1.png", "out.2.png"]):
        for path in Path().glob("out.*"):
            if path.name not in left:
                path.unlink()
        assert main.main(words) == 0, left
        assert tree(Path()) == whole
    for name in ("out.1.png", "out.candidates.png"):
        Path(name).unlink()
    capsys.readouterr()
    assert main.main(words) == 1
    assert "out.1.json exists already and is not" in capsys.readouterr().err


def test_inputs_are_never_replaced(
    small: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = photo.read_bytes()
    Path("out.1.png").write_bytes(before)
    Path("in").mkdir()
    words = ["-img_in", "photo.png", "out.1.png", "-save", ".", "-candidates", "2", "-overwrite"]
    assert main.main([*words, *small]) == 2
    words = ["-img_in", "photo.png", "photo.color.1.png", "-candidates", "2", "-overwrite"]
    Path("photo.color.1.png").write_bytes(before)
    assert main.main([*words, *small]) == 2
    assert "photo.color.1.png is an input" in capsys.readouterr().err
    assert Path("out.1.png").read_bytes() == Path("photo.color.1.png").read_bytes() == before


def test_names() -> None:
    assert candidate_path(Path("a/out.b.tif"), 2) == Path("a/out.b.2.tif")
    assert sheet_path(Path("a/out.b.tif")) == Path("a/out.b.candidates.tif")


def test_16_bits_stay_16_but_for_the_sheet(small: list[str], photo: Path) -> None:
    deep = texture(np.random.default_rng(0), 96, 128).astype(np.uint16) << 8
    Image.fromarray(deep).save("deep.png")
    assert main.main(["-img_in", "deep.png", "-candidates", "2", *small]) == 0
    import cv2

    sizes = [
        cv2.imread(f"deep.color.{name}.png", cv2.IMREAD_UNCHANGED) for name in ("2", "candidates")
    ]
    assert [one.dtype for one in sizes] == [np.uint16, np.uint8]
    assert sizes[0].shape == (96, 128, 3)


def test_a_report_keeps_what_it_knows_of_candidates(small: list[str], photo: Path) -> None:
    words = ["-img_in", "photo.png", "-save", "out.png", "-candidates", "2", *small]
    rows = []
    for _ in range(2):
        assert main.main([*words, "-report", "told.json"]) == 0
        rows += json.loads(Path("told.json").read_text())["inputs"]
    assert [row.pop("outcome") for row in rows] == ["colored", "already there"]
    assert rows[0] == rows[1]
    assert (rows[0]["result"], rows[0]["width"]) == ("out.1.png", 128)
