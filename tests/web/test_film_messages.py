"""What the page tells of films that lose something: in both languages."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from page_messages import told

from film.options import EncoderOptions, FilmOptions
from film.probe import probe
from film.report import warnings_of

Make = Callable[[str], Path]
ENGLISH, CHINESE = "en", "zh"


@pytest.mark.parametrize(
    ("name", "codec", "suffix", "wanted"),
    [
        ("444-12.mkv", "h264", "mkv", "h264 keeps 10 of the film's 12 bits; FFV1 would keep all"),
        ("422.mkv", "av1", "mkv", "av1 keeps less chroma than the film has (yuv420p instead of yuv422p); FFV1 would keep all"),
        ("odd.mkv", "h264", "mkv", "h264 needs even sizes: 63x47 becomes 64x48, with its edge repeated; FFV1 would keep the size"),
        ("alpha.mkv", "h264", "mkv", "Transparency is left out; FFV1 and ProRes would keep it"),
        ("rgb.mkv", "ffv1", "mkv", "The film has no luma of its own (bgr0): it is computed by BT.709"),
        ("full709.mkv", "prores", "mov", "ProRes has limited range only: the film's full range is scaled; FFV1 would keep it"),
        ("interlaced.mkv", "h264", "mkv", "The film stays interlaced"),
        ("wma.avi", "h264", "mp4", "mp4 cannot hold: "),
    ],
)  # fmt: skip
def test_what_is_lost_is_told(film: Make, name: str, codec: str, suffix: str, wanted: str) -> None:
    options = FilmOptions(encoder=EncoderOptions(codec=codec))
    found = warnings_of(probe(film(name)), Path(f"out.{suffix}"), options)
    assert any(told(text, ENGLISH).startswith(wanted) for text in found), found
    for text in found:
        assert told(text, CHINESE) != text


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"transfer": "smpte2084"}, "The film is HDR (smpte2084), "),
        ({"matrix": "ycgco"}, "No colors can be made for the matrix ycgco: "),
    ],
)
def test_rare_colors_are_told(film: Make, changes: dict[str, str], wanted: str) -> None:
    plain = probe(film("plain.mp4"))
    changed = replace(plain, video=replace(plain.video, **changes))  # type: ignore[arg-type]
    found = warnings_of(changed, Path("out.mp4"), FilmOptions())
    assert any(told(text, ENGLISH).startswith(wanted) for text in found), found
    assert all(told(text, CHINESE) for text in found)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("styles of subtitles are not kept in mp4: subtitle 1 ssa fra; mkv can hold them",
         "Subtitles lose their styles in mp4: subtitle 1 ssa fra; mkv keeps them"),
        ("a part of a film has only one video, without: video 1 mjpeg",
         "A part of a film has one video only, without: video 1 mjpeg"),
        ("prores cannot store the color tag smpte428: left out",
         "prores cannot store the color tag smpte428: it is left out"),
    ],
)  # fmt: skip
def test_rare_losses_are_told(text: str, wanted: str) -> None:
    assert told(text, ENGLISH) == wanted
    assert told(text, CHINESE) != text


def test_a_missing_end_is_told(film: Make) -> None:
    found = warnings_of(probe(film("truncated.mkv")), Path("out.mkv"), FilmOptions())
    (text,) = [text for text in found if "truncated" in text]
    assert told(text, ENGLISH).startswith("The film is truncated: its last ")
    assert "/" not in told(text, ENGLISH)  # no path
    assert told(text, CHINESE).startswith("影片不完整")
