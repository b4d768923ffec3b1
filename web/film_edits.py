"""Edits of a film on the page, checked as the command checks its guidance, and restricted to what is known or chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from color.guidance import ColoredFrame, Guidance, ShotReference
from film.guidance import frame_colors, frame_hints
from film.info import Film
from film.preview import ShotFrame
from model.options import ColorOptions
from photo.guidance import read_reference
from web.edits import color_from, hints_from

MOST_SHOTS = 20_000  # with edits, in one request
MOST_KEYFRAMES = 500

T = TypeVar("T")


@dataclass(frozen=True)
class FilmEdits:
    """The checked edits of a film; immutable, because they may be replaced at any time.

    values : as sent by the page
    """

    values: Mapping[str, Any]
    color: ColorOptions
    guidance: Guidance


def film_edits(
    values: Mapping[str, Any],
    *,
    released: ColorOptions,
    references: Mapping[str, Path],
    keyframes: Mapping[str, ColoredFrame],
) -> FilmEdits:
    """Check the page's edits of a film.

    released : color options that apply where the page sets none
    references, keyframes : the uploaded pictures by id
    Raises ValueError.
    """
    color = color_from(values, released)
    pictures = _chosen(values.get("references", {}), references, most=MOST_SHOTS)
    frames = _chosen(values.get("keyframes", {}), keyframes, most=MOST_KEYFRAMES)
    hints = hints_from(values.get("hints", []))
    if any(not hint.at for hint in hints):
        raise ValueError("a hint for a film needs a time")
    shots = values.get("shots", {})
    if not isinstance(shots, dict) or len(shots) > MOST_SHOTS:
        raise ValueError(f"invalid shots: expected at most {MOST_SHOTS} by number")
    treated = {
        treatment: tuple(str(_shot(shot)) for shot, wanted in shots.items() if wanted == treatment)
        for treatment in ("colorize", "leave")
    }
    guidance = Guidance(
        hints,
        references=tuple(
            ShotReference(str(_shot(shot)), read_reference(path)) for shot, path in pictures.items()
        ),
        keyframes=tuple(one for _, one in sorted(frames.items(), key=lambda item: item[1].at)),
        colorize=treated["colorize"],
        leave=treated["leave"],
    )
    return FilmEdits(values, color, guidance)


def _chosen(chosen: Any, pictures: Mapping[str, T], *, most: int) -> dict[str, T]:
    """Return the uploaded pictures of shots or frames. Raises ValueError for one that is not there."""
    if not isinstance(chosen, dict) or len(chosen) > most:
        raise ValueError(f"invalid pictures: expected at most {most} by number")
    if not set(map(str, chosen.values())) <= set(pictures):
        raise ValueError("a picture has been deleted: choose it again")
    return {str(where): pictures[str(token)] for where, token in chosen.items()}


def _shot(text: Any) -> int:
    if not str(text).isdecimal() or len(str(text)) > 6 or not int(text):
        raise ValueError("invalid shot: expected its number")
    return int(text)


def guidance_within(
    film: Film, guidance: Guidance, shots: Sequence[ShotFrame], span: tuple[int, int]
) -> Guidance:
    """Return the guidance of frames [first, last): of a part of a film, or of the shots that are found so far.

    Shots are named by their times, because they are numbered otherwise in a part.
    """
    first, last = span
    placed = zip(guidance.hints, frame_hints(film, guidance), strict=True)
    spans = {
        str(number): (shot.first, shot.last)
        for number, shot in enumerate(shots, 1)
        if max(shot.first, first) < min(shot.last, last)
    }

    def times(named: Sequence[str]) -> tuple[str, ...]:
        return tuple(_times(film, *spans[where]) for where in named if where in spans)

    return replace(
        guidance,
        hints=tuple(hint for hint, at in placed if first <= at.frame < last),
        references=tuple(
            replace(one, where=_times(film, *spans[one.where]))
            for one in guidance.references
            if one.where in spans
        ),
        keyframes=tuple(one for one in guidance.keyframes if first <= _frame_of(film, one) < last),
        colorize=times(guidance.colorize),
        leave=times(guidance.leave),
    )


def _frame_of(film: Film, keyframe: ColoredFrame) -> int:
    (placed,) = frame_colors(film, Guidance(keyframes=(keyframe,)))
    return placed.frame


def _times(film: Film, first: int, last: int) -> str:
    """Return the times of frames [first, last) as a choice of shots."""
    base = film.video.time_base
    begin_s = float((film.pts[first] - film.pts[0]) * base)
    end_s = film.duration_s if last >= film.frames else float((film.pts[last] - film.pts[0]) * base)
    return f"{begin_s:.6f}-{end_s:.6f}"
