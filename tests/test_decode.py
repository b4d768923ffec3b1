"""From small colors to the full picture: the lightness stays, the colors follow its edges."""

import cv2
import numpy as np
import pytest

from model.decode import Field, color_field, compose, smooth_undecided, upsample
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab

LIMITS = {np.uint8: 0.5, np.uint16: 0.005}  # of the lightness: rounding to the output's codes


def flat_field(a: float, b: float) -> Field:
    return Field(np.zeros((1, 1, 2), np.float32), np.full((1, 1, 2), (a, b), np.float32))


def landscape(height: int, width: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = cv2.resize(rng.random((9, 9), np.float32), (width, height), interpolation=1)
    return ((0.9 * smooth + 0.1 * rng.random((height, width))) * np.iinfo(dtype).max).astype(dtype)


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
    rgb = compose(gray, color_field(np.zeros((4, 5, 2), np.float32), gray))
    np.testing.assert_array_equal(rgb, np.repeat(gray[..., None], 3, axis=-1))


def test_bands_and_threads_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    gray = landscape(300, 41)
    field = color_field(np.random.default_rng(1).normal(0, 30, (9, 2, 2)).astype("f4"), gray)
    whole = compose(gray, field)
    monkeypatch.setattr("model.decode.BAND_ROWS", 7)
    monkeypatch.setattr("model.decode.BLOCK_PX", 100)
    assert np.abs(compose(gray, field, threads=3).astype(int) - whole).max() <= 1


def test_composing_is_upsampling_and_conversion() -> None:
    gray = landscape(120, 90, np.uint16)
    ab = np.random.default_rng(2).normal(0, 6, (8, 6, 2)).astype(np.float32)
    lab = np.concatenate([gray2lightness(gray)[..., None], upsample(ab, gray)], axis=-1)
    inside = np.abs(fit_gamut(lab) - lab).max(axis=-1) < 1e-4
    rgb = compose(gray, color_field(ab, gray))
    assert np.abs(rgb.astype(int) - lab2rgb(lab, dtype=np.uint16))[inside].max() <= 8


def test_colors_stop_at_edges() -> None:
    gray = np.full((128, 128), 60, np.uint8)
    gray[:, 70:] = 190  # off the small picture's grid
    truth = np.where(gray[..., None] < 100, np.float32([30, 20]), np.float32([-10, -30]))
    small = cv2.resize(truth, (16, 16), interpolation=cv2.INTER_AREA)
    bilinear = np.abs(cv2.resize(small, (128, 128)) - truth).mean()
    guided = np.abs(upsample(small, gray) - truth).mean()
    assert guided < bilinear / 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 2), (64, 64), (257, 130)])
def test_any_size(shape: tuple[int, int]) -> None:
    gray = landscape(*shape)
    ab = np.full((8, 9, 2), (20, 10), np.float32)
    rgb = compose(gray, color_field(ab, gray))
    assert rgb.shape == (*shape, 3)
    assert np.abs(rgb2lab(rgb)[..., 0] - gray2lightness(gray)).max() < LIMITS[np.uint8]
    np.testing.assert_allclose(upsample(ab, gray), np.broadcast_to((20, 10), (*shape, 2)), atol=0.1)


def wall(sides: int) -> tuple[np.ndarray, np.ndarray]:
    """A dark and a light half with a hue each, patches of noise on both: ab (h, w, 2), lightness."""
    rng = np.random.default_rng(0)
    lightness = np.full((40, 2 * sides), 0.2, np.float32)
    lightness[:, sides:] = 0.8
    patches = cv2.resize(rng.normal(0, 10, (16, sides, 2)), (2 * sides, 40))
    hue = np.where(lightness[..., None] < 0.5, [20, 10], [-10, 25])
    return (hue + patches).astype(np.float32), lightness


def test_patches_on_walls_are_smoothed_where_the_network_is_undecided() -> None:
    ab, lightness = wall(24)
    undecided = np.dstack([ab, np.full(lightness.shape, 200, np.float32)])
    smooth = smooth_undecided(undecided, lightness)
    for half in (np.s_[:, :24], np.s_[:, 24:]):
        assert smooth[half].std(axis=(0, 1)).max() < 0.5 * ab[half].std(axis=(0, 1)).min()
        np.testing.assert_allclose(
            smooth[half].mean(axis=(0, 1)), ab[half].mean(axis=(0, 1)), atol=2
        )  # no color crosses the edge between the halves


def test_colors_that_are_certain_are_left_as_they_are() -> None:
    ab, lightness = wall(24)
    certain = np.dstack([ab, np.hypot(ab[..., 0], ab[..., 1])])
    np.testing.assert_allclose(smooth_undecided(certain, lightness), ab, atol=1e-4)
