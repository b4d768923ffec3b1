"""A film's edits outlive the server: hints, references, keyframes, and how it is written."""

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from films import SIZE, colorization
from PIL import Image
from web_visitor import COLOR, Json, Visitor, opened, served

from color.segment import Colorization
from film.options import FilmOptions
from model.options import RunOptions
from photo.options import PhotoOptions
from web.kept_films import EDITS, FILMS, UNUSED_S, sweep_films
from web.options import Settings

NUMBER = 40
Serve = Callable[[], AbstractContextManager[Visitor]]


@pytest.fixture
def serve(tmp_path: Path, small_weights: Path, options: FilmOptions) -> Serve:
    """Return what starts a server that keeps films' edits."""

    def tinted(color: object) -> Colorization:
        return replace(colorization(), working_side=SIZE[0])

    run = RunOptions(device="cpu", weights=small_weights)
    settings = Settings(run, COLOR, PhotoOptions(), options, tinted)
    return partial(served, tmp_path, settings, keeps=True)


def painted(visitor: Visitor, film: Json, path: Path) -> Path:
    """Write a copy of a frame, colored red by another program."""
    path.write_bytes(visitor.get(f"/films/{film['id']}/frames/{NUMBER}/file"))
    gray = Image.open(path).convert("L")
    Image.merge("RGB", (gray, gray.point(lambda v: v // 2), gray.point(lambda v: v // 2))).save(
        path
    )
    return path


def edited(visitor: Visitor, film: Json, tmp_path: Path) -> Json:
    """Edit an open film: a hint, a reference, a keyframe, another codec; return the edits."""
    Image.new("RGB", (9, 9), (20, 90, 200)).save(tmp_path / "reference.png")
    reference = visitor.upload(tmp_path / "reference.png", to="/references")["id"]
    to = f"/films/{film['id']}/frames/{NUMBER}/keyframe"
    keyframe = visitor.upload(painted(visitor, film, tmp_path / "copy.png"), to=to)
    edits = {
        "hints": ["20f,3,4,#204060"],
        "references": {"1": reference},
        "keyframes": {str(keyframe["frame"]): keyframe["id"]},
        "shots": {"3": "leave"},
    }
    visitor.post(f"/films/{film['id']}/guidance", edits)
    visitor.post(f"/films/{film['id']}/plan", {"codec": "h265", "crf": "20"})
    return edits


def test_another_server_opens_the_film_as_it_was_left(
    serve: Serve, film_here: Path, tmp_path: Path
) -> None:
    with serve() as visitor:
        assert json.loads(visitor.get("/films")) == []
        film = opened(visitor, film_here)
        edits = edited(visitor, film, tmp_path)
        color = visitor.get(f"/films/{film['id']}/frames/{NUMBER}/color")
    shutil.rmtree(tmp_path / "uploads")
    with serve() as visitor:
        (listed,) = json.loads(visitor.get("/films"))
        assert listed == {"name": film_here.resolve().name, "path": str(film_here.resolve())}
        film = opened(visitor, film_here)
        assert film["values"] == edits
        assert (film["plan"]["codec"], film["plan"]["crf"]) == ("h265", "20")
        assert visitor.get(f"/films/{film['id']}/frames/{NUMBER}/color") == color
        assert [one["id"] for one in json.loads(visitor.get("/films"))] == [film["id"]]
        visitor.post(f"/films/{film['id']}/guidance", {})
        visitor.post(f"/films/{film['id']}/guidance", edits)  # undone
        assert visitor.get(f"/films/{film['id']}/frames/{NUMBER}/color") == color
        visitor.post(f"/films/{film['id']}/guidance", {})
    (place,) = (tmp_path / "kept" / FILMS).iterdir()
    with serve() as visitor:
        film = opened(visitor, film_here)
        visitor.post(f"/films/{film['id']}/guidance", {})
    assert [path.name for path in place.iterdir()] == [EDITS]  # the picture is used no more


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", '{"path": 1, "size": 2, "guidance": 3, "plan": 4, "keyframes": 5}']
)  # fmt: skip
def test_damaged_edits_are_passed_over(
    serve: Serve, film_here: Path, tmp_path: Path, content: str
) -> None:
    with serve() as visitor:
        edited(visitor, opened(visitor, film_here), tmp_path)
    (kept,) = (tmp_path / "kept" / FILMS).glob(f"*/{EDITS}")
    kept.write_text(content)
    with serve() as visitor:
        assert json.loads(visitor.get("/films")) == []
        assert opened(visitor, film_here)["values"] == {}


def test_pictures_that_are_gone_are_left_out(serve: Serve, film_here: Path, tmp_path: Path) -> None:
    """A name that leads out of the folder is not followed."""
    with serve() as visitor:
        edits = edited(visitor, opened(visitor, film_here), tmp_path)
    (kept,) = (tmp_path / "kept" / FILMS).glob(f"*/{EDITS}")
    values = json.loads(kept.read_text())
    ((token, (at, _)),) = values["keyframes"].items()
    values["keyframes"] = {token: [at, "../../../../reference.png"], "../../..": [at, "copy.png"]}
    values["guidance"]["edits"] = {"keyframes": {"40": {"id": token, "name": "copy.png"}}}
    kept.write_text(json.dumps(values))
    shutil.rmtree(tmp_path / "kept" / "photos")
    with serve() as visitor:
        film = opened(visitor, film_here)
        none = {"keyframes": {}, "references": {}}
        assert film["values"] == {**edits, **none, "edits": none}
        assert film["plan"]["codec"] == "h265"


def test_another_film_in_its_place_has_no_edits(
    serve: Serve, film_here: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.mkv"
    shutil.copy(film_here, own)
    with serve() as visitor:
        edited(visitor, opened(visitor, own), tmp_path)
    with own.open("ab") as file:
        file.write(bytes(100))
    with serve() as visitor:
        assert opened(visitor, own)["values"] == {}


def test_an_uploaded_film_s_edits_end_with_the_server(
    serve: Serve, film_here: Path, tmp_path: Path
) -> None:
    with serve() as visitor:
        film = visitor.upload(film_here, to="/films")
        visitor.post(f"/films/{film['id']}/plan", {"codec": "h265"})
    assert not any((tmp_path / "kept" / FILMS).iterdir())


def test_old_edits_are_swept_and_used_pictures_named(tmp_path: Path) -> None:
    token = "x" * 22
    for name, days in (("old", 91), ("new", 89)):
        path = tmp_path / FILMS / name / EDITS
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"guidance": {"references": {"1": token}}}))
        then = time.time() - UNUSED_S * days / 90
        os.utime(path, (then, then))
    assert sweep_films(tmp_path) == {token}
    assert [path.name for path in (tmp_path / FILMS).iterdir()] == ["new"]
    shutil.rmtree(tmp_path / FILMS)
    assert sweep_films(tmp_path) == set()
