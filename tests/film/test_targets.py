"""What is refused before a film is colorized."""

from pathlib import Path

import pytest
from films import make_film

from film.options import EncoderOptions, FilmOptions
from film.probe import probe
from film.targets import check_film, checked_options


def test_a_result_of_the_same_film_may_be_replaced_but_nothing_else(
    gray_film: Path, finished: Path, tmp_path: Path
) -> None:
    options = FilmOptions(encoder=EncoderOptions(codec="ffv1"))
    assert checked_options(gray_film, finished, options) == options
    other = tmp_path / "other.mkv"
    other.write_bytes(b"mine")
    with pytest.raises(ValueError, match="exists already"):
        checked_options(gray_film, other, options)
    with pytest.raises(ValueError, match=r"film\.mp4"):
        checked_options(gray_film, gray_film, FilmOptions(overwrite=True))


def test_a_film_is_checked_against_its_part_and_codec(tmp_path: Path) -> None:
    film = probe(make_film("interlaced.mkv", folder=tmp_path))
    check_film(film, tmp_path / "out.mkv", FilmOptions())
    with pytest.raises(ValueError, match="interlaced, which av1 does not support"):
        check_film(film, tmp_path / "out.mkv", FilmOptions(encoder=EncoderOptions(codec="av1")))
    with pytest.raises(ValueError, match="no frame from 100 s"):
        check_film(film, tmp_path / "out.mkv", FilmOptions(start=100))
    with pytest.raises(ValueError, match="films are written as"):
        check_film(film, tmp_path / "out.txt", FilmOptions())
