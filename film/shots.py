"""Where one shot ends and the next begins, from luma alone; which shots already have color; segments of shots.

In a gray film hue and saturation never move, so a cut is recognized by the picture's own change: a jump far above
the motion around it, after which the picture does not come back. Dissolves and fades change a little in many frames
and stay whole; so do flashes, flicker, pans and frames shown twice.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise, product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats
from film.decode import decode
from film.info import Film
from film.job import NONE, Job, SegmentRecord
from film.segment import decode_gray, working_gray, write_grays
from film.work import Work

LONGEST = 240  # frames of a segment: bounds memory, disk and what an interruption costs
PARTS = 8  # a short film is cut into so many at least, so that all workers have something to do
# Frames below which a shot is not divided: an encoder's start and a seek cost ten frames' time.
SHORTEST = 56
REMNANT = 24  # frames at the end of a shot that stay with the segment before
SHORT = SHORTEST + REMNANT  # frames below which a film's shots are not divided
STEP = 8  # frames: segments begin at multiples of it in their shot, for colorizers that skip frames
REACH = 5  # frames compared on each side of a supposed cut
REMEMBERED = 16  # shots that a new one may return to
_SIZE = (32, 24)  # width, height: large enough for the composition, too small for grain
_JUMP = 9.0  # smallest change at a cut, mean 8-bit codes
_RATIO = 2.5  # a cut's change over that of the frames around it
_UNLIKE = 0.2  # 1 - correlation of the pictures on both sides of a cut, at least
_FLAT = 2.0  # standard deviation in 8-bit codes below which a picture shows nothing
_COLORED = 3.0  # chroma away from any one tint, 8-bit codes, 95th percentile
_COLORED_SHARE = 0.25  # of a segment's frames, from which on it has color
_CHROMA_STEP = 6  # every how many frames chroma is measured


@dataclass(frozen=True)
class Thumbnail:
    """What is kept of a frame: its small luma (24, 32), and whether it shows color (None: not measured)."""

    small: Floats
    color: bool | None


def shrink(picture: NDArray[Any]) -> Floats:
    """Return a picture (H, W[, C]) of any depth as its small copy (24, 32[, C]), same codes, float32."""
    return cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)


def has_color(luma: Floats, chroma: Floats) -> bool:
    """Tell whether chroma (24, 32, 2) is more than one tint for all: sepia and a cast are no color.

    Both in 8-bit codes. What a straight line over luma explains is taken off before chroma is measured.
    """
    light = luma.ravel() - luma.mean()
    planes = chroma.reshape(-1, 2) - chroma.reshape(-1, 2).mean(axis=0)
    slope = light @ planes / max(float(light @ light), 1e-6)
    left = np.linalg.norm(planes - light[:, None] * slope, axis=1)
    return bool(np.percentile(left, 95) >= _COLORED)


def thumbnails(
    frames: Iterable[tuple[Bytes, tuple[NDArray[Any], ...]]],
    *,
    depth: int = 8,
    first: int = 0,
) -> Iterator[Thumbnail]:
    """Shrink frames given as working gray (H, W) and the source's two chroma planes of ``depth`` bits, or none.

    ``first`` numbers them, so that a film continued in its middle is measured in the same places.
    """
    for number, (gray, chroma) in enumerate(frames, first):
        small = shrink(gray)
        if not chroma or number % _CHROMA_STEP:
            yield Thumbnail(small, None if chroma else False)
        else:
            planes = np.stack([shrink(plane) for plane in chroma], axis=-1) / 2 ** (depth - 8)
            yield Thumbnail(small, has_color(small, planes))


def change(one: Floats, other: Floats) -> float:
    """Measure the change between two small pictures in codes; of brightness alone, half counts."""
    shift = float(other.mean() - one.mean())
    return float(np.abs(other - one - shift).mean()) + abs(shift) / 2


def unlikeness(one: Floats, other: Floats) -> float:
    """Return 1 - correlation: 0 for the same composition under any light, 1 for unrelated ones."""
    if min(one.std(), other.std()) < _FLAT:
        return 0.0 if max(one.std(), other.std()) < 2 * _FLAT else 1.0
    return 1.0 - float(
        ((one - one.mean()) * (other - other.mean())).mean() / (one.std() * other.std())
    )


def is_cut(before: list[Floats], after: list[Floats]) -> bool:
    """Tell whether a cut lies between two runs of frames, each the nearest `REACH` or fewer."""
    jump = change(before[-1], after[0])
    if jump < _JUMP or unlikeness(before[-1], after[0]) < _UNLIKE:
        return False
    around = [change(a, b) for run in (before, after) for a, b in pairwise(run)]
    # The largest may be the next cut or the end of a flash, so the second largest is what counts as motion.
    motion = sorted(around)[-2] if len(around) > 1 else 0.0
    back = min(change(a, b) for a, b in product(before, after))
    return jump >= _RATIO * motion and back >= jump / 2


def cuts(pictures: Iterable[Floats]) -> Iterator[bool]:
    """Yield for each small picture whether a new shot begins with it, `REACH` - 1 pictures late."""
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
    """Divide a film into its shots, and those into segments of at most `LONGEST` frames.

    A segment is yielded as soon as its end is known; it never spans a cut.
    count : frames of the whole film, also where only its rest is analyzed
    """
    longest = min(-(-max(-(-count // PARTS), SHORTEST) // STEP) * STEP, LONGEST - REMNANT)
    waiting: deque[bool | None] = deque()
    index, shot, number, first = 0, -1, 0, 0
    colors: list[bool | None] = []

    def smalls() -> Iterator[Floats]:
        for frame in frames:
            waiting.append(frame.color)
            yield frame.small

    for begins in cuts(smalls()):
        # Divided only when a remnant's length has followed: what is too short for itself stays with it.
        length = len(colors) if begins else longest if len(colors) == longest + REMNANT else 0
        if length:
            color = _has_color(colors[:length])
            yield SegmentRecord(index, shot, number, first, length, begins, color)
            index, first, colors = index + 1, first + length, colors[length:]
            number = 0 if begins else number + 1
        shot += begins
        colors.append(waiting.popleft())
    if colors:
        yield SegmentRecord(index, shot, number, first, len(colors), True, _has_color(colors))


def _has_color(measured: list[bool | None]) -> bool:
    known = [color for color in measured if color is not None]
    return bool(known) and sum(known) >= _COLORED_SHARE * len(known)


def analyze(
    film: Film,
    first: int,
    last: int,
    *,
    count: int,
    with_next: bool = False,
    deinterlace: bool = False,
) -> Iterator[tuple[SegmentRecord, list[Bytes]]]:
    """Decode frames [first, last) once, and yield their segments, counted from ``first``, with the gray frames.

    count : frames of the whole job, which decides how long a segment may be
    with_next : the next frame comes with a segment's own, where its shot continues
    """
    waiting: deque[Bytes] = deque()

    def shown() -> Iterator[tuple[Bytes, tuple[NDArray[Any], ...]]]:
        for frame in decode(film, first, last, deinterlace=deinterlace):
            waiting.append(working_gray(film, frame.luma))
            yield waiting[-1], frame.chroma or ()

    small = thumbnails(shown(), depth=film.video.depth, first=first)
    for segment in segments(small, count=count):
        own = [waiting.popleft() for _ in range(segment.count)]
        after = list(islice(waiting, int(with_next and not segment.ends_shot)))
        yield segment, [*own, *after]


class Scenes:
    """The ends of the last shots, each by the segment that it is in: a new shot may show one of their scenes."""

    def __init__(self) -> None:
        self._ends: deque[tuple[int, Floats]] = deque(maxlen=REMEMBERED)

    def add(self, segment: int, last: Bytes) -> None:
        """Remember a shot by its last gray frame (H, W)."""
        self._ends.append((segment, shrink(last)))

    def returned_to(self, first: Bytes) -> int:
        """Find the shot whose end is most like a gray frame (H, W): between the two there would be no cut.

        Where several are equally like, it is the last one, in which most is known of the scene.
        """
        small = shrink(first)
        like = [(round(unlikeness(end, small), 2), -segment) for segment, end in self._ends]
        least, segment = min(like, default=(1.0, NONE))
        return -segment if least < _UNLIKE else NONE


def _scenes(work: Work, known: tuple[SegmentRecord, ...]) -> Scenes:
    """Look once more at how the last of the shots that an earlier run has found end."""
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
    """Yield a job's segments, each as soon as its end is known and, to `keep`, its gray frames are on the disk.

    What an earlier run has found is not analyzed again, except its last shot, whose end is not known.
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
        count=work.last - work.first, with_next=work.colorization.whole_shots,
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
