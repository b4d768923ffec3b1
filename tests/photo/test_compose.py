"""Tests composing the full picture from small colors: lightness is kept, colors follow its edges."""

import cv2
import numpy as np
import pytest
from helpers import landscape, texture

from image.resize import Field, color_field, upsample
from photo.compose import Composition, compose
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab

LIMITS = {np.uint8: 0.5, np.uint16: 0.005}  # lightness error of rounding to output codes


def flat_field(a: float, b: float) -> Field:
    return Field(np.zeros((2, 1, 1), np.float32), np.array([a, b], np.float32)[:, None, None])


def fitted(ab: np.ndarray, gray: np.ndarray) -> Field:
    return color_field(ab, gray, to_lightness=gray2lightness)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("a", "b"), [(0, 0), (40, 30), (-90, 80), (30, -110), (128, 128), (3, -7)])
def test_every_gray_keeps_its_lightness_in_every_color(dtype: type, a: float, b: float) -> None:
    gray = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(16, -1)
    rgb = compose(gray, flat_field(a, b))
    assert rgb.dtype == dtype
    assert np.abs(rgb2lab(rgb)[..., 0] - gray2lightness(gray)).max() < LIMITS[dtype]


def test_colors_inside_the_gamut_are_the_ones_asked_for() -> None:
    gray = landscape(70, 90, np.uint16)
    lab = np.concatenate([gray2lightness(gray)[..., None], np.full((70, 90, 2), (9, -6))], axis=-1)
    inside = np.abs(fit_gamut(lab) - lab).max(axis=-1) < 1e-4
    assert inside.mean() > 0.8
    ours, exact = compose(gray, flat_field(9, -6)), lab2rgb(lab, dtype=np.uint16)
    assert np.abs(ours.astype(int) - exact)[inside].max() <= 2


def test_colors_outside_keep_as_much_chroma_as_the_gamut_has() -> None:
    gray = np.arange(10, 246, dtype=np.uint8).reshape(4, -1)
    lab = rgb2lab(compose(gray, flat_field(60, 70)))
    wanted = np.concatenate(
        [gray2lightness(gray)[..., None], np.full((*gray.shape, 2), (60, 70))], axis=-1
    )
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    best = np.hypot(*np.moveaxis(fit_gamut(wanted)[..., 1:], -1, 0))
    assert chroma.mean() > 0.9 * best.mean()
    assert (chroma > 0.8 * best).all()


def test_grays_stay_gray() -> None:
    gray = landscape(50, 60)
    rgb = compose(gray, fitted(np.zeros((4, 5, 2), np.float32), gray))
    np.testing.assert_array_equal(rgb, np.repeat(gray[..., None], 3, axis=-1))


def test_bands_and_threads_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    gray = landscape(300, 41)
    field = fitted(np.random.default_rng(1).normal(0, 30, (9, 2, 2)).astype("f4"), gray)
    whole = compose(gray, field)
    monkeypatch.setattr("photo.compose.BAND_ROWS", 7)
    monkeypatch.setattr("image.resize.BLOCK_PX", 100)
    assert np.abs(compose(gray, field, threads=3).astype(int) - whole).max() <= 1


def test_composing_is_upsampling_and_conversion() -> None:
    gray = landscape(120, 90, np.uint16)
    ab = np.random.default_rng(2).normal(0, 6, (8, 6, 2)).astype(np.float32)
    lab = np.concatenate(
        [gray2lightness(gray)[..., None], upsample(ab, gray, to_lightness=gray2lightness)], axis=-1
    )
    inside = np.abs(fit_gamut(lab) - lab).max(axis=-1) < 1e-4
    rgb = compose(gray, fitted(ab, gray))
    assert np.abs(rgb.astype(int) - lab2rgb(lab, dtype=np.uint16))[inside].max() <= 8


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 2), (64, 64), (257, 130)])
def test_any_size(shape: tuple[int, int]) -> None:
    gray = landscape(*shape)
    ab = np.full((8, 9, 2), (20, 10), np.float32)
    rgb = compose(gray, fitted(ab, gray))
    assert rgb.shape == (*shape, 3)
    assert np.abs(rgb2lab(rgb)[..., 0] - gray2lightness(gray)).max() < LIMITS[np.uint8]


@pytest.mark.parametrize("scale", [0.5, 1, 3])
def test_a_window_is_the_part_of_the_whole(scale: float) -> None:
    rng = np.random.default_rng(0)
    gray = texture(rng, 240, 320)
    ab = rng.uniform(-40, 40, (12, 16, 2)).astype(np.float32)
    field = color_field(ab, gray, to_lightness=gray2lightness)
    made = Composition(gray, field)
    part = gray[60:180, 80:240]
    size = (round(160 * scale), round(120 * scale))
    shown = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    window = made.window(shown, (80 / 320, 60 / 240, 240 / 320, 180 / 240))
    assert window.shape == (*shown.shape, 3)
    if scale == 1:
        expected = made.whole()[60:180, 80:240]
        np.testing.assert_allclose(window, expected, atol=2)
    found = rgb2lab(window)[..., 1:].mean(axis=(0, 1))
    np.testing.assert_allclose(
        found, rgb2lab(made.whole()[60:180, 80:240])[..., 1:].mean(axis=(0, 1)), atol=1.5
    )
