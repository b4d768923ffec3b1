"""Color conversion of prior/lab.py, compared with scikit-image and over the whole 8-bit cube."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import color

from prior.lab import (
    ab2hex,
    color2ab,
    fit_gamut,
    gray2lightness,
    hex2ab,
    lab2rgb,
    linear2srgb,
    rgb2lab,
    srgb2linear,
)

LEVELS = np.linspace(0, 255, 33).round().astype(np.uint8)
GRID = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS), axis=-1)


def cube_plane(red: int) -> NDArray[np.uint8]:
    green, blue = np.divmod(np.arange(1 << 16), 256)
    return np.stack([np.full_like(green, red), green, blue], axis=-1).astype(np.uint8)


def wild_lab(count: int) -> NDArray[np.float32]:
    """Return colors throughout Lab, most of them out of gamut."""
    low, high = (-5, -130, -130), (105, 130, 130)
    return np.random.default_rng(0).uniform(low, high, (count, 3)).astype(np.float32)


def test_rgb2lab_agrees_with_scikit_image() -> None:
    assert np.abs(rgb2lab(GRID) - color.rgb2lab(GRID)).max() < 0.02


def test_hex2ab_is_the_ab_of_each_color() -> None:
    rgb = np.array([[0xC0, 0x39, 0x2B], [0x00, 0xFF, 0x80]], np.uint8)
    np.testing.assert_array_equal(hex2ab(["#C0392b", "#00ff80"]), rgb2lab(rgb)[:, 1:])


def test_ab2hex_keeps_the_chroma_as_far_as_the_gamut_goes() -> None:
    blue = color2ab("#5060a0")
    assert ab2hex(blue, float(rgb2lab(np.array([0x50, 0x60, 0xA0], np.uint8))[0])) == "#5060a0"
    for lightness in (5.0, 17.0, 60.0, 97.0):
        lab = rgb2lab(np.array(list(bytes.fromhex(ab2hex(blue, lightness)[1:])), np.uint8))
        assert lab[0] == pytest.approx(lightness, abs=0.7)
        expected = fit_gamut(np.array([lightness, *blue], np.float32))[1:]
        np.testing.assert_allclose(lab[1:], expected, atol=1.5)


def test_color2ab_takes_codes_names_and_ab() -> None:
    navy = tuple(rgb2lab(np.array([0, 0, 128], np.uint8))[1:].tolist())
    assert color2ab("#000080") == color2ab("navy") == navy
    assert color2ab((3.0, -4.0)) == (3.0, -4.0)
    assert color2ab("navy@0.5") == pytest.approx([value / 2 for value in navy])
    with pytest.raises(ValueError, match="the nearest is navy"):
        color2ab("navvy")


def test_lab2rgb_agrees_with_scikit_image() -> None:
    lab = color.rgb2lab(GRID)
    assert np.abs(lab2rgb(lab, dtype=np.float32) - color.lab2rgb(lab)).max() < 0.001


def test_round_trip_of_the_whole_cube_is_exact() -> None:
    for red in range(256):
        rgb = cube_plane(red)
        assert np.array_equal(lab2rgb(rgb2lab(rgb)), rgb), f"red {red}"


def test_round_trip_of_16_bit_and_float_colors() -> None:
    rgb = np.random.default_rng(1).integers(0, 65536, (40, 50, 3)).astype(np.uint16)
    assert np.abs(lab2rgb(rgb2lab(rgb), dtype=np.uint16).astype(int) - rgb).max() <= 1
    floats = rgb / 65535
    assert np.abs(lab2rgb(rgb2lab(floats), dtype=np.float64) - floats).max() < 2e-5


def test_depths_agree() -> None:
    eight = rgb2lab(GRID)
    assert np.array_equal(eight, rgb2lab(GRID.astype(np.uint16) * 257))
    assert np.abs(eight - rgb2lab(GRID / 255)).max() < 1e-3


def test_srgb_curves_undo_each_other_and_pass_through_published_values() -> None:
    encoded = np.linspace(0, 1, 4096)
    assert np.abs(linear2srgb(srgb2linear(encoded)) - encoded).max() < 1e-7
    assert srgb2linear(np.array([0.04045, 0.5, 1])) == pytest.approx(
        [0.0031308, 0.214041, 1], rel=1e-5
    )


def test_grays_are_neutral_both_ways() -> None:
    lab = rgb2lab(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1))
    assert np.abs(lab[:, 1:]).max() < 1e-3
    rgb = lab2rgb(np.stack([np.linspace(0, 100, 999)] + [np.zeros(999)] * 2, axis=-1))
    assert np.ptp(rgb, axis=-1).max() == 0


def test_gray2lightness_is_the_lightness_of_the_gray() -> None:
    gray = np.arange(256, dtype=np.uint8)
    lightness = rgb2lab(np.repeat(gray[:, None], 3, axis=1))[:, 0]
    assert np.abs(gray2lightness(gray) - lightness).max() < 1e-3
    assert np.abs(gray2lightness(gray / 255) - lightness).max() < 1e-3


def test_16_bit_gray_keeps_its_lightness() -> None:
    gray = np.arange(65536, dtype=np.uint16)
    lightness = gray2lightness(gray)
    lab = np.stack([lightness, np.zeros_like(lightness), np.zeros_like(lightness)], axis=-1)
    out = lab2rgb(lab, dtype=np.uint16)
    assert np.abs(gray2lightness(out[:, 1]) - lightness).max() < 0.05
    assert np.abs(out[:, 1].astype(int) - gray).max() <= 1


def test_fit_gamut_keeps_lightness_and_hue_and_only_reduces_chroma() -> None:
    lab = wild_lab(20_000)
    fitted = fit_gamut(lab)
    assert np.array_equal(fitted[:, 0], np.clip(lab[:, 0], 0, 100))
    cross = fitted[:, 1] * lab[:, 2] - fitted[:, 2] * lab[:, 1]
    assert np.abs(cross / np.hypot(lab[:, 1], lab[:, 2])).max() < 1e-3
    assert (np.hypot(*fitted[:, 1:].T) <= np.hypot(*lab[:, 1:].T) + 1e-4).all()


def test_fit_gamut_lands_inside_and_near_the_border() -> None:
    lab = wild_lab(20_000)
    fitted = fit_gamut(lab)
    back = rgb2lab(lab2rgb(fitted, dtype=np.float32))
    assert np.abs(back - fitted).max() < 0.02
    assert np.abs(back[:, 0] - np.clip(lab[:, 0], 0, 100)).max() < 0.01
    moved = (np.abs(fitted - lab).max(axis=1) > 1e-3) & (np.abs(fitted[:, 0] - 50) < 49)
    more = fitted[moved]
    more[:, 1:] *= 1 + 0.1 / np.maximum(np.hypot(more[:, 1], more[:, 2]), 0.1)[:, None]
    out_again = np.abs(fit_gamut(more) - more).max(axis=1) > 1e-4
    assert out_again.mean() > 0.99


def test_fit_gamut_leaves_what_is_inside() -> None:
    lab = rgb2lab(GRID)
    assert np.abs(fit_gamut(lab) - lab).max() < 0.01


@pytest.mark.parametrize("shape", [(3,), (0, 3), (5, 3), (2, 0, 3), (4, 5, 3), (2, 3, 4, 3)])
def test_any_leading_shape(shape: tuple[int, ...]) -> None:
    rgb = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)
    lab = rgb2lab(rgb)
    assert lab.shape == shape
    assert lab.dtype == np.float32
    assert np.array_equal(lab2rgb(lab), rgb)
    assert fit_gamut(lab).shape == shape
    assert gray2lightness(rgb).shape == shape


def test_views_and_large_pictures_give_the_same_colors() -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (300, 200, 3)).astype(np.uint8)
    whole = rgb2lab(rgb)
    assert np.abs(rgb2lab(rgb[::-1, ::2]) - whole[::-1, ::2]).max() < 1e-3
    assert np.array_equal(lab2rgb(whole[:, ::-1]), rgb[:, ::-1])


@pytest.mark.parametrize(
    ("array", "wrong"),
    [
        (np.zeros((4, 4), np.uint8), "channels last"),
        (np.zeros((4, 4), np.float32), "channels last"),
        (np.zeros((4, 3), np.int64), "int64"),
    ],
)
def test_other_arrays_are_refused(array: NDArray[Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        rgb2lab(array)


def test_other_depths_are_refused() -> None:
    with pytest.raises(ValueError, match="int32"):
        lab2rgb(np.zeros((2, 3), np.float32), dtype=np.int32)
    with pytest.raises(ValueError, match="int32"):
        gray2lightness(np.zeros((2, 3), np.int32))
