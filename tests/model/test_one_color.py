"""Guidance works on the colors of networks that predict one color per place; what needs a distribution is refused."""

import functools
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import asked, landscape, scene, texture
from PIL import Image

from color.guidance import Guidance, Hint
from gray2color import Colorizer
from model import one_color
from model.onnx_network import OneColorNetwork
from model.program import Program
from model.program_cache import program_for
from prior.lab import gray2lightness, rgb2lab

pytest.importorskip("onnxruntime")
from onnx_networks import write_linear

ROOT = Path(__file__).resolve().parent.parent.parent
# ab as linear functions of the gray level 0..1
A, B = (60, -20), (-40, 10)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "other.onnx"
    return write_linear(path, [[A[0], 0, 0], [0, B[0], 0]], [A[1], B[1]])


@pytest.fixture
def colorizer(other: Path, small_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Colorizer:
    features = functools.partial(program_for, small_weights, output="features")
    small = functools.cache(lambda threads: Program(features, threads=threads))
    monkeypatch.setattr(one_color, "_released_features", small)
    return Colorizer(other, threads=1, working_size=96)


def halves(left: int = 60, right: int = 200) -> np.ndarray:
    gray = np.full((96, 128), left, np.uint8)
    gray[:, 64:] = right
    return gray


def ab_of(gray: np.ndarray) -> np.ndarray:
    share = gray[..., None] / 255
    return np.concatenate([A[0] * share + A[1], B[0] * share + B[1]], axis=-1)


def test_colors_are_as_predicted_and_lightness_as_given(colorizer: Colorizer) -> None:
    gray = cv2.GaussianBlur(landscape(96, 128), (0, 0), 5)
    small = cv2.resize(gray, (32, 24), interpolation=cv2.INTER_AREA)
    difference = np.abs(colorizer.ab(gray) - ab_of(small))
    assert difference.mean() < 0.5
    error = np.abs(rgb2lab(colorizer(gray))[..., 0] - gray2lightness(gray)).max()
    assert error < 1


def test_saturation_multiplies_them(other: Path) -> None:
    gray = halves()
    once, twice = (Colorizer(other, saturation=s, threads=1).ab(gray) for s in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, atol=1e-4)


def test_a_hint_colors_its_object_and_leaves_the_others(colorizer: Colorizer) -> None:
    gray, wanted = halves(), (20.0, -30.0)
    plain, hinted = colorizer.ab(gray), colorizer.ab(gray, asked(hints=[(30, 50, *wanted)]))
    np.testing.assert_allclose(hinted[12, 7], wanted, atol=2)
    np.testing.assert_allclose(hinted[4, 12], wanted, atol=8)  # the same half, elsewhere
    assert np.abs(hinted[:, 20:] - plain[:, 20:]).max() < 2


def test_a_hint_reaches_as_far_on_a_finer_grid(other: Path) -> None:
    gray = np.asarray(Image.open(ROOT / "data" / "samples" / "astronaut.jpg").convert("L"))
    orange, suit = rgb2lab(np.array([[[200, 82, 30]]], np.uint8))[0, 0, 1:], (100, 300)
    fine = Colorizer(other, threads=1, working_size=512)
    plain, hinted = fine.ab(gray), fine.ab(gray, Guidance((Hint(165, 357, "#c8521e"),)))
    assert hinted.shape == (128, 128, 2)
    far, before = (np.abs(ab[suit[1] // 4, suit[0] // 4] - orange).mean() for ab in (hinted, plain))
    assert far < 0.4 * before


def test_strokes_count_as_hints(colorizer: Colorizer) -> None:
    strokes = np.zeros((96, 128, 4), np.uint8)
    strokes[40:60, 20:40] = (30, 60, 200, 255)
    hinted = colorizer.ab(halves(), Guidance(strokes=strokes))
    wanted = rgb2lab(np.array([[[30, 60, 200]]], np.uint8))[0, 0, 1:]
    np.testing.assert_allclose(hinted[12, 7], wanted, atol=2)


def test_the_network_runs_once_for_hints(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    ab = OneColorNetwork.ab
    monkeypatch.setattr(
        OneColorNetwork, "ab", lambda self, *more: runs.append(1) or ab(self, *more)
    )
    colorizer.ab(halves(), asked(hints=[(30, 50, 20, -30)]))
    assert len(runs) == 1


def test_a_colored_copy_gives_its_colors(colorizer: Colorizer) -> None:
    rgb = scene(120, 160)
    detail = texture(np.random.default_rng(3), 120, 160)[..., None] // 3
    rgb = np.clip(rgb // 2 + detail, 0, 255).astype(np.uint8)
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    found = rgb2lab(colorizer(gray, Guidance(reference=rgb)))[..., 1:]
    wanted, plain = rgb2lab(rgb)[..., 1:], rgb2lab(colorizer(gray))[..., 1:]
    assert np.abs(found - wanted).mean() < 2 < np.abs(plain - wanted).mean()


@pytest.mark.slow
def test_a_reference_gives_its_colors_to_places_that_look_alike(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gray = landscape(96, 128)
    reference = np.dstack([gray, gray // 2, gray // 3])
    plain = colorizer.ab(gray)
    found = colorizer.ab(gray, Guidance(reference=reference, reference_by="content"))
    wanted = rgb2lab(cv2.resize(reference, plain.shape[1::-1], interpolation=cv2.INTER_AREA))[
        ..., 1:
    ]
    assert np.abs(found - wanted).mean() < 0.6 * np.abs(plain - wanted).mean()


def test_a_reference_that_shows_something_else_is_refused(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.photo_colors.matches_of", lambda *arguments: [])
    with pytest.raises(ValueError, match="cannot take its histogram: give a colored copy"):
        colorizer.ab(halves(), Guidance(reference=scene(40, 60)))


@pytest.mark.parametrize(
    "ask",
    [
        lambda colorizer, gray: colorizer.confidence(gray),
        lambda colorizer, gray: colorizer.suggest(gray),
        lambda colorizer, gray: colorizer.likely_colors(gray, 3, 3),
        lambda colorizer, gray: colorizer.candidates(gray),
        lambda colorizer, gray: colorizer(gray, asked(palette=["#c0392b"])),
        lambda colorizer, gray: colorizer(gray, Guidance(mood="warm")),
    ],
)
def test_what_needs_a_distribution_is_refused_in_one_line(
    ask: object, colorizer: Colorizer
) -> None:
    with pytest.raises(
        ValueError, match=r"^other\.onnx predicts one color for each place"
    ) as caught:
        ask(colorizer, halves())  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_a_shot_has_the_colors_of_its_keyframe(colorizer: Colorizer) -> None:
    world = texture(np.random.default_rng(3), 96, 160)
    grays = [np.ascontiguousarray(world[:, i : i + 128]) for i in range(12)]
    keyframe = np.dstack([grays[3], grays[3] // 2, grays[3] // 3])
    rgbs = list(colorizer.frames(grays, {3: keyframe}))
    plain = list(colorizer.frames(grays))
    for index, most in ((3, 1.0), (9, 4.0)):
        wanted = rgb2lab(np.dstack([grays[index], grays[index] // 2, grays[index] // 3]))[..., 1:]
        inner = np.s_[10:-10, 20:-20]
        errors = [
            np.abs(rgb2lab(one)[..., 1:] - wanted)[inner].mean()
            for one in (rgbs[index], plain[index])
        ]
        assert errors[0] < most < errors[1]
