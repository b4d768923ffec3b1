"""Candidates: default first, visibly different, equal lightness, deterministic."""

import dataclasses
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from helpers import asked, landscape, texture

from color.arrays import Floats
from color.guidance import ColoredRegion, Guidance
from gray2color import Colorizer
from model.candidates import APART, BARELY_APART, DEVIATIONS, candidates
from model.contract import AB_SCALE, working_lightness
from model.decode import AbPredictor
from model.distribution import ColorDistribution, entropy_confidence, variance
from prior.lab import gray2lightness, rgb2lab
from prior.qspace import QSpace


@pytest.fixture(scope="module")
def colorizer(small_weights: Path) -> Colorizer:
    return Colorizer(small_weights, device="cpu", precision="fp32", working_size=64, threads=1)


@pytest.fixture(scope="module")
def gray() -> np.ndarray:
    return texture(np.random.default_rng(0), 96, 128)


def spreading(planes: Floats, palettes: Floats, *, temperature: float) -> Floats:
    """Fake a network: each position takes the color of the nearest hint of similar lightness."""
    output = np.zeros((len(planes), 3, planes.shape[2] // 4, planes.shape[3] // 4), np.float32)
    for plane, out in zip(planes, output, strict=True):
        for dark in (True, False):
            half = (plane[0] < 0) == dark
            hints = np.argwhere(half & (plane[3] > 0))
            for row, column in np.argwhere(half[::4, ::4]) if len(hints) else ():
                near = np.hypot(*(hints - (row * 4 + 2, column * 4 + 2)).T).argmin()
                out[:2, row, column] = plane[1:3, *hints[near]] * AB_SCALE
    output[:, 2] = np.hypot(output[:, 0], output[:, 1])
    return output


@pytest.fixture
def predict(qspace: QSpace) -> AbPredictor:
    return AbPredictor(
        spreading,
        qspace.bins,
        1.0,
        saturation=1,
        working_size=64,
        smoothing=False,
    )


def only_colors(found: list[tuple[Floats, tuple[ColoredRegion, ...]]]) -> list[Floats]:
    return [ab for ab, _ in found]


def halves(qspace: QSpace, *, colors: list[tuple[int, int]]) -> tuple[ColorDistribution, Floats]:
    """Return a distribution with a dark gray half and a light half of several colors, and its lightness (1, H, W)."""
    lightness = np.full((1, 64, 64), 30, np.float32)
    lightness[:, :, 32:] = 70
    shares = np.zeros((16, 16, 261), np.float32)
    shares[:, :8, qspace.nearest(np.zeros(2))] = 1
    for color in colors:
        shares[:, 8:, qspace.nearest(np.array(color))] += 1 / len(colors)
    return ColorDistribution(shares, qspace.bins, lightness[0, ::4, ::4].copy()), lightness


def test_a_region_gets_each_of_its_likely_colors(
    qspace: QSpace, predict: AbPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.candidates.DEVIATIONS", 9)
    colors = [(50, 40), (-40, 40), (10, -50)]
    predicted, lightness = halves(qspace, colors=colors)
    default, *others = only_colors(candidates(predicted, predict, 4, lightness=lightness))
    assert not default.any()
    found = np.stack(others)[:, :, 8:].reshape(-1, 2)
    for color in colors:
        assert np.hypot(*(found - color).T).min() < 2
    assert not any(ab[:, :8].any() for ab in others)


def test_colors_do_not_spill_where_the_network_is_sure(qspace: QSpace) -> None:
    def flooding(planes: Floats, palettes: Floats, *, temperature: float) -> Floats:
        means = spreading(planes, palettes, temperature=temperature)
        return np.repeat(np.repeat(means[..., 8:9, 12:13], 16, axis=2), 16, axis=3)

    predict = AbPredictor(flooding, qspace.bins, 1.0, 1.0, working_size=64, smoothing=False)
    predicted, lightness = halves(qspace, colors=[(50, 40), (-40, 40)])
    deviation = np.sqrt(variance(predicted.shares, qspace.bins))
    for ab in only_colors(candidates(predicted, predict, 3, lightness=lightness))[1:]:
        np.testing.assert_allclose(ab[:, :8], 0, atol=1e-3)
        far = np.hypot(*np.moveaxis(ab, -1, 0))
        assert (far <= DEVIATIONS * deviation + 1e-3).all()
        assert far[:, 8:].min() > 10


def test_no_others_where_the_network_is_sure(qspace: QSpace, predict: AbPredictor) -> None:
    predicted, lightness = halves(qspace, colors=[(0, 0)])
    assert len(candidates(predicted, predict, 5, lightness=lightness)) == 1


def test_a_persons_hints_stay(qspace: QSpace, predict: AbPredictor) -> None:
    predicted, lightness = halves(qspace, colors=[(50, 40), (-40, 40)])
    hints = np.zeros((1, 3, 64, 64), np.float32)
    hints[0, :, :, :32] = np.array([0.25, 0.5, 1])[:, None, None]
    for ab in only_colors(candidates(predicted, predict, 3, lightness=lightness, hints=hints)):
        np.testing.assert_allclose(ab[:, :8], np.broadcast_to((27.5, 55), (16, 8, 2)), atol=1e-3)


def test_the_first_is_the_default_to_the_bit(colorizer: Colorizer, gray: np.ndarray) -> None:
    reference = np.full((4, 4, 3), (200, 40, 30), np.uint8)
    for guidance in (
        {},
        {"hints": [(20, 30, 60.0, 40.0)]},
        {"reference": reference, "reference_by": "histogram"},
    ):
        first, *others = colorizer.candidates(gray, 4, asked(**guidance))  # type: ignore[arg-type]
        np.testing.assert_array_equal(first, colorizer(gray, asked(**guidance)))  # type: ignore[arg-type]
        assert others or guidance


def test_candidates_differ_and_are_the_same_each_time(
    colorizer: Colorizer, gray: np.ndarray
) -> None:
    found = colorizer.candidates(gray, 5)
    assert 2 <= len(found) <= 5
    for one, other in combinations(found, 2):
        far = np.hypot(*np.moveaxis(rgb2lab(one)[..., 1:] - rgb2lab(other)[..., 1:], -1, 0))
        assert np.percentile(far, 98) > BARELY_APART
    for one, again in zip(found, colorizer.candidates(gray, 5), strict=True):
        np.testing.assert_array_equal(one, again)
    for one, fewer in zip(found, colorizer.candidates(gray, 2), strict=False):
        np.testing.assert_array_equal(one, fewer)
    assert BARELY_APART < APART


@pytest.mark.parametrize("shape", [(96, 128), (61, 90), (200, 133)])
def test_what_makes_a_candidate_makes_it_again_and_hints_change_their_object_only(
    colorizer: Colorizer, shape: tuple[int, int]
) -> None:
    gray = texture(np.random.default_rng(1), *shape)
    under = Guidance(hints=[(20, 30, 30.0, 20.0)])
    for guidance in (Guidance(), under):
        found = colorizer.candidates(gray, 4, guidance)
        made = colorizer.candidate_guidance(gray, 4, guidance)
        assert len(made) == len(found) > 1
        for rgb, by in zip(found, made, strict=True):
            np.testing.assert_array_equal(colorizer(gray, by), rgb)
    plain = colorizer.ab(gray, made[1])
    hinted = colorizer.ab(gray, dataclasses.replace(made[1], hints=[(60, 50, 0.0, -60.0)]))
    far = np.hypot(*np.moveaxis(hinted - plain, -1, 0))
    place = tuple(
        int(at * small / side) for at, small, side in zip((50, 60), far.shape, shape, strict=True)
    )
    assert far[place] > 20
    others = colorizer.candidates(gray, 4, dataclasses.replace(under, hints=[(60, 50, 0.0, -60.0)]))
    assert len(others) > 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (90, 61)])
def test_every_candidate_keeps_the_lightness(
    colorizer: Colorizer, shape: tuple[int, int], dtype: type
) -> None:
    gray = landscape(*shape, dtype)
    for rgb in colorizer.candidates(gray, 3):
        assert rgb.shape == (*shape, 3)
        assert rgb.dtype == dtype
        error = np.abs(rgb2lab(rgb)[..., 0] - gray2lightness(gray)).max()
        assert error < (1 if dtype == np.uint8 else 0.05)


def test_the_distribution_has_the_means_of_the_usual_program(
    small_weights: Path, gray: np.ndarray, qspace: QSpace
) -> None:
    how = {"device": "cpu", "precision": "fp32", "working_size": 64, "threads": 1}
    plain = Colorizer(small_weights, temperature=1, contrast=1, neutral=0, smoothing=False, **how)  # type: ignore[arg-type]
    predictor = plain._photos._distributions
    as_predicted = type(predictor)(predictor.network, predictor.bins, np.ones(261, np.float32))
    lightness = working_lightness(gray[None], short=64)
    shares = as_predicted(lightness).shares
    np.testing.assert_allclose(shares @ qspace.bins, plain.ab(gray), atol=2e-3)
    assert np.ptp(entropy_confidence(shares)) > 0.01


def test_an_open_network_gives_no_distribution(gray: np.ndarray) -> None:
    with pytest.raises(TypeError, match="returns only means"):
        Colorizer(predictor=spreading).candidates(gray)


def test_what_else_is_told_of_a_picture(colorizer: Colorizer, gray: np.ndarray) -> None:
    sure = colorizer.confidence(gray)
    assert sure.shape == gray.shape
    assert 0 <= sure.min() < sure.max() <= 1
    places = colorizer.suggest(gray, 3)
    assert len(places) == 3
    for place in places:
        assert place.colors
    one = colorizer.likely_colors(gray, 20, 30)
    assert one == colorizer.distribution(gray).likely_colors_at(20, 30, picture=gray.shape)
    hinted = colorizer.distribution(gray, asked(hints=[(20, 30, 60.0, 40.0)]))
    assert not np.array_equal(hinted.shares, colorizer.distribution(gray).shares)
