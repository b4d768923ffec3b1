"""Previews of a film: its shots, their frames and captions."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from films import Tint, colorization
from guided import Guided, guidance_of, guided
from PIL import Image

from color.segment import Segment
from film.options import FilmOptions
from film.preview import colorized_frame, frame_gray, preview, shot_frames
from film.probe import probe
from film.report import timecode
from film.segment import decode_gray
from image.sheet import contact_sheet


class Watched(Guided):
    """A colorizer that records its frames and the number of hints of each."""

    seen: ClassVar[list[tuple[int, int]]] = []

    def colorize(self, segment: Segment) -> np.ndarray:
        hints = segment.guidance.hints[0] if segment.guidance else ()
        self.seen.append((segment.numbers[0], len(hints)))
        return super().colorize(segment)


def test_a_preview_shows_the_frame_with_hints(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    wanted = guided(guidance_of("120f,64,48,#d02010", "120f,9,9,#1020d0"))
    wanted = replace(wanted, factory=Watched)
    Watched.seen.clear()
    assert preview(gray_film, tmp_path / "sheet.png", colorization=wanted, options=options) == 3
    assert Watched.seen == [(6, 0), (120, 2), (166, 0)]


def test_a_preview_names_when_shots_begin_whatever_frame_is_shown(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    preview(gray_film, tmp_path / "sheet.png", colorization=colorization(), options=options)
    film, colorizer = probe(gray_film), Tint()
    shots, _ = shot_frames(film, 0, film.frames)
    assert [shot.number for shot in shots] == [6, 44, 166]
    pictures = [colorized_frame(colorizer, shot.gray, shot.number, None) for shot in shots]
    expected = contact_sheet(pictures, ["1  0:00:00", "2  0:00:00", "3  0:00:06"])
    np.testing.assert_array_equal(read_sheet(tmp_path / "sheet.png"), expected)


def read_sheet(path: Path) -> np.ndarray:
    with Image.open(path) as sheet:
        return np.asarray(sheet.convert("RGB"))


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
    film: Callable[[str], Path], options: FilmOptions, tmp_path: Path
) -> None:
    """Among frames that are deinterlaced as the job's."""
    interlaced, sheets = probe(film("interlaced.mkv")), []
    for deinterlace in (True, False):
        wanted = replace(options, encoder=replace(options.encoder, deinterlace=deinterlace))
        path = tmp_path / f"{deinterlace}.png"
        preview(interlaced.path, path, colorization=colorization(), options=wanted)
        shots, _ = shot_frames(interlaced, 0, interlaced.frames, deinterlace=deinterlace)
        pictures = [colorized_frame(Tint(), shot.gray, shot.number, None) for shot in shots]
        captions = [f"{i}  {timecode(interlaced, shot.first)}" for i, shot in enumerate(shots, 1)]
        expected = contact_sheet(pictures, captions)
        np.testing.assert_array_equal(read_sheet(path), expected)
        sheets.append(expected)
    assert sheets[0].shape != sheets[1].shape or (sheets[0] != sheets[1]).any()


def test_a_preview_shows_each_shot(gray_film: Path, options: FilmOptions, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert preview(gray_film, sheet, colorization=colorization(), options=options) == 3
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert np.ptp(picture.astype(int), axis=-1).max() > 50
