"""Evaluation images: center crops of one size, as published evaluations have them."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from color.arrays import Bytes
from image.crop import center_square
from prior.dataset import Picture, PictureError, Shard, list_pictures, read_rgb
from runtime.progress import Progress, Silent

logger = logging.getLogger(__name__)


IMAGE_PX = 256  # side of the pictures compared, as published evaluations have it


def read_evaluation_images(
    data: Path, *, limit: int = 0, shard: Shard = Shard(), progress: Progress = Silent()
) -> Iterator[Bytes]:
    """Read center crops (256, 256, 3) of a folder's or tar's pictures: all, or `limit` of them evenly spread.

    shard : which pictures, before the limit

    Pictures that cannot be read are named in the log and left out. Raises ValueError at once when
    there is none, at the end when none could be read.
    """
    pictures = evenly_spread(shard.of(list_pictures(data)), limit)
    return _read(data, pictures, progress)


def evenly_spread(pictures: Sequence[Picture], limit: int) -> Sequence[Picture]:
    """Choose `limit` of the pictures, evenly spread; all of them when it is 0 or more than there are."""
    if not 0 < limit < len(pictures):
        return pictures
    return [pictures[i * len(pictures) // limit] for i in range(limit)]


def _read(data: Path, pictures: Sequence[Picture], progress: Progress) -> Iterator[Bytes]:
    unread = 0
    progress.start("evaluating", len(pictures), unit="pictures")
    try:
        for picture in pictures:
            try:
                rgb = read_rgb(picture)
            except PictureError as error:
                unread += 1
                logger.warning("left out %s: %s", picture.name, error)
                continue
            yield center_square(rgb, side_px=IMAGE_PX)
            progress.advance()
    finally:
        progress.close()
    if unread == len(pictures):
        raise ValueError(f"none of the {unread} pictures in {data} can be read")
    if unread:
        logger.warning("left out %d of %d pictures", unread, len(pictures))
