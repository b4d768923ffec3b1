"""Hints fill their object and not what lies beyond."""

import numpy as np
import pytest
from numpy.typing import NDArray

from image.resize import upsample
from model.hints import point_planes
from model.spread import MOST_PLACES, owners_of, propagate

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


def test_a_plain_picture_is_one_object_whatever_was_predicted() -> None:
    free = prediction()
    free[:, 16:] = (0, 60)
    planes = point_planes([(32, 64, *RED)], size=(SIDE, SIDE))
    ab, influence = propagate(free, free, hints=planes, lightness=halves(edge=0))
    assert influence.min() > 0.9
    assert np.hypot(*np.moveaxis(ab - RED, -1, 0)).mean() < 0.3 * np.hypot(*RED)


def test_the_color_of_an_object_is_the_hint_s_not_the_network_s() -> None:
    planes = point_planes([(32, 64, *RED)], size=(SIDE, SIDE))
    hinted = np.random.default_rng(0).normal(0, 20, (32, 32, 2)).astype(np.float32)
    ab, _ = propagate(prediction(), hinted, hints=planes, lightness=halves())
    assert ab[4:28, 2:14].std(axis=(0, 1)).max() < 0.4 * 20


def test_a_gray_hint_bounds_a_colored_one() -> None:
    plain = halves(edge=0)
    alone = point_planes([(24, 64, *RED)], size=(SIDE, SIDE))
    bounded = point_planes([(104, 64, 0, 0)], size=(SIDE, SIDE), onto=alone)
    reached = []
    for planes in (alone, bounded):
        ab, _ = propagate(prediction(), prediction(), hints=planes, lightness=plain)
        reached.append(np.hypot(*np.moveaxis(ab, -1, 0)) / np.hypot(*RED))
    assert reached[0][12:20, 22:30].min() > 0.8
    assert reached[1][12:20, 22:30].max() < 0.35
    assert reached[1][12:20, 3:9].min() > 0.65


def test_nothing_overshoots_to_the_opposite_hue() -> None:
    """At an edge within a position, upsampled colors lie between those on both sides."""
    lightness = halves(EDGE + 2)
    planes = point_planes([(32, 64, *RED)], size=(SIDE, SIDE))
    ab, _ = propagate(prediction(), prediction(), hints=planes, lightness=lightness)
    gray = np.asarray(lightness * 2.55, np.uint8)
    full = upsample(ab, gray, to_lightness=lambda one: one / np.float32(2.55))
    assert full[..., 0].min() > -0.1 * RED[0]
    assert full[..., 0].max() < 1.1 * RED[0]


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


def test_many_hints_are_compared_as_few_places_and_keep_their_colors() -> None:
    grid = [(x, y) for x in range(4, SIDE, 8) for y in range(4, SIDE, 8)]
    colors = {(x, y): (40 * np.cos(x / 20), 40 * np.sin(y / 20)) for x, y in grid}
    planes = point_planes([(x, y, *ab) for (x, y), ab in colors.items()], size=(SIDE, SIDE))
    wanted, covered = np.moveaxis(planes[:2, ::4, ::4] * 110, 0, -1), planes[2, ::4, ::4]
    assert (covered > 0).sum() > 3 * MOST_PLACES
    owners = owners_of(wanted, covered)
    assert len(owners) <= MOST_PLACES
    np.testing.assert_allclose(owners.sum(axis=0), covered)
    ab, _ = propagate(prediction(), prediction(), hints=planes, lightness=halves())
    errors = [np.hypot(*(ab[y // 4, x // 4] - ab_of)) for (x, y), ab_of in colors.items()]
    assert max(errors) < 2
