"""Colors of a keyframe follow the motion of a shot, exactly where they can be traced, and nowhere else."""

import cv2
import numpy as np
import pytest
from helpers import texture

from color.arrays import Bytes, Floats
from color.segment import Keyframe
from model.carry import Carried, Carrier, Reached, joined

SIZE = (96, 128)
CARD = 40  # side of a card that covers part of the scene


@pytest.fixture(scope="module")
def scene() -> Bytes:
    return texture(np.random.default_rng(3), SIZE[0], 3 * SIZE[1])


def colors_of(gray: Bytes) -> Floats:
    """Colors that depend on the place's own lightness, smooth enough to be compared after a motion."""
    smooth = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 3)
    return np.dstack([smooth / 4 - 20, 30 - smooth / 5]).astype(np.float32)


def panned(scene: Bytes, frames: int, step: int) -> list[Bytes]:
    return [np.ascontiguousarray(scene[:, i * step : i * step + SIZE[1]]) for i in range(frames)]


def keyframe(gray: Bytes, ab: Floats, number: int = 0, share: Floats | None = None) -> Keyframe:
    whole = share is None
    return Keyframe(number, gray, ab, np.ones(SIZE, np.float32) if share is None else share, whole)


def carried(grays: list[Bytes], *keyframes: Keyframe) -> list[Carried | None]:
    carrier = Carrier({one.number: one for one in keyframes}, None)
    return list(carrier.through(range(len(grays)), grays))


def test_the_keyframe_itself_has_its_own_colors(scene: Bytes) -> None:
    gray = panned(scene, 1, 0)[0]
    (state,) = carried([gray], keyframe(gray, colors_of(gray)))
    assert state is not None
    assert np.array_equal(state.ab, colors_of(gray))
    assert (state.certainty == 1).all()


def test_before_the_first_keyframe_there_is_nothing(scene: Bytes) -> None:
    grays = panned(scene, 3, 2)
    states = carried(grays, keyframe(grays[2], colors_of(grays[2]), 2))
    assert states[:2] == [None, None]
    assert states[2] is not None


def test_colors_follow_a_pan_and_new_places_have_none(scene: Bytes) -> None:
    grays = panned(scene, 12, 3)
    truth = np.ascontiguousarray(colors_of(scene))
    state = carried(grays, keyframe(grays[0], truth[:, : SIZE[1]]))[-1]
    assert state is not None
    moved = 11 * 3
    seen = np.s_[4:-4, 4 : SIZE[1] - moved - 6]
    own = truth[:, moved : moved + SIZE[1]]
    assert np.abs(state.ab - own)[seen].max() < 3
    assert state.certainty[seen].mean() > 0.9
    assert state.certainty[:, SIZE[1] - moved + 8 :].max() < 0.3


def test_a_still_picture_keeps_its_colors(scene: Bytes) -> None:
    gray = panned(scene, 1, 0)[0]
    state = carried([gray] * 40, keyframe(gray, colors_of(gray)))[-1]
    assert state is not None
    assert np.abs(state.ab - colors_of(gray)).max() < 0.1
    assert state.certainty[2:-2, 2:-2].min() > 0.95


def test_flicker_of_the_exposure_is_not_motion(scene: Bytes) -> None:
    gray = panned(scene, 1, 0)[0]
    dark = (gray * 0.7).astype(np.uint8)
    state = carried([gray, dark, gray, dark], keyframe(gray, colors_of(gray)))[-1]
    assert state is not None
    assert state.certainty.mean() > 0.9


def test_a_place_that_was_covered_is_found_again(scene: Bytes) -> None:
    background = panned(scene, 1, 0)[0]
    card = texture(np.random.default_rng(5), CARD, CARD)
    grays = []
    for x in range(-CARD, SIZE[1] + 1, 8):
        frame = np.pad(background, ((0, 0), (CARD, CARD)), mode="edge")
        frame[28 : 28 + CARD, x + CARD : x + 2 * CARD] = card
        grays.append(np.ascontiguousarray(frame[:, CARD:-CARD]))
    state = carried(grays, keyframe(grays[0], colors_of(background)))[-1]
    assert state is not None
    error = np.abs(state.ab - colors_of(background)).max(axis=-1)
    assert np.percentile(error, 90) < 2
    assert state.certainty[30:66, 10:100].mean() > 0.8


def test_a_view_that_comes_back_is_found_by_features(scene: Bytes) -> None:
    there = [np.ascontiguousarray(scene[:, x : x + SIZE[1]]) for x in range(0, 200, 20)]
    grays = [*there, *there[::-1]] + [there[0]] * 8
    state = carried(grays, keyframe(grays[0], colors_of(grays[0])))[-1]
    assert state is not None
    assert state.certainty.mean() > 0.8
    assert np.median(np.abs(state.ab - colors_of(grays[0]))) < 1


def test_a_partial_keyframe_reaches_only_what_it_covers(scene: Bytes) -> None:
    gray = panned(scene, 1, 0)[0]
    share = np.zeros(SIZE, np.float32)
    share[20:60, 30:80] = 1
    state = carried([gray] * 5, keyframe(gray, colors_of(gray), share=share))[-1]
    assert state is not None
    assert state.certainty[24:56, 34:76].min() > 0.9
    assert state.certainty[:16].max() < 0.01
    assert state.certainty[:, 90:].max() < 0.01


def test_a_partial_keyframe_keeps_what_was_carried_elsewhere(scene: Bytes) -> None:
    gray = panned(scene, 1, 0)[0]
    share = np.zeros(SIZE, np.float32)
    share[:, :40] = 1
    red = np.full((*SIZE, 2), 50, np.float32)
    grays = [gray] * 4
    first = keyframe(gray, colors_of(gray))
    state = carried(grays, first, keyframe(gray, red, 2, share))[-1]
    assert state is not None
    assert np.abs(state.ab[:, :36] - 50).max() < 1
    assert np.abs(state.ab - colors_of(gray))[:, 50:].max() < 1


def test_stored_states_are_restored(scene: Bytes) -> None:
    grays = panned(scene, 4, 3)
    key = keyframe(grays[0], colors_of(grays[0]))
    states = carried(grays, key)
    assert states[1] is not None
    assert states[3] is not None
    again = Carrier({0: key}, Carried.of(states[1].arrays()))
    *_, last = again.through(range(2, 4), grays[2:])
    assert last is not None
    assert np.abs(last.ab - states[3].ab).max() < 0.2
    assert np.abs(last.certainty - states[3].certainty).max() < 0.05


def reached(key: int, color: float, certainty: int) -> Reached:
    ab = np.full((4, 4, 2), color, np.float16)
    return Reached(key, ab, np.full((4, 4), certainty, np.uint8))


def test_of_two_certain_keyframes_the_nearer_counts_more() -> None:
    first, last = reached(0, 0, 255), reached(10, 10, 255)
    shown = [joined(first, last, number) for number in range(11)]
    values = [float(one.ab.mean()) for one in shown if one]
    assert values == sorted(values)
    assert values[0] == 0
    assert values[10] == 10
    assert 4 < values[5] < 6


def test_the_more_certain_keyframe_counts_more() -> None:
    found = joined(reached(0, 0, 250), reached(10, 10, 25), 8)
    assert found is not None
    assert found.ab.max() < 1
    assert found.share.min() > 0.97


def test_one_side_alone_is_taken_as_it_is() -> None:
    for found in (joined(reached(0, 7, 100), None, 3), joined(None, reached(9, 7, 100), 3)):
        assert found is not None
        assert (found.ab == 7).all()
        assert np.allclose(found.share, 100 / 255)
    assert joined(None, None, 3) is None
