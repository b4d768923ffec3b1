"""Hints spread over their object and not beyond, independent of the network's prediction."""

import numpy as np
import pytest
from numpy.typing import NDArray

from model.hints import point_planes, propagate

SIDE = 128  # of the planes; the output has a quarter of it
EDGE = 64  # column at which the lightness jumps
RED = (50.0, 30.0)


def halves(edge: int = EDGE) -> NDArray[np.float32]:
    """Return L of a dark left half and a light right half."""
    return np.where(np.arange(SIDE) < edge, 30, 70)[None].repeat(SIDE, 0).astype(np.float32)


def prediction(a: float = 0, b: float = 0) -> NDArray[np.float32]:
    return np.full((SIDE // 4, SIDE // 4, 2), (a, b), np.float32)


def test_without_hints_nothing_changes() -> None:
    free = np.random.default_rng(0).normal(0, 20, (32, 32, 2)).astype(np.float32)
    empty = np.zeros((3, SIDE, SIDE), np.float32)
    ab, influence = propagate(free, prediction(), hints=empty, lightness=halves())
    np.testing.assert_array_equal(ab, free)
    assert not influence.any()


@pytest.mark.parametrize("predicted", [(0, 0), (20, 60), RED])
@pytest.mark.parametrize("wanted", [RED, (0.0, 0.0), (-30.0, -40.0)])
def test_a_hint_has_its_color_whatever_was_predicted(
    predicted: tuple[float, float], wanted: tuple[float, float]
) -> None:
    planes = point_planes([(24, 60, *wanted)], size=(SIDE, SIDE))
    ab, influence = propagate(
        prediction(10, -20), prediction(*predicted), hints=planes, lightness=halves()
    )
    assert np.hypot(*(ab[15, 6] - wanted)) < 1
    assert influence[15, 6] == 1


def test_colors_fill_their_object_and_stop_at_its_edge() -> None:
    planes = point_planes([(32, 64, *RED)], size=(SIDE, SIDE))
    tinted_everywhere = prediction(20, 10)
    ab, influence = propagate(prediction(), tinted_everywhere, hints=planes, lightness=halves())
    change = np.hypot(*np.moveaxis(ab, -1, 0))
    whole = np.hypot(*RED)
    assert change[8:24, 4:15].min() > 0.9 * whole
    assert change[:, 17:].max() < 0.05 * whole
    assert influence[:, 17:].max() < 0.05


def test_a_stroke_along_an_edge_stays_on_its_side() -> None:
    """The edge crosses a column of positions; the stroke covers a quarter of each."""
    lightness = halves(EDGE + 1)
    planes = np.zeros((3, SIDE, SIDE), np.float32)
    planes[:, 40:90, EDGE - 8 : EDGE + 1] = np.array([*RED, 110])[:, None, None] / 110
    ab, _ = propagate(prediction(), prediction(), hints=planes, lightness=lightness)
    change = np.hypot(*np.moveaxis(ab, -1, 0)) / np.hypot(*RED)
    assert change[10:22, 8:16].min() > 0.95
    assert change[:, 18:].max() < 0.05


def test_a_hint_on_a_thing_smaller_than_a_place_counts() -> None:
    lightness = halves(edge=0)
    lightness[61:63, 61:63] = 5
    planes = np.zeros((3, SIDE, SIDE), np.float32)
    planes[:, 61:63, 61:63] = np.array([*RED, 110])[:, None, None] / 110
    ab, _ = propagate(prediction(), prediction(), hints=planes, lightness=lightness)
    assert np.hypot(*(ab[15, 15] - RED)) < 1


def test_predicted_colors_are_edges_too() -> None:
    free = prediction()
    free[:, 16:] = (0, 60)
    planes, flat = point_planes([(32, 64, *RED)], size=(SIDE, SIDE)), np.full((SIDE, SIDE), 50.0)
    ab, _ = propagate(free, free, hints=planes, lightness=flat.astype(np.float32))
    assert np.abs(ab[:, :15] - free[:, :15]).max() > 40
    assert np.abs(ab[:, 17:] - free[:, 17:]).max() < 5


def test_the_influence_decays_with_distance() -> None:
    planes = point_planes([(2, 64, *RED)], size=(SIDE, SIDE))
    _, influence = propagate(prediction(), prediction(), hints=planes, lightness=halves(edge=0))
    assert (np.diff(influence[16]) <= 0).all()
    assert influence[16, -1] < 0.5


def test_it_reaches_as_far_at_any_working_size() -> None:
    reached = []
    for scale in (1, 3):
        size = (scale * SIDE, scale * SIDE)
        planes = point_planes([(0.5 * size[1], 0.5 * size[0], *RED, 2 * scale)], size=size)
        free = np.zeros((scale * 32, scale * 32, 2), np.float32)
        lightness = np.full(size, 50, np.float32)
        _, influence = propagate(free, free, hints=planes, lightness=lightness)
        reached.append(influence[::scale, ::scale].mean())
    assert reached[1] == pytest.approx(reached[0], rel=0.25)


def test_two_hints_share_a_plain_object_between_them() -> None:
    planes = point_planes([(8, 64, *RED), (120, 64, -40, 0)], size=(SIDE, SIDE))
    ab, _ = propagate(prediction(), prediction(), hints=planes, lightness=halves(edge=0))
    a = ab[16, :, 0]
    assert a[2] > 48
    assert a[-2] < -38
    assert (np.diff(a[2:-2]) <= 1e-3).all()
    assert -2 < a[15:17].mean() < 12  # both influence the middle equally


def test_a_saturation_is_the_hints_too() -> None:
    planes = point_planes([(24, 60, *RED)], size=(SIDE, SIDE))
    ab, _ = propagate(prediction(), prediction(), hints=planes, lightness=halves(), saturation=1.5)
    np.testing.assert_allclose(ab[15, 6], 1.5 * np.array(RED), atol=1)
