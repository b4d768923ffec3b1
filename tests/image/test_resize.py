"""Resizing: squares, area means, and upsampled colors that follow the edges of the gray picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from helpers import landscape, scene

from image import resize
from image.resize import (
    SMOOTHNESS,
    TRUE_SMOOTHNESS,
    center_square,
    color_field,
    fitted,
    upsample,
    upsample_fine,
    upsample_planes,
)
from prior.lab import gray2lightness, lab2rgb, rgb2lab


def test_colors_stop_at_edges() -> None:
    gray = np.full((128, 128), 60, np.uint8)
    gray[:, 70:] = 190  # not on the small picture's grid
    truth = np.where(gray[..., None] < 100, np.float32([30, 20]), np.float32([-10, -30]))
    small = cv2.resize(truth, (16, 16), interpolation=cv2.INTER_AREA)
    bilinear = np.abs(cv2.resize(small, (128, 128)) - truth).mean()
    guided = np.abs(upsample(small, gray, to_lightness=gray2lightness) - truth).mean()
    assert guided < bilinear / 3


def test_true_colors_are_upsampled_more_exactly_if_smoother() -> None:
    path = Path(__file__).resolve().parents[2] / "data" / "samples" / "color" / "coffee.jpg"
    color = cv2.imread(str(path))
    assert color is not None
    lab = rgb2lab(np.ascontiguousarray(color[..., ::-1]))
    gray = lab2rgb(lab * np.array([1, 0, 0], np.float32))[..., 0]
    small = cv2.resize(lab[..., 1:], (300, 200), interpolation=cv2.INTER_AREA)
    errors = []
    for smoothness in (SMOOTHNESS, TRUE_SMOOTHNESS):
        field = color_field(small, gray, to_lightness=gray2lightness, smoothness=smoothness)
        slope, base = (
            cv2.resize(np.moveaxis(part, 0, -1), (600, 400)) for part in (field.slope, field.base)
        )
        errors.append(float(((slope * lab[..., :1] / 100 + base - lab[..., 1:]) ** 2).mean()))
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 2), (64, 64), (257, 130)])
def test_one_color_stays_itself_at_any_size(shape: tuple[int, int]) -> None:
    ab = np.full((8, 9, 2), (20, 10), np.float32)
    full = upsample(ab, landscape(*shape), to_lightness=gray2lightness)
    np.testing.assert_allclose(full, np.broadcast_to((20, 10), (*shape, 2)), atol=0.1)


def test_planes_of_colors_stop_at_edges() -> None:
    guide = np.full((480, 640), 60, np.uint8)
    guide[:, 322:] = 200  # an edge within a pixel of the small ab, which covers 320..327
    ab = np.zeros((60, 80, 2), np.float32)
    ab[:, 41:] = (40, -30)
    ab[:, 40] = (30, -22)  # the small picture is blurred there
    full = np.stack(upsample_planes(ab, guide, between=(160, 120)), axis=-1)
    assert np.abs(full[:, :318]).max() < 8
    assert np.abs(full[:, 326:] - [40, -30]).max() < 8
    step = np.abs(np.diff(full[240, :, 0]))
    assert step.argmax() in {321, 322}
    assert step.max() > 15


def test_colors_follow_the_light_of_a_photograph() -> None:
    """Upsampling is closer to the truth than enlarging, and keeps the colorizer's values at their positions."""
    rgb = skimage.data.astronaut()
    ab, guide = rgb2lab(rgb)[..., 1:], cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(ab, (48, 48), interpolation=cv2.INTER_AREA)
    full = np.stack(upsample_planes(small, guide, between=(128, 128)), axis=-1)
    enlarged = cv2.resize(small, (512, 512), interpolation=cv2.INTER_LINEAR)
    errors = [np.sqrt(np.mean((one - ab) ** 2)) for one in (full, enlarged)]
    assert errors[0] < 0.9 * errors[1]
    back = cv2.resize(full, (48, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(back - small).mean() < 0.7


def test_flat_color_stays_flat() -> None:
    rng = np.random.default_rng(3)
    guide = rng.integers(0, 256, (90, 120), dtype=np.uint8)
    for plane in upsample_planes(np.full((12, 16, 2), 30, np.float32), guide, between=(32, 24)):
        np.testing.assert_allclose(plane, 30, atol=1e-2)


def test_colors_of_the_guide_s_size_stay_exactly_themselves() -> None:
    ab = np.random.default_rng(1).normal(0, 20, (48, 64, 2)).astype(np.float32)
    assert np.array_equal(np.dstack(upsample_fine(ab, landscape(48, 64))), ab)


@pytest.mark.parametrize("shape", [(1, 1), (30, 50), (48, 64), (49, 65), (70, 40), (96, 128)])
def test_one_color_stays_itself_in_one_level(shape: tuple[int, int]) -> None:
    ab = np.full((48, 64, 2), (20, -10), np.float32)
    full = np.dstack(upsample_fine(ab, landscape(*shape)))
    assert full.shape == (*shape, 2)
    np.testing.assert_allclose(full, np.broadcast_to((20, -10), full.shape), atol=1e-3)


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.25, 2])
def test_the_mean_color_stays_at_another_size(scale: float) -> None:
    rgb = skimage.data.astronaut()
    ab = np.ascontiguousarray(rgb2lab(rgb)[..., 1:])
    small = cv2.resize(ab, (256, 256), interpolation=cv2.INTER_AREA)
    side = round(scale * 256)
    guide = cv2.resize(
        cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (side, side), None, 0, 0, cv2.INTER_AREA
    )
    full = np.dstack(upsample_fine(small, np.asarray(guide, np.uint8)))
    np.testing.assert_allclose(full.mean(axis=(0, 1)), small.mean(axis=(0, 1)), atol=0.1)


def test_colors_follow_the_light_in_one_level() -> None:
    rgb = skimage.data.astronaut()
    ab, guide = rgb2lab(rgb)[..., 1:], cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(ab, (256, 256), interpolation=cv2.INTER_AREA)
    full, enlarged = np.dstack(upsample_fine(small, guide)), cv2.resize(small, (512, 512))
    errors = [np.sqrt(np.mean((one - ab) ** 2)) for one in (full, enlarged)]
    assert errors[0] < 0.9 * errors[1]


@pytest.mark.parametrize(
    "shape", [(256, 256), (257, 300), (2000, 300), (60, 90), (1, 5), (300, 299)]
)
def test_crop_is_the_middle_square(shape: tuple[int, int]) -> None:
    square = center_square(scene(*shape), side_px=256)
    assert square.shape == (256, 256, 3)
    assert square.dtype == np.uint8
    if min(shape) > 30:
        short = min(shape)
        left, top = (shape[1] - short) / 2 / shape[1], (shape[0] - short) / 2 / shape[0]
        for channel, start, along in ((0, left, 1), (1, top, 0)):
            line = np.take(square[..., channel], 128, axis=1 - along).astype(float)
            assert abs(line[0] - 255 * start) < 8
            assert abs(line[-1] - 255 * (1 - start)) < 8


def test_a_square_is_the_middle_of_the_picture() -> None:
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200, 1] = 200
    assert (center_square(wide, side_px=100) == wide[:, 100:200]).all()
    assert center_square(wide.transpose(1, 0, 2), side_px=256).shape == (256, 256, 3)
    enlarged = center_square(wide[:50, :33], side_px=256)
    assert enlarged.shape == (256, 256, 3)


def test_shrinking_averages_areas() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3)).astype(np.uint8)
    means = noise.reshape(256, 4, 256, 4, 3).mean(axis=(1, 3))
    assert np.abs(center_square(noise, side_px=256) - means).max() <= 1


def test_a_square_of_the_right_size_is_unchanged() -> None:
    rgb = scene(256, 256)
    assert np.array_equal(center_square(rgb, side_px=256), rgb)


@pytest.mark.parametrize("shape", [(1024, 1600), (1025, 1601), (2000, 1200, 3)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_huge_plane_is_reduced_in_bands_to_the_same(
    shape: tuple[int, ...], kind: type[np.generic], monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = np.random.default_rng(0).integers(0, 256, shape).astype(kind)
    expected = fitted(plane[: shape[0] // 2 * 2, : shape[1] // 2 * 2], (100, 90))
    monkeypatch.setattr(resize, "HUGE_BYTES", 0)
    np.testing.assert_array_equal(fitted(plane, (100, 90)), expected)
