"""The pages of a TIFF in one go: those that Pillow reads and those that it does not, each with what is its own."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import colored, landscape

from photo.metadata import IPTC_TAG
from photo.tiff_pages import stored_pages, tiff_pages

GRAYS = [landscape(20, 30), landscape(25, 15, np.uint16, seed=1), landscape(30, 40, seed=2)]
CAPTION = b"\x1c\x02\x78\x00\x05house"  # IIM record 2, data set 120


@pytest.fixture
def album(tmp_path: Path) -> Path:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(GRAYS[0][::2, ::2], subfiletype=1, metadata=None)
        for number, gray in enumerate(GRAYS):
            tags = [(IPTC_TAG, 7, len(CAPTION), CAPTION, True)] if number == 1 else []
            tiff.write(gray, metadata=None, description=f"{number}", extratags=tags)
        rgb = colored(GRAYS[1])
        tiff.write(rgb, photometric="rgb", compression="zlib", metadata=None)
    return tmp_path / "a.tif"


def test_pages_are_read_in_one_go(album: Path) -> None:
    found = list(tiff_pages(album, [0, 1, 2, 3]))
    for number, (raster, gray) in enumerate(zip(found, GRAYS, strict=False)):
        np.testing.assert_array_equal(raster.pixels.reshape(gray.shape), gray)
        assert raster.exif[270] == f"{number}"
        assert raster.captions.iptc == (CAPTION if number == 1 else b"")
    np.testing.assert_array_equal(found[3].pixels, colored(GRAYS[1]))
    assert 270 not in found[3].exif


def test_some_pages_are_read_alone(album: Path) -> None:
    (third,) = tiff_pages(album, [2])
    np.testing.assert_array_equal(third.pixels, GRAYS[2])


def test_the_room_that_pages_take_is_known_before(album: Path) -> None:
    assert stored_pages(album, [0, 2]) == (3 * (20 * 30 + 30 * 40), False)
    assert stored_pages(album, [1, 3]) == (2 * 3 * 2 * 25 * 15, True)
