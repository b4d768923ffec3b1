"""Views of an unfinished film: its shots, one colorized frame of each, the latest finished frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from color.arrays import Bytes, Floats
from color.segment import Colorization, KeyframeCarrier, Segment, SegmentColorizer
from film.carried import registered, warn_refused
from film.chroma import colorized_rgb
from film.decode import decode
from film.guidance import FrameHint, ShotGuidance, frame_hints, shots_guidance
from film.info import Film, span
from film.job import SegmentRecord
from film.keyframe_preview import keyframe_picture, reach_of, reach_picture
from film.options import FilmOptions
from film.probe import probe
from film.report import timecode
from film.segment import decode_gray, png_of, upright_gray, working_gray
from film.shots import analyze
from film.work import colorizer_of
from image.sheet import contact_sheet
from runtime.files import write_bytes


@dataclass(frozen=True, eq=False)
class ShotFrame:
    """A shot and its preview frame.

    first, last : the shot's frames [first, last) in the film
    number, gray : the frame's number, and its picture (H, W) uint8 at working size
    color : the source shows color in this shot
    """

    first: int
    last: int
    number: int
    gray: Bytes
    color: bool


class FilmShots(NamedTuple):
    """A film's shots and its segments, found together; none before its analysis."""

    shots: Sequence[ShotFrame] = ()
    records: Sequence[SegmentRecord] = ()


def shot_frames(
    film: Film, first: int, last: int, *, hints: Sequence[FrameHint] = (), deinterlace: bool = False
) -> FilmShots:
    """Find a film's shots in frames [first, last), each with its first hinted frame or else its middle frame."""
    found = FilmShots()
    for grown, _, _ in growing_shots(film, first, last, hints=hints, deinterlace=deinterlace):
        found = grown
    return found


def growing_shots(
    film: Film, first: int, last: int, *, hints: Sequence[FrameHint] = (), deinterlace: bool = False
) -> Iterator[tuple[FilmShots, SegmentRecord, Sequence[Bytes]]]:
    """Yield the shots found so far, as `shot_frames` finds them, the latest segment and its gray frames (H, W)."""
    shots: tuple[ShotFrame, ...] = ()
    records: tuple[SegmentRecord, ...] = ()
    found = analyze(film, first, last, count=last - first, deinterlace=deinterlace)
    for record, grays in found:
        begin = first + record.first
        end = begin + record.count
        hinted = [h.frame for h in hints if begin <= h.frame < end]
        number = min(hinted, default=begin + record.count // 2)
        if record.number == 0:
            shots += (ShotFrame(begin, end, number, grays[number - begin], record.color),)
        else:
            shown = replace(shots[-1], last=end, color=shots[-1].color or record.color)
            if hinted and not any(h.frame == shown.number for h in hints):
                shown = replace(shown, number=number, gray=grays[number - begin])
            shots = (*shots[:-1], shown)
        records += (record,)
        yield FilmShots(shots, records), record, grays


def colorized_frame(
    colorizer: SegmentColorizer, gray: Bytes, number: int, guidance: ShotGuidance | None
) -> Bytes:
    """Colorize one frame (H, W) independently, with its own hints: rgb (H, W, 3), gray if its shot is left unchanged."""
    if guidance and guidance.colorize is False:
        return np.repeat(gray[..., None], 3, axis=-1)
    return colorized_rgb(gray, frame_colors(colorizer, gray, number, guidance))


def frame_colors(
    colorizer: SegmentColorizer, gray: Bytes, number: int, guidance: ShotGuidance | None
) -> Floats:
    """Predict the colors of one frame (H, W) by itself with its own hints: ab (h, w, 2)."""
    set_here = guidance.on_frame(number, gray.shape) if guidance else None
    none = gray[None][:0]
    alone = Segment(gray[None], range(number, number + 1), 0, 0, after=none, guidance=set_here)
    ab: Floats = colorizer.colorize(alone)[0]
    return ab


def preview(source: Path, sheet: Path, *, colorization: Colorization, options: FilmOptions) -> int:
    """Write a contact sheet (PNG) of one colorized frame of each shot, with its hints; return the number of shots.

    Creates the folder if it is missing.
    """
    film = replace(probe(source, options), working_side=colorization.working_side)
    first, last = span(film, options)
    wanted = colorization.guidance
    hints = frame_hints(film, wanted, first=first, last=last) if wanted else []
    deinterlace = options.encoder.deinterlace
    shots, records = shot_frames(film, first, last, hints=hints, deinterlace=deinterlace)
    guidance = shots_guidance(film, wanted, records, first=first)
    colorizer = colorizer_of(colorization)
    shown: list[tuple[Bytes, str]] = []
    for index, shot in enumerate(shots):
        # The start, since references by time refer to shots, not to the frames shown.
        caption = f"{index + 1}  {timecode(film, shot.first)}"
        own = guidance.get(index)
        if own and own.own_keyframes:
            shown += _keyframe_pictures(film, own, colorizer, caption, deinterlace=deinterlace)
        else:
            shown.append((colorized_frame(colorizer, shot.gray, shot.number, own), caption))
    sheet.parent.mkdir(parents=True, exist_ok=True)
    pictures, captions = zip(*shown, strict=True)
    write_bytes(sheet, png_of(contact_sheet(pictures, captions)))
    return len(shots)


def _keyframe_pictures(
    film: Film,
    shot: ShotGuidance,
    colorizer: SegmentColorizer,
    caption: str,
    *,
    deinterlace: bool,
) -> Iterator[tuple[Bytes, str]]:
    """Yield a shot's keyframes, and the frame of which they reach the least, each with a caption."""
    carrier: KeyframeCarrier = colorizer  # type: ignore[assignment]
    whole, found_any = [], False
    for colors in shot.own_keyframes:
        keyframe = registered(film, colors, carrier, deinterlace=deinterlace)
        if keyframe is None:
            warn_refused(film, colors)
            continue
        found_any = True
        whole += [colors.frame] if keyframe.whole else []
        yield keyframe_picture(keyframe), f"{caption}  frame {colors.frame}"
    if not found_any:
        number = (shot.first + shot.last) // 2
        gray = frame_gray(film, number, short_side=film.working_side, deinterlace=deinterlace)
        yield colorized_frame(colorizer, gray, number, shot), caption
        return
    if not whole:
        return
    found = reach_of(film, (shot.first, shot.last), whole, deinterlace=deinterlace)
    gray = frame_gray(film, found.frame, short_side=film.working_side, deinterlace=deinterlace)
    yield reach_picture(gray, found.reached), f"{caption}  reached {found.share:.0%}"


def frame_gray(film: Film, number: int, *, short_side: int, deinterlace: bool = False) -> Bytes:
    """Decode one frame as gray (H, W), upright, with a short side in pixels."""
    sized = replace(film, working_side=short_side)
    (gray,) = decode_gray(sized, number, number + 1, deinterlace=deinterlace)
    return gray


def frame_grays(
    film: Film, number: int, *, short_side: int | None = None, deinterlace: bool = False
) -> tuple[Bytes, Bytes]:
    """Decode one frame as gray, upright: (H, W) with a short side in pixels, by default at full size, and at working size."""
    frame = next(decode(film, number, number + 1, deinterlace=deinterlace))
    sized = film if short_side is None else replace(film, working_side=short_side)
    shown = upright_gray if short_side is None else working_gray
    return shown(sized, frame.luma), working_gray(film, frame.luma)
