"""Keyframes: registered to their frames, carried through segments as through the whole shot, and guides of the network."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from helpers import texture

from color.arrays import Arrays, Bytes, Floats
from color.segment import Keyframe, Overlay, Segment, SegmentGuidance
from gray2color import Colorizer
from model import keyframes
from model.keyframes import KeyframeGuides, carry_segment, keyframe, overlays
from prior.lab import lab2rgb, rgb2lab

SIZE = (96, 128)
FRAMES = 16
ASPECT = SIZE[1] / SIZE[0]


@pytest.fixture(scope="module")
def grays() -> Bytes:
    scene = texture(np.random.default_rng(3), SIZE[0], 2 * SIZE[1])
    return np.stack([scene[:, 2 * i : 2 * i + SIZE[1]] for i in range(FRAMES)])


def picture_of(gray: Bytes, a: float = 30, b: float = -20) -> Bytes:
    """A colored copy of gray: rgba, tinted more to the right."""
    lab = rgb2lab(np.repeat(gray[..., None], 3, axis=-1))
    slope = np.linspace(0.2, 1, gray.shape[1], dtype=np.float32)[None]
    lab[..., 1], lab[..., 2] = a * slope, b * slope
    return np.dstack([lab2rgb(lab), np.full(gray.shape, 255, np.uint8)])


def known(grays: Bytes, *numbers: int) -> dict[int, Keyframe]:
    ab = np.dstack([np.full(SIZE, 40, np.float32), np.full(SIZE, -30, np.float32)])
    return {n: Keyframe(n, grays[n], ab, np.ones(SIZE, np.float32)) for n in numbers}


def segment_of(
    grays: Bytes, keys: dict[int, Keyframe], first: int, last: int, carried: Sequence[Arrays] = ()
) -> Segment:
    none = tuple(np.zeros((0, 4), np.float32) for _ in range(first, last))
    guidance = SegmentGuidance(none, np.zeros(last - first, bool), None, keys, carried)
    return Segment(grays[first:last], range(first, last), 0, 0, grays[:0], guidance)


def whole(grays: Bytes, keys: dict[int, Keyframe]) -> list[Overlay | None]:
    return list(overlays(segment_of(grays, keys, 0, FRAMES), before=None, after=None))


def assert_alike(found: Sequence[Overlay | None], expected: Sequence[Overlay | None]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one and other:
            assert np.abs(one.share - other.share).max() < 0.05
            sure = one.share > 0.5
            assert np.abs(one.ab - other.ab)[sure].max() < 0.5


def test_a_shot_in_segments_is_as_the_shot_as_a_whole(grays: Bytes) -> None:
    keys = known(grays, 0, 15)
    parts = [segment_of(grays, keys, first, first + 8) for first in (0, 8)]
    forward, _ = carry_segment(parts[0], None, backward=False)
    backward, _ = carry_segment(parts[1], None, backward=True)
    found = [
        *overlays(parts[0], before=None, after=backward),
        *overlays(parts[1], before=forward, after=None),
    ]
    assert_alike(found, whole(grays, keys))


def test_memory_does_not_bound_the_length_of_a_segment(
    grays: Bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = known(grays, 3, 15)
    expected = whole(grays, keys)
    monkeypatch.setattr(keyframes, "CHUNK_BYTES", 1)  # chunks of eight frames
    assert_alike(whole(grays, keys), expected)


def test_what_was_carried_is_not_computed_again_and_equal(grays: Bytes) -> None:
    keys = known(grays, 0)
    expected = whole(grays, keys)
    carry_segment(segment_of(grays, keys, 0, FRAMES), None, backward=False)
    for one, other in zip(whole(grays, keys), expected, strict=True):
        assert one is not None
        assert other is not None
        assert np.array_equal(one.ab, other.ab)
        assert np.array_equal(one.share, other.share)


def test_nothing_reaches_a_segment_without_keyframes_beside_it(grays: Bytes) -> None:
    assert whole(grays, {}) == [None] * FRAMES
    leaving, summary = carry_segment(
        segment_of(grays, known(grays, 0), 8, 16), None, backward=False
    )
    assert leaving is None
    assert not summary["share"].any()


def test_a_colored_copy_gives_its_colors_place_by_place(grays: Bytes) -> None:
    picture = picture_of(grays[0])
    found = keyframe(0, picture, gray=grays[0], large=grays[0], aspect=ASPECT)
    assert found is not None
    assert found.whole
    error = np.abs(found.ab - rgb2lab(np.ascontiguousarray(picture[..., :3]))[..., 1:])
    assert np.median(error) < 0.5
    assert found.share.mean() > 0.95


def test_a_copy_of_another_size_gives_the_same(grays: Bytes) -> None:
    picture = picture_of(grays[0])
    square = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_CUBIC)
    found = keyframe(0, square, gray=grays[0], large=grays[0], aspect=ASPECT)
    assert found is not None
    error = np.abs(found.ab - rgb2lab(np.ascontiguousarray(picture[..., :3]))[..., 1:])
    assert np.median(error) < 1


def test_another_picture_is_refused(grays: Bytes) -> None:
    other = picture_of(texture(np.random.default_rng(9), *SIZE))
    assert keyframe(0, other, gray=grays[0], large=grays[0], aspect=ASPECT) is None


def test_transparent_places_say_nothing(grays: Bytes) -> None:
    picture = picture_of(grays[0])
    picture[:, 64:, 3] = 0
    picture[:, 64:, :3] = 0  # as many programs store them
    found = keyframe(0, picture, gray=grays[0], large=grays[0], aspect=ASPECT)
    assert found is not None
    assert not found.whole
    assert (found.share[:, :62] == 1).all()
    assert (found.share[:, 66:] == 0).all()
    own = rgb2lab(np.ascontiguousarray(picture[..., :3]))[..., 1:]
    assert np.abs(found.ab - own)[:, :62].max() < 1


def test_flat_strokes_on_the_gray_frame_are_a_partial_keyframe(grays: Bytes) -> None:
    picture = np.dstack([*[grays[0]] * 3, np.full(SIZE, 255, np.uint8)])
    picture[20:50, 30:70, :3] = (200, 40, 40)
    found = keyframe(0, picture, gray=grays[0], large=grays[0], aspect=ASPECT)
    assert found is not None
    assert not found.whole
    assert found.share[22:48, 32:68].min() == 1
    assert found.share[:18].max() == 0
    red = rgb2lab(np.array([[[200, 40, 40]]], np.uint8))[0, 0, 1:]
    assert np.abs(found.ab[25:45, 35:65] - red).max() < 1


def test_points_are_given_where_colors_are_certain(grays: Bytes, small_weights: object) -> None:
    keys = known(grays, 0)
    segment = segment_of(grays, keys, 0, FRAMES)
    _, summary = carry_segment(segment, None, backward=False)
    colorizer = Colorizer(small_weights, threads=1)  # type: ignore[arg-type]
    predictor = colorizer._predict  # its features, as the shot's colorizer uses them
    guides = KeyframeGuides(predictor.giving("features"), bins=len(predictor.bins))
    guidance = segment_of(grays, keys, 0, FRAMES, [summary]).guidance
    assert guidance is not None
    found = guides.guides(guidance, grays[[0, 15]], [0, 15])
    assert found is not None
    first, last = found.points
    assert len(first) > len(last) > 0  # the pan has brought in places without colors
    assert max(hint.x for hint in last) < SIZE[1] - 20
    assert all(np.allclose(hint.color, (40, -30), atol=0.5) for hint in first)
    assert np.allclose(found.ab, (40, -30), atol=0.1)
    assert all(np.allclose(ab, (40, -30), atol=0.1) for ab in found.known)


def test_partial_keyframes_do_not_guide_the_network(grays: Bytes, small_weights: object) -> None:
    keys = {0: replace(known(grays, 0)[0], whole=False)}
    colorizer = Colorizer(small_weights, threads=1)  # type: ignore[arg-type]
    guided, free = (
        colorizer.colorize(segment) for segment in (
            segment_of(grays, keys, 0, FRAMES), replace(segment_of(grays, {}, 0, FRAMES), guidance=None)
        )
    )  # fmt: skip
    assert np.array_equal(guided, free)


def test_whole_keyframes_guide_the_network(grays: Bytes, small_weights: object) -> None:
    keys = known(grays, 0)
    colorizer = Colorizer(small_weights, threads=1)  # type: ignore[arg-type]
    guided: Floats = colorizer.colorize(segment_of(grays, keys, 0, FRAMES))
    free = colorizer.colorize(segment_of(grays, {}, 0, FRAMES))
    wanted = np.array([40, -30], np.float32)
    assert np.abs(guided - wanted).mean() < 0.8 * np.abs(free - wanted).mean()
