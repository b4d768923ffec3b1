"""A result's mark names its film and what of it was written, so that a run with other options is not taken for it."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from films import run_ffmpeg

from film.mark import mark_in, mark_of
from film.options import FilmOptions


def test_a_mark_follows_the_film_and_the_options_that_change_the_result(
    gray_film: Path, tmp_path: Path
) -> None:
    sound = tmp_path / "s.wav"
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=0.1", sound)
    plain = FilmOptions()
    every = [
        plain, replace(plain, start=1.0), replace(plain, duration=2.0), replace(plain, compare=True),
        replace(plain, fps=Fraction(18)), replace(plain, fps=Fraction(24)), replace(plain, audio=sound),
    ]  # fmt: skip
    marks = [mark_of(gray_film, options) for options in every]
    assert len(set(marks)) == len(every)
    assert all(mark.startswith(marks[0]) for mark in marks)


def test_pictures_have_neither_rate_nor_sound(gray_film: Path) -> None:
    plain = FilmOptions()
    pictures = replace(plain.encoder, codec="ffv1", pictures=True)
    options = replace(plain, fps=Fraction(18), encoder=pictures)
    assert mark_of(gray_film, options) == mark_of(gray_film, plain)


def test_what_is_no_film_has_no_mark(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"colorizer: of 0123456789abcdef")
    assert mark_in(tmp_path / "a.mp4") == ""
