"""A film's properties are read exactly, and other files are refused in one line."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from films import RECIPES, picture, run_ffmpeg

from film import FilmError
from film.probe import probe

Make = Callable[[str], Path]


@pytest.mark.parametrize(
    ("name", "depth", "chroma", "has_luma", "full"),
    [
        ("plain.mp4", 8, (2, 2), True, False),
        ("gray.mkv", 8, (0, 0), True, True),
        ("gray10.mkv", 10, (0, 0), True, True),
        ("422.mkv", 8, (2, 1), True, False),
        ("444.mkv", 8, (1, 1), True, False),
        ("422-10.mkv", 10, (2, 1), True, False),
        ("444-12.mkv", 12, (1, 1), True, False),
        ("411.mkv", 8, (4, 1), True, False),
        ("nv12.nut", 8, (2, 2), True, False),
        ("alpha.mkv", 8, (2, 2), True, False),
        ("rgb.mkv", 8, (1, 1), False, False),
        ("full709.mkv", 8, (2, 2), True, True),
    ],
)
def test_pixel_info(
    film: Make, name: str, depth: int, chroma: tuple[int, int], has_luma: bool, full: bool
) -> None:
    video = probe(film(name)).video
    assert (video.depth, video.chroma, video.has_luma) == (depth, chroma, has_luma)
    assert video.full_range == full
    assert video.has_alpha == (name == "alpha.mkv")


def test_color_tags(film: Make) -> None:
    video = probe(film("full709.mkv")).video
    assert (video.matrix, video.primaries, video.transfer) == ("bt709", "bt709", "bt709")
    assert probe(film("plain.mp4")).video.matrix == ""


def test_geometry(film: Make) -> None:
    turned = probe(film("rotated.mp4"))
    assert (turned.video.width, turned.video.height) == (64, 48)
    assert turned.video.rotation == 270  # turned 90 degrees counter-clockwise
    assert turned.display_size == (64, 48)
    assert turned.working_size == (64, 64)
    wide = probe(film("wide.mp4"))
    assert wide.video.sar == Fraction(64, 45)
    assert wide.display_size == (48, 91)
    assert probe(film("mirrored.mp4")).video.orientation == (False, False, True)


def test_field_order(film: Make) -> None:
    woven = probe(film("interlaced.mkv")).video
    assert woven.interlaced
    assert woven.field_order == "tt"
    assert not probe(film("plain.mp4")).video.interlaced


@pytest.mark.parametrize("name", [*RECIPES, "rotated.mp4", "cut.mp4", "rich.mkv"])
def test_times_are_those_of_the_decoder(film: Make, name: str) -> None:
    info = probe(film(name))
    with av.open(str(info.path)) as container:
        shown = [frame.pts for frame in container.decode(video=0)]
    assert len(shown) == info.frames
    if None not in shown:
        assert sorted(shown) == list(info.pts)
    assert list(info.pts) == sorted(set(info.pts))


@pytest.mark.parametrize(
    ("name", "rate", "vfr"),
    [
        ("ntsc.mp4", Fraction(24000, 1001), False),
        ("slow.mov", Fraction(18), False),
        ("plain.mp4", Fraction(25), False),
        ("vfr.mkv", None, True),
        ("gap.mkv", None, True),
    ],
)
def test_rate(film: Make, name: str, rate: Fraction | None, vfr: bool) -> None:
    info = probe(film(name))
    assert info.is_vfr == vfr
    if rate is not None:
        assert info.video.rate == rate
        assert info.duration_s == pytest.approx(float(info.frames / rate), abs=2e-3)


def test_first_frames_hidden_by_an_edit_list_do_not_count(film: Make) -> None:
    info = probe(film("cut.mp4"))
    assert (info.frames, info.pts[0]) == (12, 0)


def test_negative_times_are_kept(film: Make) -> None:
    info = probe(film("negative.mkv"))
    assert info.pts[0] * info.video.time_base == Fraction(-2, 5)


def test_streams(film: Make) -> None:
    info = probe(film("rich.mkv"))
    assert [(s.kind, s.codec, s.language) for s in info.streams] == [
        ("audio", "aac", "eng"),
        ("audio", "aac", "deu"),
        ("subtitle", "srt", "fra"),
        ("attachment", "f.ttf", ""),
        ("picture", "mjpeg", ""),
    ]
    assert info.streams[0].title == "Comments"
    assert info.streams[1].dispositions == ("default",)
    assert info.streams[2].dispositions == ("forced",)
    assert [(c.start_s, c.end_s, c.title) for c in info.chapters] == [
        (0, 0.5, "One"),
        (0.5, 1, "Two"),
    ]
    assert info.metadata["title"] == "A film"
    assert len(probe(film("eight.mkv")).streams) == 8


def test_a_track_that_only_names_chapters_is_not_a_stream(film: Make) -> None:
    info = probe(film("rich.mp4"))
    assert [s.kind for s in info.streams] == ["audio", "audio", "subtitle", "picture"]
    assert [c.title for c in info.chapters] == ["One", "Two"]


def test_truncated_film_says_how_much_is_missing(film: Make) -> None:
    info = probe(film("truncated.mkv"))
    assert 0 < info.frames < 25
    assert info.missing_s == pytest.approx(1 - info.frames / 25, abs=0.05)
    assert probe(film("422.mkv")).missing_s == 0


def test_an_avi_without_its_end_says_how_much_is_missing(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.avi", tmp_path / "part.avi"
    run_ffmpeg(*picture(seconds=2), "-c:v", "mjpeg", whole)
    assert probe(whole).missing_s == 0
    data = whole.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    info = probe(path)
    assert 0 < info.frames < 25
    assert info.missing_s == pytest.approx(2 - info.frames / 25, abs=0.05)


@pytest.mark.parametrize("suffix", ["nut", "mov", "avi", "flv", "ts", "mpg", "ogv", "wmv"])
def test_a_whole_film_is_not_said_to_end_early(film: Make, tmp_path: Path, suffix: str) -> None:
    """Tags of a longer film that it was cut from say nothing of it."""
    path = tmp_path / f"cut.{suffix}"
    codec = ("-c:v", {"ogv": "libtheora", "wmv": "wmv2"}.get(suffix, "mpeg2video"))
    codec = ("-c:v", "flv1") if suffix == "flv" else codec
    tag = ("-metadata:s:v", "DURATION=00:00:09.000000000")
    run_ffmpeg("-i", film("422.mkv"), "-t", "0.4", *codec, "-pix_fmt", "yuv420p", *tag, path)
    assert probe(path).missing_s == 0


@pytest.mark.parametrize(
    ("tag", "missing_s"),
    [("00:00:03.000000000", 2.0), ("90 min", 0), ("00:01:02,003", 0), ("1:2", 0), ("9" * 5 + ":00:01", 0)],
)  # fmt: skip
def test_a_duration_that_is_no_time_promises_nothing(
    film: Make, tmp_path: Path, tag: str, missing_s: float
) -> None:
    source, written = film("422.mkv").read_bytes(), b"00:00:01.000000000"
    assert source.count(written) == 1
    path = tmp_path / "tagged.mkv"
    path.write_bytes(source.replace(written, tag.encode().ljust(len(written), b"\0")))
    assert probe(path).missing_s == pytest.approx(missing_s)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.mp4", "no such film"),
        ("empty.mp4", "empty (0 bytes)"),
        ("noise.mp4", "not a film that FFmpeg can open"),
        ("text.txt", "not a film"),
        ("picture.png", "a picture, not a film: use -img_in"),
        ("picture.jpg", "a picture, not a film: use -img_in"),
        ("sound.wav", "only sound"),
        ("covered.mp3", "only sound"),
        ("strange.avi", "no decoder"),
        ("cutoff.mp4", "not a film that FFmpeg can open"),
    ],
)
def test_no_film_is_refused_in_one_line(film: Make, tmp_path: Path, name: str, words: str) -> None:
    path = tmp_path / name
    _no_film(path, film)
    with pytest.raises(FilmError) as caught:
        probe(path)
    assert words in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def _no_film(path: Path, film: Make) -> None:
    match path.name:
        case "empty.mp4":
            path.touch()
        case "noise.mp4":
            path.write_bytes(bytes(range(256)) * 40)
        case "text.txt":
            path.write_text("It was a dark and stormy night.\n" * 40)
        case "picture.png" | "picture.jpg":
            run_ffmpeg(*picture(seconds=0.04), "-frames:v", "1", path)
        case "sound.wav":
            run_ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", path)
        case "covered.mp3":
            sound = ("-f", "lavfi", "-i", "sine=duration=0.2", "-map", "0", "-map", "1")
            cover = ("-c:v", "mjpeg", "-frames:v", "1", "-disposition:v", "attached_pic")
            run_ffmpeg(*picture(seconds=0.04), *sound, *cover, path)
        case "strange.avi":
            run_ffmpeg("-i", film("asp.avi"), "-an", "-c", "copy", "-vtag", "FMP4", path)
            path.write_bytes(path.read_bytes().replace(b"FMP4", b"QQQQ"))
        case "cutoff.mp4":
            path.write_bytes(film("plain.mp4").read_bytes()[:4000])
