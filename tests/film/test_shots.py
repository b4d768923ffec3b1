"""Known cuts in synthetic films are found; color is distinguished from tints."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from films import colorization
from numpy.typing import NDArray

from film.decode import NativeFrame
from film.job import SegmentRecord
from film.jobs import open_job
from film.options import FilmOptions
from film.probe import probe
from film.shots import (
    LONGEST,
    STEP,
    Thumbnail,
    change,
    cuts,
    evidence_of,
    segments,
    shrink,
    split,
    unlikeness,
)
from film.work import manifest_of, work_of
from model.steady import ANCHOR_EVERY

Frames = list[NDArray[np.uint8]]
SIZE = (256, 344)


def scene(seed: int) -> NDArray[np.float32]:
    """Make a picture larger than the frame: soft shapes at several scales, like a photograph's."""
    rng = np.random.default_rng(seed)
    total = np.zeros((512, 700), np.float32)
    for cells, weight in ((3, 60), (8, 40), (30, 15)):
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        total += weight * cv2.resize(coarse, (700, 512), interpolation=cv2.INTER_CUBIC)
    return np.clip(total + rng.uniform(90, 150), 0, 255)


def shot(
    seed: int, frames: int, *, pan_px: float = 2.0, grain: float = 4.0, hold: int = 1
) -> Frames:
    """Film a scene with a moving camera and grain; show each picture ``hold`` times."""
    rng = np.random.default_rng(seed + 1000)
    picture = scene(seed)
    made = []
    for number in range(frames):
        left = int(pan_px * (number // hold)) % (700 - SIZE[1])
        view = picture[100 : 100 + SIZE[0], left : left + SIZE[1]]
        if number % hold == 0:
            noise = grain * rng.standard_normal(SIZE, np.float32)
        made.append(np.clip(view + noise, 0, 255).astype(np.uint8))
    return made


def begins(frames: Frames) -> list[int]:
    return [number for number, new in enumerate(cuts(map(shrink, frames))) if new]


def mix(one: Frames, other: Frames) -> Frames:
    """Dissolve one run of frames into another of the same length."""
    steps = np.linspace(0, 1, len(one))
    return [cv2.addWeighted(a, 1 - t, b, t, 0) for a, b, t in zip(one, other, steps, strict=True)]


def lit(frames: Frames, light: NDArray[np.float64]) -> Frames:
    return [np.clip(f * k, 0, 255).astype(np.uint8) for f, k in zip(frames, light, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_known_cuts_are_found_exactly(seed: int) -> None:
    lengths = (30, 12, 1 + seed, 40, 25)
    film = [f for n, length in enumerate(lengths) for f in shot(10 * seed + n, length)]
    expected = [0, *np.cumsum(lengths)[:-1].tolist()]
    if lengths[2] < 3:  # a shot of one or two frames is a flash
        assert set(begins(film)) <= set(expected)
    else:
        assert begins(film) == expected


@pytest.mark.parametrize("length", [16, 24, 48])
def test_a_dissolve_is_not_split_wildly(length: int) -> None:
    one, other = shot(1, 30 + length), shot(2, length + 30)
    film = one[:30] + mix(one[30:], other[:length]) + other[length:]
    assert len(begins(film)) <= 2


@pytest.mark.parametrize("length", [12, 24, 48])
def test_a_fade_through_black_is_not_split_wildly(length: int) -> None:
    down = np.linspace(1, 0, length)
    film = [*shot(1, 30), *lit(shot(1, length), down), *lit(shot(2, length), down[::-1])]
    assert len(begins([*film, *shot(2, 30)])) <= 2


@pytest.mark.parametrize(
    "film",
    [
        shot(3, 60, pan_px=6),
        shot(3, 60, grain=25),
        shot(4, 60, pan_px=8, hold=3),
        lit(shot(5, 60), np.random.default_rng(0).uniform(0.8, 1.2, 60)),
        [*shot(6, 30), *([np.full(SIZE, 250, np.uint8)] * 2), *shot(6, 62)[30:]],
        [np.zeros(SIZE, np.uint8)] * 30,
        shot(7, 1),
    ],
    ids=["pan", "grain", "on threes", "flicker", "flash", "black", "one frame"],
)
def test_one_shot_stays_one(film: Frames) -> None:
    assert begins(film) == [0]


def test_a_cut_to_and_from_black_is_found() -> None:
    black = [np.zeros(SIZE, np.uint8)] * 20
    assert begins([*shot(8, 20), *black, *shot(9, 20)]) == [0, 20, 40]


def test_change_and_unlikeness_know_brightness_from_content() -> None:
    one = shrink(shot(1, 1)[0])
    other = shrink(shot(2, 1)[0])
    assert change(one, one) == 0
    assert change(one, one + 10) == pytest.approx(5, abs=1e-3)
    assert unlikeness(one, 0.5 * one + 20) == pytest.approx(0, abs=1e-4)
    assert unlikeness(one, other) > 0.4


def evidence(color: bool) -> float:
    return 5.0 if color else -1.0


def film_of(*lengths: int, color: tuple[int, ...] = ()) -> Iterator[Thumbnail]:
    for number, length in enumerate(lengths):
        small = shrink(scene(number))
        for _ in range(length):
            yield Thumbnail(small, partial(evidence, number in color))


def divided(*lengths: int, color: tuple[int, ...] = ()) -> list[SegmentRecord]:
    return list(segments(film_of(*lengths, color=color), count=sum(lengths)))


def test_segments_cover_every_frame_once_and_span_no_cut() -> None:
    found = divided(100, 500, 241, 240, 7, 2000, color=(2,))
    assert [(p.shot, p.first, p.count) for p in found[:10]] == [
        (0, 0, 100), (1, 100, 224), (1, 324, 224), (1, 548, 52), (2, 600, 224), (2, 824, 17),
        (3, 841, 240), (4, 1081, 7), (5, 1088, 224), (5, 1312, 224),
    ]  # fmt: skip
    assert [p.index for p in found] == list(range(len(found)))
    assert [p.first for p in found[1:]] == [p.first + p.count for p in found[:-1]]
    assert [p.color for p in found[:7]] == [False] * 4 + [True] * 2 + [False]
    assert max(p.count for p in found) == LONGEST


def test_a_short_film_has_work_for_several() -> None:
    assert [p.count for p in divided(1500)] == [192] * 7 + [156]
    assert [p.count for p in divided(480)] == [64] * 7 + [32]
    assert [p.count for p in divided(240)] == [64] * 3 + [48]
    assert [p.count for p in divided(79)] == [79]


def test_segments_begin_where_the_network_looks_at_a_frame() -> None:
    """All segments but the first begin at multiples of STEP frames in their shot."""
    assert STEP % ANCHOR_EVERY == 0
    for lengths in ((1501, 300, 700), (500,), (7777,)):
        records = divided(*lengths)
        starts = {record.shot: record.first for record in records if record.number == 0}
        assert len(records) > len(lengths)
        assert all((record.first - starts[record.shot]) % STEP == 0 for record in records)


def test_no_frames_no_segments() -> None:
    assert divided() == []


def test_segments_come_while_the_film_is_still_read() -> None:
    read = 0

    def counted() -> Iterator[Thumbnail]:
        nonlocal read
        for frame in film_of(5000):
            read += 1
            yield frame

    assert next(segments(counted(), count=5000)) == SegmentRecord(0, 0, 0, 0, 224, ends_shot=False)
    assert read < LONGEST + 10


def test_a_shot_is_judged_as_a_whole_from_its_first_frame_on() -> None:
    """A shot of two frames is measured, and the parts of a long shot agree although its color comes late."""
    found = list(segments(film_of(30, 2, 30, color=(1,)), count=62))
    assert [(one.shot, one.color) for one in found] == [(0, False), (1, True), (2, False)]
    small = shrink(scene(0))
    late = [Thumbnail(small, partial(evidence, n >= 150)) for n in range(400)]
    assert {one.color for one in segments(late, count=4000)} == {True}


def frame_of(gray: NDArray[np.uint8], chroma: NDArray[np.floating], *, depth: int) -> NativeFrame:
    """Make a frame of gray (H, W) and chroma (h, w, 2), both in 8-bit codes."""
    dtype = np.uint8 if depth == 8 else np.uint16
    first, second = (np.rint(chroma[..., i] * 2.0 ** (depth - 8)).astype(dtype) for i in range(2))
    return NativeFrame(0, gray.astype(dtype) << (depth - 8), (first, second))


@pytest.mark.parametrize("depth", [8, 10])
def test_color_is_told_at_every_depth(depth: int) -> None:
    gray = shot(1, 1)[0]
    flat = np.full((128, 172, 2), 128.0)
    colored = flat.copy()
    colored[:, :60, 0] += 12
    colored[40:90, 80:, 1] -= 9
    sepia = flat + np.array([-20, 12]) + cv2.resize(gray, (172, 128))[..., None] * [-0.05, 0.04]
    for chroma, color in ((flat, False), (colored, True), (sepia, False)):
        assert (evidence_of(frame_of(gray, chroma, depth=depth), depth=depth) > 0) == color
    assert evidence_of(NativeFrame(0, gray, None)) < 0


def test_a_film_half_analyzed_gives_the_same_segments(
    gray_film: Path, options: FilmOptions
) -> None:
    film = probe(gray_film)
    with open_job(options.cache, manifest_of(gray_film, colorization(), options)) as job:
        work = work_of(film, (0, film.frames), job, colorization(), options)
        whole = list(split(work, job))
        assert [(r.first, r.count, r.shot, r.number, r.ends_shot) for r in whole] == [
            (0, 12, 0, 0, True), (12, 64, 1, 0, False), (76, 64, 1, 1, False),
            (140, 22, 1, 2, True), (162, 8, 2, 0, True),
        ]  # fmt: skip
        for known in (0, 1, 3, 4):
            job.note(segments=tuple(whole[:known]), complete=False)
            assert list(split(work, job)) == whole
            assert job.manifest.complete
