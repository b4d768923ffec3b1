"""Deinterlacing makes one progressive frame of each, in order, whatever is repeated."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from film.decode import decode
from film.deinterlace import deinterlaced
from film.probe import probe

Make = Callable[[str], Path]


@pytest.mark.parametrize("name", ["interlaced.mkv", "plain.mp4"])
def test_frames_keep_their_numbers(film: Make, name: str) -> None:
    source = probe(film(name))
    with av.open(str(source.path)) as container:
        frames = [(n, frame, n == 3) for n, frame in enumerate(container.decode(video=0))]
    out = list(deinterlaced(frames, source.video))
    assert [(n, repeated) for n, _, repeated in out] == [(n, n == 3) for n in range(25)]
    assert not any(frame.interlaced_frame for _, frame, _ in out)


def test_progressive_frames_of_a_film_that_is_none_are_unchanged(film: Make) -> None:
    source = probe(film("plain.mp4"))
    for own, done in zip(decode(source), decode(source, deinterlace=True), strict=True):
        np.testing.assert_array_equal(done.luma, own.luma)
