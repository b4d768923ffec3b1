"""Queues of films: shared by tabs, closed when there are too many, never while at work."""

from pathlib import Path

import pytest
from helpers import wait_for
from web_visitor import Visitor, opened, when


def test_uploads_that_are_closed_are_deleted_but_not_those_at_work(
    film_visitor: Visitor, gray_film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.film_jobs.MOST_FILMS", 1)
    folders = []
    for name in ("idle.mkv", "busy.mkv"):
        film = film_visitor.upload(gray_film, to="/films", name=name)
        folders.append((film["id"], next((tmp_path / "uploads").glob(f"*/{name}")).parent))
    (idle, closed), (busy, kept) = folders
    wait_for(lambda: not closed.exists())
    assert film_visitor.ask("GET", f"/films/{idle}")[0] == 404
    film_visitor.post(f"/films/{busy}/start")
    third = film_visitor.upload(gray_film, to="/films", name="3.mkv")
    when(film_visitor, third["id"], lambda film: film["analysis"]["state"] == "done")
    assert kept.exists()
    assert film_visitor.get(f"/films/{busy}")
    film_visitor.post(f"/films/{busy}/stop")
    (tmp_path / "gate").touch()


def test_a_named_film_that_is_closed_stays(
    film_visitor: Visitor, film_here: Path, gray_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.film_jobs.MOST_FILMS", 1)
    opened(film_visitor, film_here)
    last = film_visitor.upload(gray_film, to="/films", name="2.mkv")
    when(film_visitor, last["id"], lambda film: film["analysis"]["state"] == "done")
    assert film_here.exists()


def test_tabs_that_open_the_same_film_share_its_job(film_visitor: Visitor, film_here: Path) -> None:
    assert len({opened(film_visitor, film_here)["id"] for _ in range(2)}) == 1
