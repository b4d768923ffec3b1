"""Hints and references from files."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photo.guidance import read_guidance, read_hints, read_reference
from photo.options import PhotoOptions
from prior.lab import rgb2lab


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_colors_become_hue_and_chroma(tmp_path: Path) -> None:
    points = read_hints(write(tmp_path / "h.json", [[10, 20, "#c83c28"], [1, 2, "#C83C28", 7]]))
    ab = rgb2lab(np.array([0xC8, 0x3C, 0x28], np.uint8))[1:]
    np.testing.assert_allclose(points[0], [10, 20, *ab], atol=1e-4)
    np.testing.assert_allclose(points[1], [1, 2, *ab, 7], atol=1e-4)


def test_numbers_are_taken_as_they_are(tmp_path: Path) -> None:
    assert read_hints(write(tmp_path / "h.json", [[1, 2.5, -30, 40, 3]])) == [(1, 2.5, -30, 40, 3)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ([], "no list of points"),
        ({"x": 1}, "no list of points"),
        ([[1, 2]], "is no point"),
        ([[1, 2, "red"]], "'red' is no color"),
        ([[1, 2, True, 3]], "is no point"),
        (["#c83c28"], "is no point"),
        ("[[1, 2, 3, " + "9" * 400 + "]]", "is no point"),
        ("[[1, 2, 3, NaN]]", "is no point"),
        ("[" * 100_000, "is not JSON"),
        ("", "is empty"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_hints(write(tmp_path / "h.json", content))


def test_references_are_read_small(tmp_path: Path) -> None:
    Image.new("RGB", (900, 300), (200, 60, 40)).save(tmp_path / "r.png")
    reference = read_reference(tmp_path / "r.png")
    assert reference.shape == (85, 256, 3)
    assert (reference == (200, 60, 40)).all()


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no hints file"):
        read_hints(tmp_path / "none.json")
    with pytest.raises(FileNotFoundError, match="no reference picture"):
        read_reference(tmp_path / "none.png")
    with pytest.raises(ValueError, match="is not a picture"):
        read_reference(write(tmp_path / "text.png", "words"))


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        for read in (read_hints, read_reference):
            with pytest.raises(ValueError, match="is a pipe or device"):
                read(path)


def test_references_have_the_formats_of_photos(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(ValueError, match="is not a picture"):
        read_reference(tmp_path / "a.png")
    Image.new("1", (10_000, 9_000)).save(
        tmp_path / "large.png"
    )  # Pillow's own limit: 89 megapixels
    assert read_reference(tmp_path / "large.png").shape == (230, 256, 3)


def test_guidance_is_what_was_given_and_nothing_else(tmp_path: Path) -> None:
    hints, reference = write(tmp_path / "h.json", [[1, 2, -30, 40]]), tmp_path / "r.png"
    Image.new("RGB", (9, 9), (20, 90, 200)).save(reference)
    assert read_guidance(PhotoOptions()) == {}
    assert read_guidance(PhotoOptions(hints=hints)) == {"hints": [(1, 2, -30, 40)]}
    guidance = read_guidance(PhotoOptions(hints=hints, reference=reference))
    assert set(guidance) == {"hints", "palette"}
    assert (guidance["palette"] == (20, 90, 200)).all()
