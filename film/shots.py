"""Detects cuts from luma alone and shots that already have color; divides shots into segments.

In a gray film, hue and saturation are constant, so a cut is detected by the change of luma: a jump far above the
surrounding motion, after which the earlier picture does not return. Dissolves and fades change gradually and are not
detected; flashes, flicker, pans and repeated frames are not mistaken for cuts.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, pairwise, product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats
from film.decode import NativeFrame, decode
from film.info import Film
from film.job import NONE, Job, SegmentRecord
from film.segment import decode_gray, working_gray, write_grays
from film.work import Work
from image.toning import NOTHING_LEFT, color_evidence

LONGEST = 240  # frames of a segment: bounds memory, disk space and the cost of an interruption
PARTS = 8  # minimum number of segments of a short film, so that all workers are busy
# Frames below which a shot is not divided: starting an encoder and seeking take the time of ten frames.
SHORTEST = 64
REMNANT = 16  # frames at a shot's end that are too few for a segment and join the one before
SHORT = SHORTEST + REMNANT  # frames below which a film's shots are not divided
# Frames; segments begin at multiples of it in their shot, for colorizers that skip frames.
STEP = 16
REACH = 5  # frames compared on each side of a possible cut
REMEMBERED = 16  # latest shots that a new one is compared with
_SIZE = (32, 24)  # width, height: large enough for the composition, too small for grain
_JUMP = 9.0  # smallest change at a cut, mean 8-bit codes
_RATIO = 2.5  # a cut's change over that of the frames around it
_UNLIKE = 0.2  # smallest 1 - correlation of the pictures on both sides of a cut
_FLAT = 2.0  # standard deviation in 8-bit codes below which a picture is considered blank
_FAINTEST = 4  # range of a frame's reduced chroma, 8-bit codes, which is not seen as color
_COLORED = 0.75  # mean evidence from which a shot has color: coding adds some to a film's
_CHROMA_STEP = 6  # frames between two measurements of chroma, from the first frame of a shot


@dataclass(frozen=True)
class Thumbnail:
    """A reduced frame: its small luma (24, 32), and a function that measures its evidence of color in 10 ms."""

    small: Floats
    evidence: Callable[[], float]


def shrink(picture: NDArray[Any]) -> Floats:
    """Reduce a picture (H, W[, C]) of any depth to (24, 32[, C]), same code range, float32."""
    return cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)


def evidence_of(frame: NativeFrame, *, depth: int = 8) -> float:
    """Return the evidence that a frame of ``depth`` bits shows real color, see `color_evidence`."""
    faintest = _FAINTEST * (1 << (depth - 8))
    if frame.chroma is None or all(np.ptp(shrink(plane)) <= faintest for plane in frame.chroma):
        return NOTHING_LEFT
    return color_evidence(frame.luma, frame.chroma, depth=depth)


def change(one: Floats, other: Floats) -> float:
    """Measure the change between two small pictures in codes; a change in brightness alone counts half."""
    shift = float(other.mean() - one.mean())
    return float(np.abs(other - one - shift).mean()) + abs(shift) / 2


def unlikeness(one: Floats, other: Floats) -> float:
    """Return 1 - correlation: 0 for the same composition in any light, 1 for unrelated ones."""
    if min(one.std(), other.std()) < _FLAT:
        return 0.0 if max(one.std(), other.std()) < 2 * _FLAT else 1.0
    return 1.0 - float(
        ((one - one.mean()) * (other - other.mean())).mean() / (one.std() * other.std())
    )


def is_cut(before: list[Floats], after: list[Floats]) -> bool:
    """Return whether there is a cut between two runs of frames, each the nearest `REACH` or fewer."""
    jump = change(before[-1], after[0])
    if jump < _JUMP or unlikeness(before[-1], after[0]) < _UNLIKE:
        return False
    around = [change(a, b) for run in (before, after) for a, b in pairwise(run)]
    # The largest may be the next cut or the end of a flash, so the second largest measures motion.
    motion = sorted(around)[-2] if len(around) > 1 else 0.0
    back = min(change(a, b) for a, b in product(before, after))
    return jump >= _RATIO * motion and back >= jump / 2


def cuts(pictures: Iterable[Floats]) -> Iterator[bool]:
    """Yield for each small picture whether it begins a new shot, with a delay of `REACH` - 1 pictures."""
    before: deque[Floats] = deque(maxlen=REACH)
    after: deque[Floats] = deque()
    for picture in chain(pictures, [None] * (REACH - 1)):
        if picture is not None:
            after.append(picture)
        if after and (len(after) == REACH or picture is None):
            begins = not before or is_cut(list(before), list(after))
            if begins:
                before.clear()
            before.append(after.popleft())
            yield begins


def segments(frames: Iterable[Thumbnail], *, count: int) -> Iterator[SegmentRecord]:
    """Divide a film into shots, and shots into segments of at most `LONGEST` frames.

    A segment is yielded as soon as its end is known; it never spans a cut.
    count : frames of the whole film, even if only its rest is analyzed
    """
    longest = min(-(-max(-(-count // PARTS), SHORTEST) // STEP) * STEP, LONGEST - REMNANT)
    waiting: deque[Callable[[], float]] = deque()
    index, shot, number, first = 0, -1, 0, 0
    length, place = 0, 0  # frames so far: of the segment and of the shot
    measured: list[tuple[int, float]] = []  # of the shot: frame, evidence

    def smalls() -> Iterator[Floats]:
        for frame in frames:
            waiting.append(frame.evidence)
            yield frame.small

    def record(frames: int, *, ends: bool) -> SegmentRecord:
        own = [evidence for at, evidence in measured if first <= at < first + frames]
        color = float(np.mean(own)) > _COLORED
        return SegmentRecord(index, shot, number, first, frames, ends, color)

    for begins in cuts(smalls()):
        # Split only once REMNANT more frames have followed, so that a short rest joins the segment.
        whole = length if begins else longest if length == longest + REMNANT else 0
        if whole:
            yield record(whole, ends=begins)
            index, first, length = index + 1, first + whole, length - whole
            number = 0 if begins else number + 1
        if begins:
            shot, place, measured = shot + 1, 0, []
        measure = waiting.popleft()
        if place % _CHROMA_STEP == 0:
            measured.append((first + length, measure()))
        length, place = length + 1, place + 1
    if length:
        yield record(length, ends=True)


def analyze(
    film: Film,
    first: int,
    last: int,
    *,
    count: int,
    with_next: bool = False,
    deinterlace: bool = False,
) -> Iterator[tuple[SegmentRecord, list[Bytes]]]:
    """Decode frames [first, last) once; yield their segments, counted from ``first``, with their gray frames.

    count : frames of the whole job, which limits the length of segments
    with_next : append the next frame to a segment's own if its shot continues
    """
    waiting: deque[Bytes] = deque()

    def thumbnails() -> Iterator[Thumbnail]:
        for frame in decode(film, first, last, deinterlace=deinterlace):
            waiting.append(working_gray(film, frame.luma))
            evidence = partial(evidence_of, frame, depth=film.video.depth)
            yield Thumbnail(shrink(waiting[-1]), evidence)

    for segment in segments(thumbnails(), count=count):
        own = [waiting.popleft() for _ in range(segment.count)]
        after = list(islice(waiting, int(with_next and not segment.ends_shot)))
        yield segment, [*own, *after]


class Scenes:
    """The last frames of recent shots, by segment, to detect that a new shot returns to their scene."""

    def __init__(self) -> None:
        self._ends: deque[tuple[int, Floats]] = deque(maxlen=REMEMBERED)

    def add(self, segment: int, last: Bytes) -> None:
        """Remember a shot by its last gray frame (H, W)."""
        self._ends.append((segment, shrink(last)))

    def returned_to(self, first: Bytes) -> int:
        """Find the shot whose end is most similar to a gray frame (H, W), if similar enough not to be a cut.

        Return its segment or NONE. Among equally similar shots, the latest is chosen, which has the most of the scene's colors.
        """
        small = shrink(first)
        like = [(round(unlikeness(end, small), 2), -segment) for segment, end in self._ends]
        least, segment = min(like, default=(1.0, NONE))
        return -segment if least < _UNLIKE else NONE


def _scenes(work: Work, known: tuple[SegmentRecord, ...]) -> Scenes:
    """Decode again the last frames of recent shots that an earlier run found."""
    scenes = Scenes()
    ends = [record for record in known if record.ends_shot and work.colorized(record)]
    for record in ends[-REMEMBERED:]:
        last = work.numbers(record).stop
        (gray,) = decode_gray(
            work.film, last - 1, last, deinterlace=work.options.encoder.deinterlace
        )
        scenes.add(record.index, gray)
    return scenes


def split(work: Work, job: Job, *, keep: bool = True) -> Iterator[SegmentRecord]:
    """Yield a job's segments as soon as their end is known; with `keep`, first store their gray frames.

    Shots found by an earlier run are not analyzed again, except its last shot, whose end is unknown.
    """
    known = job.manifest.segments
    if job.manifest.complete:
        yield from known
        return
    shots = known[-1].shot if known else 0
    known = tuple(record for record in known if record.shot < shots)
    job.note(segments=known)
    yield from known
    done = sum(record.count for record in known)
    remembers = work.colorization.whole_shots and work.options.film_lock == "on"
    scenes = _scenes(work, known) if remembers else Scenes()
    found = analyze(
        work.film, work.first + done, work.last,
        # Of a film through a pipe: short segments, as fewer frames must wait for those that follow.
        count=SHORT if work.film.spool else work.last - work.first, with_next=work.colorization.whole_shots,
        deinterlace=work.options.encoder.deinterlace,
    )  # fmt: skip
    for new, grays in found:
        record = replace(
            new, index=len(known) + new.index, shot=shots + new.shot, first=done + new.first
        )
        if work.colorized(record):
            if remembers and record.number == 0:
                record = replace(record, returns_to=scenes.returned_to(grays[0]))
            if remembers and record.ends_shot:
                scenes.add(record.index, grays[record.count - 1])
            if keep and not work.shot(record).exists():
                write_grays(work, record, grays)
        job.add(record)
        yield record
    job.note(complete=True)
