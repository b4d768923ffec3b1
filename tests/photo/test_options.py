"""Options of photos: ranges, and what cannot be combined."""

from pathlib import Path

import pytest

from photo.options import PhotoOptions, Span, is_one, read_span


def test_nothing_given_analyzes_nothing() -> None:
    assert not PhotoOptions().analyzes
    assert not PhotoOptions(candidates=2).analyzes
    assert PhotoOptions(suggest=1).analyzes
    assert PhotoOptions(confidence=Path("map.png")).analyzes


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"candidates": 1}, "candidates.* from 2 to 9"),
        ({"candidates": 10}, "candidates.* from 2 to 9"),
        ({"suggest": 0}, "suggest.* from 1 to 50"),
        ({"quality": 101}, "quality.* from 1 to 100"),
        ({"candidates": 2, "compare": True}, "-compare cannot be combined with -candidates"),
        ({"suggest_json": Path("points.json")}, "add -suggest N"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PhotoOptions(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "span"), [("3", (3, 3)), ("3-5", (3, 5)), ("3-", (3, None)), ("7-7", (7, 7))])  # fmt: skip
def test_pages_are_read(text: str, span: tuple[int, int | None]) -> None:
    assert read_span(text) == span
    assert str(read_span(text)) == text.removeprefix("7-")


@pytest.mark.parametrize(
    "text", ["0", "3-2", "-2", "a", "1,2", "", "1-2-3", "٣", "1.5", "9999999999"]
)
def test_what_names_no_pages_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no pages: write 3, 3-5 or 3-, counted from 1"):
        read_span(text)


def test_one_page_is_told_from_several() -> None:
    assert is_one([Span(2, 2)])
    assert is_one([Span(2, 2), Span(2, 2)])
    assert not is_one([])
    assert not is_one([Span(1, None)])
    assert not is_one([Span(1, 2)])
    assert not is_one([Span(1, 1), Span(2, 2)])
