"""One film's job on disk: what it is of, what is finished, and who may work on it.

A file or folder that exists under its own name is finished: it is written beside under a temporary name, flushed
to the disk, then renamed. So whatever stops the work, the same command finds out what is left to do.
"""

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar, get_origin
from uuid import uuid4

log = logging.getLogger(__name__)

FORMAT = 1
MANIFEST = "manifest.json"
LOCK = "lock"
ROOMS = ("audio", "input_img", "output_img", "shots")
AB = "ab.npy"  # a piece's colors, in every folder of output_img that this program wrote
_SAMPLE_BYTES = 1 << 20
_UNFINISHED = ".part"
_Record = TypeVar("_Record")


class JobError(ValueError):
    """A job that cannot go on, and what to do about it."""


@dataclass(frozen=True)
class Source:
    """A film file, told by its content: moving or touching it makes no new film."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Piece:
    """Consecutive frames of one shot, worked on as one.

    index, shot : number of the piece and of its shot, from 0
    first, count : frames of the job, in showing order, from 0
    color : the source shows color here, so it is left as it is
    """

    index: int
    shot: int
    first: int
    count: int
    color: bool = False

    @property
    def name(self) -> str:
        """Return what the piece's files and folders are called."""
        return f"{self.index:05d}"


@dataclass(frozen=True)
class Manifest:
    """What a job is of, and how far its shots are known.

    pieces : those found so far; ``complete`` when the whole film has been looked at
    """

    source: Source
    path: str
    settings: Mapping[str, object]
    weights: str
    pieces: tuple[Piece, ...] = ()
    complete: bool = False
    state: str = "begun"
    format: int = field(default=FORMAT)

    def to_json(self) -> str:
        """Return the manifest as text for a person to read too."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; raise JobError for anything else."""
        try:
            values = json.loads(text)
            form = values["format"]
            if form == FORMAT:
                return cls._from_values(values)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise JobError(f"not a manifest of ours ({error!r})") from error
        raise JobError(f"written by another version (format {form!r:.20})")

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Self:
        pieces = tuple(_typed(Piece(**piece)) for piece in values.pop("pieces"))
        _check_consecutive(pieces)
        source = _typed(Source(**values.pop("source")))
        return _typed(cls(source=source, pieces=pieces, **values))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a manifest file; raise JobError, with its name, for one that cannot be read."""
        try:
            if not path.is_file():  # reading a pipe would wait for ever
                raise JobError("no plain file")
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise JobError(f"{path}: {error}") from error

    @property
    def digest(self) -> str:
        """Return what tells this work from any other: a hash of the film, the settings and the weights."""
        work = {"source": asdict(self.source), "settings": self.settings, "weights": self.weights}
        return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()

    def differences(self, wanted: "Manifest") -> list[str]:
        """Say in words what another manifest wants otherwise; nothing when it is the same work."""
        told = [] if self.source == wanted.source else ["the film itself has changed"]
        if self.weights != wanted.weights:
            told.append(f"weights were {self.weights[:12]}, now {wanted.weights[:12]}")
        for key in sorted({*self.settings, *wanted.settings}):
            old, new = self.settings.get(key), wanted.settings.get(key)
            if old != new:
                told.append(f"{key} was {old}, now {new}")
        return told


def _typed(record: _Record) -> _Record:
    """Return a dataclass as it is; raise TypeError for a value that is not of its field's type."""
    for one in fields(record):  # type: ignore[arg-type]
        value = getattr(record, one.name)
        kind: Any = get_origin(one.type) or one.type
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(f"{one.name} is {value!r:.40}")
    return record


def _check_consecutive(pieces: tuple[Piece, ...]) -> None:
    """Raise ValueError unless the pieces follow one another without a gap."""
    due = 0
    for index, piece in enumerate(pieces):
        if (piece.index, piece.first) != (index, due) or piece.count < 1:
            raise ValueError(f"piece {index} does not begin at frame {due}")
        due += piece.count


def fingerprint(path: Path) -> Source:
    """Tell a film by its size and the content of its head, middle and tail (1 MiB each)."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for start in (0, (size - _SAMPLE_BYTES) // 2, size - _SAMPLE_BYTES):
            file.seek(max(0, start))
            digest.update(file.read(_SAMPLE_BYTES))
    return Source(path.name, size, digest.hexdigest())


def _sync(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def finished_file(path: Path) -> Iterator[Path]:
    """Lend a temporary name with the same suffix; give the file its own name once it is whole."""
    part = path.with_name(f"{path.stem}.{os.getpid()}{_UNFINISHED}{path.suffix}")
    try:
        yield part
        _sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    if sys.platform != "win32":
        _sync(path.parent)


@contextmanager
def finished_folder(path: Path) -> Iterator[Path]:
    """Lend an empty temporary folder; give it its own name, in place of an older one, once it is whole."""
    part = Path(tempfile.mkdtemp(prefix=f"{path.name}.", suffix=_UNFINISHED, dir=path.parent))
    try:
        yield part
        discard(path)
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def discard(path: Path) -> None:
    """Delete a file or folder, if it is there; a folder loses its name first: what has its name is whole."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path.rename(path.with_name(f"{path.name}.{uuid4().hex}{_UNFINISHED}")))
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with finished_file(path) as part:
        part.write_text(text, encoding="utf-8")


def _try_lock(file: IO[bytes]) -> bool:
    """Lock an open file for this process; the system lets go of it whatever ends the process."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take_lock(path: Path) -> IO[bytes]:
    """Return a job's locked file; raise JobError when another process has it."""
    _refuse_links([path.parent, path])
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        if not _try_lock(file):
            file.close()
            raise JobError(f"another process is working on {path.parent}; wait for it, or stop it")
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        file.close()  # its owner finished and removed the job between our open and our lock


class Job:
    """A locked job folder; a context manager that lets go of it."""

    def __init__(self, folder: Path, manifest: Manifest, lock: IO[bytes]) -> None:
        self.folder = folder
        self.manifest = manifest
        self._lock = lock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.close()

    def note(self, **changes: object) -> None:
        """Change the manifest, here and on the disk."""
        self.manifest = replace(self.manifest, **changes)  # type: ignore[arg-type]
        write_text(self.folder / MANIFEST, self.manifest.to_json())

    def remove(self) -> None:
        """Delete the job's folder and everything in it."""
        _empty(self.folder)
        self._lock.close()  # Windows deletes no open file
        (self.folder / LOCK).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def open_job(cache: Path, wanted: Manifest, *, restart: bool = False) -> Job:
    """Begin or continue the job of a film under ``cache``, locked against other processes.

    Raise JobError when another process has it, or when it was begun of something else and not ``restart``.
    """
    folder = folder_of(cache, wanted)
    with ExitStack() as until_ready:
        lock = until_ready.enter_context(_take_lock(folder / LOCK))
        _refuse_links(_inside(folder))
        manifest = _reconcile(folder, wanted, restart=restart)
        _forget_elsewhere(cache, folder, wanted, restart=restart)
        for room in ROOMS:
            (folder / room).mkdir(exist_ok=True)
        _sweep(folder)
        job = Job(folder, manifest, lock)
        job.note()
        until_ready.pop_all()
    return job


def folder_of(cache: Path, wanted: Manifest) -> Path:
    """Return where a film's job lives: its name for people, its content for certainty."""
    stem = Path(wanted.source.name).stem[:60].strip(". ") or "film"
    stem = "".join(
        letter if letter.isprintable() and letter not in '%\\/:*?"<>|' else "_" for letter in stem
    )
    return cache / f"{stem}-{wanted.source.digest[:12]}"


def _reconcile(folder: Path, wanted: Manifest, *, restart: bool) -> Manifest:
    """Return the manifest to go on with: the one on disk when it is of the same work."""
    path = folder / MANIFEST
    if restart or not path.exists():
        _empty(folder)
        return wanted
    try:
        old = Manifest.read(path)
    except JobError as error:
        raise JobError(f"{error}; add -restart to begin anew") from error
    _refuse(folder, old.differences(wanted))
    return replace(old, path=wanted.path)


def _forget_elsewhere(cache: Path, folder: Path, wanted: Manifest, *, restart: bool) -> None:
    """Refuse to leave behind the unfinished job of a file whose content has changed since."""
    for path in sorted(cache.glob(f"*/{MANIFEST}")):
        if path.parent == folder:
            continue
        try:
            other = Manifest.read(path)
        except JobError as error:
            log.warning("%s; delete that folder if no film needs it", error)
            continue  # not of this film, as far as anyone can tell
        if other.path != wanted.path:
            continue
        if not restart:
            _refuse(path.parent, other.differences(wanted)[:1])
        with _take_lock(path.parent / LOCK) as lock:
            _refuse_links(_inside(path.parent))
            Job(path.parent, other, lock).remove()


def _refuse(folder: Path, differences: list[str]) -> None:
    if differences:
        raise JobError(
            f"{folder} was begun otherwise: {'; '.join(differences)}. "
            "Add -restart to begin anew, or ask for the same again to continue"
        )


def _refuse_links(paths: Iterable[Path]) -> None:
    """Raise JobError for a link within a job: what it leads to would be taken for the job's own, and deleted."""
    for path in paths:
        if path.is_symlink():
            raise JobError(f"{path} is a link, and a job holds none: remove it and run again")


def _inside(folder: Path) -> Iterator[Path]:
    """List what is in a job's folder and in its rooms."""
    return chain(folder.iterdir(), folder.glob("*/*"))


def _empty(folder: Path) -> None:
    """Delete what is in a job's folder, except its lock; raise JobError if a person's painted frames are there."""
    if painted := _painted_by_hand(folder / "output_img"):
        raise JobError(
            f"{painted} was not painted by this program and would be deleted: "
            "move it elsewhere or delete it yourself, then run again"
        )
    for path in folder.iterdir():
        if path.name != LOCK:
            discard(path)


def _painted_by_hand(room: Path) -> Path | None:
    """Return the first thing in output_img/ that this program did not write, but for empty folders."""
    for path in sorted(room.glob("*")):
        ours = _UNFINISHED in path.name or (path / AB).exists()
        if not ours and any(inner.is_file() for inner in (path, *path.rglob("*"))):
            return path
    return None


def _sweep(folder: Path) -> None:
    """Delete what a killed process left half-written."""
    for path in [*folder.glob(f"*{_UNFINISHED}*"), *folder.glob(f"*/*{_UNFINISHED}*")]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
