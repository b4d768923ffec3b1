"""Edits of a photo: anything malformed is refused in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_visitor import COLOR, Json, Visitor

import web.edits
from color.guidance import MOODS, ColoredRegion
from model.options import GUIDANCE, TEMPERATURE, ColorOptions
from photo.guidance import STROKES_PX
from web.edits import Stroke, drawn, edits_from, released_values


@pytest.mark.parametrize(
    "values",
    [
        {"hints": "40,30,#d02010"}, {"hints": ["40,30,redd"]}, {"hints": ["400,30,#d02010"]},
        {"hints": ["1,1,#000000"] * 501}, {"saturation": "1"}, {"saturation": 9}, {"mood": "sad"}, {"mood": []}, {"palette": ["redd"]}, {"palette": "#2040c0"}, {"temperature": True},
        {"strokes": [{"color": "#d02010", "radius": 5, "points": []}]}, {"strokes": [7]},
        {"strokes": [{"color": "#d02010", "radius": 5, "points": [["a", 1]]}]},
        {"strokes": [{"color": "#d02010", "radius": -1, "points": [[1, 1]]}]},
        {"reference": "../../etc/passwd"}, {"reference": ["x"]}, {"candidate": 2}, {"candidate": "2"}, {"candidate": {}},
        {"candidate": {"regions": [{"ab": [1, 2]}]}}, {"candidate": {"regions": [], "strokes": -1}}, {"candidate": {"regions": [], "hints": "x"}},
    ],
    ids=repr,
)  # fmt: skip
def test_malformed_edits_are_refused_in_one_line(
    visitor: Visitor, photo: Path, values: Json
) -> None:
    id = visitor.upload(photo)["id"]
    status, _, content = visitor.ask("POST", f"/photos/{id}/color", json.dumps(values).encode())
    assert status == 400
    assert json.loads(content)["error"].count("\n") == 0


def test_edits_know_no_more_than_they_are_told() -> None:
    edits = edits_from({"unknown": 1}, released=COLOR, references={})
    assert edits.color == COLOR
    assert not edits.hints


def test_a_chosen_candidate_keeps_what_it_was_found_with_and_takes_more(tmp_path: Path) -> None:
    Image.new("L", (40, 30), 90).save(tmp_path / "gray.png")
    stroke = {"color": "white", "radius": 1, "points": [[1, 1]]}
    candidate = {
        "regions": [{"ab": [9, -8], "points": [[50, 60]]}],
        "hints": ["4,3,navy", "9,9,red"],
        "strokes": 1,
    }
    values = {
        "hints": ["4,3,navy", "20,10,red"],
        "strokes": [stroke, stroke],
        "candidate": candidate,
    }
    edits = edits_from(values, released=COLOR, references={})
    for guidance in (
        edits.for_file(tmp_path / "gray.png", (30, 40)),
        edits.for_preview(tmp_path / "gray.png", (30, 40), (15, 20)),
    ):
        found = guidance.candidate
        assert found is not None
        assert found.regions == (ColoredRegion((9, -8), ((50, 60),)),)
        assert [hint.color for hint in found.hints] == ["#000080"]  # the other was taken away
        assert [hint.color for hint in guidance.hints] == ["#ff0000"]
        assert found.strokes is not None
        assert guidance.strokes is not None
    assert [hint.place((15, 20)) for hint in found.hints] == [(2, 1.5)]


def test_the_page_has_words_for_every_mood_in_both_languages() -> None:
    page = Path(web.edits.__file__).with_name("page")
    for language in ("en", "zh"):
        words = json.loads((page / "words" / f"{language}.json").read_text(encoding="utf-8"))
        assert words.keys() >= {f"mood_{mood}" for mood in MOODS}


def test_colors_can_be_names() -> None:
    values = {
        "hints": ["4,3,navy"],
        "palette": ["月白"],
        "strokes": [{"color": "white", "radius": 1, "points": [[1, 1]]}],
    }
    edits = edits_from(values, released=COLOR, references={})
    assert edits.hints[0].color == "#000080"
    assert edits.color.palette == ("#d6ecf0",)
    assert edits.strokes[0].color == (255, 255, 255)


def test_strokes_are_drawn_where_they_were_painted() -> None:
    stroke = Stroke((208, 32, 16), 2, np.array([[4.0, 8], [30, 8]]))
    rgba = drawn([stroke], (20, 40))
    assert rgba is not None
    assert rgba.shape == (20, 40, 4)
    assert (rgba[8, 4:31] == (208, 32, 16, 255)).all()
    assert not rgba[14:].any()
    assert drawn([], (20, 40)) is None
    large = drawn([stroke], (10 * STROKES_PX, 20 * STROKES_PX))
    assert large is not None
    assert max(large.shape) == STROKES_PX
    assert large.any()


def test_hints_keep_their_place_in_a_smaller_copy(tmp_path: Path) -> None:
    Image.new("L", (80, 60)).save(tmp_path / "photo.png")
    edits = edits_from(
        {"hints": ["40,30,#d02010", "100%,0,#2040c0"]}, released=COLOR, references={}
    )
    guidance = edits.for_preview(tmp_path / "photo.png", (60, 80), (30, 40))
    assert [(hint.x, hint.y) for hint in guidance.hints] == [(20, 15), (39.5, 0)]
    assert not any(hint.x_percent or hint.y_percent for hint in guidance.hints)


def test_what_the_page_sets_replaces_what_the_command_was_given() -> None:
    released = ColorOptions(saturation=0.5, mood="cold")
    edits = edits_from({"saturation": 2, "palette": []}, released=released, references={})
    assert edits.color == ColorOptions(saturation=2.0, mood="cold")


def test_sliders_rest_at_the_command_s_values() -> None:
    assert released_values(ColorOptions(saturation=1.3)) == {
        "saturation": 1.3,
        "temperature": TEMPERATURE,
        "guidance": GUIDANCE,
    }
