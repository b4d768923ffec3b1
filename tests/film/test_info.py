"""What is known of a film: its identity, its span, its JSON, and what containers can hold."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from films import FRAMES, picture, run_ffmpeg

from film import FilmError
from film.info import span, unsupported_by
from film.options import FilmOptions
from film.probe import probe

Make = Callable[[str], Path]


def test_working_size_is_small_and_on_the_grid(tmp_path: Path) -> None:
    path = tmp_path / "hd.mkv"
    run_ffmpeg(*picture("1920x1080", seconds=0.04), "-c:v", "mpeg4", path)
    assert probe(path).working_size == (256, 448)


def test_what_a_container_cannot_hold(film: Make) -> None:
    refused = unsupported_by(probe(film("rich.mkv")), "mp4")
    assert [(u.stream.kind, u.could) for u in refused] == [("attachment", "mkv")]
    assert unsupported_by(probe(film("rich.mp4")), "mkv") == []  # its subtitles are converted
    assert unsupported_by(probe(film("rich.mkv")), "mkv") == []


def test_facts_are_json(film: Make) -> None:
    info = json.loads(json.dumps(probe(film("rich.mkv")).as_json()))
    assert info["frames"] == 25
    assert info["video"]["sar"] == "1"
    assert info["streams"][1]["language"] == "deu"


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [(0, None, (0, FRAMES)), (1, 2, (25, 75)), (0.04, 0.04, (1, 2)), (6, 60, (150, FRAMES))],
)
def test_span(
    gray_film: Path, start: float, duration: float | None, expected: tuple[int, int]
) -> None:
    assert span(probe(gray_film), FilmOptions(start=start, duration=duration)) == expected


@pytest.mark.parametrize(("start", "duration"), [(7, None), (0, 0), (99, 1)])
def test_an_empty_part_is_refused(gray_film: Path, start: float, duration: float | None) -> None:
    with pytest.raises(FilmError, match=r"no frame from \d+ s (on|to \d+ s); it lasts 6\.800 s"):
        span(probe(gray_film), FilmOptions(start=start, duration=duration))
