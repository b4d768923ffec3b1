"""What is to be done with a film: the wishes, checked against the film before any work begins."""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from film.chroma import Lab2Rgb
from film.facts import WORKING_SIDE, Film
from film.job import Job, Manifest, Piece, fingerprint
from film.probe import unsupported_by
from film.render import CONTAINERS_OF, EncoderOptions, encoder_notes
from film.source import FilmError


class Painter(Protocol):
    """What colors frames; it is built once in each worker process."""

    def ab_frames(self, grays: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return ab (n, h, w, 2), as small as it likes, for one piece's frames (n, H, W), in order."""
        ...


@dataclass(frozen=True)
class Painting:
    """How films are painted: everything the film's side must be told about the network.

    factory : builds a painter; picklable
    lab2rgb : Lab to sRGB 0..1 in gamut; picklable
    weights : sha256 of the weights
    settings : whatever else changes the colors, for the manifest
    working_side : px, the short side of the frames the painter is given; larger ones are shrunk to it
    """

    factory: Callable[[], Painter]
    lab2rgb: Lab2Rgb
    weights: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    working_side: int = WORKING_SIDE


@dataclass(frozen=True)
class Plan:
    """All that a worker must know of a film's job.

    first, last : the frames of the film that the job is of
    folder : the job's; pieces count their frames from ``first``
    work : what tells the job's work from any other, see Manifest.digest
    compare : leave the left half of the picture gray
    """

    film: Film
    first: int
    last: int
    folder: Path
    work: str
    painting: Painting
    encoder: EncoderOptions
    recolor: bool = False
    compare: bool = False
    keep: bool = False

    def shot(self, piece: Piece) -> Path:
        """Return the piece's encoded film."""
        return self.folder / "shots" / f"{piece.name}.mkv"

    def checksum(self, piece: Piece) -> Path:
        """Return the file with the SHA-256 of the piece's encoded film."""
        return self.shot(piece).with_suffix(".sha256")

    def label(self, piece: Piece) -> str:
        """Return what a piece's encoded film says in its header that it is of."""
        return f"{self.work} {piece.index} {piece.first} {piece.count}"

    def input_img(self, piece: Piece) -> Path:
        """Return the folder of the piece's gray frames."""
        return self.folder / "input_img" / piece.name

    def output_img(self, piece: Piece) -> Path:
        """Return the folder of the piece's painted frames."""
        return self.folder / "output_img" / piece.name

    def span(self, piece: Piece) -> tuple[int, int]:
        """Return the piece's frames in the film: first, and one past the last."""
        return self.first + piece.first, self.first + piece.first + piece.count

    def painted(self, piece: Piece) -> bool:
        """Tell whether the piece gets its color from the painter."""
        return self.recolor or not piece.color


@dataclass(frozen=True)
class FilmOptions:
    """How a film is to be done.

    cache : folder of the jobs
    recolor : paint the shots that already have color, too
    compare : leave the left half gray
    start_s, duration_s : do only this part; None is to the end
    workers : processes on this machine; scheduler: address of a Dask cluster instead
    """

    cache: Path
    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    recolor: bool = False
    compare: bool = False
    start_s: float = 0.0
    duration_s: float | None = None
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    scheduler: str = ""
    keep_cache: bool = False
    restart: bool = False
    overwrite: bool = False


def check_target(source: Path, target: Path, *, codec: str, overwrite: bool) -> None:
    """Refuse, before any work, an output that could not be written at its end."""
    fitting = " or ".join(f".{name}" for name in CONTAINERS_OF[codec])
    if target.suffix.lower().lstrip(".") not in CONTAINERS_OF[codec]:
        raise FilmError(f"{target}: films of {codec} are written as {fitting}; name such a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    check_outputs([target], inputs=[source], overwrite=overwrite)


def check_outputs(outputs: Sequence[Path], *, inputs: Iterable[Path], overwrite: bool) -> None:
    """Refuse, before any work, a file that a command must not write or cannot.

    One rule for all of them: never an input, never another output of the same command, never a file that exists
    without ``overwrite``.
    """
    read = {_identity(path) for path in inputs}
    written: set[object] = set()
    for path in outputs:
        if _identity(path) in read:
            raise FilmError(f"{path} is an input of this command; name another file to write")
        if _identity(path) in written:
            raise FilmError(f"{path} would be written twice by this command; name another file")
        if path.is_dir():
            raise FilmError(f"{path} is a folder; name a file to write")
        if path.exists() and not overwrite:
            raise FilmError(f"{path} exists already; add -overwrite, or name another file")
        if not path.parent.is_dir():
            raise FilmError(f"{path}: there is no folder {path.parent}; make it, or name another")
        written.add(_identity(path))
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part"):
            pass  # the folder can be written to


def _identity(path: Path) -> object:
    """Tell a file by where it lies on the disk, by its full name where there is none yet."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return path.resolve()
    return status.st_dev, status.st_ino


def span(film: Film, start_s: float, duration_s: float | None) -> tuple[int, int]:
    """Return (first, last) of the frames shown from ``start_s`` on, for ``duration_s``; last is one past."""
    shown_s = (np.array(film.pts) - film.pts[0]) * float(film.video.time_base)
    end_s = np.inf if duration_s is None else start_s + duration_s
    first, last = (int(np.searchsorted(shown_s, at - 1e-6)) for at in (start_s, end_s))
    if first >= last:
        raise FilmError(
            f"{film.path}: no frame between {start_s:g} s and {end_s:g} s; it lasts {film.duration_s:.3f} s"
        )
    return first, last


def notes(film: Film, target: Path, options: FilmOptions) -> list[str]:
    """Say before the work starts what of the film the result will lack."""
    container = target.suffix.lower().lstrip(".")
    told = encoder_notes(film, options.encoder)
    lost = unsupported_by(film, container)
    if lost:
        could = next((item.could for item in lost if item.could), "")
        streams = "; ".join(str(item.stream) for item in lost)
        told.append(f"{container} cannot hold: {streams}" + (f"; {could} can" if could else ""))
    if film.missing_s > 0:
        told.append(f"{film.path} ends {film.missing_s:.1f} s too early; what is there is painted")
    if film.video.interlaced and not options.encoder.deinterlace:
        told.append("the film is interlaced and stays so; -deinterlace makes whole frames")
    return told


def manifest_of(film: Film, painting: Painting, options: FilmOptions) -> Manifest:
    """Return what the job is of: everything that could change a byte of its shots."""
    settings = {
        **painting.settings,
        **{
            name: getattr(options.encoder, name)
            for name in ("codec", "crf", "preset", "deinterlace")
        },
        **{
            name: getattr(options, name) for name in ("recolor", "compare", "start_s", "duration_s")
        },
    }
    source = fingerprint(film.path)
    return Manifest(source, str(film.path.resolve()), settings, painting.weights)


def plan_of(
    film: Film, first: int, last: int, job: Job, painting: Painting, options: FilmOptions
) -> Plan:
    """Return what the workers are told."""
    return Plan(
        replace(film, path=film.path.resolve()),
        first,
        last,
        job.folder.resolve(),
        job.manifest.digest,
        painting,
        options.encoder,
        recolor=options.recolor,
        compare=options.compare,
        keep=options.keep_cache,
    )
