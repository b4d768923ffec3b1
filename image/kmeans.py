"""K-means clustering of a picture's positions or colors."""

import numpy as np

from color.arrays import Floats, Indices

OUTLIERS = 0.02  # share of points that may be farther away than a new starting center


def kmeans(
    points: Floats, centers: Floats, *, steps: int, weights: Floats | None = None
) -> Indices:
    """Cluster points (n, F) from initial centers (k, F); return the index (n,) of each point's cluster.

    steps : number of iterations
    weights : (n,), weight of each point in its cluster's center; default: 1
    """
    groups = _nearest(points, centers)
    for _ in range(steps):
        if weights is None:
            centers = _means(points, groups, centers)
        else:
            centers = _weighted_means(points, groups, centers, weights)
        groups = _nearest(points, centers)
    return groups


def starts(points: Floats, number: int) -> Floats:
    """Choose initial centers (number, F): the point nearest to the mean, then points far from all previous ones."""
    centers = points[[squared_distances(points, points.mean(axis=0)).argmin()]]
    while len(centers) < number:
        far = np.min([squared_distances(points, center) for center in centers], axis=0)
        start = np.argsort(far, kind="stable")[int((1 - OUTLIERS) * (len(far) - 1))]
        centers = np.concatenate([centers, points[[start]]])
    return centers


def squared_distances(points: Floats, center: Floats) -> Floats:
    """Return the squared distance (n,) of points (n, F) from a center (F,)."""
    return np.asarray(((points - center) ** 2).sum(axis=-1), np.float32)


def _nearest(points: Floats, centers: Floats) -> Indices:
    far = [squared_distances(points, center) for center in centers]
    return np.asarray(np.argmin(far, axis=0), np.intp)


def _means(points: Floats, groups: Indices, centers: Floats) -> Floats:
    """Average each cluster; keep the center of an empty one."""
    members = [points[groups == i] for i in range(len(centers))]
    return np.stack(
        [
            group.mean(axis=0) if len(group) else center
            for group, center in zip(members, centers, strict=True)
        ]
    )


def _weighted_means(points: Floats, groups: Indices, centers: Floats, weights: Floats) -> Floats:
    members = np.asarray(groups == np.arange(len(centers))[:, None], np.float32) * weights
    total = members.sum(axis=1, keepdims=True)
    return np.where(total > 0, members @ points / np.maximum(total, 1e-12), centers)
