"""A film is watched while it is made."""

import json
import shutil
from pathlib import Path

import pytest
from films import SHOTS
from helpers import wait_for
from web_visitor import Visitor, opened, when

from film.probe import probe


def test_finished_parts_are_listed_and_played_before_the_film_is_finished(
    film_visitor: Visitor, film_here: Path, tmp_path: Path
) -> None:
    token = opened(film_visitor, film_here)["id"]
    assert json.loads(film_visitor.get(f"/films/{token}/parts")) == []
    film_visitor.post(f"/films/{token}/guidance", {"shots": {"2": "leave"}})
    film_visitor.post(f"/films/{token}/start")
    # The colorizer waits before its second segment, the last one that is colorized.
    wait_for(lambda: json.loads(film_visitor.get(f"/films/{token}/parts")))
    (part, *_) = json.loads(film_visitor.get(f"/films/{token}/parts"))
    assert (part["part"], part["first"], part["begins_s"]) == (0, 0, 0.0)
    assert part["frames"] > SHOTS[0]
    assert json.loads(film_visitor.get(f"/films/{token}"))["job"]["state"] == "running"
    status, headers, content = film_visitor.ask("GET", f"/films/{token}/parts/0")
    assert (status, headers["content-type"]) == (200, "video/mp4")
    (tmp_path / "part.mp4").write_bytes(content)
    played = probe(tmp_path / "part.mp4")
    assert (played.video.codec, played.frames) == ("h264", part["frames"])
    status, headers, content = film_visitor.ask("GET", f"/films/{token}/parts/0", Range="bytes=0-9")
    assert (status, len(content)) == (206, 10)
    assert film_visitor.ask("GET", f"/films/{token}/parts/99")[0] == 204
    (tmp_path / "gate").touch()
    film = when(film_visitor, token, lambda film: film["job"]["state"] == "done")
    assert film["finished"]


def test_a_part_that_is_deleted_while_it_is_asked_for_is_no_failure(
    film_visitor: Visitor, film_here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gate").touch()
    token = opened(film_visitor, film_here)["id"]
    film_visitor.post(f"/films/{token}/start")
    when(film_visitor, token, lambda film: film["job"]["state"] == "done")

    def finishing(*_: object, **__: object) -> None:
        shutil.rmtree(tmp_path / "cache")
        raise FileNotFoundError

    monkeypatch.setattr("web.film_parts.write_part", finishing)
    assert film_visitor.ask("GET", f"/films/{token}/parts/0")[0] == 204
    assert json.loads(film_visitor.get(f"/films/{token}/parts")) == []


def test_only_the_latest_part_files_are_kept(
    film_visitor: Visitor, film_here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.film_parts.MOST_PARTS", 1)
    (tmp_path / "gate").touch()
    token = opened(film_visitor, film_here)["id"]
    film_visitor.post(f"/films/{token}/start")
    when(film_visitor, token, lambda film: film["job"]["state"] == "done")
    parts = json.loads(film_visitor.get(f"/films/{token}/parts"))  # the cache is kept
    assert len(parts) > 1
    for part in parts:
        assert film_visitor.get(f"/films/{token}/parts/{part['part']}")
    assert len([*(tmp_path / "uploads").glob("*/*.mp4")]) == 1
