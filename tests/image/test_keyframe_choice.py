"""Keyframes reach the most of their shot along its motion; each law is checked on pictures whose motion is known."""

from itertools import repeat

import cv2
import numpy as np
import pytest
from helpers import texture

from color.arrays import Bytes
from image.keyframe_choice import (
    CANDIDATES,
    MOST,
    MOST_SAMPLES,
    choose_keyframes,
    reach,
    sample,
    trace,
)

HEIGHT, WIDTH = 96, 128


def wide(width: int = 4 * WIDTH, seed: int = 0) -> Bytes:
    """A long picture whose parts all differ."""
    parts = [
        texture(np.random.default_rng(seed + n), HEIGHT, WIDTH) for n in range(-(-width // WIDTH))
    ]
    return cv2.GaussianBlur(np.hstack(parts)[:, :width], (0, 0), 1)


def pan(frames: int, step: int) -> list[Bytes]:
    picture = wide()
    return [picture[:, n * step : n * step + WIDTH] for n in range(frames)]


def noisy(picture: Bytes, seed: int) -> Bytes:
    noise = np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def still(frames: int) -> list[Bytes]:
    return [noisy(wide(WIDTH), seed) for seed in range(frames)]


def test_a_pan_is_reached_as_far_as_its_pictures_overlap() -> None:
    step = 3
    reached = reach(trace(np.stack(pan(32, step)))[0], 12)
    for number, mask in enumerate(reached):
        overlap = 1 - abs(number - 12) * step / WIDTH
        assert mask.mean() == pytest.approx(overlap, abs=0.06), number
    # Later frames show new things on the right.
    assert not reached[-1][:, -10:].any()
    assert reached[-1][:, 2:20].mean() > 0.9


def test_a_still_shot_has_one_keyframe_that_reaches_all_of_it() -> None:
    (only,) = choose_keyframes(still(40))
    assert only.reach > 0.98


def test_a_pan_has_several_keyframes_that_reach_it_together() -> None:
    frames = pan(80, 4)
    chosen = choose_keyframes(frames)
    assert 2 <= len(chosen) <= MOST
    assert sum(one.reach for one in chosen) > chosen[0].reach + 0.2
    assert 0.85 < sum(one.reach for one in chosen) <= 1
    assert 15 <= chosen[0].index <= 65  # the middle reaches the most, not the first frame
    places = sorted(one.index for one in chosen)
    assert min(np.diff(places)) >= 8


def test_what_is_covered_for_a_while_is_reached_again() -> None:
    ground, thing = wide(WIDTH), texture(np.random.default_rng(9), 40, 24)
    frames = []
    for number in range(40):
        frames.append(ground.copy())
        x = 4 * number - 24  # enters on the left and leaves on the right
        left, right = max(x, 0), min(x + 24, WIDTH)
        if right > left:
            frames[-1][30:70, left:right] = thing[:, left - x : right - x]
    reached = reach(trace(np.stack(frames))[0], 0)
    assert reached[-1].mean() > 0.97
    covered = reached[20][18:32, 30:38]  # the thing is at 56 to 80, half that size here
    assert covered.mean() < 0.3


def test_flicker_does_not_hide_a_picture() -> None:
    light = 1 + 0.25 * np.sin(np.arange(30))
    frames = [np.clip(wide(WIDTH) * share * 0.7, 0, 255).astype(np.uint8) for share in light]
    assert reach(trace(np.stack(frames))[0], 0).mean() > 0.97


def test_blurred_frames_are_not_chosen() -> None:
    frames = still(24)
    sharp = [3, 11, 19]
    blurred = [f if i in sharp else cv2.GaussianBlur(f, (0, 0), 2) for i, f in enumerate(frames)]
    (only,) = choose_keyframes(blurred)
    assert only.index in sharp


def test_things_are_large_where_they_are_chosen() -> None:
    ground, thing = wide(WIDTH), cv2.GaussianBlur(wide(WIDTH, seed=9), (0, 0), 1.2)
    frames = []
    for number in range(
        32
    ):  # it comes nearer, and covers more; its soft edge is not sharper than the ground
        size, x = 16 + max(0, 2 * (number - 18)), 2 * number
        share = np.zeros_like(ground, np.float32)
        share[20 : 20 + size, x : x + size] = 1
        share = cv2.GaussianBlur(share, (0, 0), 3)
        moved = np.roll(thing, (0, x), (0, 1))
        frames.append((ground * (1 - share) + moved * share).astype(np.uint8))
    assert choose_keyframes(frames, wanted=1)[0].index >= 22


@pytest.mark.parametrize("wanted", [1, 3, CANDIDATES + 4])
def test_as_many_are_chosen_as_wanted_and_apart(wanted: int) -> None:
    chosen = choose_keyframes(still(60), wanted=wanted)
    places = sorted(one.index for one in chosen)
    assert len(set(places)) == wanted
    if wanted == 3:
        assert min(np.diff(places)) >= 10


def test_a_shot_of_fewer_frames_gives_all_of_them() -> None:
    assert sorted(one.index for one in choose_keyframes(still(3), wanted=9)) == [0, 1, 2]
    assert [one.index for one in choose_keyframes(still(1))] == [0]
    assert choose_keyframes([]) == []
    assert choose_keyframes([], wanted=2) == []


@pytest.mark.parametrize("size", [(16, 16), (32, 400)])
def test_blank_and_tiny_pictures_have_one_keyframe(size: tuple[int, int]) -> None:
    for level in (0, 255):
        (only,) = choose_keyframes([np.full(size, level, np.uint8)] * 5)
        assert only.reach == 1


def test_few_frames_of_a_long_shot_are_kept_evenly() -> None:
    count = 10 * MOST_SAMPLES + 7
    samples = sample(repeat(wide(WIDTH), count))
    assert samples is not None
    assert MOST_SAMPLES / 2 <= len(samples.indices) <= MOST_SAMPLES
    assert len(set(np.diff(samples.indices))) == 1
    assert samples.indices[0] == 0
    assert samples.indices[-1] + samples.indices[1] >= count
    assert len(samples.small) == len(samples.sharpness) == len(samples.indices)
