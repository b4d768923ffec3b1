"""Tests BMPs with alpha, which Pillow and OpenCV read; PNGs and TIFFs of 16 bits are tested with the others."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import colored, landscape
from PIL import Image

from photo.marks import mark_in
from photo.metadata import Captions
from photo.read import Photo, read_photo
from photo.write import SUFFIXES, write_photo

MARK = "colorizer: of 0123456789abcdef"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_bmp_declares_its_alpha(tmp_path: Path, dtype: type) -> None:
    gray, alpha = landscape(20, 31, dtype), landscape(20, 31, dtype, seed=7)
    path = tmp_path / "a.bmp"
    photo = Photo(gray, alpha, dpi=(300, 600), mark=MARK)
    lost = [] if dtype == np.uint8 else ["the depth beyond 8 bits"]
    assert write_photo(path, colored(gray), like=photo) == lost
    as_bytes = (
        (lambda x: x) if dtype == np.uint8 else lambda x: cv2.convertScaleAbs(x, alpha=255 / 65535)
    )
    expected = np.dstack([as_bytes(colored(gray)), as_bytes(alpha)])
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(image), expected)
        assert image.info["dpi"] == pytest.approx((300, 600), rel=1e-3)
    bgra = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(bgra[..., [2, 1, 0, 3]], expected)
    assert mark_in(path) == MARK
    np.testing.assert_array_equal(read_photo(path).alpha, expected[..., 3])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_result_keeps_the_depth_or_says_that_it_is_lost(tmp_path: Path, suffix: str) -> None:
    photo = Photo(landscape(40, 50, np.uint16))  # JPEG 2000 needs 32 pixels a side
    said = write_photo(tmp_path / f"a{suffix}", colored(photo.gray), like=photo)
    kept = read_photo(tmp_path / f"a{suffix}").gray.dtype == np.uint16
    assert said == ([] if kept else ["the depth beyond 8 bits"])


def test_a_jpeg_lacks_transparency(tmp_path: Path) -> None:
    photo = Photo(landscape(20, 31), landscape(20, 31))
    rgb = colored(photo.gray)
    assert write_photo(tmp_path / "a.jpg", rgb, like=photo) == ["the transparency"]
    assert write_photo(tmp_path / "b.jpg", rgb, like=photo, alpha=False) == []


def test_a_bmp_names_what_it_does_not_hold(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[270] = "Aunt Ida, 1931"
    photo = Photo(landscape(20, 31), exif=exif, xmp=b"<x:xmpmeta/>")
    dropped = write_photo(tmp_path / "a.bmp", colored(photo.gray), like=photo)
    assert dropped == ["the EXIF data", "XMP"]


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".jp2"])
def test_the_resolution_is_in_exif_where_the_format_has_none(tmp_path: Path, suffix: str) -> None:
    photo = Photo(landscape(40, 40), dpi=(300, 600))
    assert write_photo(tmp_path / f"a{suffix}", colored(photo.gray), like=photo) == []
    exif = read_photo(tmp_path / f"a{suffix}").exif
    assert (exif[282], exif[283], exif[296]) == (300, 600, 2)


@pytest.mark.parametrize("suffix", [".ppm", ".tga"])
def test_formats_without_metadata_name_all_of_it(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[270] = "Aunt Ida, 1931"
    captions = Captions(b"\x1c\x02x\0\x01a", (("Title", "a title"),))
    photo = Photo(
        landscape(20, 31), exif=exif, xmp=b"<x:xmpmeta/>", dpi=(300, 300), captions=captions
    )
    dropped = write_photo(tmp_path / f"a{suffix}", colored(photo.gray), like=photo)
    assert dropped == ["the resolution", "the EXIF data", "XMP", "IPTC", 'the text "Title"']
