"""A job's keyframes: registered to their frames, then carried through their shots, segment by segment.

A colorizer carries the colors (`color.segment.KeyframeCarrier`); here its arrays are stored. What enters each segment from
either side is stored, so that segments are finished in any order and memory is bounded.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from color.arrays import Arrays, Bytes
from color.segment import Keyframe, KeyframeCarrier, Overlay, Segment, SegmentGuidance, color_side
from film.finished import needed_shots
from film.guidance import FrameColors, ShotGuidance
from film.info import Film
from film.job import SegmentRecord
from film.segment import decode_gray, entering_of, is_carried, keyframes_of
from film.work import SIDES, Work, colorizer_of, write_description
from photo.guidance import read_colored, read_reference
from runtime.files import read_arrays, write_arrays
from runtime.workers import Map, together

log = logging.getLogger(__name__)


def carried(run: Map, work: Work, records: Sequence[SegmentRecord]) -> Work:
    """Register a job's keyframes and carry them through their shots; return the work with those that are not refused.

    A picture that does not show its frame becomes a reference for its shot.
    """
    wanted = {one.frame: one for shot in work.guidance.values() for one in shot.keyframes}
    if not wanted:
        return work
    found = run(partial(_register, write_description(work)), wanted.values())
    refused = {one for one, shows in found if not shows}
    for one in sorted(refused, key=lambda one: one.frame):
        warn_refused(work.film, one)
    work = replace(work, guidance=_without(work, refused))
    needed = needed_shots(work, records)
    own = (shot for shot, one in work.guidance.items() if one.own_keyframes and shot in needed)
    directions = [(shot, side) for shot in own for side in SIDES]
    of_shot: dict[int, list[SegmentRecord]] = {}
    for record in records:
        of_shot.setdefault(record.shot, []).append(record)
    items = [_Pass(tuple(of_shot[shot]), side) for shot, side in directions]
    for _ in run(partial(_carry, write_description(work)), items):
        pass
    return work


def warn_refused(film: Film, colors: FrameColors) -> None:
    """Log that a keyframe does not show its frame."""
    log.warning("%s: used as a reference for its shot", refusal(film, colors))


def refusal(film: Film, colors: FrameColors) -> str:
    """Say that a keyframe does not show its frame."""
    return f"{colors.path} does not show frame {colors.frame} of {film.path.name}"


def _without(work: Work, refused: set[FrameColors]) -> dict[int, ShotGuidance]:
    """Return the guidance of shots in which refused keyframes are references."""
    guidance = {}
    for number, shot in work.guidance.items():
        kept = tuple(one for one in shot.keyframes if one not in refused)
        reference = shot.reference
        for one in shot.keyframes:
            if one in refused and reference is None:
                reference = read_reference(one.path)
        guidance[number] = replace(shot, keyframes=kept, reference=reference)
    return guidance


def registered(
    film: Film, colors: FrameColors, carrier: KeyframeCarrier, *, deinterlace: bool = False
) -> Keyframe | None:
    """Register a keyframe's picture to its frame; return None if it does not show it."""
    side = color_side(film.upright_size, working_side=film.working_side)
    gray, large = (
        _frame(sized, colors.frame, deinterlace=deinterlace)
        for sized in (film, replace(film, working_side=side))
    )
    height, width = film.upright_size
    return carrier.keyframe(
        colors.frame, read_colored(colors.path), gray=gray, large=large, aspect=width / height
    )


def _register(described: Callable[[], Work], colors: FrameColors) -> bool:
    """Register a keyframe's picture to its frame and store its colors; return whether it shows that frame."""
    work = described()
    path = work.keyframe(colors.frame)
    kept = read_arrays(path)
    if kept is None or str(kept["digest"]) != colors.digest:
        kept = {"digest": np.array(colors.digest), **_registered(work, colors)}
        write_arrays(path, kept)
    return "ab" in kept


def _registered(work: Work, colors: FrameColors) -> dict[str, Any]:
    """Return a keyframe's colors and where it has any, or nothing if it does not show its frame."""
    deinterlace = work.options.encoder.deinterlace
    carrier = _carrier(work)
    found, _ = together(
        lambda: registered(work.film, colors, carrier, deinterlace=deinterlace),
        carrier.open_programs,
    )
    if found is None:
        return {}
    return {
        "ab": found.ab.astype(np.float16),
        "share": np.rint(found.share * 255).astype(np.uint8),
        "gray": found.gray,
        "whole": np.array(found.whole),
    }


def _frame(film: Film, number: int, *, deinterlace: bool) -> Bytes:
    (gray,) = decode_gray(film, number, number + 1, deinterlace=deinterlace)
    return gray


@dataclass(frozen=True)
class _Pass:
    """A shot's segments in order, and a direction through them."""

    records: tuple[SegmentRecord, ...]
    side: str


def _carry(described: Callable[[], Work], item: _Pass) -> None:
    """Carry keyframes through a shot in one direction; store what enters each segment, and its summary."""
    work = described()
    if all(is_carried(work, record, item.side) for record in item.records):
        return
    backward = item.side == SIDES[1]
    entering: Arrays | None = None
    leaving: Arrays | None
    summary: Arrays
    digest = work.guidance[item.records[0].shot].digest
    for record in reversed(item.records) if backward else item.records:
        path = work.carried_state(record, item.side)
        leaving, summary = None, {}
        if entering is not None or _has_keyframe(work, record):
            segment = _plain_segment(work, record)
            leaving, summary = _carrier(work).carry_segment(segment, entering, backward=backward)
        entered = {f"entering.{name}": array for name, array in (entering or {}).items()}
        own = {f"summary.{name}": array for name, array in summary.items()}
        write_arrays(path, {"digest": np.array(digest), **entered, **own})
        entering = leaving


def _has_keyframe(work: Work, record: SegmentRecord) -> bool:
    numbers = work.numbers(record)
    return any(number in numbers for number in keyframes_of(work, record.shot))


def _plain_segment(work: Work, record: SegmentRecord) -> Segment:
    """Return a segment with its keyframes but without what is carried to it; do not store its frames."""
    numbers = work.numbers(record)
    frames = _grays(work, numbers)
    none = SegmentGuidance((), np.zeros(0, bool), keyframes=keyframes_of(work, record.shot))
    return Segment(frames, numbers, record.shot, record.number, frames[:0], none)


# The latest frames: of a shot of one segment, both directions and the overlays need them.
_latest: dict[tuple[Path, str, range], Bytes] = {}


def _grays(work: Work, numbers: range) -> Bytes:
    key = (work.folder, work.digest, numbers)
    if key not in _latest:
        _latest.clear()
        deinterlace = work.options.encoder.deinterlace
        frames = decode_gray(work.film, numbers.start, numbers.stop, deinterlace=deinterlace)
        _latest[key] = np.stack(list(frames))
    return _latest[key]


def overlays(work: Work, record: SegmentRecord) -> Iterator[Overlay | None]:
    """Yield what keyframes' colors reach in each frame of a segment of a shot with keyframes."""
    before, after = (entering_of(work, record, side) for side in SIDES)
    found = _carrier(work).overlays(_plain_segment(work, record), before=before, after=after)
    return map(_on_the_right, found) if work.options.compare else found


def _on_the_right(overlay: Overlay | None) -> Overlay | None:
    """Leave the left half of a frame without carried colors."""
    if overlay is None:
        return None
    right = np.arange(overlay.share.shape[1]) >= overlay.share.shape[1] // 2
    return overlay._replace(share=overlay.share * right)


def _carrier(work: Work) -> KeyframeCarrier:
    carrier: KeyframeCarrier = colorizer_of(work.colorization)  # type: ignore[assignment]
    return carrier
