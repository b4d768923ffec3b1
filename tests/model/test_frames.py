"""Frames in memory are colorized as a film's shot is, with and without keyframes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import texture

from color.arrays import Bytes
from color.segment import Segment
from gray2color import Colorizer
from model.frames import SEGMENT, colored_frames
from prior.lab import gray2lightness, lab2rgb, rgb2lab

SIZE = (96, 128)
RGB = np.full((*SIZE, 3), 90, np.uint8)


@pytest.fixture
def colorizer(small_weights: object) -> Colorizer:
    return Colorizer(small_weights, threads=1)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shot() -> Callable[[int], list[Bytes]]:
    scene = texture(np.random.default_rng(3), SIZE[0], 4 * SIZE[1])
    return lambda count: [np.ascontiguousarray(scene[:, i : i + SIZE[1]]) for i in range(count)]


def in_color(gray: Bytes, a: float, b: float) -> Bytes:
    lab = rgb2lab(np.repeat(gray[..., None], 3, axis=-1))
    lab[..., 1], lab[..., 2] = a, b
    return lab2rgb(lab)


def test_a_short_shot_is_colorized_as_one_segment(
    colorizer: Colorizer, shot: Callable[[int], list[Bytes]]
) -> None:
    grays = shot(20)
    frames = np.stack(grays)
    whole = colorizer.colorize(Segment(frames, range(20), 0, 0, frames[:0]))
    found = [ab for _, ab in colored_frames(colorizer, iter(grays), {})]
    assert np.array_equal(np.stack(found), whole)


def test_a_long_shot_of_any_source_is_read_a_little_ahead(
    colorizer: Colorizer, shot: Callable[[int], list[Bytes]]
) -> None:
    count = 5 * SEGMENT + 7
    read = 0

    def source() -> object:
        nonlocal read
        for gray in shot(count):
            read += 1
            yield gray

    rgbs = colorizer.frames(source())  # type: ignore[arg-type]
    first = next(rgbs)
    assert read <= 4 * SEGMENT
    assert len([first, *rgbs]) == count


def test_frames_keep_their_lightness(
    colorizer: Colorizer, shot: Callable[[int], list[Bytes]]
) -> None:
    grays = shot(10)
    keyframes = {2: in_color(grays[2], 40, -30)}
    for gray, rgb in zip(grays, colorizer.frames(grays, keyframes), strict=True):
        assert np.abs(rgb2lab(rgb)[..., 0] - gray2lightness(gray)).max() < 0.5


def test_a_keyframe_colors_its_shot(
    colorizer: Colorizer, shot: Callable[[int], list[Bytes]]
) -> None:
    grays = shot(SEGMENT + 12)  # two segments
    at = 3
    rgbs = list(colorizer.frames(grays, {at: in_color(grays[at], 25, -20)}))
    for number in (0, at, SEGMENT + 4):
        ab = rgb2lab(rgbs[number])[8:-8, 8 : SIZE[1] - abs(number - at) - 8, 1:]
        assert np.median(np.abs(ab - (25, -20))) < 2
    assert np.median(np.abs(rgb2lab(rgbs[at])[..., 1:] - (25, -20))) < 1


def test_transparent_places_are_colorized_by_the_network(
    colorizer: Colorizer, shot: Callable[[int], list[Bytes]]
) -> None:
    grays = shot(4)
    alpha = np.zeros(SIZE, np.uint8)
    alpha[:, :40] = 255
    keyframes = {0: np.dstack([in_color(grays[0], 25, -20), alpha])}
    free, guided = (next(colorizer.frames(grays, given)) for given in ({}, keyframes))
    assert np.array_equal(guided[:, 60:], free[:, 60:])
    assert np.median(np.abs(rgb2lab(guided)[:, :30, 1:] - (25, -20))) < 1


@pytest.mark.parametrize(
    ("keyframes", "message"),
    [
        ({9: (0, 3)}, "keyframe 9 lies outside the shot, which has 4 frames"),
        ({-1: (0, 3)}, "keyframe -1 lies outside"),
        ({1: (9, 3)}, "keyframe 1 does not show frame 1"),
        ({1: (0, 2)}, r"expected keyframe 1 rgb or rgba \(H, W, 3 or 4\) uint8, got"),
    ],
)
def test_a_wrong_keyframe_is_refused(
    colorizer: Colorizer,
    shot: Callable[[int], list[Bytes]],
    keyframes: dict[int, tuple[int, int]],
    message: str,
) -> None:
    grays = shot(4)
    seed_and_channels = next(iter(keyframes.values()))
    gray = texture(np.random.default_rng(seed_and_channels[0]), *SIZE)
    given = {n: in_color(gray, 30, 30)[..., : seed_and_channels[1]] for n in keyframes}
    with pytest.raises(ValueError, match=message):
        next(colorizer.frames(grays, given))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (([RGB],), TypeError, r"expected keyframes as \{number of the frame: picture\}, got a list"),
        (({1.0: RGB},), TypeError, "expected the number of a keyframe's frame, from 0, got 1.0"),
        (({0: None},), TypeError, "expected keyframe 0 rgb or rgba .*got None"),
        (({0: RGB / 255},), ValueError, r"got \(96, 128, 3\) float64: from 0..1 write"),
        (({}, RGB[..., 0]), ValueError, r"expected the reference rgb \(H, W, 3\) uint8, got \(96, 128\) uint8"),
        ((None, RGB / 255), ValueError, "float64: from 0..1 write"),
        ((None, RGB[:0]), ValueError, r"got \(0, 128, 3\) uint8"),
        ((None, "a.jpg"), TypeError, r"got the path 'a.jpg': read it first, as cv2.imread\(path\)\[..., ::-1\] does"),
    ],
)  # fmt: skip
def test_what_is_no_guidance_of_a_shot_is_refused(
    colorizer: Colorizer,
    shot: Callable[[int], list[Bytes]],
    given: tuple[Any, ...],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message) as caught:
        next(colorizer.frames(shot(2), *given))
    assert "\n" not in str(caught.value)


def test_frames_of_different_sizes_are_refused(
    colorizer: Colorizer, shot: Callable[[int], list[Bytes]]
) -> None:
    with pytest.raises(ValueError, match=r"frame 1: expected gray \(96, 128\)"):
        list(colorizer.frames([shot(1)[0], np.zeros((40, 40), np.uint8)]))
    with pytest.raises(TypeError, match=r"frame 1: expected gray .*got None"):
        list(colorizer.frames([shot(1)[0], None]))  # type: ignore[list-item]


def test_no_frames_give_none(colorizer: Colorizer) -> None:
    assert list(colorizer.frames([])) == []
    with pytest.raises(ValueError, match="keyframe 0 lies outside the shot, which has 0 frames"):
        list(colorizer.frames([], {0: np.zeros((4, 4, 3), np.uint8)}))


def test_a_reference_colors_the_shot(
    colorizer: Colorizer, shot: Callable[[int], list[Bytes]]
) -> None:
    grays = shot(SEGMENT + 3)  # two segments
    free, warm, cold = (
        np.stack(list(colorizer.frames(grays, reference=picture))).astype(int)
        for picture in (None, in_color(grays[0], 30, 50), in_color(grays[0], -10, -50))
    )
    assert not np.array_equal(free, warm)
    for number in (0, SEGMENT + 1):
        assert rgb2lab(warm[number].astype(np.uint8))[..., 2].mean() > rgb2lab(cold[number].astype(np.uint8))[..., 2].mean() + 5  # fmt: skip
