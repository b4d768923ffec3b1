"""Tests reading TIFFs of every depth and kind that archives have."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from helpers import landscape

from photo.read import read_photo


def test_deep_gray_is_read_to_the_last_bit(tmp_path: Path) -> None:
    gray = landscape(30, 41, np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", gray)
    tifffile.imwrite(tmp_path / "zip.tif", gray, compression="zlib")
    tifffile.imwrite(tmp_path / "white.tif", np.invert(gray), photometric="miniswhite")
    tifffile.imwrite(tmp_path / "big.tif", gray, bigtiff=True, byteorder=">")
    cv2.imwrite(str(tmp_path / "lzw.tif"), gray, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    for name in ("a.tif", "zip.tif", "white.tif", "big.tif", "lzw.tif"):
        np.testing.assert_array_equal(read_photo(tmp_path / name).gray, gray, err_msg=name)


@pytest.mark.parametrize(
    ("photometric", "samples"), [("separated", 4), ("cielab", 3), ("ycbcr", 3), ("icclab", 3)]
)
def test_deep_pixels_of_other_kinds_are_refused(
    tmp_path: Path, photometric: str, samples: int
) -> None:
    pixels = np.stack([landscape(30, 41, np.uint16)] * samples, axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=photometric)
    with pytest.raises(
        ValueError, match=rf"{photometric.upper()} of 16 bits is not supported: save"
    ):
        read_photo(tmp_path / "a.tif")
