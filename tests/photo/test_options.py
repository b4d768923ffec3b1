"""Options of photos: ranges, and what cannot be combined."""

from pathlib import Path

import pytest

from photo.options import PhotoOptions


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
