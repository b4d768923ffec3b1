"""Colors of a shot: steady along its motion, guided, and the same in segments as whole."""

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
import pytest
from helpers import landscape, texture

from color.segment import SegmentGuidance
from gray2color import Colorizer
from model.motion import GRAIN
from model.objects import agreed
from model.shot_colors import color_share
from prior.lab import fit_gamut, lab2rgb, rgb2lab


@dataclass(frozen=True, eq=False)
class Piece:
    """Return a segment like those of a film's job."""

    frames: np.ndarray
    numbers: range
    shot: int
    number: int
    after: np.ndarray
    guidance: object | None = None


def segment_of(frames: np.ndarray, first: int, last: int) -> Piece:
    """Return frames [first, last) of a shot, and the next one."""
    numbers, after = range(100 + first, 100 + last), frames[last : last + 1]
    return Piece(frames[first:last], numbers, 0, int(first > 0), after)


def one_by_one(colorizer: Colorizer, frames: np.ndarray) -> np.ndarray:
    """Colorize frames independently."""
    return colorizer.colorize(segment_of(frames, 0, len(frames)))


@pytest.fixture(scope="module")
def unsteady(make_colorizer: functools.partial[Colorizer]) -> Colorizer:
    return make_colorizer(steady=0)


@pytest.fixture(scope="module")
def pan() -> np.ndarray:
    """Return a pan over a scene with slight grain: (96, 64, 96)."""
    rng = np.random.default_rng(3)
    scene = texture(rng, 64, 96 + 96).astype(np.float32)
    frames = np.stack([scene[:, i : i + 96] for i in range(96)])
    return np.clip(frames + rng.normal(0, 4, frames.shape), 0, 255).astype(np.uint8)


def test_colors_of_a_segment_move_with_it(
    colorizer: Colorizer, unsteady: Colorizer, pan: np.ndarray
) -> None:
    """Frame i at x equals frame i + 4 at x - 4, a shift by one position of the colors."""
    alone, steady = (one.colorize(segment_of(pan[:24], 0, 24)) for one in (unsteady, colorizer))
    assert steady.shape == alone.shape
    assert steady.dtype == np.float32

    def flicker(ab: np.ndarray) -> float:
        return float(np.abs(ab[4:, :, 1:-2] - ab[:-4, :, 2:-1]).mean())

    assert flicker(steady) < flicker(alone) / 3


def test_steadiness_0_colors_each_frame_by_itself(
    colorizer: Colorizer, unsteady: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a picture of its size, but for the resolution at which colors agree."""
    monkeypatch.setattr("model.decode.agreed_quickly", agreed)
    frames = np.stack([landscape(64, 96, seed=seed) for seed in range(6)])
    for ab, frame in zip(one_by_one(unsteady, frames), frames, strict=True):
        np.testing.assert_allclose(ab, colorizer.ab(frame), atol=1e-3)


def test_a_still_film_is_still(colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.decode.agreed_quickly", agreed)
    frames = np.repeat(landscape(64, 96)[None], 10, axis=0)
    ab = colorizer.colorize(segment_of(frames, 0, 10))
    assert (ab == ab[0]).all()
    alone = colorizer.ab(frames[0]) * color_share(frames[:1], ab.shape[1:3])[0, ..., None]
    np.testing.assert_allclose(ab[0], alone, atol=0.05)  # stored as float16


def test_segments_of_a_shot_have_the_colors_of_the_shot_colorized_whole(
    colorizer: Colorizer, pan: np.ndarray
) -> None:
    whole = colorizer.colorize(segment_of(pan, 0, 96))
    bounds = [(0, 32), (32, 64), (64, 96)]
    parts = [colorizer.predict_segment(segment_of(pan, *pair)) for pair in bounds]
    before, after = [None], [None]
    for part in parts[:-1]:
        before.append(colorizer.link_segment(part, before[-1], backward=False))
    for part in parts[:0:-1]:
        after.append(colorizer.link_segment(part, after[-1], backward=True))
    linked = np.concatenate(
        [
            colorizer.finish_segment(part, before=b, after=a)
            for part, b, a in zip(parts, before, reversed(after), strict=True)
        ]
    )
    assert np.abs(linked - whole).max() < 0.1
    alone = np.concatenate([colorizer.colorize(segment_of(pan, *pair)) for pair in bounds])
    assert np.abs(alone - whole).max() > 1


def test_a_flash_does_not_change_how_other_frames_are_seen_one_by_one(
    unsteady: Colorizer,
) -> None:
    frame = landscape(64, 96)
    together = one_by_one(unsteady, np.stack([frame, frame // 2 + 60, frame]))
    np.testing.assert_allclose(together[0], together[2], atol=1e-4)


def test_frames_of_any_size(unsteady: Colorizer) -> None:
    ab = one_by_one(unsteady, np.zeros((2, 66, 101), np.uint8))
    assert ab.shape == (2, 64 // 4, 96 // 4, 2)


def test_frames_have_the_colors_of_the_palette(
    make_colorizer: functools.partial[Colorizer],
) -> None:
    frames = np.stack([landscape(64, 96, seed=seed) for seed in range(5)])
    cold, free = (
        one_by_one(make_colorizer(mood=mood, steady=0), frames) for mood in ("cold", None)
    )
    assert cold[..., 1].mean() < free[..., 1].mean() - 3


def hint_on(frame: int, *, of: int, x: float, y: float) -> SegmentGuidance:
    """Return hints with one blue point on one of a segment's frames."""
    none, blue = np.zeros((0, 4), np.float32), np.array([[x, y, 10, -60]], np.float32)
    return SegmentGuidance(
        tuple(blue if n == frame else none for n in range(of)), np.arange(of) == frame
    )


@pytest.mark.parametrize("steady", [0, 1])
def test_hints_of_frames_guide_their_colors(
    make_colorizer: functools.partial[Colorizer], pan: np.ndarray, steady: float
) -> None:
    colorizer, plain = make_colorizer(steady=steady), segment_of(pan, 0, 24)
    guided = dataclasses.replace(plain, guidance=hint_on(11, of=24, x=48, y=32))
    changed = np.abs(colorizer.colorize(guided) - colorizer.colorize(plain)).max(axis=(1, 2, 3))
    assert changed[11] == changed.max() > 0
    assert (changed[[0, 23]] > 0).all() == bool(steady)  # propagated along the motion


def test_a_reference_of_a_shot_guides_its_colors(colorizer: Colorizer, pan: np.ndarray) -> None:
    none = tuple(np.zeros((0, 4), np.float32) for _ in range(8))
    red = np.zeros((4, 4, 3), np.uint8) + np.array([200, 20, 20], np.uint8)
    plain, guidance = segment_of(pan, 0, 8), SegmentGuidance(none, np.zeros(8, bool), red)
    referred = colorizer.colorize(dataclasses.replace(plain, guidance=guidance))
    assert np.abs(referred - colorizer.colorize(plain)).max() > 0.01
    alone = colorizer.colorize(
        dataclasses.replace(plain, guidance=dataclasses.replace(guidance, reference=None))
    )
    np.testing.assert_array_equal(alone, colorizer.colorize(plain))


def test_a_colored_frame_of_a_shot_gives_places_their_colors(
    colorizer: Colorizer, pan: np.ndarray
) -> None:
    frames, none = (
        np.repeat(pan[:1], 8, axis=0),
        tuple(np.zeros((0, 4), np.float32) for _ in "12345678"),
    )
    lab = rgb2lab(np.repeat(frames[0][..., None], 3, axis=-1))
    lab[:, :48, 1:], lab[:, 48:, 1:] = (-25, 20), (25, -20)
    colored = lab2rgb(fit_gamut(lab))
    guidance = SegmentGuidance(none, np.zeros(8, bool), colored)
    segment = segment_of(frames, 0, 8)
    ab = colorizer.colorize(dataclasses.replace(segment, guidance=guidance))
    left, right = ab[4, :, 2:10].mean(axis=(0, 1)), ab[4, :, 14:22].mean(axis=(0, 1))
    assert left[0] < 0 < left[1]
    assert right[1] < 0 < right[0]


def test_black_and_white_have_no_color_and_what_lies_between_has_all() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, None], 8, axis=1)
    share = color_share(ramp, (8, 256))[0, 0]
    assert share[0] == share[255] == 0
    assert (share[40:240] == 1).all()
    assert (np.diff(share[:100]) >= 0).all()
    assert (np.diff(share[200:]) <= 0).all()
    assert GRAIN[0] < GRAIN[1]
