"""Tests opening photos for their size and their pixels, upright or not, also with damaged metadata."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import landscape
from PIL import Image

from photo.opened import opened_photo, size_of


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_the_size_is_upright(tmp_path: Path, suffix: str, dtype: type) -> None:
    exif, path = Image.Exif(), tmp_path / f"a{suffix}"
    exif[274] = 6
    Image.fromarray(landscape(20, 30, dtype)).save(path, exif=exif)
    assert size_of(path) == (30, 20)


def test_deep_pixels_become_bytes(tmp_path: Path) -> None:
    gray = landscape(20, 30, np.uint16)
    Image.fromarray(gray).save(tmp_path / "a.png")
    with opened_photo(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), gray >> 8)


def test_damaged_exif_does_not_hide_the_size(tmp_path: Path) -> None:
    Image.fromarray(landscape(20, 30)).save(tmp_path / "a.jpg", exif=b"Exif\0\0no EXIF at all")
    assert size_of(tmp_path / "a.jpg") == (20, 30)


def test_another_page_is_opened_by_its_number(tmp_path: Path) -> None:
    pages = [landscape(20, 30), landscape(25, 35, np.uint16, seed=1)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for page in pages:
            tiff.write(page, metadata=None)
    assert [size_of(tmp_path / "a.tif", number) for number in range(2)] == [(20, 30), (25, 35)]
    with opened_photo(tmp_path / "a.tif", 1) as image:
        np.testing.assert_array_equal(np.asarray(image), pages[1] >> 8)
