"""What a person is told: times, sheets, facts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from film.probe import probe
from film.report import describe, preview_sheet, timecode
from image.sheet import contact_sheet


def test_times_are_the_film_s(film: Callable[[str], Path]) -> None:
    gap = probe(film("gap.mkv"))
    assert timecode(gap, 0) == "0:00:00"
    assert timecode(gap, gap.frames - 1) == "1:00:00"


def test_a_sheet_names_shots_and_times(film: Callable[[str], Path]) -> None:
    gap = probe(film("gap.mkv"))
    pictures = [np.full((48, 64, 3), 255, np.uint8)] * 2
    sheet = preview_sheet(gap, pictures, [0, gap.frames - 1])
    np.testing.assert_array_equal(sheet, contact_sheet(pictures, ["1  0:00:00", "2  1:00:00"]))


def test_a_description_names_every_stream(film: Callable[[str], Path]) -> None:
    rich = probe(film("rich.mkv"))
    lines = describe(rich).splitlines()
    assert len(lines) == 3 + len(rich.streams) + len(rich.chapters)
    assert "25 frames" in lines[1]
