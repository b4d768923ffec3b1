"""Routes of films: only films are opened, under names that files may have, and nobody waits for another."""

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from web_visitor import Json, Visitor, opened, served, settings_of

from model.options import RunOptions
from web.films import OpenFilm


def test_an_uploaded_film_has_its_result_among_the_uploads(
    film_visitor: Visitor, gray_film: Path, tmp_path: Path
) -> None:
    film = film_visitor.upload(gray_film, to="/films", name="../../my film?.mkv")
    assert film["name"] == "my film_.mkv"
    assert film["target"] == "my film_.color.mkv"
    assert [*(tmp_path / "uploads").glob("*/my film_.mkv")]
    assert not (tmp_path / "my film_.mkv").exists()
    assert str(tmp_path) not in json.dumps(film)
    assert [one["name"] for one in json.loads(film_visitor.get("/films"))] == ["my film_.mkv"]


def test_nobody_waits_for_what_is_read_of_another_s_film(
    film_visitor: Visitor, film_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = opened(film_visitor, film_here)["id"]
    asked, answered = threading.Event(), threading.Event()

    def slow(film: OpenFilm, since: int = 0) -> Json:
        asked.set()
        assert answered.wait(30)
        return {}

    monkeypatch.setattr("web.film_routes.described", slow)
    one = threading.Thread(target=film_visitor.get, args=(f"/films/{token}",))
    one.start()
    try:
        assert asked.wait(30)
        assert json.loads(film_visitor.get("/queue", timeout=5)) == {"length": 0}
    finally:
        answered.set()
        one.join()


@pytest.mark.parametrize(
    "path", ["", "/nowhere/film.mp4", "/etc/passwd", "/dev/zero", "/tmp", "a\0b", "x" * 9000, "*.mp4", 7]
)  # fmt: skip
def test_what_is_no_film_is_refused_in_one_line(film_visitor: Visitor, path: Any) -> None:
    status, _, content = film_visitor.ask(
        "POST", "/films/open", json.dumps({"path": path}).encode()
    )
    assert status == 400
    said = json.loads(content)["error"]
    assert said
    assert "\n" not in said
    assert "root:" not in said


def test_an_upload_that_is_no_film_leaves_nothing(film_visitor: Visitor, tmp_path: Path) -> None:
    status, _, _ = film_visitor.ask("POST", "/films?name=x.mp4", b"no film")
    assert status == 400
    assert not list((tmp_path / "uploads").iterdir())


def test_shots_are_described_from_a_number_on(film_visitor: Visitor, film_here: Path) -> None:
    film = opened(film_visitor, film_here)
    later = json.loads(film_visitor.get(f"/films/{film['id']}?since=2"))
    assert (later["since"], later["shots"]) == (2, film["shots"][2:])
    assert film_visitor.ask("GET", f"/films/{film['id']}?since=-1")[0] == 400


def test_a_plan_is_stored_or_refused_in_one_line(film_visitor: Visitor, film_here: Path) -> None:
    token = opened(film_visitor, film_here)["id"]
    planned = json.loads(film_visitor.post(f"/films/{token}/plan", {"codec": "h264", "crf": "30"}))
    assert planned["plan"]["crf"] == "30"
    assert planned["target"].endswith("a film.color.mkv")
    status, _, content = film_visitor.ask("POST", f"/films/{token}/plan", b'{"codec": "best"}')
    assert status == 400
    assert "\n" not in json.loads(content)["error"]
    assert json.loads(film_visitor.get(f"/films/{token}"))["plan"] == planned["plan"]


@pytest.mark.parametrize("inside", [True, False])
def test_only_films_in_the_given_folders_are_opened_by_their_paths(
    gray_film: Path, tmp_path: Path, run: RunOptions, inside: bool
) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    for folder in (root, other):
        folder.mkdir()
        shutil.copy(gray_film, folder / "film.mkv")
    (root / "link.mkv").symlink_to(other / "film.mkv")
    roots = (root,) if inside else ()
    refused = ["other/film.mkv", "root/link.mkv", "root/../other/film.mkv", "root/none/../../x"]
    with served(
        tmp_path, settings_of(run, tmp_path), web_host="0.0.0.0", web_password="x", web_root=roots
    ) as visitor:
        cookie = visitor.ask("POST", "/login", b"password=x")[1]["set-cookie"].partition(";")[0]
        for name in refused + ([] if inside else ["root/film.mkv"]):
            body = json.dumps({"path": str(tmp_path / name)}).encode()
            status, _, content = visitor.ask("POST", "/films/open", body, Cookie=cookie)
            assert status == 403, content
            assert b"-web_root" in content
        if inside:
            body = json.dumps({"path": str(root / "film.mkv")}).encode()
            assert visitor.ask("POST", "/films/open", body, Cookie=cookie)[0] != 403
        told = json.loads(visitor.ask("GET", "/settings", Cookie=cookie)[2])
        assert told["opens"] is inside
