"""The joined film has the source's times and all its other streams, packet by packet."""

import functools
import hashlib
import os
import resource
import subprocess
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from films import OTHER_PIXELS, RECIPES, run_ffmpeg
from helpers import with_slow

from film import FilmError
from film.encode import Rendered, read_rendered, render
from film.ffmpeg import ffmpeg_path
from film.info import Film, unsupported_by
from film.mux import Joined, join, mark_in
from film.options import EncoderOptions
from film.probe import probe
from film.stream_copy import extract_audio

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
WITH_SOUND = ["plain.mp4", "ntsc.mp4", "cut.mp4", "vfr.mkv", "eight.mkv", "rich.mkv", "rich.mp4"]
WITH_SOUND += ["vorbis.mp4", "wma.avi", "late.ts"]
SLOW = EncoderOptions()  # with B-frames
MKV_TICK = Fraction(1, 1000)  # Matroska's clock


@pytest.fixture(scope="session")
def segments(film: Make, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Rendered]]:
    """Return a function that renders a film in three segments, once per session."""
    folder = tmp_path_factory.mktemp("segments")

    def make(name: str, options: EncoderOptions = SLOW) -> list[Rendered]:
        info = probe(film(name))
        cuts = sorted({0, min(4, info.frames), min(13, info.frames), info.frames})
        found = []
        for begin, end in pairwise(cuts):
            path = folder / f"{name}-{options.codec}-{begin}.mkv"
            if not path.exists():
                render(info, None, path, numbers=range(begin, end), options=options)
            found.append(read_rendered(path))
        return found

    return make


@pytest.fixture(scope="session")
def joined(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path_factory: pytest.TempPathFactory
) -> Join:
    """Return a function that joins a film's segments in a container, once per session, for reading only."""
    folder = tmp_path_factory.mktemp("joined")

    @functools.cache
    def make(name: str, container: str) -> tuple[Film, Path, Joined]:
        source, out = probe(film(name)), folder / f"{name}.{container}"
        return source, out, join(source, segments(name), out)

    return make


def packets_md5(path: Path) -> dict[int, str]:
    """Return the MD5 of each sound and subtitle stream's packets."""
    sums: dict[int, hashlib._Hash] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size and packet.stream.type in {"audio", "subtitle"}:
                sums.setdefault(packet.stream_index, hashlib.md5()).update(bytes(packet))
    return {index: md5.hexdigest() for index, md5 in sums.items()}


def seconds(film: Film) -> list[Fraction]:
    return [time * film.video.time_base for time in film.pts]


def first_sound(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        packet = next(p for p in container.demux(audio=0) if p.pts is not None)
        return packet.pts * packet.time_base


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
@pytest.mark.parametrize("name", WITH_SOUND)
def test_other_packets_are_untouched_and_in_step(joined: Join, name: str, container: str) -> None:
    source, out, done = joined(name, container)
    lost = {refused.stream.index for refused in unsupported_by(source, container)}
    kept = [md5 for index, md5 in packets_md5(source.path).items() if index not in lost]
    assert list(packets_md5(out).values()) == kept
    assert sum(done.streams.values()) == len(source.streams) - len(lost)
    if any(stream.kind == "audio" for stream in probe(out).streams):
        step = Fraction(1, 44100) if container != "mkv" else MKV_TICK
        source_lead = first_sound(source.path) - seconds(source)[0]
        assert abs(first_sound(out) - seconds(probe(out))[0] - source_lead) <= step


def test_raw_aac_is_unwrapped_not_encoded_again(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path
) -> None:
    source = tmp_path / "adts.ts"
    run_ffmpeg("-i", film("plain.mp4"), "-map", "0", "-c", "copy", source)
    out = tmp_path / "out.mp4"
    join(probe(source), segments("plain.mp4"), out)
    assert packets_md5(out)[1] == packets_md5(film("plain.mp4"))[1]
    assert seconds(probe(out)) == seconds(probe(source))


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize("name", ["rich.mkv", "rich.mp4"])
def test_tags_chapters_and_attachments_are_kept(joined: Join, name: str, container: str) -> None:
    source, out, _ = joined(name, container)
    result = probe(out)
    lost = {refused.stream.index for refused in unsupported_by(source, container)}
    kept = [stream for stream in source.streams if stream.index not in lost]
    assert [s.kind for s in result.streams] == [s.kind for s in kept]
    for old, new in zip(kept, result.streams, strict=True):
        assert new.language in {old.language, old.language or "und"}
        if old.kind in {"audio", "picture"}:
            assert "default" in new.dispositions or "default" not in old.dispositions
        if old.kind == "subtitle" and container == "mkv":
            assert new.dispositions == old.dispositions
        if container == "mkv":
            assert new.title in {old.title, "cover.jpg"}
    assert [(c.start_s, c.end_s, c.title) for c in result.chapters] == [
        (c.start_s, c.end_s, c.title) for c in source.chapters
    ]
    assert result.metadata["title"] == "A film"
    assert {k.lower(): v for k, v in result.metadata.items()}["comment"] == "about nothing"
    assert pictures(out) == pictures(source.path)


def pictures(path: Path) -> list[bytes]:
    """Return the bytes of cover art and attachments."""
    found = []
    with av.open(str(path)) as container:
        for stream in container.streams.attachments:
            found.append(stream.data)
        for stream in container.streams.video[1:]:
            found.extend(bytes(p) for p in container.demux(stream) if p.size)
    return [data for data in found if data[:2] == b"\xff\xd8"] or found


def test_the_attached_font_is_kept(joined: Join) -> None:
    _, out, _ = joined("rich.mkv", "mkv")
    with av.open(str(out)) as container:
        (font,) = container.streams.attachments
        assert (font.name, font.mimetype, font.data) == ("f.ttf", "font/ttf", bytes(range(256)))


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


def test_sound_is_copied_out_unchanged_and_once(film: Make, tmp_path: Path) -> None:
    source = probe(film("rich.mkv"))
    paths = extract_audio(source, tmp_path)
    assert [path.name for path in paths] == ["track-1-eng.mka", "track-2-deu.mka"]
    sums = packets_md5(source.path)
    assert [packets_md5(path)[0] for path in paths] == [sums[1], sums[2]]
    before = [path.stat().st_mtime_ns for path in paths]
    assert extract_audio(source, tmp_path) == paths
    assert [path.stat().st_mtime_ns for path in paths] == before
    assert extract_audio(probe(film("silent.mp4")), tmp_path) == []


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_full_disk_is_said_and_costs_nothing(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path, container: str
) -> None:
    source, parts = probe(film("eight.mkv")), segments("eight.mkv")
    out = tmp_path / f"out.{container}"
    out.write_bytes(b"an older film")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(FilmError, match="cannot be written"):
            join(source, parts, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_bytes() == b"an older film"
