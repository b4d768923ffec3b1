"""Photos are measured as the program colorizes them: lightness is unchanged, hints have the true color."""

import numpy as np
import pytest
from helpers import landscape, soft_squares

from color.arrays import Bytes, Floats
from gray2color import Colorizer
from image.resize import upsample
from model.contract import Predictor, network_planes
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab
from prior.qspace import QSpace
from train.measure_photos import colorize, measure_photos, object_regions, sheet
from train.method import GRAY, Method


@pytest.fixture
def pictures() -> list[Bytes]:
    """Return more than one batch of pictures."""
    return soft_squares(11)


def constant(a: float, b: float) -> Predictor:
    def predict(planes: Floats, palette: Floats, temperature: float) -> Floats:
        number, _, height, width = planes.shape
        means = np.array([a, b, np.hypot(a, b)], np.float32)[None, :, None, None]
        return np.broadcast_to(means, (number, 3, height // 4, width // 4))

    return predict


def repeat_hints(planes: Floats, palette: Floats, temperature: float) -> Floats:
    """Color each 4x4 block with the mean of its points, gray without any."""
    known, mask = _pooled(planes[:, 1:3]), _pooled(planes[:, 3:])
    ab = 110 * known / np.maximum(mask, 1 / 16)
    return np.concatenate([ab, np.hypot(ab[:, :1], ab[:, 1:])], axis=1)


def _pooled(planes: Floats) -> Floats:
    number, channels, height, width = planes.shape
    return planes.reshape(number, channels, height // 4, 4, width // 4, 4).mean(axis=(3, 5))


def test_lightness_out_is_lightness_in(pictures: list[Bytes], qspace: QSpace) -> None:
    truth = rgb2lab(np.stack(pictures))
    for predict in (constant(30, -60), constant(90, 90)):
        colorized = colorize(Method(predict, 32), truth, qspace=qspace)
        np.testing.assert_array_equal(colorized[..., 0], truth[..., 0])
        shown = rgb2lab(lab2rgb(colorized))  # an out-of-gamut color would change it here
        np.testing.assert_allclose(shown[..., 0], truth[..., 0], atol=0.6)
        assert np.hypot(*np.moveaxis(colorized[..., 1:], -1, 0)).max() > 20
        assert not (colorized[..., 1:] == truth[..., 1:]).all()


def test_what_is_measured_is_what_ships(qspace: QSpace) -> None:
    def by_lightness(planes: Floats, palette: Floats, temperature: float) -> Floats:
        seen = _pooled(planes[:, :1])
        return np.concatenate([20 * seen, -15 * seen, np.full_like(seen, 40)], axis=1)

    gray = landscape(96, 64)
    how = {"temperature": 0.8, "saturation": 1.2, "working_size": 64, "contrast": 1.3, "neutral": 5}
    ab = Colorizer(predictor=by_lightness, smoothing=True, **how).ab(gray)
    truth = rgb2lab(np.repeat(gray[..., None], 3, axis=-1))
    expected = truth.copy()
    expected[..., 1:] = upsample(ab, gray, to_lightness=gray2lightness)
    found = colorize(Method(by_lightness, smoothing=1, **how), truth[None], qspace=qspace)[0]
    assert expected[..., 1:].std() > 3
    np.testing.assert_allclose(found, fit_gamut(expected), atol=0.3)


def test_a_network_that_says_gray_is_the_gray_row(pictures: list[Bytes], qspace: QSpace) -> None:
    gray, ours = measure_photos([GRAY, Method(constant(0, 0), 32)], pictures, qspace=qspace)
    assert gray == ours
    assert gray.pictures == 11
    assert gray.colorfulness < 0.5 < 10 < gray.colorfulness_truth
    assert gray.chroma[-1] == 0


def test_one_network_alone_gets_the_same_figures_as_beside_others(
    pictures: list[Bytes], qspace: QSpace
) -> None:
    method = Method(repeat_hints, 64, hints=8)
    _, beside = measure_photos([GRAY, method], iter(pictures), qspace=qspace)
    assert measure_photos([method], pictures, qspace=qspace) == [beside]


def test_saturation_multiplies_the_chroma(pictures: list[Bytes], qspace: QSpace) -> None:
    truth = rgb2lab(np.stack(pictures))
    once, twice, none = (
        colorize(Method(constant(3, -4), 32, saturation=s), truth, qspace=qspace)[..., 1:]
        for s in (1.0, 2.0, 0.0)
    )
    np.testing.assert_allclose(twice, 2 * once, atol=1e-3)
    assert np.hypot(once[..., 0], once[..., 1]).max() == pytest.approx(5, abs=1e-3)
    assert not none.any()


def test_what_the_network_sees(pictures: list[Bytes], qspace: QSpace) -> None:
    seen = []

    def watching(planes: Floats, palette: Floats, temperature: float) -> Floats:
        seen.append((planes.copy(), palette.copy(), temperature))
        return constant(0, 0)(planes, palette, temperature)

    truth = rgb2lab(np.stack(pictures[:2]))
    colorize(Method(watching, 64, temperature=0.4, hints=3), truth, qspace=qspace)
    assert not seen[0][0][:, 1:].any()  # the prediction without hints is needed, too
    planes, palette, temperature = seen[1]
    assert planes.shape == (2, 4, 64, 64)
    assert planes.dtype == palette.dtype == np.float32
    np.testing.assert_allclose(planes[:, 0], network_planes(truth[..., 0])[:, 0], atol=1e-5)
    assert palette.shape == (2, len(qspace) + 1)
    assert not palette.any()
    assert temperature == 0.4
    assert (planes[:, 3].sum(axis=(1, 2)) > 0).all()
    assert (planes[:, 3].sum(axis=(1, 2)) <= 3 * 25).all()


def test_a_wide_frame_keeps_its_shape(qspace: QSpace) -> None:
    sizes = []

    def watching(planes: Floats, palette: Floats, temperature: float) -> Floats:
        sizes.append(planes.shape[2:])
        return constant(0, 0)(planes, palette, temperature)

    truth = np.zeros((1, 90, 160, 3), np.float32)
    for size in (64, 96):
        method = Method(watching, size)
        assert colorize(method, truth, qspace=qspace).shape == truth.shape
    assert sizes == [(64, 128), (96, 160)]


def test_points_are_the_same_for_every_network(pictures: list[Bytes], qspace: QSpace) -> None:
    seen = []

    def watching(planes: Floats, palette: Floats, temperature: float) -> Floats:
        if planes[:, 3].any():
            seen.extend(planes[:, 3])
        return constant(0, 0)(planes, palette, temperature)

    method = Method(watching, 64, hints=2)
    measure_photos([method], pictures, qspace=qspace)
    truth = rgb2lab(np.stack(pictures))
    colorize(method, truth[9:], qspace=qspace, first=9)  # split into other batches
    np.testing.assert_array_equal(seen[9:11], seen[11:13])
    assert (seen[0] != seen[1]).any()


def test_more_points_make_better_colors(pictures: list[Bytes], qspace: QSpace) -> None:
    methods = [Method(repeat_hints, 64, hints=hints) for hints in (0, 20, 400)]
    found = measure_photos(methods, pictures, qspace=qspace)
    assert found[0].psnr < found[1].psnr < found[2].psnr
    assert found[0].auc < found[1].auc < found[2].auc
    assert found[2].auc > 95


def test_no_picture_is_refused(qspace: QSpace) -> None:
    with pytest.raises(ValueError, match="no picture"):
        measure_photos([GRAY], [], qspace=qspace)


def test_a_sheet_shows_gray_ours_and_truth(pictures: list[Bytes], qspace: QSpace) -> None:
    shown = sheet([Method(constant(20, 20), 32)], pictures[:3], qspace=qspace)
    assert shown.shape == (3 * 64 + 2 * 4, 3 * 64 + 2 * 4, 3)
    np.testing.assert_array_equal(shown[68:132, 136:200], pictures[1])
    gray, ours = shown[68:132, :64].astype(int), shown[68:132, 68:132].astype(int)
    assert np.ptp(gray, axis=-1).max() <= 1
    assert (ours[..., 0] - ours[..., 2]).mean() > 20
    assert (shown[64:68] == 255).all()


def test_aging_changes_what_is_seen_and_not_what_comes_out(
    qspace: QSpace, pictures: list[Bytes]
) -> None:
    seen: list[Floats] = []

    def predict(planes: Floats, palette: Floats, temperature: float) -> Floats:
        seen.append(planes)
        return np.zeros((len(planes), 3, *(n // 4 for n in planes.shape[2:])), np.float32)

    truth = rgb2lab(np.stack(pictures[:8]))
    for aged in (0, 1):
        colorized = colorize(Method(predict, 64, aged=aged), truth, qspace=qspace)
        np.testing.assert_allclose(colorized[..., 0], truth[..., 0], atol=1e-3)
    assert np.abs(seen[0] - seen[1]).max() > 0.05
    colorize(Method(predict, 64, aged=1), truth, qspace=qspace)
    np.testing.assert_array_equal(seen[1], seen[2])


def test_smoothing_is_for_what_the_network_does_not_know(qspace: QSpace) -> None:
    def predict(planes: Floats, palette: Floats, temperature: float) -> Floats:
        noise = np.random.default_rng(0).normal(0, 10, (len(planes), 2, 16, 16))
        return np.concatenate([noise, np.full((len(planes), 1, 16, 16), 90)], axis=1)

    gray = rgb2lab(np.full((1, 64, 64, 3), 128, np.uint8))
    rough, smooth = (
        colorize(Method(predict, 64, smoothing=s), gray, qspace=qspace)[..., 1:].std()
        for s in (0, 1)
    )
    assert smooth < 0.6 * rough


def test_objects_are_parts_of_the_picture_by_lightness_alone() -> None:
    lightness = np.full((256, 256), 80, np.float32)
    lightness[90:170, 90:170] = 25
    numbers = object_regions(lightness)
    assert numbers.shape == lightness.shape
    square = numbers[100:160, 100:160]
    assert square[30, 30] > 0
    assert (square == square[30, 30]).mean() > 0.95
    assert (numbers == square[30, 30])[:70].mean() < 0.02
