"""Reports for the user: times, contact sheets, film info."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from films import colorization

from color.segment import NetworkTime
from film.guidance import ShotGuidance
from film.job import SegmentRecord
from film.mux import Joined
from film.options import EncoderOptions, FilmOptions
from film.probe import probe
from film.report import Summary, describe, encoder_notes, film_info, left_in_color, timecode
from film.work import Work


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


def test_a_description_reads_as_written_by_a_person(film: Make) -> None:
    one = probe(film("one.mp4"))
    _, video, picture, *streams = describe(one).splitlines()
    assert "1 frame, 0.040 s" in video
    assert picture.endswith("pixel aspect ratio 1, limited range, no color tags")
    turned = replace(one, video=replace(one.video, matrix="bt709", orientation=(True, True, False)))
    said = describe(turned).splitlines()[2]
    assert "rotated by 90 degrees, limited range" in said
    assert said.endswith("matrix bt709, primaries untagged, transfer untagged")
    assert streams == []
    sound = describe(probe(film("plain.mp4"))).splitlines()[3]
    assert sound.split() == ["audio", "1", "aac", "eng", "44100", "Hz", "mono"]


def test_a_summary_counts_in_words(film: Make, tmp_path: Path) -> None:
    summary = Summary(film("rich.mkv"), tmp_path / "out.mkv", probe(film("rich.mkv")), "", {})
    summary.joined = Joined(1, {"audio": 2, "subtitle": 1, "video": 1}, 2_500_000)
    summary.seconds = 2.0
    assert summary.line() == (
        f"{tmp_path / 'out.mkv'}: 1 frame in 2.0 s (0.5 fps), 2.5 MB, "
        "kept: video, 2 sound tracks, 1 subtitle, 1 further video track"
    )


def test_a_plan_estimates_time_and_disk(film: Make, tmp_path: Path) -> None:
    options = FilmOptions(workers=2)
    text, values = film_info(film("plain.mp4"), tmp_path / "out.mp4", options=options)
    assert "\n  to do      25 frames -> " in text
    assert "\n  estimate   about 1 s; result 0.0 to 0.0 MB, " in text
    assert text.endswith("(2 cores)")
    names = {"seconds", "smallest", "largest", "colors", "network"}
    assert values["plan"]["estimate"].keys() == names
    slow = NetworkTime(frame_s=40.0, every=8)
    text, values = film_info(film("plain.mp4"), tmp_path / "out.mp4", options=options, network=slow)
    assert values["plan"]["estimate"]["network"] == {"frame_s": 40.0, "every": 8}
    assert " (40 s of one core for each frame that the network colorizes, one frame of 8)" in text
    interlaced = replace(options, encoder=EncoderOptions(codec="av1"))
    text, values = film_info(film("interlaced.mkv"), tmp_path / "out.mp4", options=interlaced)
    assert values["plan"]["estimate"] is None
    assert "  estimate  " not in text


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


@pytest.mark.parametrize(
    ("colored", "options", "said"),
    [
        ({1, 3}, FilmOptions(), "2 of 4 shots have color and were left unchanged: -recolor colorizes them"),
        ({2}, FilmOptions(), "1 of 4 shots has color and was left unchanged: -recolor colorizes it"),
        (set(), FilmOptions(), None),
        ({1, 2}, FilmOptions(recolor=True), None),
    ],
)  # fmt: skip
def test_shots_left_in_color_are_counted(
    tmp_path: Path, colored: set[int], options: FilmOptions, said: str | None
) -> None:
    """Shot 1 has two segments, and shot 0 is left because it was asked for."""
    records = [
        SegmentRecord(i, shot, 0, 10 * i, 10, color=shot in {0, *colored})
        for i, shot in enumerate((0, 1, 1, 2, 3))
    ]
    asked = {0: ShotGuidance(0, 10, colorize=False)}
    work = Work(None, 0, 50, tmp_path, "", colorization(), options, asked)  # type: ignore[arg-type]
    assert left_in_color(work, records) == ([said] if said else [])
    if said:
        (one,) = left_in_color(work, [record for record in records if record.shot == max(colored)])
        assert one == "its only shot has color and was left unchanged: -recolor colorizes it"
