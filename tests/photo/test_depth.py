"""Tests scaling samples."""

import numpy as np
import pytest
from helpers import landscape
from PIL import Image

from photo.depth import gray_of_inks, gray_of_lab, scaled, separated, straight, stretched
from prior.lab import gray2lightness


@pytest.mark.parametrize("bits", range(1, 17))
def test_all_codes_are_spread_over_the_full_range(bits: int) -> None:
    codes = np.arange(1 << bits, dtype=np.uint16 if bits > 8 else np.uint8)[None]
    full, note = scaled(codes, bits)
    top = 255 if bits <= 8 else 65535
    assert (full[0, 0], full[0, -1], note) == (0, top, "")
    assert np.abs(full - codes / ((1 << bits) - 1) * top).max() <= 0.5


def test_any_greatest_code_can_be_white() -> None:
    assert stretched(np.array([0, 50, 100], np.uint16), 100).tolist() == [0, 128, 255]
    assert stretched(np.array([0, 500, 1000, 2000], np.uint16), 1000).tolist() == [0, 32768, 65535, 65535]  # fmt: skip


def test_a_plain_plane_is_black_and_complex_samples_are_refused() -> None:
    assert not scaled(np.full((2, 2), 7, np.int32), 32)[0].any()
    assert not scaled(np.full((2, 2), np.nan), 64)[0].any()
    with pytest.raises(ValueError, match="complex64 are not supported"):
        scaled(np.zeros((2, 2), np.complex64), 64)


def test_alpha_of_nothing_leaves_black() -> None:
    color = np.array([[[0], [100], [100]]], np.uint8)
    alpha = np.array([[0, 200, 50]], np.uint8)
    assert straight(color, alpha)[0, :, 0].tolist() == [0, 128, 255]


def test_the_ends_of_lab_are_black_and_white() -> None:
    codes = np.array([[0, 5000, 65280, 65535]], np.uint16)
    assert gray_of_lab(codes, "ICCLAB")[0].tolist()[2:] == [65535, 65535]
    lightness = gray2lightness(gray_of_lab(codes, "CIELAB"))
    np.testing.assert_allclose(lightness[0], codes[0] / 655.35, atol=0.02)


def test_inks_are_mixed_between_the_values_that_are_evaluated() -> None:
    inks = np.zeros((1, 5, 4), np.uint16)
    inks[0, 1:, 3] = 65535, 30000, 30001, 100
    gray = gray_of_inks(inks, None)[0].astype(int)
    assert gray[0] == 65535
    assert gray[1] == 0
    assert 0 < gray[2] - gray[3] < 4, "16 bits"
    plain = Image.fromarray(np.stack([landscape(8, 9)] * 4, -1), "CMYK")
    assert separated(plain, b"no profile")[0].tobytes() == plain.convert("RGB").tobytes()
