"""Registered colors: exact where a copy is trusted, the network's elsewhere, and no seam between the two."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from color.arrays import Bytes, Floats
from model.registered import RegisteredColors, distinct, registered_colors
from prior.lab import lab2rgb, rgb2lab

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples" / "color"


@pytest.fixture(scope="module")
def color() -> Bytes:
    return np.asarray(Image.open(SAMPLES / "coffee.jpg").convert("RGB"))  # 600 x 400


def gray_of(rgb: Bytes) -> Bytes:
    return np.asarray(lab2rgb(rgb2lab(rgb) * np.array([1, 0, 0], np.float32))[..., 0])


def ab_of(rgb: Bytes) -> Floats:
    return np.ascontiguousarray(rgb2lab(rgb)[..., 1:])


def halves(size: tuple[int, int]) -> RegisteredColors:
    """Return colors that are trusted on the left, ever less toward the middle."""
    trust = np.clip((size[1] / 2 - np.arange(size[1])) / 8, 0, 1) * np.ones((size[0], 1))
    return RegisteredColors(np.full((*size, 2), 40, np.float32), np.asarray(trust, np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_copy_s_colors_are_exact_at_its_own_size(color: Bytes, dtype: type) -> None:
    gray = gray_of(color).astype(dtype) * (np.iinfo(dtype).max // 255)
    copy = cv2.resize(color, (300, 200), interpolation=cv2.INTER_AREA)
    found = registered_colors(gray, np.asarray(copy, np.uint8))
    assert found
    assert found.is_complete
    assert np.array_equal(found.ab, ab_of(copy))


def test_a_crop_s_colors_have_its_detail(color: Bytes) -> None:
    found = registered_colors(gray_of(color), np.ascontiguousarray(color[40:360, 90:]))
    assert found
    assert found.ab.shape == (400, 600, 2)
    away = np.hypot(*np.moveaxis(found.ab - ab_of(color), -1, 0))
    assert np.median(away[found.trust > 0.5]) < 1
    assert found.share == pytest.approx(320 / 400 * 510 / 600, abs=0.03)
    columns = np.array(found.points((400, 600)))[:, 0]
    assert columns.min() > 85
    assert len(columns) > 0.6 * 24 * 36


def test_transparent_places_give_no_color(color: Bytes) -> None:
    rgba = np.dstack([color, np.full(color.shape[:2], 255, np.uint8)])
    rgba[100:200, 200:320] = (0, 255, 0, 0)  # the color under it must not show
    found = registered_colors(gray_of(color), rgba)
    assert found
    assert not found.trust[110:190, 210:310].any()
    away = np.hypot(*np.moveaxis(found.ab - ab_of(color), -1, 0))
    assert away[found.trust > 0.05].max() < 1
    assert found.share > 0.85


def test_another_picture_has_no_registered_colors(color: Bytes) -> None:
    other = np.asarray(Image.open(SAMPLES / "chelsea.jpg").convert("RGB"))
    assert registered_colors(gray_of(color), other) is None


def test_colors_join_without_a_seam() -> None:
    gray = np.full((96, 128), 128, np.uint8)
    joined = halves((96, 128)).joined(np.zeros((12, 16, 2), np.float32), gray)
    np.testing.assert_allclose(joined[:, :50], 40, atol=0.1)
    np.testing.assert_allclose(joined[:, 80:], 0, atol=0.1)
    assert np.abs(np.diff(joined, axis=1)).max() < 40 / 4


def test_the_network_is_not_needed_for_what_is_wholly_trusted() -> None:
    colors = halves((40, 60))
    whole = RegisteredColors(colors.ab, np.ones((40, 60), np.float32))
    assert whole.is_complete
    assert not colors.is_complete
    network = np.full((5, 8, 2), np.nan, np.float32)
    assert np.array_equal(whole.joined(network, np.zeros((40, 60), np.uint8)), colors.ab)


def test_colorizations_that_look_alike_are_one() -> None:
    one = np.zeros((20, 20, 2), np.float32)
    near, other = one + 2, one.copy()
    other[:5, :5] = 20
    assert distinct([one, near, other, other + 1]) == [0, 2]
