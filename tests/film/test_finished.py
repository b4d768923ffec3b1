"""A finished film is changed where its guidance changes: all other shots are taken from its result."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest
from films import SHOTS, colorization
from guided import chroma_of, guidance_of, guided

from color.guidance import UNGUIDED
from color.segment import Colorization
from conversion import color_film
from film import finished
from film.finished import left_in, needed_shots
from film.job import NONE, SegmentRecord
from film.options import FilmOptions
from film.work import Work

ONE = guidance_of("2f,64,48,#d02010")
BOTH = guidance_of("2f,64,48,#d02010", "165f,9,9,#1020d0")
LAST = 4  # the only segment of the last shot


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """List the first frames of the segments that are encoded."""
    import film.steps

    own, numbers = film.steps.render, []

    def render(*arguments: Any, numbers: range, **others: Any) -> None:
        encoded.append(numbers.start)
        own(*arguments, numbers=numbers, **others)

    encoded: list[int] = numbers
    monkeypatch.setattr("film.steps.render", render)
    return encoded


def stream_of(path: Path) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    """Return the packets of a film's picture, and what its header says of it."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        context = stream.codec_context
        header = {
            "setup": context.extradata, "size": (context.width, context.height),
            "sar": stream.sample_aspect_ratio, "base": stream.time_base, "start": stream.start_time,
        }  # fmt: skip
        packets = [(p.pts, p.dts, p.is_keyframe, bytes(p)) for p in film.demux(stream) if p.size]
    return packets, header


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mkv", "h264"), (".mp4", "h264"), (".mkv", "ffv1"), (".mp4", "h265")]
)
def test_only_the_shot_of_another_hint_is_made_again(
    gray_film: Path, options: FilmOptions, tmp_path: Path, made: list[int], suffix: str, codec: str
) -> None:
    options = replace(options, encoder=replace(options.encoder, codec=codec))
    out, alone = tmp_path / f"out{suffix}", tmp_path / f"alone{suffix}"
    color_film(gray_film, out, colorization=guided(ONE), options=options)
    assert [path.is_dir() for path in options.cache.iterdir()] == [False]
    made.clear()
    color_film(gray_film, out, colorization=guided(BOTH), options=options)
    assert made == [sum(SHOTS[:-1])]
    elsewhere = replace(options, cache=tmp_path / "elsewhere")
    color_film(gray_film, alone, colorization=guided(BOTH), options=elsewhere)
    assert stream_of(out) == stream_of(alone)
    made.clear()
    color_film(gray_film, out, colorization=guided(UNGUIDED), options=options)
    assert made == [0, sum(SHOTS[:-1])]
    assert not any(np.ptp(chroma) for chroma in chroma_of(out))


def test_linked_shots_are_not_predicted_again(
    gray_film: Path, options: FilmOptions, tmp_path: Path, made: list[int]
) -> None:
    """With the temporal colorizer, whose shots are linked."""
    from films import shot_colorization

    wanted = shot_colorization()
    color_film(gray_film, tmp_path / "out.mkv", colorization=wanted, options=options)
    first = stream_of(tmp_path / "out.mkv")
    made.clear()
    summary = color_film(gray_film, tmp_path / "out.mkv", colorization=wanted, options=options)
    assert made == []
    assert not summary.worker_seconds
    assert stream_of(tmp_path / "out.mkv") == first


def changed_byte(out: Path) -> None:
    content = bytearray(out.read_bytes())
    content[len(content) // 2] ^= 255
    out.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        changed_byte,
        lambda out: out.unlink(),
        lambda out: out.write_bytes(b"another file"),
        lambda out: left_in(out.with_name("cache"))[0].write_bytes(b"{"),
        lambda out: left_in(out.with_name("cache"))[0].unlink(),
    ],
)
def test_a_result_that_is_not_as_it_was_is_made_again(
    gray_film: Path, options: FilmOptions, tmp_path: Path, made: list[int],
    spoil: Callable[[Path], None],
) -> None:  # fmt: skip
    options = replace(options, cache=tmp_path / "cache", overwrite=True)
    out = tmp_path / "out.mkv"
    color_film(gray_film, out, colorization=guided(ONE), options=options)
    whole = stream_of(out)
    made.clear()
    spoil(out)
    color_film(gray_film, out, colorization=guided(ONE), options=options)
    assert len(made) == LAST + 1
    assert stream_of(out) == whole


def test_restart_and_other_settings_take_nothing(
    gray_film: Path, options: FilmOptions, tmp_path: Path, made: list[int]
) -> None:
    out, wanted = tmp_path / "out.mkv", colorization()
    color_film(gray_film, out, colorization=wanted, options=options)
    for others in (
        replace(options, restart=True),
        replace(options, encoder=replace(options.encoder, crf=30)),
        replace(options, duration=1.0),
    ):
        made.clear()
        color_film(gray_film, out, colorization=wanted, options=others)
        assert made


def test_only_the_newest_files_are_kept(
    gray_film: Path, options: FilmOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finished, "MOST", 2)
    for number in range(3):
        settings: Colorization = replace(colorization(), settings={"number": number})
        part = replace(options, duration=0.4)
        color_film(gray_film, tmp_path / f"{number}.mkv", colorization=settings, options=part)
    assert len(left_in(options.cache)) == 2


def test_shots_that_are_continued_are_needed(tmp_path: Path) -> None:
    returns = [NONE, 0, NONE, 1, NONE]
    records = [
        SegmentRecord(index, index, 0, index * 5, 5, returns_to=to)
        for index, to in enumerate(returns)
    ]
    work = cast(Work, SimpleNamespace(shot=lambda record: tmp_path / record.name))
    for record in records:
        (tmp_path / record.name).touch()
    assert needed_shots(work, records) == set()
    (tmp_path / records[3].name).unlink()
    assert needed_shots(work, records) == {3, 1, 0}
