"""Keyframes: colored copies of a film's frames, uploaded, checked, and seen before the film is made."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from films import SIZE
from PIL import Image
from web_visitor import Json, Visitor, opened

from prior.lab import rgb2lab

NUMBER = 40


def color_of(visitor: Visitor, token: str, number: int) -> np.ndarray:
    content = visitor.get(f"/films/{token}/frames/{number}/color")
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.fixture
def film(film_visitor: Visitor, film_here: Path) -> Json:
    return opened(film_visitor, film_here)


@pytest.fixture
def painted(film_visitor: Visitor, film: Json, tmp_path: Path) -> Path:
    """A copy of a frame, colored red by another program, at twice the size."""
    gray = Image.open(
        io.BytesIO(film_visitor.get(f"/films/{film['id']}/frames/{NUMBER}/file"))
    ).resize((2 * SIZE[1], 2 * SIZE[0]))
    values = np.asarray(gray, float)[..., None] * (1.0, 0.6, 0.6) + (30, 0, 0)
    path = tmp_path / "my copy.png"
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path)
    return path


def upload(visitor: Visitor, film: Json, path: Path, *, frame: int, name: str = "") -> Json:
    return visitor.upload(path, to=f"/films/{film['id']}/frames/{frame}/keyframe", name=name)


def use(visitor: Visitor, film: Json, found: Json) -> None:
    visitor.post(f"/films/{film['id']}/guidance", {"keyframes": {found["frame"]: found["id"]}})


def test_a_colored_copy_colors_its_frame_and_those_near_it(
    film_visitor: Visitor, film: Json, painted: Path
) -> None:
    found = upload(film_visitor, film, painted, frame=NUMBER)
    assert (found["frame"], found["name"]) == (NUMBER, "my copy.png")
    use(film_visitor, film, found)
    wanted = rgb2lab(np.asarray(Image.open(painted).resize(SIZE[::-1])))
    for number, most in ((NUMBER, 6), (NUMBER + 3, 12)):
        lab = rgb2lab(color_of(film_visitor, film["id"], number))
        assert np.abs(lab - wanted)[..., 1:].mean() < most
    before = color_of(film_visitor, film["id"], 3)  # of another shot
    film_visitor.post(f"/films/{film['id']}/guidance", {})
    assert np.array_equal(before, color_of(film_visitor, film["id"], 3))


def test_the_frame_in_a_picture_s_name_counts(
    film_visitor: Visitor, film: Json, painted: Path
) -> None:
    name = f"shot002.frame{NUMBER:06d}.png"
    assert upload(film_visitor, film, painted, frame=0, name=name)["frame"] == NUMBER


def test_what_is_reached_is_told_and_tinted(
    film_visitor: Visitor, film: Json, painted: Path
) -> None:
    path = f"/films/{film['id']}/frames/{NUMBER + 9}/reach"
    status, _, content = film_visitor.ask("GET", path)
    assert (status, json.loads(content)["error"][:28]) == (400, "this shot has no keyframe: d")
    use(film_visitor, film, upload(film_visitor, film, painted, frame=NUMBER))
    status, headers, content = film_visitor.ask("GET", path)
    assert status == 200
    assert 0.3 < float(headers["x-share"]) <= 1
    tint = np.asarray(Image.open(io.BytesIO(content)))
    assert tint.shape[2] == 4
    whole = film_visitor.get(f"/films/{film['id']}/frames/{NUMBER}/reach")
    own = np.asarray(Image.open(io.BytesIO(whole)))[..., 3]
    assert own.mean() < 0.1 * 255


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("gray", "has no color"), ("other", "does not show frame 40 of a film.mkv"), ("text", "k.png"),
    ],
)  # fmt: skip
def test_other_pictures_are_refused_in_one_line_and_leave_nothing(
    film_visitor: Visitor, film: Json, tmp_path: Path, content: str, said: str
) -> None:
    rng = np.random.default_rng(1)
    path = tmp_path / "k.png"
    if content == "text":
        path.write_bytes(b"no picture")
    else:
        rgb = rng.integers(0, 255, (*SIZE, 1 if content == "gray" else 3), np.uint8)
        Image.fromarray(np.broadcast_to(rgb, (*SIZE, 3)).copy()).save(path)
    status, _, answer = film_visitor.ask(
        "POST", f"/films/{film['id']}/frames/{NUMBER}/keyframe?name=k.png", path.read_bytes()
    )
    assert status == 400
    error = json.loads(answer)["error"]
    assert said in error
    assert "\n" not in error
    assert str(tmp_path) not in error
    assert not [*(tmp_path / "uploads").glob("*/*/k.png")]
