"""Contact sheets of pictures of any shape."""

import numpy as np
import pytest

from image.sheet import CAPTION, TALLEST, TILE_WIDTH, contact_sheet


@pytest.mark.parametrize("shape", [(256, 352), (256, 1024), (700, 100), (1, 1)])
@pytest.mark.parametrize("count", [1, 2, 7, 30])
@pytest.mark.parametrize("width", [TILE_WIDTH, 480])
def test_a_sheet_holds_every_picture_whole(shape: tuple[int, int], count: int, width: int) -> None:
    pictures = [np.full((*shape, 3), 255, np.uint8)] * count
    sheet = contact_sheet(pictures, ["x"] * count, width=width)
    columns = sheet.shape[1] // width
    assert sheet.shape[1] % width == 0
    assert sheet.shape[0] <= -(-count // columns) * (round(width * TALLEST) + CAPTION)
    white = (sheet == 255).all(axis=-1).any(axis=0)
    starts = np.flatnonzero(np.diff(white.astype(int)) == 1)
    assert len(starts) >= min(columns, count) - 1
