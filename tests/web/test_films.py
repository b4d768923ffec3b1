"""Tests films on the page: the job is the command's, also when stopped and resumed; only films are opened and served."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import FRAMES, SHOTS, SIZE, colorization, planes
from helpers import wait_for
from PIL import Image
from web_visitor import COLOR, Json, Visitor, served

from color.segment import Colorization
from film.options import FilmOptions
from model.options import ColorOptions, RunOptions
from photo.options import PhotoOptions
from web.film_progress import FilmProgress
from web.film_routes import film_name
from web.films import OpenFilm, analyze, guide, open_for_page
from web.options import Settings


@pytest.fixture
def film_here(gray_film: Path, tmp_path: Path) -> Path:
    """Copy the film to its own folder, because its result is written beside it."""
    path = tmp_path / "a film.mkv"
    path.symlink_to(gray_film)
    return path


@pytest.fixture
def visitor(tmp_path: Path, small_weights: Path, options: FilmOptions) -> Iterator[Visitor]:
    """Serve the page; films are colorized arithmetically in this process, and stop before the second segment."""
    run = RunOptions(device="cpu", weights=small_weights)

    def gated(color: object) -> Colorization:
        return replace(colorization(gate=tmp_path / "gate"), working_side=SIZE[0])

    settings = Settings(run, COLOR, PhotoOptions(), replace(options, keep_cache=True), gated)
    with served(tmp_path, settings) as visitor:
        yield visitor


def opened(visitor: Visitor, path: Path) -> Json:
    """Open a film; return its description when its shots are known."""
    token = json.loads(visitor.post("/films/open", {"path": str(path)}))["id"]
    return when(visitor, token, lambda film: film["analysis"]["state"] == "done")


def when(visitor: Visitor, token: str, condition: Callable[[Json], bool]) -> Json:
    found: Json = {}

    def asked() -> bool:
        found.update(json.loads(visitor.get(f"/films/{token}")))
        return condition(found)

    wait_for(asked)
    return found


def test_a_film_shows_its_shots_gray_and_in_color(visitor: Visitor, film_here: Path) -> None:
    film = opened(visitor, film_here)
    assert [shot["frames"] for shot in film["shots"]] == list(SHOTS)
    assert (film["width"], film["height"], film["frames"]) == (SIZE[1], SIZE[0], FRAMES)
    gray, color = (
        np.asarray(Image.open(io.BytesIO(visitor.get(f"/films/{film['id']}/shots/2/{kind}"))))
        for kind in ("gray", "color?large")
    )
    assert gray.shape == SIZE
    assert color.shape == (*SIZE, 3)
    assert visitor.ask("GET", f"/films/{film['id']}/shots/4/gray")[0] == 404
    assert visitor.ask("GET", f"/films/{film['id']}/file")[0] == 404


def test_shots_and_segments_appear_together(film_here: Path, options: FilmOptions) -> None:
    """Requests read an open film while its analysis sets what it found."""
    seen: list[tuple[int, int]] = []

    class Watched(OpenFilm):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if "job" in vars(self):  # the last field to be set
                seen.append((len(self.shots), len(self.found.records)))

    settings = Settings(
        RunOptions(), COLOR, PhotoOptions(), options, lambda _: replace(colorization(), working_side=SIZE[0])
    )  # fmt: skip
    film = Watched(**vars(open_for_page(film_here, settings)))
    analyze(film)
    assert set(seen) == {(0, 0), (len(SHOTS), 5)}


def test_a_job_that_is_stopped_goes_on_and_ends_as_the_command_s(
    visitor: Visitor, film_here: Path, finished: Path, tmp_path: Path
) -> None:
    token = opened(visitor, film_here)["id"]
    visitor.post(f"/films/{token}/start")
    wait_for(lambda: list((tmp_path / "cache").glob("*/shots/*.sha256")))
    running = when(visitor, token, lambda film: film["job"]["done"] >= SHOTS[0])
    assert running["job"]["state"] == "running"
    assert running["job"]["total"] == FRAMES
    visitor.post(f"/films/{token}/stop")
    (tmp_path / "gate").touch()
    stopped = when(visitor, token, lambda film: film["job"]["state"] != "running")
    assert stopped["job"]["state"] == "stopped"
    assert not stopped["finished"]
    assert list((tmp_path / "cache").glob("*/shots/*.mkv"))
    latest = np.asarray(Image.open(io.BytesIO(visitor.get(f"/films/{token}/latest"))))
    assert latest.shape == (*SIZE, 3)
    visitor.post(f"/films/{token}/start")
    film = when(visitor, token, lambda film: film["job"]["state"] not in {"waiting", "running"})
    assert film["job"]["state"] == "done", film["job"]
    result = Path(film["target"])
    assert result.parent == film_here.parent
    assert visitor.get(f"/films/{token}/file") == result.read_bytes()
    for one, other in zip(planes(result), planes(finished), strict=True):
        assert all(map(np.array_equal, one, other))


def test_what_is_wanted_of_a_shot_reaches_it(
    visitor: Visitor, film_here: Path, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    token = opened(visitor, film_here)["id"]
    before = visitor.get(f"/films/{token}/shots/1/color")
    guidance = {"hints": ["6f,64,48,#d02010"], "shots": {"3": "leave"}, "edits": {"any": 1}}
    visitor.post(f"/films/{token}/guidance", guidance)
    assert json.loads(visitor.get(f"/films/{token}"))["values"] == guidance
    assert visitor.get(f"/films/{token}/shots/1/color") != before
    visitor.post(f"/films/{token}/start")
    film = when(visitor, token, lambda film: film["job"]["state"] not in {"waiting", "running"})
    assert film["job"]["state"] == "done", film["job"]
    colored = [bool(np.ptp(chroma)) for _, _, chroma in planes(Path(film["target"]))]
    assert colored == [True] * (SHOTS[0] + SHOTS[1]) + [False] * SHOTS[2]


def test_a_job_never_reads_halves_of_two_edits(
    film_here: Path, small_weights: Path, options: FilmOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_saturation(color: ColorOptions) -> Colorization:
        return replace(colorization(), settings={"saturation": color.saturation})

    run = RunOptions(device="cpu", weights=small_weights)
    film = open_for_page(film_here, Settings(run, COLOR, PhotoOptions(), options, of_saturation))
    read = [film.colorization]

    def assigned(film: OpenFilm, name: str, value: object) -> None:
        object.__setattr__(film, name, value)
        read.append(film.colorization)

    monkeypatch.setattr(OpenFilm, "__setattr__", assigned)
    guide(film, {"saturation": 1.5, "hints": ["6f,64,48,#d02010"]}, {})
    found = [(one.settings["saturation"], len(one.guidance.hints)) for one in read]
    assert set(found) == {(COLOR.saturation, 0), (1.5, 1)}


def test_an_uploaded_film_has_its_result_among_the_uploads(
    visitor: Visitor, gray_film: Path, tmp_path: Path
) -> None:
    film = visitor.upload(gray_film, to="/films", name="../../my film?.mkv")
    assert film["name"] == "my film_.mkv"
    assert Path(film["target"]).is_relative_to(tmp_path / "uploads")
    assert not (tmp_path / "my film_.mkv").exists()
    assert [one["name"] for one in json.loads(visitor.get("/films"))] == ["my film_.mkv"]


def test_a_film_that_was_moved_away_is_still_described_and_named_where_it_is_needed(
    visitor: Visitor, film_here: Path, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    before = opened(visitor, film_here)
    token = before["id"]
    visitor.post(f"/films/{token}/start")
    when(visitor, token, lambda film: film["job"]["state"] == "done")
    film_here.unlink()
    film = json.loads(visitor.get(f"/films/{token}"))
    assert film["finished"]
    assert (film["text"], film["warnings"]) == (before["text"], before["warnings"])
    assert visitor.get(f"/films/{token}/file")
    visitor.post(f"/films/{token}/start")
    film = when(visitor, token, lambda film: film["job"]["state"] not in {"waiting", "running"})
    said = "a film.mkv is missing: move it back, or open its new path"
    assert film["job"]["error"].endswith(said)


def test_nobody_waits_for_what_is_read_of_another_s_film(
    visitor: Visitor, film_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = opened(visitor, film_here)["id"]
    asked, answered = threading.Event(), threading.Event()

    def slow(film: OpenFilm) -> Json:
        asked.set()
        assert answered.wait(30)
        return {}

    monkeypatch.setattr("web.film_routes.described", slow)
    one = threading.Thread(target=visitor.get, args=(f"/films/{token}",))
    one.start()
    try:
        assert asked.wait(30)
        assert json.loads(visitor.get("/queue", timeout=5)) == {"length": 0}
    finally:
        answered.set()
        one.join()


def test_uploads_that_are_closed_are_deleted_but_not_those_at_work(
    visitor: Visitor, gray_film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.film_jobs.MOST_FILMS", 1)
    idle, busy = (visitor.upload(gray_film, to="/films", name=f"{i}.mkv") for i in range(2))
    folders = [Path(film["target"]).parent for film in (idle, busy)]
    wait_for(lambda: not folders[0].exists())
    assert visitor.ask("GET", f"/films/{idle['id']}")[0] == 404
    visitor.post(f"/films/{busy['id']}/start")
    third = visitor.upload(gray_film, to="/films", name="3.mkv")
    when(visitor, third["id"], lambda film: film["analysis"]["state"] == "done")
    assert folders[1].exists()
    assert visitor.get(f"/films/{busy['id']}")
    visitor.post(f"/films/{busy['id']}/stop")
    (tmp_path / "gate").touch()


def test_a_named_film_that_is_closed_stays(
    visitor: Visitor, film_here: Path, gray_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.film_jobs.MOST_FILMS", 1)
    opened(visitor, film_here)
    last = visitor.upload(gray_film, to="/films", name="2.mkv")
    when(visitor, last["id"], lambda film: film["analysis"]["state"] == "done")
    assert film_here.exists()


def test_tabs_that_open_the_same_film_share_its_job(visitor: Visitor, film_here: Path) -> None:
    assert len({opened(visitor, film_here)["id"] for _ in range(2)}) == 1


@pytest.mark.parametrize(
    "path", ["", "/nowhere/film.mp4", "/etc/passwd", "/dev/zero", "/tmp", "a\0b", "x" * 9000, "*.mp4", 7]
)  # fmt: skip
def test_what_is_no_film_is_refused_in_one_line(visitor: Visitor, path: Any) -> None:
    status, _, content = visitor.ask("POST", "/films/open", json.dumps({"path": path}).encode())
    assert status == 400
    said = json.loads(content)["error"]
    assert said
    assert "\n" not in said
    assert "root:" not in said


def test_an_upload_that_is_no_film_leaves_nothing(visitor: Visitor, tmp_path: Path) -> None:
    status, _, _ = visitor.ask("POST", "/films?name=x.mp4", b"no film")
    assert status == 400
    assert not list((tmp_path / "uploads").iterdir())


@pytest.mark.parametrize(
    "values",
    [
        {"hints": ["64,48,#d02010"]}, {"hints": ["6f,640,48,#d02010"]}, {"hints": ["999f,6,4,#d02010"]}, {"hints": 7},
        {"references": {"1": "../x"}}, {"references": []}, {"shots": {"0": "leave"}}, {"shots": {"../": "leave"}},
        {"shots": []}, {"saturation": -1},
    ],
    ids=repr,
)  # fmt: skip
def test_malformed_guidance_is_refused(visitor: Visitor, film_here: Path, values: Json) -> None:
    token = json.loads(visitor.post("/films/open", {"path": str(film_here)}))["id"]
    status, _, content = visitor.ask(
        "POST", f"/films/{token}/guidance", json.dumps(values).encode()
    )
    assert status == 400, content
    assert json.loads(visitor.get(f"/films/{token}"))["values"] == {}


@pytest.mark.parametrize("name", ["", "...", "a/b", "CON:", "x" * 400, "\n"])
def test_names_of_films_are_names_of_files(name: str) -> None:
    made = film_name(name)
    assert made == Path(made).name
    assert 0 < len(made) <= 120
    assert not made.startswith(".")


def test_progress_says_how_it_ended() -> None:
    progress = FilmProgress()
    with progress.running("colorizing"):
        progress.start("colorizing", 10, unit="frames")
        progress.advance(4, earlier=True)
        assert progress.as_json()["fps"] is None
        progress.advance(2)
        assert progress.as_json()["left_s"] > 0
    assert progress.as_json()["state"] == "done"
    with progress.running("colorizing"):
        raise ValueError("two\nlines")
    assert (progress.state, progress.error) == ("failed", "two lines")
    progress.wait()
    progress.stop()
    with progress.running("colorizing"):
        progress.start("colorizing", 10, unit="frames")
        pytest.fail("it was stopped before it began")
    assert progress.state == "stopped"


def test_job_options_are_the_command_s(visitor: Visitor, film_here: Path) -> None:
    """A file that is not a result of this film is not replaced."""
    result = film_here.with_name("a film.color.mkv")
    result.write_bytes(b"mine")
    token = opened(visitor, film_here)["id"]
    visitor.post(f"/films/{token}/start")
    film = when(visitor, token, lambda film: film["job"]["state"] not in {"waiting", "running"})
    assert film["job"]["state"] == "failed"
    assert "exists already" in film["job"]["error"]
    assert result.read_bytes() == b"mine"
