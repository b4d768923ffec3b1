"""Segments written to a pipe, seen by an independent reader: order, times, sound, raw frames."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from encoded import packets_md5
from films import run_ffmpeg

from film import FilmError
from film.chroma import Encoding
from film.decode import decode
from film.encode import encoding_of
from film.job import Rendered
from film.options import EncoderOptions
from film.pipe_input import PipeInput
from film.pipe_output import MatroskaOutput, Y4mOutput, y4m_header
from film.probe import probe
from film.spool import Spool

Make = Callable[[str], Path]
FFV1 = EncoderOptions(codec="ffv1")


@pytest.fixture
def pipe(film: Make, tmp_path: Path) -> Callable[[str], PipeInput]:
    """Return a function that reads a film to its end."""

    def read(name: str) -> PipeInput:
        (tmp_path / "spool").mkdir()
        source = PipeInput(film(name), Spool(tmp_path / "spool"))
        source.start()
        source._thread.join(60)
        return source

    return read


@pytest.mark.parametrize("name", ["rich.mkv", "vfr.mkv", "ntsc.mp4", "late.ts"])
def test_matroska_has_the_times_and_the_sound(
    film: Make, segments: Callable[..., list[Rendered]], pipe: Any, tmp_path: Path, name: str
) -> None:
    sink, source = io.BytesIO(), pipe(name)
    output = MatroskaOutput(sink, source)
    for segment in segments(name):  # with frames that are not in the order of display
        output.write(segment)
    output.close()
    path = tmp_path / "out.mkv"
    path.write_bytes(sink.getvalue())
    before, after = probe(film(name)), probe(path)
    times = [(time - before.pts[0]) * before.video.time_base for time in before.pts]
    assert after.shown_s == pytest.approx([float(time) for time in times], abs=1e-3)
    assert [one.kind for one in after.streams] == [
        one.kind for one in before.streams if one.kind in {"audio", "subtitle"}
    ]
    kept = list(packets_md5(path).values())
    assert kept == list(packets_md5(film(name)).values())[: len(kept)]


def test_aac_from_a_transport_stream_is_unwrapped(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path
) -> None:
    path, sink = tmp_path / "adts.ts", io.BytesIO()
    run_ffmpeg("-i", film("plain.mp4"), "-map", "0", "-c", "copy", path)
    (tmp_path / "spool").mkdir()
    source = PipeInput(path, Spool(tmp_path / "spool"))
    source.start()
    source._thread.join(60)
    output = MatroskaOutput(sink, source)
    for segment in segments("plain.mp4"):
        output.write(segment)
    output.close()
    out = tmp_path / "out.mkv"
    out.write_bytes(sink.getvalue())
    assert packets_md5(out)[1] == packets_md5(film("plain.mp4"))[1]
    with av.open(str(out)) as after, av.open(str(film("plain.mp4"))) as before:
        described = [one.streams.audio[0].codec_context.extradata or b"" for one in (after, before)]
    assert described[0][:2] == described[1][:2]


@pytest.mark.parametrize("name", ["plain.mp4", "420-10.mkv", "444.mkv", "gray.mkv", "odd.mkv"])
def test_yuv4mpeg_has_the_frames(
    film: Make, segments: Callable[..., list[Rendered]], pipe: Any, tmp_path: Path, name: str
) -> None:
    sink, source = io.BytesIO(), pipe(name)
    output = Y4mOutput(sink, source, encoding_of(source.film, FFV1))
    for segment in segments(name, FFV1):
        output.write(segment)
    output.close()
    path = tmp_path / "out.y4m"
    path.write_bytes(sink.getvalue())
    before, after = probe(film(name)), probe(path)
    assert (after.frames, after.video.rate) == (25, before.video.rate)
    assert (after.video.depth, after.video.full_range) == (
        before.video.depth,
        before.video.full_range,
    )
    for one, other in zip(decode(before), decode(after), strict=True):
        np.testing.assert_array_equal(one.luma, other.luma)


def encoding(**changes: Any) -> Encoding:
    settings = {"width": 64, "height": 48, "depth": 8, "chroma": (2, 2), "full_range": False}
    settings |= {"matrix": "bt709", "rate": Fraction(25), "first_field": ""}
    return Encoding(**(settings | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, b"F25:1 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED"),
        ({"first_field": "tff", "full_range": True}, b"F25:1 It A1:1 C420jpeg XCOLORRANGE=FULL"),
        ({"depth": 10, "chroma": (2, 1)}, b"F25:1 Ip A1:1 C422p10 XCOLORRANGE=LIMITED"),
        ({"depth": 16, "chroma": (0, 0)}, b"F25:1 Ip A1:1 Cmono16 XCOLORRANGE=LIMITED"),
        ({"rate": Fraction(24000, 1001)}, b"F24000:1001 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED"),
    ],
)
def test_headers(changes: dict[str, Any], words: bytes) -> None:
    assert y4m_header(encoding(**changes), Fraction(1)) == b"YUV4MPEG2 W64 H48 " + words + b"\n"


def test_a_format_that_yuv4mpeg_cannot_hold_is_refused() -> None:
    with pytest.raises(FilmError, match=r"cannot hold yuv440p: use -pipe mkv"):
        y4m_header(encoding(chroma=(1, 2)), Fraction(1))
