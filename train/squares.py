"""Pictures to measure with: squares of one size, as published evaluations have them."""

import logging
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from prior.pictures import Picture, PictureError, list_pictures, read_rgb

logger = logging.getLogger(__name__)

Bytes = NDArray[np.uint8]

TRUTH_PX = 256  # side of the pictures compared, as published evaluations have it


def square(rgb: Bytes, *, side: int = TRUTH_PX) -> Bytes:
    """Bring a picture's short side to `side` and cut out the middle: (side, side, 3)."""
    height, width = rgb.shape[:2]
    sizes = [max(side, round(length * side / min(height, width))) for length in (width, height)]
    how = cv2.INTER_AREA if side < min(height, width) else cv2.INTER_CUBIC
    resized = cv2.resize(rgb, sizes, interpolation=how)
    left, top = ((length - side) // 2 for length in sizes)
    return np.ascontiguousarray(resized[top : top + side, left : left + side], np.uint8)


def read_squares(data: Path, *, limit: int = 0, shard: tuple[int, int] = (1, 1)) -> Iterator[Bytes]:
    """Read a folder's or tar's pictures as squares: all, or `limit` of them evenly spread.

    shard : (K, N) takes every N-th picture, from the K-th on, before the limit.

    Pictures that cannot be read are named in the log and left out. Raises ValueError at once when
    there is none, at the end when none could be read.
    """
    number, count = shard
    return _squares(data, evenly_spread(list_pictures(data)[number - 1 :: count], limit))


def evenly_spread(pictures: list[Picture], limit: int) -> list[Picture]:
    """Choose `limit` of the pictures, evenly spread; all of them when it is 0 or more than there are."""
    if not 0 < limit < len(pictures):
        return pictures
    return [pictures[i * len(pictures) // limit] for i in range(limit)]


def _squares(data: Path, pictures: list[Picture]) -> Iterator[Bytes]:
    unread = 0
    for picture in tqdm(pictures, unit=" pictures", disable=None, leave=False):
        try:
            rgb = read_rgb(picture)
        except PictureError as error:
            unread += 1
            logger.warning("left out %s: %s", picture.name, error)
            continue
        yield square(rgb)
    if unread == len(pictures):
        raise ValueError(f"none of the {unread} pictures in {data} can be read")
    if unread:
        logger.warning("left out %d of %d pictures", unread, len(pictures))
