"""Hints and colors are read as users write them, and placed in pixels."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from color.guidance import (
    UNGUIDED,
    Guidance,
    Hint,
    ShotReference,
    guidance_arguments,
    read_hint,
    read_length,
)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("20,30,#c83c28", Hint(20, 30, "#c83c28")),
        ("2.5,0,#FFFFFF", Hint(2.5, 0, "#ffffff")),
        ("2,5%,月白", Hint(2, 5, "#d6ecf0", False, True)),
        ("2,5,月白@0.50", Hint(2, 5, "#d6ecf0@0.5")),
        ("25%,40%,#808080", Hint(25, 40, "#808080", True, True)),
        ("25%,7,#808080", Hint(25, 7, "#808080", True, False)),
    ],
)
def test_hints_are_read_in_pixels_and_percent(text: str, hint: Hint) -> None:
    assert read_hint(text) == hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *((text, "expected X,Y,COLOR") for text in ("", "1,2", "-1,2,#123456", "1;2;#123456", "1%%,2,red")),
        ("1,2,#12345", "invalid color '#12345'"),
        ("1,2,navy@3", "invalid strength '3'"),
        ("1,2,navvy", "invalid color 'navvy'.*the nearest is navy"),
    ],
)  # fmt: skip
def test_other_hints_are_refused_as_they_were_written(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"invalid hint {text!r}: {says}"):
        read_hint(text)


def test_a_hint_is_shown_as_it_was_written() -> None:
    assert [read_hint(f"{text},red").written for text in ("3.5,0", "60%,7")] == ["3.5,0", "60%,7"]


def test_lengths_are_pixels_or_percent() -> None:
    assert [read_length(text) for text in ("12", "2.5%")] == [(12, False), (2.5, True)]
    for text in ("", "%", "-1", "1e3", "1 %"):
        with pytest.raises(ValueError, match="expected pixels or percent"):
            read_length(text)


def test_a_hint_of_a_film_has_its_time() -> None:
    assert read_hint("0:01.5,20,30%,#c83c28") == Hint(20, 30, "#c83c28", False, True, at="0:01.5")


def test_guidance_takes_hints_as_people_write_them() -> None:
    written = [
        "25%,40%,navy",
        (1, 2, "红"),
        [3, 4, 5.5, -6],
        (7, 8, (9, 10)),
        Hint(1, 1, "#ABCDEF"),
    ]
    assert Guidance(hints=written).hints == (
        Hint(25, 40, "#000080", True, True),
        Hint(1, 2, "红"),
        Hint(3, 4, (5.5, -6)),
        Hint(7, 8, (9, 10)),
        Hint(1, 1, "#ABCDEF"),
    )
    assert Guidance(hints=Hint(1, 2, "red")).hints == (Hint(1, 2, "red"),)
    assert Guidance(hints="1,2,red").hints == (Hint(1, 2, "#ff0000"),)
    assert Guidance(palette="navy,#FFFFFF").palette == ("#000080", "#ffffff")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"hints": [(1, 2)]}, r"invalid hint \(1, 2\): expected Hint\(x, y, color\)"),
        ({"hints": (1, 2, "red")}, "invalid hint 1: expected Hint"),
        ({"hints": [(1, "x", "red")]}, "invalid hint"),
        ({"hints": [None]}, "invalid hint None"),
        ({"hints": [Hint(1, 2, "navvy")]}, "the nearest is navy"),
        ({"palette": ["navvy"]}, "the nearest is navy"),
    ],
)
def test_other_guidance_is_refused_where_it_is_given(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Guidance(**given)


def test_guidance_of_another_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        TypeError, match=r"Guidance\(\) has no argument 'hint': the nearest is 'hints'"
    ):
        Guidance(hint=(1, 2, "red"))  # type: ignore[call-arg]
    assert guidance_arguments().keys() == {field.name for field in fields(Guidance)}


def test_guidance_shows_what_is_given() -> None:
    assert repr(UNGUIDED) == "Guidance()"
    shown = repr(Guidance(mood="warm", reference=np.zeros((2, 3, 3), np.uint8)))
    assert shown == "Guidance(reference=(2, 3, 3), mood='warm')"


def test_100_percent_is_the_last_pixel() -> None:
    places = [
        Hint(x, y, "#000000", x_percent=True, y_percent=True).place((11, 21))
        for x, y in ((0, 0), (50, 50), (100, 100))
    ]
    assert places == [(0, 0), (10, 5), (20, 10)]
    assert Hint(3.5, 2, "#000000").place((11, 21)) == (3.5, 2)


@pytest.mark.parametrize(
    "given",
    [
        {"hints": (Hint(1, 1, "#000000"),)},
        {"strokes": np.zeros((1, 1, 4), np.uint8)},
        {"reference": np.zeros((1, 1, 3), np.uint8)},
        {"palette": ("#000000",)},
        {"mood": "warm"},
        {"strength": 0.0},
        {"references": (ShotReference("1", np.zeros((1, 1, 3), np.uint8)),)},
        {"colorize": ("1",)},
        {"leave": ("1",)},
    ],
    ids=lambda given: next(iter(given)),
)
def test_anything_that_is_given_is_guidance(given: dict[str, Any]) -> None:
    assert Guidance(**given)
    assert not UNGUIDED
