"""The folders of films' jobs: opened by one process at a time, several side by side, listed, and deleted.

A job is named by its film and by all settings that change colors, so that another setting is another job; jobs of one
film share the shots found in it.
"""

import json
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from film.finished import left_in
from film.job import AB, MANIFEST, ROOMS, Job, JobError, Manifest, changes
from photo.inputs import Result, Task
from runtime.console import counted
from runtime.files import UNFINISHED, LockedError, delete_lock, discard, lock, sweep
from runtime.outcomes import FailureOf
from runtime.progress import spoken_time

log = logging.getLogger(__name__)

LOCK = "lock"
# Settings that decide which shots and segments are found.
SHOT_SETTINGS = ("version", "start", "duration", "fps", "deinterlace", "film_lock", "steady", "working_size", "recolor")  # fmt: skip


@contextmanager
def open_job(cache: Path, wanted: Manifest, *, restart: bool = False) -> Iterator[Job]:
    """Start or resume the job of a film with these settings under ``cache``, locked against other processes.

    Raises JobError if another process holds it, if its folder is damaged, and for a path that is not UTF-8; ``restart``
    deletes it first.
    """
    _check_utf8(cache.absolute(), Path(wanted.path))
    folder = folder_of(cache, wanted)
    with _locked(folder):
        manifest = _reconcile(cache, folder, wanted, restart=restart)
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


def _check_utf8(*paths: Path) -> None:
    """Raise JobError for a path that neither FFmpeg's options nor a job's files can hold."""
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise JobError(
                f"{path}: films need paths in UTF-8: rename it, or its folder"
            ) from error


def remove(job: Job) -> None:
    """Delete everything in a finished job's folder; closing the job deletes the folder and its lock."""
    job.forget_changes()
    _empty(job.folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a job's lock; at the end, delete the folder if it contains nothing else."""
    _refuse_links([folder, folder / LOCK])
    with ExitStack() as held:
        try:
            held.enter_context(lock(folder / LOCK))
        except LockedError as error:
            raise JobError(
                f"another process is working on {folder}; wait for it, or stop it"
            ) from error
        # Checked under the lock: another process could have made a link before.
        _refuse_links(chain(folder.iterdir(), folder.glob("*/*")))
        yield
        if [path.name for path in folder.iterdir()] == [LOCK]:
            delete_lock(folder / LOCK)
    with suppress(OSError):  # not empty: a job to resume, or locked again by another process
        folder.rmdir()


def folder_of(cache: Path, wanted: Manifest) -> Path:
    """Return the folder of a job, named after the film, its content hash and the hash of all that changes colors."""
    stem = Path(wanted.source.name).stem[:52].strip(". ") or "film"
    stem = "".join(
        letter if letter.isprintable() and letter not in '%\\/:*?"<>|' else "_" for letter in stem
    )
    # Short, because some systems limit a whole path to 260 characters.
    return cache / f"{stem}-{wanted.source.digest[:8]}-{wanted.digest[:8]}"


def _reconcile(cache: Path, folder: Path, wanted: Manifest, *, restart: bool) -> Manifest:
    """Return the manifest to resume: the one on disk, or a new one with the shots that another job has found."""
    path = folder / MANIFEST
    if restart or not path.exists():
        _empty(folder)
        return _with_shots(wanted, _others(cache, wanted))
    try:
        old = Manifest.read(path)
    except JobError as error:
        raise JobError(f"{error}; add -restart to start again") from error
    if found := old.differences(wanted):
        raise JobError(
            f"{folder} does not belong to these settings: {'; '.join(found)}. "
            "Add -restart to start again"
        )
    if found := changes(old.encoding, wanted.encoding):
        log.info("%s: encoding again, with the same colors", "; ".join(found))
        discard(folder / "shots")
    return replace(old, path=wanted.path, encoding=wanted.encoding)


def _others(cache: Path, wanted: Manifest) -> list[Manifest]:
    """Read the other jobs of the same file or of the same film, the latest first, and log how that one differs."""
    found = [
        (path.stat().st_mtime, other)
        for path, other in _manifests(cache)
        if other.source == wanted.source or other.path == wanted.path
    ]
    others = [other for _, other in sorted(found, key=lambda one: one[0], reverse=True)]
    if others:
        log.info(
            "%s of this film at rest (the latest: %s): -jobs lists them",
            counted(len(others), "other job"), "; ".join(others[0].differences(wanted)) or "the same",
        )  # fmt: skip
    return others


def _with_shots(wanted: Manifest, others: Iterable[Manifest]) -> Manifest:
    """Return a manifest with the segments of another job that has found all of the same film's."""
    for other in others:
        same = all(other.settings.get(key) == wanted.settings.get(key) for key in SHOT_SETTINGS)
        if other.complete and same and other.source == wanted.source:
            return replace(wanted, segments=other.segments, complete=True)
    return wanted


def _manifests(cache: Path) -> Iterator[tuple[Path, Manifest]]:
    """Yield each job's manifest file and what it says; files that cannot be read are logged."""
    for path in sorted(cache.glob(f"*/{MANIFEST}")):
        try:
            yield path, Manifest.read(path)
        except JobError as error:
            log.warning("%s; delete that folder if no film needs it", error)


@dataclass(frozen=True)
class JobInfo:
    """A job at rest or in progress, for a list.

    manifest : None if another version of this program wrote it
    frames : those of the segments found so far that are encoded
    age_s : seconds since it was last worked on
    """

    folder: Path
    manifest: Manifest | None
    size_bytes: int
    frames: int
    age_s: float
    working: bool

    def line(self, *, names: Sequence[str] = ()) -> str:
        """Describe the job in one line.

        names : the settings to name, for example those in which a film's jobs differ
        """
        state = "in progress" if self.working else f"at rest for {spoken_time(self.age_s)}"
        size = f"{self.size_bytes / 1e6:.1f} MB"
        if self.manifest is None:
            return f"{self.folder}: of another version, {size}, {state}"
        found = sum(record.count for record in self.manifest.segments)
        more = "" if self.manifest.complete else "+"
        frames, values = f"{self.frames} of {found}{more} frames", settings_of(self.manifest)
        named = [f"{name} {values.get(name)}" for name in names]
        return ", ".join([f"{self.folder}: {self.manifest.path}", frames, size, state, *named])


def settings_of(manifest: Manifest) -> dict[str, object]:
    """Return all settings of a job by name, its weights among them."""
    return {**manifest.settings, **manifest.encoding, "weights": manifest.weights[:12]}


def jobs_in(cache: Path) -> list[JobInfo]:
    """List the jobs in a folder, the oldest first."""
    found = []
    for path in sorted(cache.glob(f"*/{MANIFEST}")):
        try:
            found.append(_info(path, Manifest.read(path)))
        except JobError:
            found += [_info(path, None)] if _is_older(path) else []
    return sorted(found, key=lambda one: one.age_s, reverse=True)


def _is_older(path: Path) -> bool:
    """Tell a manifest of another version of this program from the files of other programs."""
    try:
        values = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and {"format", "source", "segments"} <= values.keys()


def _info(path: Path, manifest: Manifest | None) -> JobInfo:
    folder = path.parent
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    shots = {file.stem for file in (folder / "shots").glob("*.mkv")}
    records = manifest.segments if manifest else ()
    return JobInfo(
        folder, manifest,
        size_bytes=sum(file.stat().st_size for file in files),
        frames=sum(record.count for record in records if record.name in shots),
        age_s=max(time.time() - max(file.stat().st_mtime for file in files), 0.0),
        working=_is_locked(folder),
    )  # fmt: skip


def _is_locked(folder: Path) -> bool:
    if (folder / LOCK).is_symlink() or not (folder / LOCK).exists():
        return False
    try:
        with lock(folder / LOCK):
            return False
    except LockedError:
        return True


def job_lines(jobs: Sequence[JobInfo]) -> list[str]:
    """Describe jobs, a line each, with the settings in which jobs of the same film differ, and their total."""
    lines = []
    for one in jobs:
        others = [o.manifest for o in jobs if o.manifest and _same_film(o, one)]
        values = [settings_of(manifest) for manifest in others]
        names = sorted({name for value in values for name in value})
        differ = [name for name in names if len({str(value.get(name)) for value in values}) > 1]
        lines.append(one.line(names=differ))
    total = sum(one.size_bytes for one in jobs)
    return [*lines, f"{counted(len(jobs), 'job')}, {total / 1e6:.1f} MB"]


def _same_film(one: JobInfo, other: JobInfo) -> bool:
    named = [job.manifest and job.manifest.source.name for job in (one, other)]
    return named[0] == named[1]


def delete_job(info: JobInfo) -> None:
    """Delete a job at rest; raise JobError for one in progress and for one with frames painted by hand."""
    with _locked(info.folder):
        _empty(info.folder)


def jobs_results(cache: Path, *, clean: bool) -> Iterator[Result]:
    """List the jobs of films under a folder, or delete those at rest and say what was deleted."""
    jobs = jobs_in(cache)
    if not clean:
        yield Result(Task(cache, cache), output=tuple(job_lines(jobs)))
        return
    for job in jobs:
        task = Task(job.folder, job.folder)
        with FailureOf(job.folder) as failure:
            delete_job(job)
        deleted = f"deleted {job.line()}"
        yield Result(task, error=failure.line) if failure.line else Result(task, (deleted,))
    for file in left_in(cache):
        discard(file)
        yield Result(Task(file, file), (f"deleted {file}: of a finished film",))


def _refuse_links(paths: Iterable[Path]) -> None:
    """Raise JobError for a symbolic link in a job: its target would be treated as the job's own and deleted."""
    for path in paths:
        if path.is_symlink():
            raise JobError(
                f"{path} is a link; links are not allowed in a job: remove it and run again"
            )


def _empty(folder: Path) -> None:
    """Delete a job's contents except its lock; raise JobError if they include frames painted by hand."""
    if painted := _painted_by_hand(folder / "output_img"):
        raise JobError(
            f"{painted} was not made by this program and would be deleted: "
            "move or delete it yourself, then run again"
        )
    for path in folder.iterdir():
        if path.name != LOCK:
            discard(path)


def _painted_by_hand(room: Path) -> Path | None:
    """Return the first entry of output_img/ that this program did not write, ignoring empty folders."""
    for path in sorted(room.glob("*")):
        ours = UNFINISHED in path.name or (path / AB).exists()
        if not ours and any(inner.is_file() for inner in (path, *path.rglob("*"))):
            return path
    return None
