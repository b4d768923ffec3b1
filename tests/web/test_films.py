"""A film on the page: its job is the command's, also when it is stopped and resumed."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from encoded import planes
from films import FRAMES, SHOTS, SIZE, colorization
from helpers import wait_for
from PIL import Image
from web_visitor import COLOR, Json, Visitor, opened, when

from color.segment import Colorization
from film.options import FilmOptions
from model.options import ColorOptions, RunOptions
from photo.options import PhotoOptions
from web.films import OpenFilm, analyze, colorize, guide, open_for_page
from web.options import Settings


def test_a_film_shows_its_shots_gray_and_in_color(film_visitor: Visitor, film_here: Path) -> None:
    film = opened(film_visitor, film_here)
    assert [shot["frames"] for shot in film["shots"]] == list(SHOTS)
    assert (film["width"], film["height"], film["frames"]) == (SIZE[1], SIZE[0], FRAMES)
    gray, color = (
        np.asarray(
            Image.open(io.BytesIO(film_visitor.get(f"/films/{film['id']}/frames/40/{kind}")))
        )
        for kind in ("gray", "color")
    )
    assert gray.shape == SIZE
    assert color.shape == (*SIZE, 3)
    assert all(
        shot["first"] <= n < shot["first"] + shot["frames"]
        for shot in film["shots"]
        for n in shot["strip"]
    )
    assert film_visitor.ask("GET", f"/films/{film['id']}/file")[0] == 404


def test_shots_and_segments_appear_together(film_here: Path, options: FilmOptions) -> None:
    """Requests read an open film while its analysis sets what it found."""
    seen: list[tuple[int, int]] = []
    shown: list[bool] = []

    class Watched(OpenFilm):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if "started" in vars(self):  # the last field to be set
                seen.append((len(self.shots), len(self.found.records)))
                shown.append(all(n in self.strips for n in range(len(self.shots))))

    settings = Settings(
        RunOptions(), COLOR, PhotoOptions(), options, lambda _: replace(colorization(), working_side=SIZE[0])
    )  # fmt: skip
    film = Watched(**vars(open_for_page(film_here, settings)))
    analyze(film)
    assert seen == [(0, 0), (1, 1), (2, 2), (2, 3), (2, 4), (3, 5)]
    assert all(shown)


def test_a_job_that_is_stopped_goes_on_and_ends_as_the_command_s(
    film_visitor: Visitor, film_here: Path, finished: Path, tmp_path: Path
) -> None:
    token = opened(film_visitor, film_here)["id"]
    film_visitor.post(f"/films/{token}/start")
    wait_for(lambda: list((tmp_path / "cache").glob("*/shots/*.sha256")))
    running = when(film_visitor, token, lambda film: film["job"]["done"] >= SHOTS[0])
    assert running["job"]["state"] == "running"
    assert running["job"]["total"] == FRAMES
    film_visitor.post(f"/films/{token}/stop")
    (tmp_path / "gate").touch()
    stopped = when(film_visitor, token, lambda film: film["job"]["state"] != "running")
    assert stopped["job"]["state"] == "stopped"
    assert not stopped["finished"]
    assert list((tmp_path / "cache").glob("*/shots/*.mkv"))
    film_visitor.post(f"/films/{token}/start")
    film = when(
        film_visitor, token, lambda film: film["job"]["state"] not in {"waiting", "running"}
    )
    assert film["job"]["state"] == "done", film["job"]
    result = Path(film["target"])
    assert result.parent == film_here.parent
    assert film_visitor.get(f"/films/{token}/file") == result.read_bytes()
    for one, other in zip(planes(result), planes(finished), strict=True):
        assert all(map(np.array_equal, one, other))


def test_what_is_wanted_of_a_shot_reaches_it(
    film_visitor: Visitor, film_here: Path, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    token = opened(film_visitor, film_here)["id"]
    before = film_visitor.get(f"/films/{token}/frames/6/color")
    guidance = {"hints": ["6f,64,48,#d02010"], "shots": {"3": "leave"}, "edits": {"any": 1}}
    film_visitor.post(f"/films/{token}/guidance", guidance)
    assert json.loads(film_visitor.get(f"/films/{token}"))["values"] == guidance
    assert film_visitor.get(f"/films/{token}/frames/6/color") != before
    film_visitor.post(f"/films/{token}/start")
    film = when(
        film_visitor, token, lambda film: film["job"]["state"] not in {"waiting", "running"}
    )
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

    def read() -> tuple[float | None, int]:
        return film.edits.color.saturation, len(film.edits.guidance.hints)

    found = {read()}

    def assigned(film: OpenFilm, name: str, value: object) -> None:
        object.__setattr__(film, name, value)
        found.add(read())

    monkeypatch.setattr(OpenFilm, "__setattr__", assigned)
    guide(film, {"saturation": 1.5, "hints": ["6f,64,48,#d02010"]}, {})
    assert found == {(COLOR.saturation, 0), (1.5, 1)}
    colorize(film)
    assert film.job.state == "done", film.job.error
    assert film.started is not None
    assert film.started.colorization.settings == {"saturation": 1.5}
    assert len(film.started.colorization.guidance.hints) == 1


def test_a_job_makes_the_chosen_part_with_the_chosen_codec(
    film_visitor: Visitor, film_here: Path, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    token = opened(film_visitor, film_here)["id"]
    guidance = {"hints": ["6f,64,48,#d02010", "20f,64,48,#d02010"], "shots": {"3": "leave"}}
    film_visitor.post(f"/films/{token}/guidance", guidance)
    plan = {
        "start": "0.48",
        "duration": "6.16",
        "name": "part",
        "container": "mkv",
        "codec": "h264",
    }
    film_visitor.post(f"/films/{token}/plan", plan)
    film_visitor.post(f"/films/{token}/start")
    film = when(
        film_visitor, token, lambda film: film["job"]["state"] not in {"waiting", "running"}
    )
    assert film["job"]["state"] == "done", film["job"]
    assert film["finished"]
    assert film["target"] == str(film_here.with_name("part.mkv"))
    colored = [bool(np.ptp(chroma)) for _, _, chroma in planes(film_here.with_name("part.mkv"))]
    assert colored == [True] * SHOTS[1] + [False] * 4


def test_a_film_that_was_moved_away_is_still_described_and_named_where_it_is_needed(
    film_visitor: Visitor, film_here: Path, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    before = opened(film_visitor, film_here)
    token = before["id"]
    film_visitor.post(f"/films/{token}/start")
    when(film_visitor, token, lambda film: film["job"]["state"] == "done")
    film_here.unlink()
    film = json.loads(film_visitor.get(f"/films/{token}"))
    assert film["finished"]
    assert (film["text"], film["warnings"]) == (before["text"], before["warnings"])
    assert film_visitor.get(f"/films/{token}/file")
    film_visitor.post(f"/films/{token}/start")
    film = when(
        film_visitor, token, lambda film: film["job"]["state"] not in {"waiting", "running"}
    )
    said = "a film.mkv is missing: move it back, or open its new path"
    assert film["job"]["error"].endswith(said)


@pytest.mark.parametrize(
    "values",
    [
        {"hints": ["64,48,#d02010"]}, {"hints": ["6f,640,48,#d02010"]}, {"hints": ["999f,6,4,#d02010"]}, {"hints": 7},
        {"references": {"1": "../x"}}, {"references": []}, {"shots": {"0": "leave"}}, {"shots": {"../": "leave"}},
        {"shots": []}, {"saturation": -1},
    ],
    ids=repr,
)  # fmt: skip
def test_malformed_guidance_is_refused(
    film_visitor: Visitor, film_here: Path, values: Json
) -> None:
    token = json.loads(film_visitor.post("/films/open", {"path": str(film_here)}))["id"]
    status, _, content = film_visitor.ask(
        "POST", f"/films/{token}/guidance", json.dumps(values).encode()
    )
    assert status == 400, content
    assert json.loads(film_visitor.get(f"/films/{token}"))["values"] == {}


def test_job_options_are_the_command_s(film_visitor: Visitor, film_here: Path) -> None:
    """A file that is not a result of this film is not replaced."""
    result = film_here.with_name("a film.color.mkv")
    result.write_bytes(b"mine")
    token = opened(film_visitor, film_here)["id"]
    film_visitor.post(f"/films/{token}/start")
    film = when(
        film_visitor, token, lambda film: film["job"]["state"] not in {"waiting", "running"}
    )
    assert film["job"]["state"] == "failed"
    assert "exists already" in film["job"]["error"]
    assert result.read_bytes() == b"mine"
