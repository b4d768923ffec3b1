"""A candidate's file makes its colors again, with its own hints and strokes, and damaged ones are refused in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import texture
from PIL import Image

import main
from color.guidance import Candidate, ColoredRegion, Guidance, Hint
from color.options import GuidanceOptions
from photo.candidate_file import (
    read_candidate,
    write_candidate,
    written_candidate,
    written_guidance,
)
from photo.guidance import read_guidance


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(texture(np.random.default_rng(0), 96, 128)).save("photo.png")
    return Path("photo.png")


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_file_holds_all_of_a_candidate(photo: Path) -> None:
    strokes = np.random.default_rng(0).integers(0, 256, (30, 40, 4)).astype(np.uint8)
    regions = (
        ColoredRegion((12.5, -30.25), ((1.5, 99.0), (50.0, 0.0))),
        ColoredRegion((-1 / 3, 7.0), ()),
    )
    hints = (Hint(25, 40, "#b03030"), Hint(10, 20.5, (3.0, -4.0), x_percent=True, radius=5))
    write_candidate(Path("one.json"), Candidate(regions, hints, strokes))
    found = read_guidance(GuidanceOptions(hints=Path("one.json")), photo).candidate
    assert found is not None
    assert found.regions == regions
    assert [hint.written for hint in found.hints] == ["25,40", "10%,20.5"]
    assert found.hints[1][2:] == hints[1][2:]
    np.testing.assert_array_equal(found.strokes, strokes)
    assert written_candidate(found) == written_candidate(Candidate(regions, found.hints, strokes))


@pytest.mark.parametrize("regions", [None, (ColoredRegion((1.0, 2.0), ((5.0, 6.0),)),)])
def test_what_is_applied_to_a_candidate_or_to_the_photo_is_written_too(
    photo: Path, regions: tuple[ColoredRegion, ...] | None
) -> None:
    strokes = np.random.default_rng(0).integers(0, 256, (96, 128, 4)).astype(np.uint8)
    candidate = None if regions is None else Candidate(regions, (Hint(1, 2, (8.0, 9.0)),))
    guidance = Guidance((Hint(3, 4, (-5.5, 6.0)),), strokes, candidate)
    Path("one.json").write_text(json.dumps(written_guidance(guidance)))
    found = read_guidance(GuidanceOptions(hints=Path("one.json")), photo)
    assert written_guidance(found) == written_guidance(guidance)
    assert (found.candidate is None) == (regions is None)


def test_a_candidate_is_made_again_by_its_file_and_takes_more_hints(
    small: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-img_in", "photo.png", *small, "-save"]
    assert main.main([*words, "out.png", "-candidates", "3", "-hint", "20,30,#b03030"]) == 0
    assert capsys.readouterr().out.split()[-1] == "out.candidates.png"
    for number in (1, 2):
        again = f"again{number}.png"
        assert main.main([*words, again, "-hints", f"out.{number}.json"]) == 0
        np.testing.assert_array_equal(pixels(again), pixels(f"out.{number}.png"))
    more = ["-hints", "out.2.json", "-hint", "100,70,#2040c0"]
    assert main.main([*words, "more.png", *more]) == 0
    changed = np.abs(pixels("more.png").astype(int) - pixels("out.2.png")).max(axis=-1)
    assert changed[70, 100] > 20
    made = Path("more.png").stat().st_mtime_ns
    assert main.main([*words, "more.png", *more]) == 0
    assert Path("more.png").stat().st_mtime_ns == made  # the mark names the candidate, too
    assert main.main([*words, "more.png", "-hints", "out.1.json", *more[2:]]) == 0
    assert Path("more.png").stat().st_mtime_ns > made
    capsys.readouterr()
    assert main.main([*words, "x.png", "-hints", "out.2.json", "-candidates", "3"]) == 2
    assert "out.2.json is one of the candidates" in capsys.readouterr().err


def test_the_candidates_files_are_not_replaced(
    small: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out.2.json").write_text("{}")
    words = ["-img_in", "photo.png", "-save", "out.png", "-candidates", "2", *small]
    assert main.main(words) == 1
    assert "out.2.json exists already" in capsys.readouterr().err
    assert Path("out.2.json").read_text() == "{}"


REGION: dict[str, Any] = {"ab": [1, 2], "points": [[10, 20]]}


@pytest.mark.parametrize(
    "values",
    [
        {"regions": None},
        {"regions": [3]},
        {"regions": [{}]},
        {"regions": [REGION | {"ab": [1]}]},
        {"regions": [REGION | {"ab": [1, 200]}]},
        {"regions": [REGION | {"ab": [1, float("nan")]}]},
        {"regions": [REGION | {"ab": "xy"}]},
        {"regions": [REGION | {"points": [[1, 101]]}]},
        {"regions": [REGION | {"points": [[1, 2, 3]]}]},
        {"regions": [REGION | {"points": [[1, 2]] * 10_001}]},
        {"regions": [REGION], "strokes": "?"},
        {"regions": [REGION], "strokes": ""},
        {"regions": [REGION], "strokes": "aGVsbG8="},
        {"regions": [REGION], "strokes": 5},
        {"regions": [REGION], "later": 3},
        {"regions": [REGION], "later": {"hints": [[1, 2]]}},
        {"strokes": 3},
        {"hints": 3},
        {"regions": [REGION], "hints": [[1, 2]]},
        {"regions": [REGION], "hints": 5},
        {"regions": [REGION], "hints": [[500, 2, "red"]]},
    ],
)
def test_what_is_no_candidate_is_refused_in_one_line(
    photo: Path, values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.json").write_text(json.dumps(values))
    assert main.main(["-img_in", str(photo), "-hints", "bad.json"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "bad.json" in errors or "outside photo.png" in errors


def test_values_that_are_no_candidate_raise_value_error() -> None:
    with pytest.raises(ValueError, match="it is no candidate"):
        read_candidate({})


def test_a_look_is_written_read_and_colors_as_its_options(photo: Path) -> None:
    look = Guidance((Hint(3, 4, "#b03030"),), mood="cold", palette=("#2050c0",), strength=0.5)
    Path("look.json").write_text(json.dumps(written_guidance(look)))
    found = read_guidance(GuidanceOptions(hints=Path("look.json")), photo)
    assert (found.mood, found.palette, found.strength) == ("cold", ("#2050c0",), 0.5)
    assert [hint.written for hint in found.hints] == ["3,4"]
    candidate = Candidate((ColoredRegion((1.0, 2.0), ((5.0, 6.0),)),))
    Path("both.json").write_text(
        json.dumps(written_guidance(Guidance((), None, candidate, mood="warm")))
    )
    both = read_guidance(GuidanceOptions(hints=Path("both.json")), photo)
    assert (both.mood, both.candidate is not None) == ("warm", True)
    assert read_guidance(GuidanceOptions(hints=_only("mood", "sepia")), photo).mood == "sepia"


def _only(name: str, value: object) -> Path:
    Path("only.json").write_text(json.dumps({name: value}))
    return Path("only.json")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("mood", "cosy", "unknown mood 'cosy'"), ("mood", ["warm"], "unknown mood"), ("palette", "navy", "palette is not"),
        ("palette", [3], "palette is not"), ("palette", ["navvy"], "navvy"), ("guidance", 2, "2 is not from 0 to 1"),
        ("guidance", "x", "only.json"), ("mood", {}, "unknown mood"),
    ],
)  # fmt: skip
def test_a_look_of_another_form_is_refused(
    photo: Path, name: str, value: object, said: str
) -> None:
    with pytest.raises(ValueError, match=said) as error:
        read_guidance(GuidanceOptions(hints=_only(name, value)), photo)
    assert "\n" not in str(error.value)


def test_a_mistyped_key_is_named(photo: Path) -> None:
    path = photo.with_name("typo.json")
    path.write_text('{"mood": "warm", "hint": [[1, 2, "navy"]]}')
    with pytest.raises(ValueError, match="unknown hint: expected guidance, hints, mood"):
        read_guidance(GuidanceOptions(hints=path), photo)


def test_two_moods_are_refused(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-img_in", "photo.png", "-hints", str(_only("mood", "sepia")), "-mood", "warm"]
    assert main.main(words) == 2
    assert "only.json has a mood of its own: leave out -mood" in capsys.readouterr().err
