"""Suggested points: inside the picture, apart from each other, where uncertainty is high."""

import numpy as np
import pytest

from model.distribution import SUGGESTED_APART, ColorDistribution, suggestions
from prior.qspace import QSpace


def undecided(qspace: QSpace, mask: np.ndarray) -> ColorDistribution:
    """Return a distribution certain of gray, except in a mask (h, w), where red and blue are equally likely."""
    shares = np.zeros((*mask.shape, len(qspace)), np.float32)
    gray, red, blue = (int(qspace.nearest(np.array(ab))) for ab in ((0, 0), (50, 40), (10, -50)))
    shares[..., gray] = 1
    shares[mask] = 0
    shares[mask, red] = shares[mask, blue] = 0.5
    return ColorDistribution(shares, qspace.bins, np.full(mask.shape, 50, np.float32))


@pytest.mark.parametrize("shape", [(48, 64), (48, 192), (1, 1), (3, 40)])
def test_they_lie_inside_the_picture_and_apart(qspace: QSpace, shape: tuple[int, int]) -> None:
    picture = (shape[0] * 7 + 3, shape[1] * 7 + 3)
    noise = np.random.default_rng(0).random(shape) < 0.5
    found = suggestions(undecided(qspace, noise), 12, picture=picture)
    assert 1 <= len(found) <= 12
    assert all(0 <= one.x < picture[1] and 0 <= one.y < picture[0] for one in found)
    places = np.array([(one.x, one.y) for one in found], float)
    far = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
    least = SUGGESTED_APART * max(picture) * 0.9
    assert far[~np.eye(len(found), dtype=bool)].min(initial=np.inf) >= least


def test_the_first_is_where_the_most_is_uncertain(qspace: QSpace) -> None:
    mask = np.zeros((48, 64), bool)
    mask[5:40, 5:25] = True  # large
    mask[20:28, 50:58] = True  # small
    first, second, *_ = suggestions(undecided(qspace, mask), 5, picture=(480, 640))
    assert mask[first.y // 10, first.x // 10]
    assert first.x < 250
    assert first.share > second.share
    assert sum(one.share for one in (first, second)) <= 1
    colors = {(one.a > 30, one.b < -30) for one in first.colors}
    assert colors == {(True, False), (False, True)}


def test_each_settles_less_than_those_before(qspace: QSpace) -> None:
    mask = np.random.default_rng(1).random((24, 24)) < 0.7
    shares = [one.share for one in suggestions(undecided(qspace, mask), 6, picture=(96, 96))]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1
