"""Temporal consistency: colors follow the motion, are averaged, do not bleed into new objects; parts join exactly."""

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from helpers import texture

from color.arrays import Bytes, Floats
from model.motion import Motion, motion_of
from model.steady import (
    ANCHOR_FIRST,
    MEMORY,
    Link,
    Part,
    anchors,
    link_backward,
    link_forward,
    steady,
)

SIZE = (30, 40)  # of the colors; frames are four times as large
FRAMES = 24


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def pan(rng: np.random.Generator, *, step: int = 4) -> tuple[Bytes, Floats]:
    """Return frames of a pan, one position of the colors per frame, and the scene's colors for each."""
    scene = texture(rng, 120, 160 + step * FRAMES)
    colors = rng.uniform(-40, 40, (30, 40 + FRAMES, 2)).astype(np.float32)
    colors = np.repeat(np.repeat(colors[::6, ::8], 6, axis=0), 8, axis=1)[:30]
    frames = np.stack([scene[:, step * i : step * i + 160] for i in range(FRAMES)])
    return frames, np.stack([colors[:, i : i + 40] for i in range(FRAMES)])


def whole(frames: Bytes, ab: Floats, *, every: int = 1) -> Part:
    motion = motion_of(frames, SIZE)
    weight = np.ones(ab.shape[:3], np.float32)
    return Part(ab, weight, anchors(motion, frames=len(frames), every=every), motion)


def split(part: Part, bounds: list[int]) -> list[Part]:
    """Split a shot into parts, each with the step to the next."""
    parts = []
    for first, last in zip([0, *bounds], [*bounds, len(part.ab)], strict=True):
        steps = np.s_[first : min(last, len(part.motion.back))]
        m = part.motion
        flows = (getattr(m, field.name)[steps] for field in fields(Motion)[:-1])
        motion = Motion(*flows, ends=m.ends)
        colors = (part.ab[first:last], part.weight[first:last], part.anchor[first:last])
        parts.append(Part(*colors, motion))
    return parts


def test_noise_in_the_colors_is_averaged_along_the_motion(rng: np.random.Generator) -> None:
    frames, truth = pan(rng)
    noisy = truth + rng.normal(0, 10, truth.shape).astype(np.float32)
    error = np.abs(steady(whole(frames, noisy)) - truth)[:, 4:-4, 4:-4].mean()
    assert error < np.abs(noisy - truth).mean() / 2


def test_a_still_film_is_still(rng: np.random.Generator) -> None:
    frames = np.repeat(texture(rng)[None], FRAMES, axis=0)
    ab = rng.normal(0, 20, (FRAMES, *SIZE, 2)).astype(np.float32)
    colors = steady(whole(frames, ab), memory=FRAMES)
    assert np.abs(colors - ab.mean(axis=0)).max() < 1e-3
    assert (colors == colors[0]).all()


@pytest.mark.parametrize("memory", [3, MEMORY])
@pytest.mark.parametrize("bounds", [[12], [5, 6, 19]])
def test_parts_of_a_shot_equal_the_shot_computed_whole(
    rng: np.random.Generator, bounds: list[int], memory: float
) -> None:
    frames, truth = pan(rng)
    part = whole(frames, truth + rng.normal(0, 10, truth.shape).astype(np.float32), every=4)
    parts = split(part, bounds)
    before, after = [None], [None]
    for one in parts[:-1]:
        before.append(link_forward(one, before[-1], memory=memory))
    for one in parts[:0:-1]:
        after.append(link_backward(one, after[-1], memory=memory))
    reached = zip(parts, before, reversed(after), strict=True)
    found = np.concatenate([steady(*those, memory=memory) for those in reached])
    np.testing.assert_allclose(found, steady(part, memory=memory), atol=1e-4)


def test_a_part_is_kept_in_little_space_and_found_again(rng: np.random.Generator) -> None:
    frames, truth = pan(rng)
    part = whole(frames, truth, every=4)
    packed = part.pack()
    found = Part.unpack(packed)
    assert sum(array.nbytes for array in packed.values()) < FRAMES * SIZE[0] * SIZE[1] * 12
    np.testing.assert_array_equal(found.ab[part.anchor], part.ab[part.anchor].astype(np.float16))
    for field in fields(Motion):
        kept, given = getattr(found.motion, field.name), getattr(part.motion, field.name)
        np.testing.assert_allclose(kept, given, atol=0.004)
    assert Part.unpack(found.pack()).motion.back_trust.dtype == np.float32
    np.testing.assert_array_equal(steady(Part.unpack(found.pack())), steady(found))


def test_what_is_uncovered_takes_its_own_color(rng: np.random.Generator) -> None:
    first, second = texture(rng), texture(rng)
    frames = np.stack([first] * 6 + [second] * 6)
    ab = np.full((12, *SIZE, 2), 30, np.float32)
    ab[6:] = -30
    colors = steady(whole(frames, ab))
    assert np.abs(colors[:6] - 30).mean() < 4
    assert np.abs(colors[6:] + 30).mean() < 4


def test_what_the_network_is_sure_of_counts_for_more(rng: np.random.Generator) -> None:
    frames = np.repeat(texture(rng)[None], 3, axis=0)
    ab = np.stack([np.full((*SIZE, 2), value, np.float32) for value in (30, 0, 0)])
    weight = np.stack([np.full(SIZE, value, np.float32) for value in (1, 0.25, 0.25)])
    colors = steady(replace(whole(frames, ab), weight=weight))
    np.testing.assert_allclose(colors, 20, atol=0.1)


def test_breathing_exposure_does_not_cut_the_memory(rng: np.random.Generator) -> None:
    scene = texture(rng).astype(np.float32)
    light = 1 + 0.15 * np.sin(np.arange(FRAMES))
    frames = np.stack([np.clip(scene * one, 0, 255).astype(np.uint8) for one in light])
    ab = rng.normal(0, 20, (FRAMES, *SIZE, 2)).astype(np.float32)
    spread = np.ptp(steady(whole(frames, ab)), axis=0)
    assert np.median(spread) < 4


def test_grain_does_not_cut_the_memory(rng: np.random.Generator) -> None:
    scene = cv2.GaussianBlur(texture(rng), (0, 0), 3)
    frames = np.clip(scene + rng.normal(0, 25, (FRAMES, *scene.shape)), 0, 255).astype(np.uint8)
    ab = rng.normal(0, 20, (FRAMES, *SIZE, 2)).astype(np.float32)
    spread = np.ptp(steady(whole(frames, ab)), axis=0)
    assert np.median(spread) < 12


def test_only_keyframes_are_looked_at(rng: np.random.Generator) -> None:
    frames, truth = pan(rng)
    part = whole(frames, truth, every=4)
    garbage = np.where(part.anchor[:, None, None, None], truth, 99)
    one, other = steady(part), steady(replace(part, ab=garbage.astype(np.float32)))
    np.testing.assert_array_equal(one, other)


def test_keyframes_are_the_same_in_any_part_of_a_shot(rng: np.random.Generator) -> None:
    frames, _ = pan(rng)
    motion = motion_of(frames, SIZE)
    anchor = anchors(motion, frames=FRAMES, every=8)
    regular = np.arange(ANCHOR_FIRST, FRAMES, 8)
    assert np.flatnonzero(anchor)[: len(regular)].tolist() == regular.tolist()
    middle = anchors(motion_of(frames[8:17], SIZE), frames=8, every=8)
    np.testing.assert_array_equal(middle, anchor[8:16])


def test_a_frame_that_no_keyframe_reaches_is_one(rng: np.random.Generator) -> None:
    frames = np.repeat(texture(rng)[None], 12, axis=0)
    frames[6] = texture(rng)
    assert np.flatnonzero(anchors(motion_of(frames, SIZE), frames=12)).tolist() == [1, 6, 11]


def test_few_keyframes_reach_each_frame_of_fast_motion(rng: np.random.Generator) -> None:
    """After a run of frames without motion that can be traced, the middle one reaches the others if it can."""
    frames, _ = pan(rng, step=12)
    motion = motion_of(frames, SIZE)
    every, few = (anchors(motion, frames=FRAMES, every=every) for every in (1, 16))
    assert every.all()
    assert few.sum() < FRAMES / 2
    assert few[-1]


def test_one_frame_keeps_its_colors(rng: np.random.Generator) -> None:
    ab = rng.normal(0, 20, (1, *SIZE, 2)).astype(np.float32)
    np.testing.assert_allclose(steady(whole(texture(rng)[None], ab)), ab, atol=1e-3)


def test_a_scene_that_comes_back_goes_on_with_its_colors(rng: np.random.Generator) -> None:
    """Colors that enter a later shot of the same scene are warped onto it; those of another scene have no weight."""
    frames, colors = pan(rng)
    earlier = whole(frames[:8], colors[:8])
    leaving = link_forward(earlier, None)
    np.testing.assert_array_equal(Link(**leaving.arrays()).mean, leaving.mean)
    gray = np.zeros_like(colors[10:18])
    entered = steady(whole(frames[10:18], gray), leaving)
    inside = np.s_[:, 4:-4, 4:30]
    assert np.abs(entered[inside]).mean() > 0.3 * np.abs(colors[10:18][inside]).mean()
    same = [
        np.corrcoef(entered[0, 4:-4, 4:30, i].ravel(), colors[10, 4:-4, 4:30, i].ravel())[0, 1]
        for i in range(2)
    ]
    assert min(same) > 0.9
    other = np.stack([texture(rng, 120, 160)] * 8)
    assert np.abs(steady(whole(other, gray), leaving)).mean() < 0.01 * np.abs(colors).mean()
