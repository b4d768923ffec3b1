"""How a film is to be written: as the command's options, and refused as they are."""

from dataclasses import replace
from pathlib import Path

import pytest
from films import SHOTS

from film.codecs import CODECS
from film.info import span
from film.options import EncoderOptions, FilmOptions
from film.probe import probe
from web.film_plan import changed_plan, film_choices, first_plan

Plan = dict[str, str]


@pytest.fixture
def here(gray_film: Path, tmp_path: Path) -> Path:
    path = tmp_path / "a film.mp4"
    path.symlink_to(gray_film)
    return path


def test_choices_are_the_command_s_options(here: Path) -> None:
    film = probe(here)
    released = first_plan(film, here.with_name("a film.color.mp4"), FilmOptions())
    assert released.shown_values["codec"] == "h264"
    values = {"start": "0:00:00.48", "duration": "6", "codec": "prores", "name": "other"}
    plan = changed_plan(values, film, released)
    assert span(film, plan.options) == (SHOTS[0], SHOTS[0] + 150)
    assert plan.options.encoder == EncoderOptions(codec="prores")
    assert plan.target == here.with_name("other.mov")
    assert plan.mark != released.mark
    assert plan.shown_values["start"] == "0:00:00.48"
    again = changed_plan({**values, "codec": "h264", "crf": "30"}, film, released)
    assert again.options.encoder.crf == 30
    assert again.target.suffix == ".mp4"


def test_released_options_stay(here: Path) -> None:
    film = probe(here)
    encoder = EncoderOptions(codec="h265", crf=9, preset="fast")
    options = FilmOptions(start=1.0, recolor=True, encoder=encoder)
    released = first_plan(film, here.with_name("o.mkv"), options)
    assert replace(changed_plan({}, film, released), values={}) == released
    assert released.shown_values == {
        "start": "1", "duration": "", "codec": "h265", "crf": "9", "preset": "fast", "name": "o", "container": "mkv",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"start": "1:00:00"}, "no frame from 3600 s"), ({"start": "soon"}, "not a valid time"),
        ({"duration": "0"}, "no frame from"), ({"codec": "best"}, "codec must be one of"),
        ({"crf": "77"}, "crf must be"), ({"crf": "good"}, "crf must be"),
        ({"codec": "ffv1", "crf": "3"}, "-crf is for"), ({"codec": "av1", "container": "mov"}, "av1 films are written as"),
        ({"name": "../x"}, "no name of a file"), ({"name": ".x"}, "no name of a file"), ({"name": "a\nb"}, "no name"),
        ({"name": "a film", "container": "mp4"}, "a film.mp4"), ({"name": "mine", "container": "mp4"}, "exists already"),
        ({"cache": "/tmp"}, "expected text for one of"), ({"codec": 7}, "expected text"), ({"name": "x" * 999}, "expected text"),
    ],
    ids=repr,
)  # fmt: skip
def test_other_choices_are_refused(here: Path, values: Plan, said: str) -> None:
    film = probe(here)
    here.with_name("mine.mp4").write_bytes(b"mine")
    released = first_plan(film, here.with_name("a film.color.mp4"), FilmOptions())
    with pytest.raises(ValueError, match=said):
        changed_plan(values, film, released)


def test_every_codec_can_be_chosen() -> None:
    choices = film_choices()
    assert [one["name"] for one in choices["codecs"]] == list(CODECS)
    assert all(
        (one["crf"] is None) == (CODECS[one["name"]].crf is None) for one in choices["codecs"]
    )
