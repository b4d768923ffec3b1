"""The joined film has the source's times and all its other streams, packet by packet."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from encoded import seconds
from films import CHAPTERS, OTHER_PIXELS, RECIPES, run_ffmpeg
from helpers import disk_full_at, with_slow

from film import FilmError
from film.encode import render
from film.ffmpeg import ffmpeg_path
from film.info import Film
from film.job import Rendered, read_rendered
from film.mark import mark_in
from film.mux import Joined, join
from film.options import EncoderOptions
from film.probe import probe

Make = Callable[[str], Path]
Join = Callable[[str, str], tuple[Film, Path, Joined]]
DERIVED = [
    "rotated.mp4",
    "mirrored.mp4",
    "cut.mp4",
    "negative.mkv",
    "midway.ts",
    "rich.mkv",
    "rich.mp4",
]
# Joining concerns times and packets, not pixels: one film with a different pixel format is enough.
TIMED = [name for name in [*RECIPES, *DERIVED] if name not in OTHER_PIXELS[1:]]
MKV_TICK = Fraction(1, 1000)  # Matroska's clock


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize("name", with_slow(TIMED, [*RECIPES, *DERIVED]))
def test_times_are_the_sources(joined: Join, name: str, container: str) -> None:
    source, out, done = joined(name, container)
    result = probe(out)
    assert done.frames == result.frames == source.frames
    moved = max(Fraction(0), -seconds(source)[0])  # no supported container holds negative times
    if (name, container) == (
        "vorbis.mp4",
        "mkv",
    ):  # sound from -3 ms on, which Vorbis cannot store there
        moved = Fraction(3, 1000)
    wanted = [time + moved for time in seconds(source)]
    if container == "mkv":
        assert all(
            abs(got - time) <= MKV_TICK / 2
            for got, time in zip(seconds(result), wanted, strict=True)
        )
    else:
        assert seconds(result) == wanted
        length = result.last_duration * result.video.time_base
        assert length == source.last_duration * source.video.time_base


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("name", ["rotated.mp4", "mirrored.mp4", "wide.mp4", "interlaced.mkv"])
def test_geometry_is_kept(joined: Join, name: str, container: str) -> None:
    source, out, _ = joined(name, container)
    old, new = source.video, probe(out).video
    assert new.orientation == old.orientation
    assert new.sar == old.sar
    assert new.interlaced == old.interlaced
    assert new.field_order == old.field_order


@pytest.mark.parametrize(
    ("codec", "container"),
    [
        *(("h265", "mp4"), ("h265", "mkv"), ("h265", "mov"), ("av1", "mp4"), ("av1", "mkv")),
        *(("ffv1", "mkv"), ("prores", "mov"), ("prores", "mkv")),
    ],
)
@pytest.mark.parametrize("name", ["wide.mp4", "vfr.mkv"])
def test_every_codec_in_its_containers(
    film: Make,
    segments: Callable[..., list[Rendered]],
    tmp_path: Path,
    name: str,
    codec: str,
    container: str,
) -> None:
    source = probe(film(name))
    out = tmp_path / f"out.{container}"
    join(source, segments(name, EncoderOptions(codec=codec, preset="ultrafast")), out)
    result = probe(out)
    # Matroska stores the display size in whole pixels.
    assert result.video.sar == pytest.approx(
        source.video.sar, rel=0.02 if container == "mkv" else 0
    )
    for got, wanted in zip(seconds(result), seconds(source), strict=True):
        assert abs(got - wanted) <= (MKV_TICK / 2 if container == "mkv" else 0)
    if codec == "h265" and container != "mkv":
        with av.open(str(out)) as opened:
            assert opened.streams.video[0].codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize("name", ["plain.mp4", "vfr.mkv", "cut.mp4"])
def test_players_find_nothing_wrong(joined: Join, name: str, container: str) -> None:
    _, out, _ = joined(name, container)
    run_ffmpeg("-xerror", "-i", out, "-map", "0", "-f", "null", "-")
    with av.open(str(out)) as opened:
        packets = [p for p in opened.demux(video=0) if p.size]
    decode_times = [p.dts for p in packets if p.dts is not None]
    assert decode_times == sorted(set(decode_times))
    assert all(p.dts is None or p.pts is None or p.dts <= p.pts for p in packets)


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_joining_twice_gives_the_same_packets(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path, container: str
) -> None:
    source = probe(film("plain.mp4"))
    sums = []
    for name in ("one", "two"):
        out = tmp_path / f"{name}.{container}"
        join(source, segments("plain.mp4"), out)
        sums.append(run_ffmpeg("-i", out, "-map", "0", "-c", "copy", "-f", "streamhash", "-"))
    assert sums[0] == sums[1]


def test_a_try_out_takes_the_sound_of_its_span(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path
) -> None:
    source = probe(film("rich.mkv"))
    out = tmp_path / "out.mkv"
    joined = join(source, segments("rich.mkv")[1:2], out, first=4)  # 0.16 s to 0.52 s
    result = probe(out)
    assert joined.frames == result.frames == 9
    assert result.pts[0] == 0
    with av.open(str(out)) as container:
        sound = [p.pts * p.time_base for p in container.demux(audio=0) if p.pts is not None]
        assert -0.05 < sound[0] < 0.03
        assert 0.30 < sound[-1] < 0.37
    assert [c.title for c in result.chapters] == ["One", "Two"]


def test_a_part_that_begins_with_a_chapter_has_not_the_one_before(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path
) -> None:
    chapters, path, out = (tmp_path / name for name in ("c.txt", "in.mkv", "out.mkv"))
    chapters.write_text(CHAPTERS.replace("500", "160"))
    maps = ("-map", "0", "-map_chapters", "1", "-c", "copy")
    run_ffmpeg("-i", film("rich.mkv"), "-i", chapters, *maps, path)
    join(probe(path), segments("rich.mkv")[1:2], out, first=4)  # 0.16 s to 0.52 s
    assert [c.title for c in probe(out).chapters] == ["Two"]


def test_an_mp4_can_be_played_while_it_comes_down(joined: Join) -> None:
    _, out, _ = joined("plain.mp4", "mp4")
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
def test_the_mark_is_seen_by_nobody_else(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path, container: str
) -> None:
    source, shots = probe(film("plain.mp4")), segments("plain.mp4")
    plain, marked = (tmp_path / f"{name}.{container}" for name in ("plain", "marked"))
    join(source, shots, plain)
    join(source, shots, marked, mark="colorizer: of 0123456789abcdef")
    assert (mark_in(plain), mark_in(marked)) == ("", "colorizer: of 0123456789abcdef")
    assert run_ffmpeg("-i", marked, "-map", "0", "-c", "copy", "-f", "md5", "-") == run_ffmpeg(
        "-i", plain, "-map", "0", "-c", "copy", "-f", "md5", "-"
    )
    assert said_by_ffmpeg(marked) == said_by_ffmpeg(plain)


def said_by_ffmpeg(path: Path) -> str:
    """Return ffmpeg's error messages about a film."""
    command = [ffmpeg_path(), "-v", "warning", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stderr


def test_progress_counts_every_frame(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path
) -> None:
    counts: list[int] = []
    join(probe(film("plain.mp4")), segments("plain.mp4"), tmp_path / "o.mkv", advance=counts.append)
    assert sum(counts) == 25


def test_shots_of_different_encoders_are_not_joined(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path
) -> None:
    """Their headers differ, so a player would show the other shots corrupted."""
    source, (first, *rest) = probe(film("plain.mp4")), segments("plain.mp4")
    other = EncoderOptions(preset="ultrafast")
    odd = tmp_path / "odd.mkv"
    render(source, None, odd, numbers=range(4), options=other)
    os.utime(odd, (0, 0))
    with pytest.raises(FilmError, match=r"1 of 3 shots were encoded by another ffmpeg.*odd\.mkv"):
        join(source, [read_rendered(odd), *rest], tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["odd.mkv"]
    assert join(source, [first, *rest], tmp_path / "out.mp4").frames == source.frames


def test_failures_leave_nothing_behind(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path
) -> None:
    source = probe(film("plain.mp4"))
    with pytest.raises(FilmError, match=r"\.mp4, \.mkv or \.mov"):
        join(source, segments("plain.mp4"), tmp_path / "out.avi")
    with pytest.raises(FilmError, match="for a film of 25"):
        join(source, segments("plain.mp4") * 2, tmp_path / "out.mp4")
    gone = replace(segments("plain.mp4")[0], path=tmp_path / "gone.mkv")
    with pytest.raises(FilmError, match="no such film"):
        join(source, [gone, *segments("plain.mp4")[1:]], tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(OSError, match=r"out\.mp4"):
        join(source, segments("plain.mp4"), tmp_path / "out.mp4")
    assert list(tmp_path.rglob("*")) == [tmp_path / "out.mp4"]


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_full_disk_is_said_and_costs_nothing(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path, container: str
) -> None:
    source, parts = probe(film("eight.mkv")), segments("eight.mkv")
    out = tmp_path / f"out.{container}"
    out.write_bytes(b"an older film")
    with disk_full_at(20_000), pytest.raises(FilmError, match="cannot be written"):
        join(source, parts, out)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_bytes() == b"an older film"
