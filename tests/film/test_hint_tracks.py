"""Guidance of shots in a job: hints are followed, and only what they concern is made again."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from films import SHOTS, colorization, film_of
from guided import Guided, chroma_of, guidance_of, guided

from color.guidance import UNGUIDED, Guidance
from conversion import color_film
from film import FilmError
from film.job import Manifest
from film.options import FilmOptions

RED = np.zeros((4, 4, 3), np.uint8) + np.array([200, 20, 20], np.uint8)


def shots_in(options: FilmOptions) -> dict[str, float]:
    return {path.name: path.stat().st_mtime_ns for path in options.cache.glob("*/shots/*.mkv")}


def test_a_hint_is_followed_through_its_shot_and_no_further(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    wanted = guided(guidance_of("100f,64,48,#d02010"))
    color_film(gray_film, tmp_path / "out.mkv", colorization=wanted, options=options)
    colored = [bool(np.ptp(chroma) > 8) for chroma in chroma_of(tmp_path / "out.mkv")]
    assert not any(colored[: SHOTS[0]])
    assert not any(colored[-SHOTS[2] :])
    assert all(colored[90:110])


def test_another_hint_changes_only_its_shot_and_gives_what_it_gives_alone(
    gray_film: Path, kept: FilmOptions, tmp_path: Path
) -> None:
    one, other = (
        guidance_of("2f,64,48,#d02010"),
        guidance_of("2f,64,48,#d02010", "165f,9,9,#1020d0"),
    )
    color_film(gray_film, tmp_path / "one.mkv", colorization=guided(one), options=kept)
    before = shots_in(kept)
    color_film(gray_film, tmp_path / "both.mkv", colorization=guided(other), options=kept)
    after = shots_in(kept)
    assert {name for name in before if before[name] != after[name]} == {"00004.mkv"}
    alone = replace(kept, cache=tmp_path / "alone")
    color_film(gray_film, tmp_path / "alone.mkv", colorization=guided(other), options=alone)
    for kept_one, new in zip(
        chroma_of(tmp_path / "both.mkv"), chroma_of(tmp_path / "alone.mkv"), strict=True
    ):
        np.testing.assert_array_equal(kept_one, new)
    color_film(gray_film, tmp_path / "none.mkv", colorization=guided(UNGUIDED), options=kept)
    assert {n for n, time in shots_in(kept).items() if after[n] != time} == {
        "00000.mkv",
        "00004.mkv",
    }
    assert not any(np.ptp(chroma) for chroma in chroma_of(tmp_path / "none.mkv"))


def test_a_job_that_was_stopped_goes_on_with_other_hints(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    failing = replace(
        guided(guidance_of("2f,64,48,#d02010")),
        factory=functools.partial(Guided, fail_at=SHOTS[-1]),
    )
    with pytest.raises(FilmError, match="cannot be colorized"):
        color_film(gray_film, tmp_path / "out.mkv", colorization=failing, options=options)
    (job,) = options.cache.iterdir()
    manifest = Manifest.read(job / "manifest.json")
    assert manifest.complete
    assert set(manifest.guidance) == {"0"}
    wanted = guided(guidance_of(**{"1": RED}))
    color_film(gray_film, tmp_path / "out.mkv", colorization=wanted, options=options)
    colors = [int(np.ptp(chroma)) for chroma in chroma_of(tmp_path / "out.mkv")]
    assert min(colors[: SHOTS[0]]) > 0
    assert not any(colors[SHOTS[0] :])


def test_workers_and_lost_tracks_change_nothing(
    gray_film: Path, kept: FilmOptions, tmp_path: Path
) -> None:
    wanted = guided(guidance_of("20f,64,48,#d02010", "90f,30,30,#1020d0"))
    color_film(gray_film, tmp_path / "one.mkv", colorization=wanted, options=kept)
    for path in kept.cache.glob("*/*/00001.*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:40])  # damages the shot, its colors and its hints
    two = replace(kept, workers=2)
    color_film(gray_film, tmp_path / "two.mkv", colorization=wanted, options=two)
    for one, other in zip(
        chroma_of(tmp_path / "one.mkv"), chroma_of(tmp_path / "two.mkv"), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_shot_that_is_to_be_left_stays_as_it_is_and_is_colorized_when_it_is_wanted_again(
    gray_film: Path, kept: FilmOptions, tmp_path: Path
) -> None:
    left = replace(colorization(), guidance=Guidance(leave=("3",)))
    color_film(gray_film, tmp_path / "left.mkv", colorization=left, options=kept)
    before = shots_in(kept)
    colored = [bool(np.ptp(chroma)) for chroma in chroma_of(tmp_path / "left.mkv")]
    assert colored == [True] * (SHOTS[0] + SHOTS[1]) + [False] * SHOTS[2]
    color_film(gray_film, tmp_path / "all.mkv", colorization=colorization(), options=kept)
    assert {n for n, time in shots_in(kept).items() if before[n] != time} == {"00004.mkv"}
    assert all(np.ptp(chroma) for chroma in chroma_of(tmp_path / "all.mkv"))


def test_a_shot_with_color_is_colorized_where_it_is_wanted(
    options: FilmOptions, tmp_path: Path
) -> None:
    source = film_of(tmp_path / "color.mp4", color=True)
    wanted = replace(colorization(), guidance=Guidance(colorize=("1",)))
    color_film(source, tmp_path / "out.mkv", colorization=wanted, options=options)
    same = [
        np.array_equal(one, other)
        for one, other in zip(chroma_of(source), chroma_of(tmp_path / "out.mkv"), strict=True)
    ]
    assert same == [False] * SHOTS[0] + [True] * (SHOTS[1] + SHOTS[2])
