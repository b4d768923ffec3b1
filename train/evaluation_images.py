"""Evaluation images: center crops of one size, as in published evaluations."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from color.arrays import Bytes
from image.resize import center_square
from prior.dataset import Picture, PictureError, Shard, list_pictures, read_rgb
from runtime.console import counted
from runtime.progress import Progress, Silent

logger = logging.getLogger(__name__)


IMAGE_PX = 256  # side of the evaluation images, as in published evaluations


def read_evaluation_images(
    data: Path, *, limit: int = 0, shard: Shard = Shard(), progress: Progress = Silent()
) -> Iterator[Bytes]:
    """Read center crops (256, 256, 3) of the pictures in a folder or tar.

    limit : number of pictures, evenly spaced; 0 for all
    shard : subset of the pictures, applied before the limit

    Unreadable pictures are logged and skipped. Raises ValueError immediately if there are no pictures, at the end if
    none could be read.
    """
    every = list_pictures(data)
    pictures = evenly_spread(shard.of(every), limit)
    if not pictures:
        raise ValueError(
            f"{data} has {counted(len(every), 'picture')}, too few for shard {shard.number}/{shard.count}: "
            "use a smaller N, or another -data"
        )
    return _read(data, pictures, progress)


def evenly_spread(pictures: Sequence[Picture], limit: int) -> Sequence[Picture]:
    """Select `limit` evenly spaced pictures; all if it is 0 or exceeds their number."""
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
                logger.warning("skipped %s: %s", picture.name, error)
                continue
            yield center_square(rgb, side_px=IMAGE_PX)
            progress.advance()
    finally:
        progress.close()
    if unread == len(pictures):
        raise ValueError(f"none of the {unread} pictures in {data} can be read")
    if unread:
        logger.warning("skipped %d of %d pictures", unread, len(pictures))
