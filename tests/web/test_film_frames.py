"""Frames of a film: each is the film's own, at any number, gray and in color."""

import io
from pathlib import Path

import numpy as np
import pytest
from films import FRAMES, SHOTS, SIZE
from PIL import Image
from web_visitor import Visitor, opened

from film.preview import frame_gray
from film.probe import probe
from photo.read import read_photo


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("number", [0, SHOTS[0], 77, FRAMES - 1])
def test_any_frame_is_shown_as_the_film_has_it(
    film_visitor: Visitor, film_here: Path, number: int
) -> None:
    token = opened(film_visitor, film_here)["id"]
    expected = frame_gray(probe(film_here), number, short_side=SIZE[0]).astype(int)
    for size in ("", "?small"):
        found = picture(film_visitor.get(f"/films/{token}/frames/{number}/gray{size}"))
        assert np.abs(found - expected).mean() < 2
    status, headers, _ = film_visitor.ask("GET", f"/films/{token}/frames/{number}/gray")
    assert (status, headers["x-time"]) == (200, f"0:00:0{number // 25}")


def test_a_hint_colors_its_own_frame(film_visitor: Visitor, film_here: Path) -> None:
    token = opened(film_visitor, film_here)["id"]
    frames = (40, 41)
    before = [film_visitor.get(f"/films/{token}/frames/{n}/color") for n in frames]
    film_visitor.post(f"/films/{token}/guidance", {"hints": ["40f,64,48,#d02010"]})
    after = [film_visitor.get(f"/films/{token}/frames/{n}/color") for n in frames]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]
    film_visitor.post(f"/films/{token}/guidance", {"shots": {"2": "leave"}})
    left = picture(film_visitor.get(f"/films/{token}/frames/40/color"))
    assert np.ptp(left.astype(int), axis=-1).max() <= 2


def test_a_frame_is_downloaded_as_the_command_writes_it(
    film_visitor: Visitor, film_here: Path, tmp_path: Path
) -> None:
    token = opened(film_visitor, film_here)["id"]
    for query, name in (("", ""), ("?color", ".color")):
        _, headers, content = film_visitor.ask("GET", f"/films/{token}/frames/40/file{query}")
        assert headers["content-disposition"].endswith(f"shot002.frame000040{name}.png")
        (tmp_path / "f.png").write_bytes(content)
        np.testing.assert_allclose(
            read_photo(tmp_path / "f.png").gray.astype(int),
            frame_gray(probe(film_here), 40, short_side=SIZE[0]).astype(int), atol=2,
        )  # fmt: skip
    assert picture(content).shape == (*SIZE, 3)


def test_colors_at_a_place_are_those_of_the_frame(film_visitor: Visitor, film_here: Path) -> None:
    token = opened(film_visitor, film_here)["id"]
    place = "x=0.5&y=0.5"
    assert film_visitor.get(f"/films/{token}/frames/40/likely?{place}").startswith(b'["#')
    shown = {
        n: film_visitor.get(f"/films/{token}/frames/{n}/shown?{place}&color=navy") for n in (0, 40)
    }
    assert shown[0] != shown[40]
