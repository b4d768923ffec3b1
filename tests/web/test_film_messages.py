"""What the page tells of films that lose something: in both languages."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import landscape
from page_messages import told
from PIL import Image

from film import FilmError
from film.options import EncoderOptions, FilmOptions
from film.probe import probe
from film.report import warnings_of
from photo.suffixes import not_a_film
from web.film_plan import changed_plan, first_plan

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


def test_what_is_no_film_is_told(tmp_path: Path) -> None:
    picture = tmp_path / "a holiday.jpg"
    Image.fromarray(landscape(60, 80)).save(picture)
    missing = tmp_path / "none.mp4"
    for path, english, chinese in (
        (picture, "is a picture: open it under Photos", "是图片：请在“照片”中打开"),
        (missing, "there is no such film", "没有这部影片"),
    ):
        with pytest.raises(FilmError) as refused:
            probe(path)
        for tag, words in ((ENGLISH, english), (CHINESE, chinese)):
            assert re.fullmatch(rf"{re.escape(str(path))}\W*{words}", told(str(refused.value), tag))


def test_a_picture_that_cannot_be_read_is_told_as_one() -> None:
    text = not_a_film(Path("drawing.svg"), read_as="svg_pipe")
    assert told(text, ENGLISH).startswith("drawing.svg is a picture (")
    assert told(text, ENGLISH).endswith(" that cannot be read: save it as TIFF, PNG or JPEG")
    assert told(text, CHINESE).startswith("drawing.svg 是无法读取的图片")


def test_a_result_in_the_place_of_its_film_is_told(film: Make, tmp_path: Path) -> None:
    path = film("plain.mp4")
    found = probe(path)
    released = first_plan(found, path.with_name("plain.color.mp4"), FilmOptions())
    with pytest.raises(ValueError, match="is an input") as refused:
        changed_plan({"name": "plain", "container": "mp4"}, found, released)
    wanted = f"{path} is the film itself: choose another file name"
    assert told(str(refused.value), ENGLISH) == wanted
    assert told(str(refused.value), CHINESE) == f"{path} 就是影片本身：请换一个文件名"


def test_a_missing_end_is_told(film: Make) -> None:
    found = warnings_of(probe(film("truncated.mkv")), Path("out.mkv"), FilmOptions())
    (text,) = [text for text in found if "truncated" in text]
    assert told(text, ENGLISH).startswith("The film is truncated: its last ")
    assert "/" not in told(text, ENGLISH)  # no path
    assert told(text, CHINESE).startswith("影片不完整")
