"""What a person is told: sheets of pictures of any shape, times, facts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from film.probe import probe
from film.report import CAPTION, TILE_TALLEST, TILE_WIDTH, contact_sheet, describe, timecode


@pytest.mark.parametrize("shape", [(256, 352), (256, 1024), (700, 100), (1, 1)])
@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_a_sheet_holds_every_picture_whole(shape: tuple[int, int], count: int) -> None:
    pictures = [np.full((*shape, 3), 255, np.uint8)] * count
    sheet = contact_sheet(pictures, ["x"] * count)
    columns = sheet.shape[1] // TILE_WIDTH
    assert sheet.shape[1] % TILE_WIDTH == 0
    assert sheet.shape[0] <= -(-count // columns) * (TILE_TALLEST + CAPTION)
    white = (sheet == 255).all(axis=-1).any(axis=0)
    starts = np.flatnonzero(np.diff(white.astype(int)) == 1)
    assert len(starts) >= min(columns, count) - 1


def test_times_are_the_film_s(film: Callable[[str], Path]) -> None:
    gap = probe(film("gap.mkv"))
    assert timecode(gap, 0) == "0:00:00"
    assert timecode(gap, gap.frames - 1) == "1:00:00"


def test_a_description_names_every_stream(film: Callable[[str], Path]) -> None:
    rich = probe(film("rich.mkv"))
    lines = describe(rich).splitlines()
    assert len(lines) == 3 + len(rich.streams) + len(rich.chapters)
    assert "25 frames" in lines[1]
