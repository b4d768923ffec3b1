"""The small frames of a shot that grows."""

import numpy as np

from web.film_strip import MOST, SHOWN, Strip


def grays(count: int) -> np.ndarray:
    return np.zeros((count, 8, 8), np.uint8)


def test_a_long_shot_keeps_a_few_frames_from_all_of_its_parts() -> None:
    strip = Strip().grown(100, grays(300)).grown(400, grays(500))
    assert len(strip.kept) <= MOST
    shown = list(strip.shown)
    assert len(shown) == SHOWN
    parts = [(number - 100) // (800 // SHOWN) for number in shown]
    assert parts == list(range(SHOWN))


def test_a_short_shot_shows_each_of_its_frames_once() -> None:
    assert list(Strip().grown(7, grays(3)).shown) == [7, 8, 9]
    assert not Strip().shown


def test_a_strip_that_is_read_does_not_change() -> None:
    strip = Strip().grown(0, grays(4))
    strip.grown(4, grays(40))
    assert list(strip.kept) == [0, 1, 2, 3]
