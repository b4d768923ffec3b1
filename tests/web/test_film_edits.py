"""Edits of a film: checked as a whole, and restricted to a part of it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from films import SHOTS

from color.guidance import ColoredFrame
from film.guidance import shots_guidance
from film.preview import shot_frames
from film.probe import probe
from model.options import ColorOptions
from web.edits import MOST_HINTS
from web.film_edits import MOST_SHOTS, film_edits, guidance_within

RELEASED = ColorOptions()
KEY = ColoredFrame("20f", Path("key.png"), "0" * 64)


@pytest.fixture
def sea(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "sea.png"), np.full((8, 8, 3), (200, 90, 20), np.uint8))
    return tmp_path / "sea.png"


def test_a_part_has_the_guidance_of_its_own_shots(gray_film: Path, sea: Path) -> None:
    film = probe(gray_film)
    found = shot_frames(film, 0, film.frames)
    values = {
        "hints": ["6f,1,1,#d02010", "20f,9,9,#1020d0"], "references": {"2": "sea"}, "keyframes": {"20": "key"},
        "shots": {"1": "leave", "2": "colorize"},
    }  # fmt: skip
    edits = film_edits(values, released=RELEASED, references={"sea": sea}, keyframes={"key": KEY})
    part = SHOTS[0], SHOTS[0] + SHOTS[1]
    guidance = guidance_within(film, edits.guidance, found.shots, part)
    assert [hint.at for hint in guidance.hints] == ["20f"]
    assert guidance.keyframes == (KEY,)
    assert not guidance.leave
    records = shot_frames(film, *part).records
    (shot,) = shots_guidance(film, guidance, records, first=part[0]).values()
    assert (shot.first, shot.last) == part
    assert shot.colorize is True
    assert shot.reference is not None
    outside = guidance_within(film, edits.guidance, found.shots, (0, SHOTS[0]))
    assert [hint.at for hint in outside.hints] == ["6f"]
    assert not outside.references
    assert not outside.keyframes


@pytest.mark.parametrize(
    "values",
    [
        {"hints": ["1,1,#fff"]}, {"hints": ["0f,1,1,#fff"] * (MOST_HINTS + 1)}, {"keyframes": {"1": "none"}},
        {"keyframes": []}, {"keyframes": {str(i): "key" for i in range(501)}}, {"shots": {"1234567": "leave"}},
        {"shots": {str(i): "leave" for i in range(1, MOST_SHOTS + 2)}}, {"references": {"x": "sea"}},
    ],
    ids=lambda values: repr(values)[:30],
)  # fmt: skip
def test_other_edits_are_refused(values: dict[str, object], sea: Path) -> None:
    with pytest.raises(ValueError, match=r"."):
        film_edits(values, released=RELEASED, references={"sea": sea}, keyframes={"key": KEY})
