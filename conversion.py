"""Films to frames and back: the driver of a film's job, and the owner's script. Never a network.

`color_film` takes a film through split -> painted -> rendered -> joined; the network comes in as a function.
As a script it turns a film into gray frames and sound under cache/, and with -join the frames into a film again.
"""

import argparse
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from film.facts import Film
from film.frames import decode, read_png, working_gray, write_png
from film.job import Job, JobError, Manifest, Piece, discard, fingerprint, open_job
from film.mux import extract_audio, join
from film.plan import (
    FilmOptions,
    Painting,
    Plan,
    check_outputs,
    check_target,
    manifest_of,
    notes,
    plan_of,
    span,
)
from film.pool import Each, crew
from film.probe import probe
from film.progress import earlier, moving
from film.reel import FALLBACK, FILMS, mark_in, mark_of, written_suffixes
from film.render import EncoderOptions, painted_rgb, render_piece
from film.report import Summary, describe, preview_sheet
from film.shots import looks, pieces
from film.source import FilmError, printable
from film.stages import Done, finish_piece, has_grays, is_rendered, prepare, table_of, write_grays
from film.stages import split as split_piece

__all__ = [
    "FALLBACK",
    "FILMS",
    "Each",
    "EncoderOptions",
    "FilmOptions",
    "Painting",
    "check_outputs",
    "color_film",
    "facts",
    "mark_in",
    "preview",
    "printable",
    "result_mark",
    "workers_for",
    "written_suffixes",
]

ROOT = Path(__file__).resolve().parent

log = logging.getLogger(__name__)


def color_film(
    source: Path,
    target: Path,
    *,
    painting: Painting,
    options: FilmOptions,
    each: Each | None = None,
) -> Summary:
    """Paint a film, continuing where an earlier run of the same work was stopped.

    each : the workers, from `workers_for`, if they are to stay for the next film
    Raise FilmError or JobError, one line each, for what cannot be done.
    """
    began = time.perf_counter()
    check_target(source, target, codec=options.encoder.codec, overwrite=options.overwrite)
    film = replace(probe(source), working_side=painting.working_side)
    first, last = span(film, options.start_s, options.duration_s)
    warnings = notes(film, target, options)
    for warning in warnings:
        log.warning("%s", warning)
    wanted = manifest_of(film, painting, options)
    summary = Summary(source, target, film, wanted.weights, wanted.settings, warnings)
    with open_job(options.cache, wanted, restart=options.restart) as job:
        plan = plan_of(film, first, last, job, painting, options)
        extract_audio(film, job.folder / "audio")
        with (
            nullcontext(each) if each else workers_for(painting, options) as each,
            _bar(last - first, "painting") as bar,
            moving(bar, job.folder / "shots", summary.frames_finished),
        ):
            for done in each(partial(finish_piece, plan), _unfinished(plan, job, summary, bar)):
                summary.count(done)
                bar.set_postfix_str(f"shot {done.piece.shot + 1} of {_shots(job)}", refresh=False)
        shots = _check_shots(plan, job)
        with _bar(last - first, "joining") as bar:
            summary.joined = join(
                film, shots, target,
                first=first, mark=result_mark(source, options), progress=partial(_move, bar),
            )  # fmt: skip
        job.note(state="joined")
        if not options.keep_cache:
            job.remove()
    summary.seconds = time.perf_counter() - began
    return summary


def result_mark(source: Path, options: FilmOptions) -> str:
    """Return the mark that `color_film` writes into its result, by which it is recognized."""
    return mark_of(
        fingerprint(source),
        start_s=options.start_s, duration_s=options.duration_s, compare=options.compare,
    )  # fmt: skip


def _unfinished(plan: Plan, job: Job, summary: Summary, bar: "tqdm[Any]") -> Iterator[Piece]:
    """Yield the pieces to be done; count those that an earlier run has finished."""
    for piece in split(plan, job):
        if is_rendered(plan, piece):
            summary.count(Done(piece, {}))
            earlier(bar, piece.count)
            continue
        if plan.shot(piece).exists():
            log.warning("%s is damaged or of another job: rendering it again", plan.shot(piece))
            discard(plan.shot(piece))
        yield piece


def _check_shots(plan: Plan, job: Job) -> list[Path]:
    """Return the shots to be joined; raise JobError unless they are the whole film, as it was rendered."""
    pieces = job.manifest.pieces
    if (frames := sum(piece.count for piece in pieces)) != plan.last - plan.first:
        raise JobError(
            f"{job.folder}: its manifest has {frames} of {plan.last - plan.first} frames; "
            "add -restart to begin anew"
        )
    for piece in pieces:
        if not is_rendered(plan, piece):
            raise JobError(
                f"{plan.shot(piece)} was changed after it was rendered; "
                "run the same command to render it again"
            )
    return [plan.shot(piece) for piece in pieces]


def workers_for(painting: Painting, options: FilmOptions) -> AbstractContextManager[Each]:
    """Lend the workers that the options name, for one film or several."""
    return crew(options.workers, options.scheduler, prepare=partial(prepare, painting))


def _bar(frames: int, work: str) -> "tqdm[Any]":
    """Make a bar that goes when the work is done; what was done is said in a line."""
    hidden = None if log.isEnabledFor(logging.INFO) else True  # None: where stderr is no terminal
    return tqdm(
        desc=work, total=frames, unit=" frames", disable=hidden, leave=False, smoothing=0.1,
        dynamic_ncols=True,
    )  # fmt: skip


def _move(bar: "tqdm[Any]", frames: int) -> None:
    bar.update(frames - bar.n)


def _shots(job: Job) -> str:
    """Return how many shots the film has, as far as it has been looked at."""
    found = job.manifest.pieces[-1].shot + 1
    return f"{found}" if job.manifest.complete else f"{found}+"


def split(plan: Plan, job: Job) -> Iterator[Piece]:
    """Yield the film's pieces, each as soon as its end is known and its gray frames are on the disk.

    What an earlier run has found is not looked for again, but for its last shot.
    """
    if job.manifest.complete:
        yield from job.manifest.pieces
        return
    begun = job.manifest.pieces[-1].shot if job.manifest.pieces else 0
    job.note(pieces=tuple(piece for piece in job.manifest.pieces if piece.shot < begun))
    yield from job.manifest.pieces
    done = sum(piece.count for piece in job.manifest.pieces)
    found = seen(
        plan.film, plan.first + done, plan.last,
        count=plan.last - plan.first, deinterlace=plan.encoder.deinterlace,
    )  # fmt: skip
    before = len(job.manifest.pieces)
    for new, grays in found:
        piece = Piece(before + new.index, begun + new.shot, done + new.first, new.count, new.color)
        if plan.painted(piece) and not plan.shot(piece).exists():
            write_grays(plan, piece, grays)
        job.note(pieces=(*job.manifest.pieces, piece))
        yield piece
    job.note(complete=True)


def seen(
    film: Film, first: int, last: int, *, count: int, deinterlace: bool = False
) -> Iterator[tuple[Piece, list[NDArray[np.uint8]]]]:
    """Decode frames [first, last) once, and yield their pieces, counted from ``first``, with the gray frames.

    count : frames of the whole job, which decides how long a piece may be
    """
    waiting: deque[NDArray[np.uint8]] = deque()

    def shown() -> Iterator[tuple[NDArray[np.uint8], tuple[NDArray[Any], ...]]]:
        for frame in decode(film, first, last, deinterlace=deinterlace):
            waiting.append(working_gray(film, frame.luma))
            yield waiting[-1], frame.chroma or ()

    seen_so = looks(shown(), depth=film.video.depth, first=first)
    for piece in pieces(seen_so, count=count):
        yield piece, [waiting.popleft() for _ in range(piece.count)]


def facts(source: Path, target: Path, *, options: FilmOptions) -> tuple[str, dict[str, Any]]:
    """Tell what a film has and what would be done with it, as text and as plain JSON values."""
    film = probe(source)
    first, last = span(film, options.start_s, options.duration_s)
    told = notes(film, target, options)
    plan = {"output": str(target), "first": first, "frames": last - first, "warnings": told}
    plan |= {"codec": options.encoder.codec, "workers": options.workers}
    lines = [
        describe(film),
        f"  to do      {last - first} frames -> {target} ({options.encoder.codec})",
    ]
    return "\n".join([*lines, *(f"  warning    {note}" for note in told)]), {
        "film": film.as_json(),
        "plan": plan,
    }


def preview(source: Path, sheet: Path, *, painting: Painting, options: FilmOptions) -> int:
    """Write a contact sheet (PNG): one painted frame of each shot; return how many."""
    film = replace(probe(source), working_side=painting.working_side)
    painter = painting.factory()
    pictures: list[NDArray[np.uint8]] = []
    frames: list[int] = []
    first, last = span(film, options.start_s, options.duration_s)
    for piece, grays in seen(film, first, last, count=last - first):
        if piece.shot == len(pictures):
            gray = grays[piece.count // 2]
            pictures.append(painted_rgb(gray, painter.ab_frames(gray[None])[0], painting.lab2rgb))
            frames.append(piece.first)
    write_png(sheet, preview_sheet(film, pictures, frames))
    return len(pictures)


def to_frames(source: Path, *, cache: Path, restart: bool = False) -> Path:
    """Turn a film into gray frames and sound under ``cache``; return the folder they are in."""
    film = probe(source)
    with open_job(cache, _script_manifest(film), restart=restart) as job:
        plan = _script_plan(film, job)
        extract_audio(film, job.folder / "audio")
        for piece in split(plan, job):
            if not has_grays(plan, piece):  # deleted, or lost in a power cut
                split_piece(plan, piece)
        return job.folder


def from_frames(source: Path, target: Path, *, cache: Path) -> int:
    """Make a film of the frames that `to_frames` wrote; return how many.

    Color comes from the pictures of the same names under output_img/, whoever painted them; frames without one
    stay gray. Lightness, sound and all else come from the source.
    """
    check_target(source, target, codec=EncoderOptions().codec, overwrite=False)
    film = probe(source)
    with open_job(cache, _script_manifest(film)) as job:
        if not job.manifest.complete:
            raise FilmError(f"{job.folder} holds no frames yet; run the same without -join first")
        plan = _script_plan(film, job)
        table = table_of(plan)
        for piece in job.manifest.pieces:
            first, last = plan.span(piece)
            colors, shot = painted_pictures(plan, piece), plan.shot(piece)
            shot.unlink(missing_ok=True)
            render_piece(
                film, colors, shot, first=first, last=last, table=table, options=plan.encoder
            )
        return join(film, [plan.shot(piece) for piece in job.manifest.pieces], target).frames


def painted_pictures(plan: Plan, piece: Piece) -> NDArray[np.float32]:
    """Return the ab (n, h, w, 2) of a piece's pictures in output_img/, 0 where there is none."""
    height, width = (max(1, side // 4) for side in plan.film.working_size)
    ab = np.zeros((piece.count, height, width, 2), np.float32)
    for number, colors in enumerate(ab, plan.span(piece)[0]):
        path = plan.output_img(piece) / f"{number:07d}.png"
        if path.exists():
            rgb = np.atleast_3d(read_png(path)).astype(np.float32) / 255
            rgb = np.broadcast_to(rgb, (*rgb.shape[:2], 3))
            small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
            colors[:] = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)[..., 1:]
    return ab


def _lab2rgb(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert Lab to sRGB 0..1 as OpenCV does: the opposite of how pictures are read here."""
    flat = np.ascontiguousarray(lab, np.float32).reshape(-1, 1, 3)
    return np.asarray(cv2.cvtColor(flat, cv2.COLOR_LAB2RGB), np.float32).reshape(lab.shape)


def _script_manifest(film: Film) -> Manifest:
    return Manifest(
        fingerprint(film.path), str(film.path.resolve()), {"made_by": "conversion.py"}, ""
    )


def _script_plan(film: Film, job: Job) -> Plan:
    encoder = EncoderOptions(threads=os.cpu_count() or 1)
    painting = Painting(_no_painter, _lab2rgb)
    folder, work = job.folder, job.manifest.digest
    return Plan(film, 0, film.frames, folder, work, painting, encoder, recolor=True, keep=True)


def _no_painter() -> Any:
    raise AssertionError("this script paints nothing")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conversion.py", description="Turn a film into gray frames and sound, and back."
    )
    parser.add_argument("film", nargs="?", type=Path, default=ROOT / "movie" / "input.mp4",
                        help="default: movie/input.mp4")  # fmt: skip
    parser.add_argument("-join", "--join", type=Path, metavar="OUT",
                        help="make the film OUT of the frames")  # fmt: skip
    parser.add_argument("-cache", "--cache", type=Path, default=ROOT / "cache", metavar="DIR",
                        help="where frames and sound go (default: cache/)")  # fmt: skip
    parser.add_argument("-restart", "--restart", action="store_true", help="begin anew")
    return parser


def main() -> int:
    """Run the script and return its exit code."""
    args = _parser().parse_args()
    try:
        if args.join:
            print(from_frames(args.film, args.join, cache=args.cache), "frames in", args.join)
        else:
            print(to_frames(args.film, cache=args.cache, restart=args.restart))
    except (OSError, ValueError) as error:
        print(printable(f"conversion.py: {error}"), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
