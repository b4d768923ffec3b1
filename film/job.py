"""A film's job on disk: what it is of and how far it has come, its folder, and the lock of who works on it.

A file or folder that has its name is finished (see runtime.files). So whatever stops the work, the same command
finds out what is left to do.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, Self, TypeVar, get_origin

from film.info import Source
from runtime.files import UNFINISHED, LockedError, delete_lock, discard, lock, sweep, write_text

log = logging.getLogger(__name__)

FORMAT = 4  # of the manifest
NONE = -1  # no segment
WRITING_SHARE = 0.02  # of the time, at most, goes into writing a manifest that grows
MANIFEST = "manifest.json"
LOCK = "lock"
PREDICTED, LINKED = "predicted", "linked"  # what these steps leave for the next
HINTS = "hints"  # where the hints of shots are in their frames
ROOMS = ("audio", "input_img", "output_img", PREDICTED, LINKED, HINTS, "shots")
AB = "ab.npy"  # a segment's colors, in every folder of output_img that this program wrote
Record = TypeVar("Record")


class JobError(ValueError):
    """A job cannot continue; the message says what to do."""


@dataclass(frozen=True)
class SegmentRecord:
    """Consecutive frames of one shot, worked on as one: what the manifest says of them.

    index, shot : number of the segment, and of its shot, in the job
    number : of the segment in its shot
    first, count : frames of the job, in presentation order
    ends_shot : nothing of its shot follows
    color : the source shows color here, so it is left as it is
    returns_to : at a shot's begin, the segment that ended an earlier shot of the same scene; NONE for a new scene
    All numbers are from 0.
    """

    index: int
    shot: int
    number: int
    first: int
    count: int
    ends_shot: bool = True
    color: bool = False
    returns_to: int = NONE

    @property
    def name(self) -> str:
        """Return what the segment's files and folders are called."""
        return f"{self.index:05d}"


@dataclass(frozen=True)
class Manifest:
    """What a job is of, and how far its shots are known.

    guidance : shot -> digest of what a person wants its colors to be; another one changes only these shots
    segments : those found so far; ``complete`` when the whole film has been analyzed
    """

    source: Source
    path: str
    settings: Mapping[str, object]
    weights: str
    guidance: Mapping[str, str] = field(default_factory=dict)
    segments: tuple[SegmentRecord, ...] = ()
    complete: bool = False
    state: str = "started"
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
        segments = tuple(_typed(SegmentRecord(**one)) for one in values.pop("segments"))
        _check_consecutive(segments)
        source = _typed(Source(**values.pop("source")))
        return _typed(cls(source=source, segments=segments, **values))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a manifest file; raise JobError, with its name, for one that cannot be read."""
        try:
            if not path.is_file():  # reading a pipe would never end
                raise JobError("not a regular file")
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise JobError(f"{path}: {error}") from error

    @property
    def digest(self) -> str:
        """Return the hash that identifies this work: of the film, the settings and the weights."""
        work = {name: asdict(self)[name] for name in ("source", "settings", "weights")}
        return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()

    def differences(self, wanted: "Manifest") -> list[str]:
        """List in words what differs in another manifest; nothing when it is the same work."""
        found = [] if self.source == wanted.source else ["the film itself has changed"]
        if self.weights != wanted.weights:
            found.append(f"weights were {self.weights[:12]}, now {wanted.weights[:12]}")
        for key in sorted({*self.settings, *wanted.settings}):
            old, new = self.settings.get(key), wanted.settings.get(key)
            if old != new:
                found.append(f"{key} was {old}, now {new}")
        return found


class Job:
    """A locked job folder."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._waiting = False  # the manifest on the disk is behind
        self._due_s = 0.0

    @property
    def shots(self) -> str:
        """How many shots the film has, with a plus until all of it is analyzed."""
        found = self.manifest.segments[-1].shot + 1
        return f"{found}" if self.manifest.complete else f"{found}+"

    def note(self, **changes: object) -> None:
        """Change the manifest, here and on the disk."""
        self.manifest = replace(self.manifest, **changes)  # type: ignore[arg-type]
        began_s = time.monotonic()
        write_text(self.folder / MANIFEST, self.manifest.to_json())
        now_s = time.monotonic()
        self._waiting, self._due_s = False, now_s + (now_s - began_s) / WRITING_SHARE

    def add(self, segment: SegmentRecord) -> None:
        """Add a segment to the manifest; on the disk soon after: a film has thousands, and all are written each time.

        One that a crash has taken from the disk is found again, as it was.
        """
        self.manifest = replace(self.manifest, segments=(*self.manifest.segments, segment))
        self._waiting = True
        if time.monotonic() >= self._due_s:
            self.note()

    def write_waiting(self) -> None:
        """Bring the manifest on the disk up to date."""
        if self._waiting:
            self.note()

    def remove(self) -> None:
        """Delete everything in the job's folder; the folder itself is deleted with its lock, when the job is closed."""
        self._waiting = False
        _empty(self.folder)


@contextmanager
def open_job(cache: Path, wanted: Manifest, *, restart: bool = False) -> Iterator[Job]:
    """Start or continue the job of a film under ``cache``, locked against other processes.

    Raise JobError when another process has it, or when it was started with other settings and not ``restart``.
    """
    folder = folder_of(cache, wanted)
    with _locked(folder):
        manifest = _reconcile(folder, wanted, restart=restart)
        _remove_outdated(cache, folder, wanted, restart=restart)
        for room in ROOMS:
            (folder / room).mkdir(exist_ok=True)
        for place in (folder, *(folder / room for room in ROOMS)):
            sweep(place)
        job = Job(folder, manifest)
        job.note()
        try:
            yield job
        finally:
            job.write_waiting()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a job's lock; delete a folder that holds nothing else in the end."""
    _refuse_links([folder, folder / LOCK])
    with ExitStack() as held:
        try:
            held.enter_context(lock(folder / LOCK))
        except LockedError as error:
            raise JobError(
                f"another process is working on {folder}; wait for it, or stop it"
            ) from error
        # Only now: until it was locked, another process could have made one.
        _refuse_links(chain(folder.iterdir(), folder.glob("*/*")))
        yield
        if [path.name for path in folder.iterdir()] == [LOCK]:
            delete_lock(folder / LOCK)
    with suppress(
        OSError
    ):  # not empty: a job to continue, or another process has locked the folder since
        folder.rmdir()


def folder_of(cache: Path, wanted: Manifest) -> Path:
    """Return where a film's job lives: its name for people, its content for certainty."""
    stem = Path(wanted.source.name).stem[:60].strip(". ") or "film"
    stem = "".join(
        letter if letter.isprintable() and letter not in '%\\/:*?"<>|' else "_" for letter in stem
    )
    # Short: the names below it count too, and some systems allow 260 characters in all.
    return cache / f"{stem}-{wanted.source.digest[:12]}"


def _reconcile(folder: Path, wanted: Manifest, *, restart: bool) -> Manifest:
    """Return the manifest to continue: the one on disk when it is of the same work."""
    path = folder / MANIFEST
    if restart or not path.exists():
        _empty(folder)
        return wanted
    try:
        old = Manifest.read(path)
    except JobError as error:
        raise JobError(f"{error}; add -restart to start again") from error
    _refuse(folder, old.differences(wanted))
    return replace(old, path=wanted.path)


def _remove_outdated(cache: Path, folder: Path, wanted: Manifest, *, restart: bool) -> None:
    """Refuse to leave behind the unfinished job of a file whose content has changed since; ``restart`` deletes it."""
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
        with _locked(path.parent):
            _empty(path.parent)


def _refuse(folder: Path, differences: list[str]) -> None:
    if differences:
        raise JobError(
            f"{folder} was started with other settings: {'; '.join(differences)}. "
            "Add -restart to start again, or ask for the same again to continue"
        )


def _refuse_links(paths: Iterable[Path]) -> None:
    """Raise JobError for a link within a job: what it leads to would be taken for the job's own, and deleted."""
    for path in paths:
        if path.is_symlink():
            raise JobError(
                f"{path} is a link, which a job must not contain: remove it and run again"
            )


def _empty(folder: Path) -> None:
    """Delete what is in a job's folder, except its lock; raise JobError if a person's painted frames are there."""
    if painted := _painted_by_hand(folder / "output_img"):
        raise JobError(
            f"{painted} was not made by this program and would be deleted: "
            "move it elsewhere or delete it yourself, then run again"
        )
    for path in folder.iterdir():
        if path.name != LOCK:
            discard(path)


def _painted_by_hand(room: Path) -> Path | None:
    """Return the first thing in output_img/ that this program did not write, empty folders excepted."""
    for path in sorted(room.glob("*")):
        ours = UNFINISHED in path.name or (path / AB).exists()
        if not ours and any(inner.is_file() for inner in (path, *path.rglob("*"))):
            return path
    return None


def _typed(record: Record) -> Record:
    """Return a dataclass as it is; raise TypeError for a value that is not of its field's type."""
    for one in fields(record):  # type: ignore[arg-type]
        value = getattr(record, one.name)
        kind: Any = get_origin(one.type) or one.type
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(f"{one.name} is {value!r:.40}")
    return record


def _check_consecutive(segments: tuple[SegmentRecord, ...]) -> None:
    """Raise ValueError unless the segments follow one another without a gap."""
    due = 0
    for index, segment in enumerate(segments):
        if (segment.index, segment.first) != (index, due) or segment.count < 1:
            raise ValueError(f"segment {index} does not begin at frame {due}")
        due += segment.count
