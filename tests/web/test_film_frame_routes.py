"""Routes of frames and keyframes: only those that a film has, and no more than fits."""

import json
from itertools import product
from pathlib import Path

import pytest
from films import FRAMES
from web_visitor import Visitor, opened


def test_frames_that_a_film_does_not_have_are_refused(
    film_visitor: Visitor, film_here: Path
) -> None:
    token = opened(film_visitor, film_here)["id"]
    asked = ("gray", "color", "likely?x=0.5&y=0.5", "shown?x=0.5&y=0.5", "file", "reach")
    for what, number in product(asked, (FRAMES, 10**30)):
        status, _, content = film_visitor.ask("GET", f"/films/{token}/frames/{number}/{what}")
        assert status == 404, what
        assert "no frame" in json.loads(content)["error"]
    for path in (
        "x/frames/0/gray",
        f"{token}/frames/-1/gray",
        f"{token}/frames/../../x",
        f"{token}/parts/a",
    ):
        assert film_visitor.ask("GET", f"/films/{path}")[0] == 404, path


def test_uploads_of_keyframes_are_bounded(
    film_visitor: Visitor, film_here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = opened(film_visitor, film_here)["id"]
    path = f"/films/{token}/frames/3/keyframe?name=../../k.png"
    monkeypatch.setattr("web.film_frame_routes.LARGEST_KEYFRAME", 10)
    assert film_visitor.ask("POST", path, bytes(11))[0] == 413
    assert film_visitor.ask("POST", path, b"")[0] == 400
    monkeypatch.setattr("web.film_frame_routes.MOST_KEYFRAMES", 0)
    assert film_visitor.ask("POST", path, b"x")[0] == 400
    assert film_visitor.ask("POST", path, b"x", Origin="http://elsewhere")[0] == 403
    assert not [*(tmp_path / "uploads").glob("*/*/*")]
    assert not [*tmp_path.glob("k.png")]


def test_a_place_outside_the_frame_is_refused(film_visitor: Visitor, film_here: Path) -> None:
    token = opened(film_visitor, film_here)["id"]
    for place in ("x=2&y=0", "x=nan&y=0", ""):
        assert film_visitor.ask("GET", f"/films/{token}/frames/0/likely?{place}")[0] == 400
