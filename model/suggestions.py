"""Where a person's color would help most: at uncertain places that stand for many others."""

import numpy as np

from color.arrays import Floats
from color.likely import Suggestion
from model.distribution import ColorDistribution
from model.regions import features

REACH = 0.5  # distance of features, over which a hint's color spreads to other places
PLACE_REACH = 0.35  # of the longer side, the same in the picture
TRIED = 768  # places that are tried
APART = 0.08  # of the longer side, between suggestions, at least


def suggestions(
    predicted: ColorDistribution, number: int, *, picture: tuple[int, int]
) -> list[Suggestion]:
    """Suggest up to so many places of a picture (H, W), the most useful first.

    What a hint at a place settles is the uncertainty of all places, each by how like it that place is.
    """
    described, uncertainty = (
        features(predicted.shares, predicted.lightness),
        predicted.uncertainty(),
    )
    height, width = uncertainty.shape
    step = max(1, int(np.ceil((height * width / TRIED) ** 0.5)))
    tried = [(r, c) for r in range(step // 2, height, step) for c in range(step // 2, width, step)]
    tried = tried or [(height // 2, width // 2)]
    alike = np.stack([_alike(described, *cell) for cell in tried])
    left, total = uncertainty.ravel(), max(float(uncertainty.sum()), 1e-6)
    free = np.ones(len(tried), bool)
    found: list[Suggestion] = []
    while len(found) < number and free.any():
        settled = alike @ left
        best = int(np.argmax(np.where(free, settled, -1)))
        row, column = tried[best]
        found.append(_suggestion(predicted, row, column, settled[best] / total, picture))
        left = left * (1 - alike[best])
        distance = np.hypot(*(np.array(tried) - (row, column)).T)
        free &= distance >= max(APART * max(height, width), 1)
    return found


def _alike(described: Floats, row: int, column: int) -> Floats:
    """Tell how like a place all places (h, w, F) are: (h * w,), 1 at the place itself, to 0."""
    height, width, _ = described.shape
    squared = ((described - described[row, column]) ** 2).sum(axis=-1) / REACH**2
    rows, columns = np.ogrid[:height, :width]
    reach = PLACE_REACH * max(height, width)
    squared = squared + ((rows - row) ** 2 + (columns - column) ** 2) / reach**2
    return np.asarray(np.exp(-squared / 2).ravel(), np.float32)


def _suggestion(
    predicted: ColorDistribution, row: int, column: int, share: float, picture: tuple[int, int]
) -> Suggestion:
    height, width = predicted.lightness.shape
    y, x = int((row + 0.5) * picture[0] / height), int((column + 0.5) * picture[1] / width)
    return Suggestion(x, y, float(share), tuple(predicted.likely_colors(row, column)))
