"""Tests that camera raw is developed, and that its thumbnail is never taken for it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import landscape
from rare_photos import DNG_SIZE, write_dng

from photo.formats import INSTALL
from photo.opened import size_of
from photo.read import read_photo
from prior.lab import gray2lightness, linear2srgb


@pytest.mark.parametrize("name", ["a.dng", "a.tif"])
def test_a_raw_file_is_its_developed_picture(tmp_path: Path, name: str) -> None:
    light = write_dng(tmp_path / name)
    photo = read_photo(tmp_path / name)
    assert photo.gray.shape == size_of(tmp_path / name) == DNG_SIZE
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
    assert gray.shape == DNG_SIZE[::-1]
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
