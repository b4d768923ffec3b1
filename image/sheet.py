"""Contact sheets with captions, and grids of pictures of equal size."""

from collections.abc import Sequence

import cv2
import numpy as np

from color.arrays import Bytes

TILE_WIDTH = 240  # px, of a picture
TALLEST = 4 / 3  # height of a tile, by its width
CAPTION = 20  # px
GAP = 4  # px, between pictures of one size


def contact_sheet(
    pictures: Sequence[Bytes], captions: Sequence[str], *, width: int = TILE_WIDTH
) -> Bytes:
    """Arrange pictures (H, W, 3) of any sizes on one sheet, row by row, each with its caption.

    width : of a tile, in pixels
    """
    columns = max(1, min(len(pictures), round((len(pictures) * 1.3) ** 0.5)))
    rows = -(-len(pictures) // columns)
    shapes = [picture.shape for picture in pictures]
    tall = min(round(width * TALLEST), max(round(width * high / wide) for high, wide, _ in shapes))
    row = tall + CAPTION
    sheet = np.full((rows * row, columns * width, 3), 24, np.uint8)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        top, left = number // columns * row, number % columns * width
        tile = _fitted(picture, (width - 4, tall))
        y, x = top + (tall - tile.shape[0]) // 2, left + (width - tile.shape[1]) // 2
        sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
        place = (left + 6, top + tall + 14)
        cv2.putText(sheet, caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (220, 220, 220), 1)
    return sheet


def tile(rows: Sequence[Sequence[Bytes]]) -> Bytes:
    """Arrange rows of pictures of equal size in a grid with white gaps."""
    edge = ((0, GAP), (0, GAP), (0, 0))
    padded = [[np.pad(rgb, edge, constant_values=255) for rgb in row] for row in rows]
    whole = np.concatenate([np.concatenate(row, axis=1) for row in padded])
    return whole[:-GAP, :-GAP]


def _fitted(picture: Bytes, into: tuple[int, int]) -> Bytes:
    height, width = picture.shape[:2]
    scale = min(into[0] / width, into[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
