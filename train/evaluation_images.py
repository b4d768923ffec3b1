"""Evaluation images: pictures as squares of one size, as published evaluations have them."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from image.crop import center_square
from prior.dataset import Picture, PictureError, list_pictures, read_rgb

logger = logging.getLogger(__name__)

Bytes = NDArray[np.uint8]

TRUTH_PX = 256  # side of the pictures compared, as published evaluations have it


def read_evaluation_images(
    data: Path, *, limit: int = 0, shard: tuple[int, int] = (1, 1)
) -> Iterator[Bytes]:
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
        yield center_square(rgb, side_px=TRUTH_PX)
    if unread == len(pictures):
        raise ValueError(f"none of the {unread} pictures in {data} can be read")
    if unread:
        logger.warning("left out %d of %d pictures", unread, len(pictures))
