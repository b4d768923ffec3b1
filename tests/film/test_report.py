"""Reports for the user: times, contact sheets, film info."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from film.options import EncoderOptions
from film.probe import probe
from film.report import describe, encoder_notes, timecode


def test_times_are_the_film_s(film: Callable[[str], Path]) -> None:
    gap = probe(film("gap.mkv"))
    assert timecode(gap, 0) == "0:00:00"
    assert timecode(gap, gap.frames - 1) == "1:00:00"


def test_a_description_names_every_stream(film: Callable[[str], Path]) -> None:
    rich = probe(film("rich.mkv"))
    lines = describe(rich).splitlines()
    assert len(lines) == 3 + len(rich.streams) + len(rich.chapters)
    assert "25 frames" in lines[1]


Make = Callable[[str], Path]


def test_what_an_encoder_cannot_keep_is_said(film: Make) -> None:
    def notes(name: str, codec: str) -> str:
        return " ".join(encoder_notes(probe(film(name)), EncoderOptions(codec=codec)))

    assert "10 of 12 bits" in notes("444-12.mkv", "h264")
    assert "transparency" in notes("alpha.mkv", "h264")
    assert "no luma plane" in notes("rgb.mkv", "h264")
    assert "only limited range" in notes("full709.mkv", "prores")
    assert "10 of 12 bits" in notes("444-12.mkv", "av1")
    assert "av1 stores yuv420p, with less chroma than the film's yuv422p" in notes("422.mkv", "av1")
    assert notes("gray10.mkv", "av1") == notes("420-10.mkv", "av1") == ""
    assert "h264_vaapi keeps 8 of 10 bits" in notes("420-10.mkv", "h264_vaapi")
    assert notes("420-10.mkv", "hevc_nvenc") == ""
    assert notes("422-10.mkv", "h264") == notes("plain.mp4", "prores") == ""
    plain = probe(film("plain.mp4"))
    bright = replace(plain, video=replace(plain.video, transfer="smpte2084"))
    assert "the film is HDR" in " ".join(encoder_notes(bright, EncoderOptions()))
