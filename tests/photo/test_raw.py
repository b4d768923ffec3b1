"""Tests that camera raw is developed, and that its thumbnail is never taken for it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import landscape

from photo.formats import INSTALL
from photo.read import read_photo, size_of
from prior.lab import gray2lightness, linear2srgb

SIZE = (120, 160)
SHORT, LONG, RATIONAL, SIGNED = 3, 4, 5, 10


def write_dng(path: Path, *, turn: int = 1) -> np.ndarray:
    """Write a DNG of a gray scene with a thumbnail of another size; return the scene's light 0..1."""
    light = np.linspace(0.02, 1, SIZE[1]) * np.ones(SIZE)
    matrix = [
        (int(v * 10000), 10000)
        for v in (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)
    ]
    flat = [n for pair in matrix for n in pair]
    camera = [
        (50706, 1, 4, b"\1\4\0\0", True), (50708, 2, 0, "Some Camera", True), (274, SHORT, 1, turn, True),
        (50721, SIGNED, 9, flat, True), (50728, RATIONAL, 3, [1, 1] * 3, True), (50778, SHORT, 1, 21, True),
        (270, 2, 0, "Aunt Ida", True), (271, 2, 0, "Somebody", True),
    ]  # fmt: skip
    sensor = [
        (33421, SHORT, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True),
        (50714, SHORT, 1, 0, True), (50717, SHORT, 1, 65535, True),
    ]  # fmt: skip
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(np.full((32, 48, 3), 200, np.uint8), photometric="rgb", subfiletype=1, subifds=1, extratags=camera, metadata=None)  # fmt: skip
        tiff.write(np.rint(light * 65535).astype(np.uint16), photometric="cfa", subfiletype=0, extratags=sensor, metadata=None)  # fmt: skip
    return light


@pytest.mark.parametrize("name", ["a.dng", "a.tif"])
def test_a_raw_file_is_its_developed_picture(tmp_path: Path, name: str) -> None:
    light = write_dng(tmp_path / name)
    photo = read_photo(tmp_path / name)
    assert photo.gray.shape == size_of(tmp_path / name) == SIZE
    assert photo.gray.dtype == np.uint16
    inside = np.s_[8:-8, 8:-8]
    ours = gray2lightness(photo.gray)[inside]
    plain = gray2lightness(linear2srgb(light))[inside]
    assert np.corrcoef(ours.ravel(), plain.ravel())[0, 1] > 0.995
    assert (photo.exif[270], photo.exif[271]) == ("Aunt Ida", "Somebody")
    assert not [tag for tag in photo.exif if tag >= 50000]
    assert photo.notes == ("developed by LibRaw",)


def test_a_raw_file_is_upright(tmp_path: Path) -> None:
    write_dng(tmp_path / "a.dng", turn=6)
    gray = read_photo(tmp_path / "a.dng").gray.astype(int)
    assert gray.shape == SIZE[::-1]
    assert (np.diff(gray[8:-8:8, 60]) > 0).all(), "turned to the right, light is below"


@pytest.mark.parametrize("name", ["a.dng", "a.tif"])
def test_without_rawpy_it_is_refused_and_the_thumbnail_not_taken(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dng(tmp_path / name)
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(ValueError, match=rf"{name} is camera raw: {INSTALL}"):
        read_photo(tmp_path / name)


def test_a_dng_of_finished_pixels_is_read_as_they_are(tmp_path: Path) -> None:
    gray = landscape(30, 41, np.uint16)
    with tifffile.TiffWriter(tmp_path / "a.dng") as tiff:
        version = [(50706, 1, 4, b"\1\4\0\0", True)]
        tiff.write(
            gray[:8, :8], photometric="minisblack", subfiletype=1, subifds=1, extratags=version
        )
        tiff.write(gray, photometric="minisblack", subfiletype=0)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.dng").gray, gray)


@pytest.mark.parametrize(
    "head", [b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", b"IIU\0"]
)
def test_what_libraw_cannot_develop_is_refused_in_words(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a.raf").write_bytes(head + bytes(500))
    with pytest.raises(ValueError, match=r"a\.raf (is camera raw that LibRaw|cannot be read)"):
        read_photo(tmp_path / "a.raf")
