"""Sound, subtitles, pictures and tags cross into another container untouched and in step."""

import hashlib
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from encoded import packets_md5, seconds
from films import run_ffmpeg

from film.info import TEXT_CODECS, Film, unsupported_by
from film.job import Rendered
from film.mux import Joined, join
from film.options import FilmOptions
from film.probe import probe
from film.report import warnings_of

Make = Callable[[str], Path]
Join = Callable[[str, str], tuple[Film, Path, Joined]]
WITH_SOUND = ["plain.mp4", "ntsc.mp4", "cut.mp4", "vfr.mkv", "eight.mkv", "rich.mkv", "rich.mp4"]
WITH_SOUND += ["vorbis.mp4", "wma.avi", "late.ts"]
MKV_TICK = Fraction(1, 1000)  # Matroska's clock


def first_sound(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        packet = next(p for p in container.demux(audio=0) if p.pts is not None)
        return packet.pts * packet.time_base


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("name", WITH_SOUND)
def test_other_packets_are_untouched_and_in_step(joined: Join, name: str, container: str) -> None:
    source, out, done = joined(name, container)
    lost = {refused.stream.index for refused in unsupported_by(source, container)}
    kept = [md5 for index, md5 in packets_md5(source.path).items() if index not in lost]
    titles = [stream.kind for stream in source.streams].count("subtitle")
    if titles and name.endswith("mkv") != (container == "mkv"):  # the last stream, converted
        assert len(packets_md5(out)) == len(kept)
        kept = kept[:-titles]
    assert list(packets_md5(out).values())[: len(kept)] == kept
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
        if old.kind == "subtitle" and name == "rich.mkv" and container == "mkv":
            assert new.dispositions == old.dispositions
        if container == "mkv":
            assert new.title in {old.title, "cover.jpg"}
    assert [(c.start_s, c.end_s, c.title) for c in result.chapters] == [
        (c.start_s, c.end_s, c.title) for c in source.chapters
    ]
    assert result.metadata["title"] == "A film"
    assert {k.lower(): v for k, v in result.metadata.items()}["comment"] == "about nothing"
    assert pictures(out) == pictures(source.path)


@pytest.fixture
def two_views(film: Make, tmp_path: Path) -> Path:
    path = tmp_path / "two.mkv"
    maps = ("-map", "0", "-map", "1:v", "-c", "copy", "-metadata:s:v:1", "title=From above")
    run_ffmpeg("-i", film("plain.mp4"), "-i", film("silent.mp4"), *maps, path)
    return path


def shown(path: Path, *, track: int) -> list[tuple[int, str]]:
    """Return the time in ms and the hash of each frame of a video track."""
    with av.open(str(path)) as container:
        return [
            (round(frame.time * 1000), hashlib.md5(frame.to_ndarray().tobytes()).hexdigest())
            for frame in container.decode(video=track)
        ]


@pytest.mark.parametrize("container", ["mp4", "mkv", "mov"])
def test_a_second_video_track_is_copied_whole(
    two_views: Path, segments: Callable[..., list[Rendered]], tmp_path: Path, container: str
) -> None:
    source, out = probe(two_views), tmp_path / f"out.{container}"
    assert [stream.kind for stream in source.streams] == ["audio", "video"]
    assert unsupported_by(source, container) == []
    done = join(source, segments("plain.mp4"), out)
    assert done.streams == {"audio": 1, "video": 1}
    assert [stream.kind for stream in probe(out).streams] == ["audio", "video"]
    assert shown(out, track=1) == shown(two_views, track=1)
    run_ffmpeg("-xerror", "-i", out, "-map", "0", "-f", "null", "-")


def test_a_second_video_track_of_a_part_is_named_and_left_out(
    two_views: Path, segments: Callable[..., list[Rendered]], tmp_path: Path
) -> None:
    source, out = probe(two_views), tmp_path / "out.mkv"
    (note,) = warnings_of(source, out, FilmOptions(duration=0.16))
    assert note == "a part of a film has only one video, without: video 2 h264 64x48 From above"
    join(source, segments("plain.mp4")[:1], out)
    assert [stream.kind for stream in probe(out).streams] == ["audio"]
    assert warnings_of(source, out, FilmOptions()) == []


def test_a_second_video_track_without_times_is_named(film: Make, tmp_path: Path) -> None:
    path = tmp_path / "two.avi"
    run_ffmpeg(
        "-i",
        film("h264.avi"),
        "-i",
        film("h264.avi"),
        "-map",
        "0:v",
        "-map",
        "1:v",
        "-c",
        "copy",
        path,
    )
    (refused,) = unsupported_by(probe(path), "mkv")
    assert refused.stream.kind == "video"


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


def words(path: Path) -> list[tuple[float, float, str]]:
    """Return start, end and text of each subtitle, as a player shows it."""
    text = run_ffmpeg("-i", path, "-map", "0:s:0", "-f", "srt", "-").decode().replace(",", ".")
    found = []
    for block in text.strip().split("\n\n"):
        _, times, *lines = block.splitlines()
        start, end = (float(time.split(":")[-1]) for time in times.split(" --> "))
        found.append((start, end, re.sub("<[^>]*>", "", " ".join(lines))))
    return found


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("name", ["rich.mkv", "rich.mp4"])
def test_text_subtitles_are_kept_with_their_times(joined: Join, name: str, container: str) -> None:
    source, out, done = joined(name, container)
    assert done.streams["subtitle"] == 1
    assert words(out) == [(0.1, 0.4, "Hello"), (0.5, 0.9, "Bye")] == words(source.path)
    codec = {"mkv": "srt"}.get(container, "mov_text")
    (titles,) = [stream for stream in probe(out).streams if stream.kind == "subtitle"]
    assert titles.codec == codec


def test_styled_subtitles_lose_their_styles_with_a_note(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path
) -> None:
    path, out = tmp_path / "styled.mkv", tmp_path / "out.mp4"
    run_ffmpeg(
        "-i", film("rich.mkv"), "-map", "0:v:0", "-map", "0:s", "-c:v", "copy", "-c:s", "ass", path
    )
    source = probe(path)
    (note,) = warnings_of(source, out, FilmOptions())
    assert note == "styles of subtitles are not kept in mp4: subtitle 1 ssa fra; mkv can hold them"
    join(source, segments("plain.mp4"), out)
    assert words(out) == [(0.1, 0.4, "Hello"), (0.5, 0.9, "Bye")]


def test_subtitles_that_cannot_be_converted_are_left_out_with_a_warning(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setitem(TEXT_CODECS, "mp4", "no_such_encoder")
    done = join(probe(film("rich.mkv")), segments("plain.mp4"), tmp_path / "out.mp4")
    assert "subtitle" not in done.streams
    assert "subtitles cannot be converted" in caplog.text
