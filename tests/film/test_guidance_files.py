"""Hints and references for films are read from files; what is broken is refused with its name."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from color.guidance import Hint, read_hint
from color.options import GuidanceOptions
from film.guidance_files import GuidanceError, read_guidance
from film.options import FilmCommand
from runtime.files import write_text

RED = np.zeros((4, 4, 3), np.uint8) + np.array([200, 20, 20], np.uint8)


def no_picture(path: Path) -> np.ndarray:
    raise AssertionError(path)


def test_guidance_is_read_from_json(tmp_path: Path) -> None:
    write_text(
        tmp_path / "hints.json",
        json.dumps([["0:01.5", 3, "4%", "#102030"], [2, 1, 1, "white"], "3f,1,1%,朱砂"]),
    )
    write_text(tmp_path / "shots.json", json.dumps({"2": "a/sea.jpg", "0:10-1:00": "b.png"}))
    read: list[Path] = []
    found = read_guidance(
        GuidanceOptions(hint=(read_hint("7f,1,2,#d02010"),), hints=tmp_path / "hints.json"),
        FilmCommand(references=tmp_path / "shots.json"),
        read=lambda path: read.append(path) or RED,  # type: ignore[func-returns-value]
    )
    assert [hint.at for hint in found.hints] == ["7f", "0:01.5", "2", "3f"]
    assert found.hints[1] == Hint(3, 4, "#102030", y_percent=True, at="0:01.5")
    assert [hint.color for hint in found.hints[2:]] == ["#ffffff", "#ff461f"]
    assert [reference.where for reference in found.references] == ["2", "0:10-1:00"]
    assert read == [tmp_path / "a/sea.jpg", tmp_path / "b.png"]
    assert not read_guidance(GuidanceOptions(), FilmCommand(), read=no_picture)


def test_the_list_of_keyframes_means_only_those_that_it_lists(tmp_path: Path) -> None:
    for name in ("shot001.frame000003", "shot002.frame000007"):
        Image.fromarray(RED).save(tmp_path / f"{name}.png")
    path = tmp_path / "keyframes.json"
    for listed, found in (([3], ["3f"]), ([3, 7], ["3f", "7f"])):
        path.write_text(json.dumps({"keyframes": [{"frame": number} for number in listed]}))
        guidance = read_guidance(GuidanceOptions(), FilmCommand(references=path), read=no_picture)
        assert [one.at for one in guidance.keyframes] == found
    path.write_text(json.dumps({"keyframes": [{"frame": 9}]}))
    with pytest.raises(GuidanceError, match="none of its frames has a colored copy"):
        read_guidance(GuidanceOptions(), FilmCommand(references=path), read=no_picture)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "does not contain a list of hints"),
        ('{"1": 2}', "does not contain a list of hints"),
        ("[[1, 2, 3]]", "invalid hint '1,2,3': invalid color '3'"),
        ('[[1, 2, 3, "navvy"]]', "invalid hint '1,2,3,navvy': .*the nearest is navy; write"),
        ('[[1, "NaN", 3, "#102030"]]', "invalid hint '1,NaN,3,#102030'"),
        ('["1;2,3,#102030"]', "invalid hint '1;2,3,#102030': expected X,Y,COLOR"),
        ("[7]", "invalid hint 7: expected a list"),
        ('[["x", 2, 3, "#102030"]]', "'x' is not a valid time for a hint"),
        ('[["-1", 2, 3, "#102030"]]', "'-1' is not a valid time for a hint"),
    ],
)
def test_broken_hints_are_refused(tmp_path: Path, text: str, message: str) -> None:
    write_text(tmp_path / "hints.json", text)
    with pytest.raises(GuidanceError, match=message):
        read_guidance(
            GuidanceOptions(hints=tmp_path / "hints.json"), FilmCommand(), read=no_picture
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "does not assign pictures to shots"),
        ("{}", "does not assign pictures to shots"),
        ('{"0": "a.jpg"}', "'0' does not name shots"),
        ('{"3-2": "a.jpg"}', "'3-2' does not name shots"),
        ('{"sea": "a.jpg"}', "'sea' does not name shots"),
        ('{"0:20-0:10": "a.jpg"}', "'0:20-0:10' does not name shots"),
        ('{"1": 5}', "1 has no picture"),
    ],
)
def test_broken_references_are_refused(tmp_path: Path, text: str, message: str) -> None:
    write_text(tmp_path / "shots.json", text)
    with pytest.raises(GuidanceError, match=message):
        read_guidance(
            GuidanceOptions(), FilmCommand(references=tmp_path / "shots.json"), read=no_picture
        )


@pytest.mark.parametrize("option", ["colorize", "leave"])
@pytest.mark.parametrize("where", ["0", "two", "3-1"])
def test_shots_are_named_as_everywhere(where: str, option: str) -> None:
    form = f"'{where}' does not name shots: write -{option} with 3, 5-7 or 0:10-0:25$"
    with pytest.raises(GuidanceError, match=form):
        read_guidance(GuidanceOptions(), FilmCommand(**{option: (where,)}), read=no_picture)
