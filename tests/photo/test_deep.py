"""Tests reading pictures of more than 8 bits that are not TIFFs."""

from pathlib import Path

import numpy as np
from helpers import landscape
from PIL import Image

from photo.read import read_photo


def test_gray_png_of_16_bits_is_read_to_the_last_bit(tmp_path: Path) -> None:
    gray = landscape(30, 41, np.uint16)
    Image.fromarray(gray).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png").gray, gray)
