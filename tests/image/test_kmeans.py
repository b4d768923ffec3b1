"""Clusters contain neighboring points; weights shift the centers."""

import numpy as np
import pytest

from image.kmeans import kmeans, squared_distances, starts


@pytest.fixture
def blobs() -> np.ndarray:
    """Return three blobs of 50 points (150, 2), in order."""
    rng = np.random.default_rng(0)
    middles = np.repeat([(0, 0), (30, 0), (0, 40)], 50, axis=0)
    return (middles + rng.normal(0, 2, (150, 2))).astype(np.float32)


def test_blobs_are_groups(blobs: np.ndarray) -> None:
    groups = kmeans(blobs, starts(blobs, 3), steps=10).reshape(3, 50)
    assert (groups == groups[:, :1]).all()
    assert set(groups[:, 0].tolist()) == {0, 1, 2}


def test_without_a_step_each_point_goes_to_its_nearest_center(blobs: np.ndarray) -> None:
    centers = starts(blobs, 5)
    far = np.stack([squared_distances(blobs, center) for center in centers], axis=1)
    groups = kmeans(blobs, centers, steps=0)
    np.testing.assert_array_equal(far[np.arange(150), groups], far.min(axis=1))


def test_more_steps_bring_centers_no_farther_from_their_points(blobs: np.ndarray) -> None:
    def spread(steps: int) -> float:
        groups = kmeans(blobs, blobs[:4], steps=steps)
        return sum(
            float(blobs[groups == i].var(axis=0).sum() * (groups == i).sum()) for i in range(4)
        )

    errors = [spread(steps) for steps in range(8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0]


def test_equal_weights_change_nothing_and_others_pull_the_centers(blobs: np.ndarray) -> None:
    centers = starts(blobs, 3)
    plain = kmeans(blobs, centers, steps=10)
    weights = np.ones(150, np.float32)
    np.testing.assert_array_equal(kmeans(blobs, centers, steps=10, weights=weights), plain)
    line = np.array([[0], [1], [3], [10]], np.float32)
    start = np.array([[0], [10]], np.float32)
    heavy = np.array([1, 1, 1, 0.001], np.float32)
    assert kmeans(line, start, steps=5).tolist() == [0, 0, 0, 1]
    assert kmeans(line, start[:, :] - [[0], [5]], steps=5, weights=heavy).tolist() == [0, 0, 1, 1]


def test_a_group_without_points_keeps_its_center() -> None:
    points = np.array([[0.0], [1.0]], np.float32)
    centers = np.array([[0.5], [100.0]], np.float32)
    for weights in (None, np.ones(2, np.float32)):
        assert kmeans(points, centers, steps=3, weights=weights).tolist() == [0, 0]


def test_outliers_start_no_group() -> None:
    points = np.zeros((200, 2), np.float32)
    points[::2] = (10, 0)
    points[7] = (1000, 1000)
    assert np.abs(starts(points, 2)).max() == 10
