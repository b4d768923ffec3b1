"""What the page tells of photos: in its words and both languages, without options, temporary paths and the program's jargon."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from helpers import landscape
from page_messages import check
from PIL import Image
from web_visitor import Visitor

import main

FILM = (Path(main.__file__).parent / "data" / "samples" / "film.mp4").read_bytes()


def error_of(visitor: Visitor, method: str, path: str, body: bytes = b"") -> str:
    status, _, content = visitor.ask(method, path, body)
    assert status >= 400, content
    return str(json.loads(content)["error"])


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("a holiday.jpg", b"no picture", "a holiday.jpg is not a picture"),
        ("a holiday.png", b"\x89PNG\r\n\x1a\n" + b"x" * 90, "a holiday.png is damaged and cannot be read"),
        ("a holiday.jpg", b"", "The file is empty"),
        ("a holiday.mp4", FILM, "a holiday.mp4 is a film: open it under Films"),
        ("a holiday.xcf", b"gimp xcf file", "a holiday.xcf is not a picture"),
    ],
)  # fmt: skip
def test_an_upload_is_told_by_its_own_name(
    visitor: Visitor, name: str, content: bytes, wanted: str
) -> None:
    for path in ("/photos", "/references"):
        check(error_of(visitor, "POST", f"{path}?name={quote(name)}", content), wanted)


@pytest.mark.parametrize(
    ("edits", "wanted"),
    [
        ({"reference": "gone"}, "The reference picture is gone: choose it again"),
        ({"hints": ["900,2,navy"]}, "The place 900,2 is outside the photo"),
        ({"hints": ["1,2,navvy"]}, "“navvy” is no color that is known; the nearest is navy"),
        ({"palette": ["#12"]}, "“#12” is no color that is known"),
        ({"hints": ["1,2,navy@7"]}, "“7” is no strength from 0 to 2"),
        ({"strokes": [{"color": "navy", "radius": 3, "points": [[0, 0]] * 40_001}]}, "These are too many strokes: erase some"),
    ],
)  # fmt: skip
def test_edits_are_told(visitor: Visitor, photo: Path, edits: dict[str, Any], wanted: str) -> None:
    id = visitor.upload(photo)["id"]
    check(error_of(visitor, "POST", f"/photos/{id}/color", json.dumps(edits).encode()), wanted)


def test_what_is_gone_is_told(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    id = visitor.upload(photo)["id"]
    check(
        error_of(visitor, "GET", "/photos/none/gray"), "This photo is no longer open: add it again"
    )
    check(error_of(visitor, "GET", "/archives/none"), "This download has expired: start it again")
    wanted = "This photo has no result yet: start the download again"
    check(error_of(visitor, "GET", f"/photos/{id}/file"), wanted)
    wanted = "This file is no project of this page"
    check(error_of(visitor, "POST", "/projects?name=a.zip", b"no zip"), wanted)
    gray = tmp_path / "gray picture.png"
    Image.fromarray(landscape(20, 30)).save(gray)
    wanted = "gray picture.png has no color: take a picture in color"
    check(
        error_of(visitor, "POST", "/references?name=gray%20picture.png", gray.read_bytes()), wanted
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("200 calls are waiting already: try again soon", "200 requests are waiting: try again in a moment"),
        ("the file is too large: 4.2 GB, with room for 4.0", "The file has 4.2 GB, and there is room for 4.0"),
        ("the request has more than 2 MB: send fewer photos or strokes at once",
         "This is too much at once, as it has more than 2 MB: take fewer photos, or erase some strokes"),
        ("[Errno 28] No space left on device: 'x'", "The disk is full: free some space and try again"),
        ("not enough memory", "There is not enough memory for this"),
        ("KeyError: see the log in the terminal", "Something has gone wrong; the terminal in which the program runs says what"),
        ("a.heic is HEIC, which needs pillow-heif: pip install -r requirements-formats.txt",
         "a.heic needs further packages where the program runs: those of requirements-formats.txt"),
    ],
)  # fmt: skip
def test_rare_conditions_are_told(text: str, wanted: str) -> None:
    check(text, wanted)
