"""Reports for the user: times, contact sheets, film info."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import colorization

from film.options import FilmOptions
from film.preview import frame_gray, preview, preview_sheet, shot_frames
from film.probe import probe
from film.report import describe, timecode
from film.segment import decode_gray
from film.shots import analyze
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


def test_a_preview_names_when_shots_begin_whatever_frame_is_shown(
    gray_film: Path, options: FilmOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions: list[str] = []

    def kept(pictures: Sequence[np.ndarray], named: Sequence[str]) -> np.ndarray:
        captions.extend(named)
        return contact_sheet(pictures, named)

    monkeypatch.setattr("film.preview.contact_sheet", kept)
    preview(gray_film, tmp_path / "sheet.png", colorization=colorization(), options=options)
    assert captions == ["1  0:00:00", "2  0:00:00", "3  0:00:06"]  # frames 0, 12 and 162


def test_what_is_shown_of_an_interlaced_film_is_deinterlaced_as_its_job_s_frames(
    film: Callable[[str], Path],
) -> None:
    interlaced = probe(film("interlaced.mkv"))
    for deinterlace in (True, False):
        grays = list(decode_gray(interlaced, deinterlace=deinterlace))
        ((shot,), _) = shot_frames(interlaced, 0, interlaced.frames, deinterlace=deinterlace)
        side = min(interlaced.working_size)
        again = frame_gray(interlaced, shot.number, short_side=side, deinterlace=deinterlace)
        for gray in (shot.gray, again):
            assert np.array_equal(gray, grays[shot.number])


def test_a_preview_finds_the_shots_that_the_job_finds(
    film: Callable[[str], Path],
    options: FilmOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    def kept(*args: Any, deinterlace: bool = False, **more: Any) -> Any:
        asked.append(deinterlace)
        return analyze(*args, deinterlace=deinterlace, **more)

    monkeypatch.setattr("film.preview.analyze", kept)
    wanted = replace(options, encoder=replace(options.encoder, deinterlace=True))
    preview(
        film("interlaced.mkv"), tmp_path / "sheet.png", colorization=colorization(), options=wanted
    )
    assert asked == [True]


def test_a_description_names_every_stream(film: Callable[[str], Path]) -> None:
    rich = probe(film("rich.mkv"))
    lines = describe(rich).splitlines()
    assert len(lines) == 3 + len(rich.streams) + len(rich.chapters)
    assert "25 frames" in lines[1]
