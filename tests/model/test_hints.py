"""Hints: they have the true color, and only where the mask is set."""

import numpy as np
import pytest
from numpy.typing import NDArray

from model.contract import AB_SCALE
from model.hints import palette_vector, point_planes, random_hints, stroke_planes
from prior.lab import rgb2lab
from prior.qspace import QSpace


@pytest.fixture
def truth() -> NDArray[np.float32]:
    return np.random.default_rng(5).uniform(-80, 80, (40, 56, 2)).astype(np.float32)


@pytest.fixture
def bins() -> NDArray[np.float32]:
    return np.array([[0, 0], [50, 0], [0, 50], [-50, 0], [0, -50]], np.float32)


def test_no_points_are_empty_planes(truth: NDArray[np.float32]) -> None:
    planes = random_hints(truth, np.random.default_rng(0), points=0)
    assert planes.shape == (3, 40, 56)
    assert planes.dtype == np.float32
    assert not planes.any()


def test_single_pixels_tell_the_truth_and_nothing_else(truth: NDArray[np.float32]) -> None:
    planes = random_hints(truth, np.random.default_rng(1), points=30, sides_px=(1, 1))
    known = planes[2] > 0
    assert set(np.unique(planes[2])) == {0.0, 1.0}
    assert 20 <= known.sum() <= 30
    np.testing.assert_allclose(planes[:2, known].T * 110, truth[known], rtol=1e-5, atol=1e-4)
    assert not planes[:2, ~known].any()


@pytest.mark.parametrize("seed", range(40))
def test_a_square_holds_the_mean_of_what_it_covers(truth: NDArray[np.float32], seed: int) -> None:
    planes = random_hints(truth, np.random.default_rng(seed), points=1)
    known = planes[2] > 0
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    assert known.sum() == rows.size * columns.size  # a full rectangle
    assert max(rows.size, columns.size) <= 9
    np.testing.assert_allclose(
        planes[:2, known].T * 110,
        np.broadcast_to(truth[known].mean(0), (known.sum(), 2)),
        atol=1e-3,
    )


def test_squares_stay_square_away_from_the_border() -> None:
    rng = np.random.default_rng(2)
    seen = set()
    for _ in range(300):
        mask = random_hints(np.zeros((200, 200, 2), np.float32), rng, points=1)[2] > 0
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if min(rows[0], columns[0]) > 0 and max(rows[-1], columns[-1]) < 199:
            assert rows.size == columns.size
            seen.add(rows.size)
    assert seen == set(range(1, 10))


def test_points_reach_every_part_of_the_picture() -> None:
    planes = random_hints(
        np.ones((8, 12, 2), np.float32), np.random.default_rng(3), points=3000, sides_px=(1, 1)
    )
    assert planes[2].all()


def test_no_side_of_the_picture_is_favored() -> None:
    rng = np.random.default_rng(6)
    flat = np.zeros((12, 12, 2), np.float32)
    known = np.mean([random_hints(flat, rng, points=1, sides_px=(5, 5))[2] for _ in range(3000)], 0)
    assert np.abs(known - known[::-1]).max() < 0.04  # two standard deviations are 0.02
    assert np.abs(known - known[:, ::-1]).max() < 0.04
    assert known[0, 0] == pytest.approx(9 / 144, abs=0.02)
    assert known[6, 6] == pytest.approx(25 / 144, abs=0.03)


def test_number_of_points_is_geometric_from_one() -> None:
    rng = np.random.default_rng(4)
    flat = np.zeros((120, 120, 2), np.float32)  # large, so that single pixels rarely collide
    counts = [int(random_hints(flat, rng, sides_px=(1, 1))[2].sum()) for _ in range(2000)]
    assert min(counts) == 1
    assert 7.4 < np.mean(counts) < 8.6
    assert np.mean(np.array(counts) == 1) == pytest.approx(1 / 8, abs=0.03)


def test_the_same_random_state_gives_the_same_hints(truth: NDArray[np.float32]) -> None:
    first = random_hints(truth, np.random.default_rng((1, 2, 3)))
    np.testing.assert_array_equal(first, random_hints(truth, np.random.default_rng((1, 2, 3))))
    assert (first != random_hints(truth, np.random.default_rng((1, 2, 4)))).any()


def test_point_is_drawn_where_and_as_asked() -> None:
    planes = point_planes([(10, 3, 55, -22, 1)], size=(20, 30))
    expected = np.zeros((3, 20, 30), np.float32)
    expected[0, 2:5, 9:12], expected[1, 2:5, 9:12], expected[2, 2:5, 9:12] = 0.5, -0.2, 1.0
    np.testing.assert_allclose(planes, expected, rtol=1e-6)
    assert planes.dtype == np.float32


def test_points_at_the_corners_are_cut_not_wrapped() -> None:
    planes = point_planes([(0, 0, 11, 0), (29, 19, 22, 0)], size=(20, 30))
    assert planes[2].sum() == 18  # 5 x 5 squares, 3 x 3 of each inside
    assert planes[2, :3, :3].all()
    assert planes[2, 17:, 27:].all()


def test_points_of_a_large_picture_land_at_the_same_place_in_small_planes() -> None:
    planes = point_planes([(2999, 500, 0, 40, 0)], size=(100, 300), picture=(1000, 3000))
    assert np.argwhere(planes[2]).tolist() == [[50, 299]]


def test_no_points_by_a_user_are_empty_planes() -> None:
    assert not point_planes([], size=(16, 16)).any()


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ((1, 2, 3), r"expected a color point x, y, a, b\[, radius\], got"),
        ((1, 2, 3, 4, 5, 6), r"expected a color point x, y, a, b\[, radius\], got"),
        ((1, float("nan"), 3, 4), r"expected a color point x, y, a, b\[, radius\], got"),
        ((30, 2, 3, 4), "outside the picture"),
        ((2, -1, 3, 4), "outside the picture"),
        ((2, 2, 200, 4), "within -128..128"),
        ((2, 2, 20, 4, -1), "radius"),
    ],
)
def test_bad_points_are_refused(point: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        point_planes([point], size=(20, 30))


def test_palette_is_the_share_of_each_bin(bins: NDArray[np.float32]) -> None:
    ab = np.array([[[1, 1], [49, 2]], [[51, -3], [3, 60]]], np.float32)
    np.testing.assert_allclose(palette_vector(ab, QSpace(bins)), [0.25, 0.5, 0.25, 0, 0, 1])


def test_palette_shares_sum_to_one(truth: NDArray[np.float32], bins: NDArray[np.float32]) -> None:
    vector = palette_vector(truth, QSpace(bins))
    assert vector.dtype == np.float32
    assert vector[:-1].sum() == pytest.approx(1, abs=1e-6)
    assert vector[-1] == 1


def test_no_palette_is_all_zeros(bins: NDArray[np.float32]) -> None:
    vector = palette_vector(None, QSpace(bins))
    assert vector.shape == (6,)
    assert not vector.any()


def test_strokes_become_planes_of_their_color_where_they_cover() -> None:
    rgba = np.zeros((120, 160, 4), np.uint8)
    rgba[40:80, 40:80] = (0xC8, 0x3C, 0x28, 255)
    rgba[0:2, 0:2] = (0, 0, 255, 255)  # too small a share of a position
    planes = stroke_planes(rgba, size=(30, 40))
    ab = rgb2lab(rgba[50, 50, :3])[1:] / AB_SCALE
    expected = np.zeros((3, 30, 40), np.float32)
    expected[:, 10:20, 10:20] = np.array([*ab, 1])[:, None, None]
    np.testing.assert_allclose(planes[:, 1:], expected[:, 1:], atol=1e-5)


def test_half_transparent_strokes_keep_their_color() -> None:
    rgba = np.full((64, 64, 4), (0xC8, 0x3C, 0x28, 128), np.uint8)
    planes = stroke_planes(rgba, size=(32, 32))
    np.testing.assert_allclose(planes[:2, 5, 5] * AB_SCALE, rgb2lab(rgba[0, 0, :3])[1:], atol=1e-3)
    assert (planes[2] == 1).all()


def test_points_cover_strokes() -> None:
    painted = stroke_planes(np.full((64, 64, 4), (200, 60, 40, 255), np.uint8), size=(32, 32))
    planes = point_planes([(16, 16, 0.0, 0.0, 1)], size=(32, 32), onto=painted)
    assert (planes[:2, 15:18, 15:18] == 0).all()
    assert (planes[2] == 1).all()
    assert (planes[0, 0] > 0).all()
    assert (painted[:2, 16, 16] > 0).all()  # the points were drawn on a copy


def test_a_point_beside_an_edge_stays_on_its_side() -> None:
    lightness = np.where(np.arange(40) < 20, 30, 70)[None].repeat(40, 0).astype(np.float32)
    planes = point_planes([(18, 10, 30, 40)], size=(40, 40), lightness=lightness)
    assert planes[2, 8:13, 16:20].all()
    assert not planes[:, :, 20:].any()
