"""Guidance of a photo: hints, references, palettes and moods, and which of them goes first."""

import functools
import re
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import asked, landscape, texture

from color.guidance import Guidance, Hint
from gray2color import Colorizer
from model.contract import working_lightness
from model.correspondence import Correspondence
from model.program import Program
from prior.lab import gray2lightness, lab2rgb, rgb2lab

RGB = np.full((6, 8, 3), 90, np.uint8)
NAN = float("nan")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"strokes": RGB}, r"strokes=...\) rgba \(H, W, 4\) uint8, got \(6, 8, 3\) uint8"),
        ({"strokes": RGB[..., 0]}, r"strokes=...\) rgba .*got \(6, 8\) uint8"),
        ({"strokes": np.dstack([RGB, RGB[..., :1]]) / 255}, "got .* float64: from 0..1 write"),
        ({"strokes": np.dstack([RGB, RGB[..., :1]]).astype(np.uint16)}, "uint8, got .* uint16"),
        ({"strokes": np.zeros((0, 0, 4), np.uint8)}, r"got \(0, 0, 4\)"),
        ({"reference": RGB / 255}, r"reference=...\) rgb \(H, W, 3\) uint8 or uint16, got .* float64"),
        ({"reference": RGB[..., 0]}, "reference=.* got"),
        ({"reference_large": RGB[:0]}, r"rgb or rgba \(H, W, 3 or 4\) uint8 or uint16, got \(0, 8, 3\)"),
        ({"hints": [Hint(NAN, 3, "red")]}, r"expected finite numbers in a hint, got \(nan, 3, 'red'\)"),
        ({"hints": [(1, 1, NAN, 3)]}, "expected finite numbers in a hint"),
        ({"hints": ["0:03,25%,40%,navy"]}, "the hint at 0:03 is for a film: leave its time out for a photo"),
        ({"keyframes": (RGB,)}, r"Guidance\(keyframes=...\) is for films: leave it out for a photo"),
        ({"references": (RGB,)}, r"Guidance\(references=...\) is for films"),
        ({"leave": ("3",)}, r"Guidance\(leave=...\) is for films"),
    ],
)  # fmt: skip
def test_what_is_no_guidance_of_a_photo_is_refused(
    colorizer: Colorizer, given: dict[str, Any], says: str
) -> None:
    wanted = Guidance(**given)
    for call in (colorizer, colorizer.candidates, colorizer.distribution):
        with pytest.raises(ValueError, match=says) as caught:
            call(RGB[..., 0], guidance=wanted)
        assert "\n" not in str(caught.value)


def test_a_path_is_no_picture_of_a_guidance(colorizer: Colorizer) -> None:
    for name in ("strokes", "reference"):
        with pytest.raises(TypeError, match=r"got the path 'a\.png': read it first"):
            colorizer(RGB[..., 0], Guidance(**{name: "a.png"}))


def test_hints_leave_alone_what_is_not_their_object(colorizer: Colorizer) -> None:
    gray = landscape(64, 64) // 4 + 20
    gray[:, 32:] += 150
    free, hinted = (
        colorizer.ab(gray, asked(hints=hints)) for hints in (None, [(14, 30, 60.0, -40.0)])
    )
    change = np.hypot(*np.moveaxis(hinted - free, -1, 0))
    assert change[:, :7].mean() > 20
    assert change[:, 9:].mean() < 1


RED = np.full((4, 4, 3), (200, 40, 30), np.uint8)


def redness(ab: np.ndarray) -> float:
    wanted = rgb2lab(RED[0, 0])[1:]
    return float((ab @ wanted).mean() / np.linalg.norm(wanted))


def test_a_reference_and_a_palette_have_their_colors_taken(colorizer: Colorizer) -> None:
    gray = landscape(120, 160)
    free = redness(colorizer.ab(gray))
    for wanted in ({"reference": RED}, {"palette": ["#c8281e"]}):
        half, whole = (redness(colorizer.ab(gray, asked(guidance=g, **wanted))) for g in (0.2, 1.0))
        assert free < half < whole


def runs_counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the runs of all programs from now on, in a list that grows with each."""
    runs: list[int] = []
    run = Program.__call__

    def counted(self: Program, *planes: np.ndarray, temperature: float) -> np.ndarray:
        runs.append(len(planes))
        return run(self, *planes, temperature=temperature)

    monkeypatch.setattr(Program, "__call__", counted)
    return runs


def test_the_confidence_of_a_photo_is_the_prediction_s_mean_and_costs_no_run(
    make_colorizer: functools.partial[Colorizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    colorizer, gray = make_colorizer(), landscape(64, 64)
    sure = make_colorizer().predict(working_lightness(gray[None], short=64)).confidence
    runs = runs_counted(monkeypatch)
    made = colorizer.composition(gray)
    assert made.confidence == pytest.approx(float(sure.mean()), abs=1e-5)
    assert len(runs) == 1
    hinted = colorizer.composition(gray, asked(hints=[(30, 30, 60.0, -40.0)]))
    assert hinted.confidence is not None
    assert hinted.confidence > made.confidence


def test_each_further_hint_costs_one_run(
    make_colorizer: functools.partial[Colorizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    colorizer, gray = make_colorizer(), landscape(64, 64)
    hints = [Hint(20, 20, (50.0, 30.0)), Hint(40, 50, (-20.0, 10.0))]
    first = colorizer.ab(gray, Guidance(hints=hints[:1]))
    runs = runs_counted(monkeypatch)
    colorizer.ab(gray, Guidance(hints=hints))
    assert len(runs) == 1
    np.testing.assert_array_equal(colorizer.ab(gray, Guidance(hints=hints[:1])), first)
    np.testing.assert_array_equal(colorizer.ab(gray), make_colorizer().ab(gray))
    assert not np.array_equal(colorizer.ab(gray), colorizer.ab(gray[:, ::-1])[:, ::-1])


@pytest.fixture
def own_reference() -> tuple[np.ndarray, np.ndarray]:
    """Return a gray picture and its color original: (192, 256) and (192, 256, 3)."""
    gray = texture(np.random.default_rng(5), 192, 256)
    lab = np.dstack([gray2lightness(gray) * 0.4 + 30, np.zeros((192, 256, 2))])
    lab[:, :128, 1:], lab[:, 128:, 1:] = (30, 20), (-30, 20)
    return lab2rgb(lab * (1, 0, 0))[..., 0], lab2rgb(lab)


def test_a_reference_of_the_same_scene_colors_each_place(
    colorizer: Colorizer, own_reference: tuple[np.ndarray, np.ndarray]
) -> None:
    gray, reference = own_reference
    content, histogram = (
        colorizer.ab(gray, asked(reference=reference, reference_by=by))
        for by in ("content", "histogram")
    )
    truth = cv2.resize(rgb2lab(reference)[..., 1:], content.shape[1::-1])
    errors = [np.hypot(*(ab - truth).reshape(-1, 2).T).mean() for ab in (content, histogram)]
    assert errors[0] < 0.75 * errors[1]


def test_a_colored_copy_gives_each_pixel_its_color(
    colorizer: Colorizer, own_reference: tuple[np.ndarray, np.ndarray]
) -> None:
    gray, reference = own_reference
    rgb = colorizer(gray, asked(reference=reference))
    assert np.abs(rgb.astype(int) - reference).max() <= 1
    smaller = cv2.resize(reference, (179, 134), interpolation=cv2.INTER_AREA)
    rgb = colorizer(gray, asked(reference=smaller, reference_by="registered"))
    away = np.hypot(*np.moveaxis(rgb2lab(rgb) - rgb2lab(reference), -1, 0)[1:])
    assert np.median(away) < 1
    # A smaller reference for content and histogram does not take the detail away.
    guidance = asked(reference=RED, reference_large=reference, reference_by="registered")
    assert np.abs(colorizer(gray, guidance).astype(int) - reference).max() <= 1


def test_a_picture_that_is_no_copy_is_not_registered(
    colorizer: Colorizer, own_reference: tuple[np.ndarray, np.ndarray]
) -> None:
    gray, reference = own_reference
    other = np.ascontiguousarray(reference.transpose(1, 0, 2)[::-1])
    other[:, ::2] = 255 - other[:, ::2]
    with pytest.raises(ValueError, match="not a colored copy of this photo"):
        colorizer(gray, asked(reference=other, reference_by="registered"))
    notes = [
        colorizer.composition(gray, asked(reference=picture, reference_by=by)).note
        for picture, by in ((reference, "auto"), (reference, "content"), (other, "auto"))
    ]
    assert notes == [
        "reference: registered, 100% of the photo",
        "reference: content",
        "reference: histogram",
    ]
    assert not colorizer.composition(gray).note


@pytest.mark.parametrize(("share", "less"), [(0.0, True), (0.03, True), (0.05, False)])
def test_a_reference_without_anything_in_common_counts_less_and_is_noted(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch, share: float, less: bool
) -> None:
    gray = landscape(64, 64)
    found = Correspondence(share, np.zeros((0, 5), np.float32))
    monkeypatch.setattr("model.correspondence.correspondence", lambda *_, **__: found)
    histogram = colorizer.composition(gray, asked(reference=RED, reference_by="histogram"))
    chosen = colorizer.composition(gray, asked(reference=RED))
    plain = redness(colorizer.ab(gray))
    full, auto = (
        redness(colorizer.ab(gray, asked(reference=RED, reference_by=by)))
        for by in ("histogram", "auto")
    )
    assert histogram.note == "reference: histogram"
    if less:
        assert plain < auto < plain + 0.7 * (full - plain)
        assert f"only {share:.1%} of the photo has a match in it" in chosen.note
        assert "-reference_by histogram" in chosen.note
    else:
        assert auto == full
        assert chosen.note == "reference: histogram"


def test_candidates_differ_where_a_copy_does_not_show_the_photo(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch, own_reference: Any
) -> None:
    gray, reference = own_reference
    small = np.zeros((8, 11, 2), np.float32)
    left, right = small.copy(), small.copy()
    left[:, :5], right[:, 9:] = 50, 50  # seen by the copy, and not
    monkeypatch.setattr(
        "model.photo_colors.candidates", lambda *_, **__: [(ab, ()) for ab in (small, left, right)]
    )
    part = np.ascontiguousarray(reference[:, :190])
    assert len(colorizer.candidates(gray, 3, asked(reference=part))) == 2


def test_a_copy_guides_the_colors_of_what_it_does_not_show(
    colorizer: Colorizer, own_reference: tuple[np.ndarray, np.ndarray]
) -> None:
    gray, reference = own_reference
    part = np.ascontiguousarray(reference[:, :190])
    truth = rgb2lab(reference)[..., 1:]
    shown, hidden = np.s_[20:-20, 20:110], np.s_[20:-20, 200:]
    ab = colorizer.ab(gray, asked(reference=part))
    assert np.abs(ab - truth)[shown].max() < 0.5
    free = np.abs(colorizer.ab(gray)[2:-2, -6:] - truth[0, -1])
    assert np.abs(ab - truth)[hidden].mean() < 0.25 * free.mean()
    found = [rgb2lab(rgb) for rgb in colorizer.candidates(gray, 3, asked(reference=part))]
    assert all(np.abs(lab[..., 1:] - truth)[shown].mean() < 1 for lab in found)
    assert len(colorizer.candidates(gray, 3, asked(reference=reference))) == 1


@pytest.mark.parametrize(("share", "by"), [(0.05, "histogram"), (0.36, "content")])
def test_a_reference_is_taken_by_its_content_if_much_of_it_matches(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch, share: float, by: str
) -> None:
    gray, points = landscape(64, 64), np.array([[30, 30, -50, -20, 1]], np.float32)
    found = Correspondence(share, points)
    monkeypatch.setattr("model.correspondence.correspondence", lambda *_, bins: found)
    wanted = {"reference": RED}
    chosen = colorizer.ab(gray, asked(reference_by=by, **wanted))
    np.testing.assert_array_equal(colorizer.ab(gray, asked(**wanted)), chosen)
    assert (np.abs(chosen[7, 7] - (-50, -20)) < 2).all() == (by == "content")


def test_a_reference_with_nothing_to_match_changes_nothing(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Correspondence(0, np.zeros((0, 5), np.float32))
    monkeypatch.setattr("model.correspondence.correspondence", lambda *_, bins: nothing)
    gray = landscape(64, 64)
    content = colorizer.ab(gray, asked(reference=RED, reference_by="content"))
    np.testing.assert_array_equal(content, colorizer.ab(gray))


@pytest.mark.parametrize("by", ["content", "registered"])
def test_hints_go_before_a_reference(
    colorizer: Colorizer, own_reference: tuple[np.ndarray, np.ndarray], by: str
) -> None:
    gray, reference = own_reference
    strokes = np.zeros((192, 256, 4), np.uint8)
    strokes[120:150, 20:50] = (128, 128, 128, 255)
    hints = [(60, 60, -40, -30)]
    wanted = asked(reference=reference, reference_by=by, hints=hints, strokes=strokes)
    ab = cv2.resize(colorizer.ab(gray, wanted), (21, 16), interpolation=cv2.INTER_AREA)
    height, width = ab.shape[:2]
    at_point = ab[60 * height // 192, 60 * width // 256]
    np.testing.assert_allclose(at_point, (-40, -30), atol=3)
    np.testing.assert_allclose(ab[135 * height // 192, 35 * width // 256], 0, atol=3)


def test_guidance_of_0_is_none(
    make_colorizer: functools.partial[Colorizer], colorizer: Colorizer
) -> None:
    gray = landscape(64, 64)
    free = colorizer.ab(gray)
    guided = colorizer.ab(gray, asked(reference=RED, palette=["#2e86c1"], mood="sepia", guidance=0))
    np.testing.assert_array_equal(guided, free)
    np.testing.assert_array_equal(make_colorizer(mood="cold", guidance=0).ab(gray), free)


def test_hints_go_before_palettes(colorizer: Colorizer) -> None:
    ab = colorizer.ab(landscape(64, 64), asked(hints=[(30, 30, -40.0, 30.0)], mood="sepia"))
    np.testing.assert_allclose(ab[7, 7], (-40, 30), atol=2)
    assert redness(ab[-2:]) > 0


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"palette": ["redd"]}, "invalid color 'redd'"),
        ({"mood": "happy"}, "unknown mood 'happy'"),
        (
            {"reference": RED, "reference_by": "eye"},
            "expected reference_by auto, registered, content, histogram",
        ),
        ({"guidance": 1.5}, "expected guidance from 0 to 1, got 1.5"),
        ({"hints": [(99, 2, 0, 0)]}, "outside the picture"),
    ],
)
def test_other_guidance_is_refused(
    make_colorizer: functools.partial[Colorizer], colorizer: Colorizer, wanted: Any, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        colorizer.ab(landscape(64, 64), asked(**wanted))
    if not {"hints", "reference"} & wanted.keys():
        with pytest.raises(ValueError, match=says):
            make_colorizer(**wanted)


def test_a_hint_with_less_chroma_than_asked_is_noted(colorizer: Colorizer) -> None:
    gray = np.repeat(np.array([[6, 150]], np.uint8), 64, 0).repeat(48, 1)

    def note(*hints: str) -> str:
        return colorizer.composition(gray, Guidance(hints=hints)).note

    assert not note("70,30,#5060a0", "20,30,gray", "20,30,#5060a0@0.1")
    weak = note("70,30,#5060a0", "20,30,#c8521e")
    assert re.fullmatch(
        "hints: less color than asked at this lightness: #c8521e at 20,30 becomes #[0-9a-f]{6}",
        weak,
    )
    assert note(*["20,30,red"] * 5).endswith(" and 2 more")


def test_a_hint_s_strength_is_the_share_of_its_chroma(colorizer: Colorizer) -> None:
    gray = landscape(64, 64)
    full = colorizer.ab(gray, Guidance(hints="30,30,#b03030"))[7, 7]
    for strength in (0.0, 0.5, 1.2):
        part = colorizer.ab(gray, Guidance(hints=f"30,30,#b03030@{strength}"))[7, 7]
        np.testing.assert_allclose(part, full * strength, atol=2)


@pytest.mark.parametrize(
    "gray", [np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8), np.zeros((4, 4))]
)
def test_other_arrays_are_refused(colorizer: Colorizer, gray: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected gray \(H, W\) uint8 or uint16, got"):
        colorizer.ab(gray)
