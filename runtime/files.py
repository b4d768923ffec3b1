"""Atomic files and folders, and locks.

A file or folder under its final name is finished: it is written beside it under a temporary name, flushed to disk,
then renamed. After any interruption, the next run can therefore determine what is left to do.
"""

import csv
import io
import json
import mmap
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import filelock

UNFINISHED = ".part"  # in every temporary name, so that leftovers of killed processes can be found

CHUNK_BYTES = 16_000_000  # written at once of an array

_in_progress: set[Path] = set()  # temporary files and folders that this process is writing


class LockedError(ValueError):
    """Another process holds the lock."""


def temporary_name(path: Path, *, use: str = "") -> Path:
    """Return a temporary name in the same folder: hidden, short for any length of name, with the same suffix.

    use : its purpose; makes the name the same in every run, for folders that must not be swept: the next run
        overwrites what a killed one left
    """
    stem = sha256(os.fsencode(path.name) + use.encode()).hexdigest()[:32] if use else uuid4().hex
    return path.with_name(f".{stem}{UNFINISHED}{path.suffix}")


@contextmanager
def whole_file(path: Path, *, durable: bool = True, use: str = "") -> Iterator[Path]:
    """Yield a temporary name to write to, which is renamed to `path` if the block succeeds.

    durable : survive power cuts too, at about 9 ms per file; otherwise only killed processes
    """
    part = temporary_name(path, use=use)
    _in_progress.add(part)
    try:
        with _named(path, part):
            yield part
            if durable:
                _sync(part)
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
        _in_progress.discard(part)
    if durable:
        _sync_names(path.parent)


class _Told(io.FileIO):
    """A file without a descriptor, so that libraries write to it in Python."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def open_for_library(path: Path) -> BinaryIO:
    """Open a file that a library is to write; a full disk is then an error in every case.

    Given a path or a descriptor, Pillow's C code takes a short last write for a whole one.
    """
    return io.BufferedRandom(_Told(path, "w+"))


@contextmanager
def folder_of(path: Path) -> Iterator[None]:
    """Create a file's folder, and delete what was created if the block fails and nothing else is in it."""
    missing = [folder for folder in path.absolute().parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for folder in missing:  # the innermost first
                folder.rmdir()
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder, which is renamed to `path`, replacing an older one, if the block succeeds."""
    part = temporary_name(path)
    part.mkdir()
    _in_progress.add(part)
    try:
        with _named(path, part):
            yield part
            discard(path)
            part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _in_progress.discard(part)


@contextmanager
def _named(path: Path, part: Path) -> Iterator[None]:
    """Let the messages of errors have a file's name instead of its temporary name, which tells a user nothing."""

    def named(text: Any) -> Any:
        return text.replace(str(part), str(path)) if isinstance(text, str) else text

    try:
        yield
    except Exception as error:
        error.args = tuple(map(named, error.args))
        for name in ("filename", "filename2") if isinstance(error, OSError) else ():
            if getattr(error, name, None) is not None:
                with suppress(AttributeError):  # another library's error may not let it be set
                    setattr(error, name, named(getattr(error, name)))
        raise


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file atomically."""
    with whole_file(path, durable=durable) as part:
        part.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write human-readable JSON atomically. Raises ValueError for NaN, which JSON cannot represent."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Return human-readable JSON with a line's end. Raises ValueError for NaN, which JSON cannot represent."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write CSV atomically; file names that are not valid UTF-8 keep their bytes."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    write_bytes(path, text.getvalue().encode(errors="surrogateescape"))


def read_arrays(path: Path) -> dict[str, Any] | None:
    """Read named arrays; None if the file is missing or damaged, as after a power cut."""
    import numpy as np

    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return dict(arrays)
    except (FileNotFoundError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def write_arrays(path: Path, arrays: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write named arrays atomically, with checksums."""
    import numpy as np

    with whole_file(path, durable=durable) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def on_disk(array: Any, folder: Path) -> Any:
    """Move an array to an unnamed temporary file; return it, read-only, with only the part in memory that is in use.

    If the disk has no room, the array itself is returned.
    """
    import numpy as np

    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            for first in range(
                0, len(array), rows := max(CHUNK_BYTES // max(array[0].nbytes, 1), 1)
            ):
                file.write(np.ascontiguousarray(array[first : first + rows]).data)
        except OSError:
            return array
        file.flush()
        return np.memmap(file, array.dtype, "r", shape=array.shape)


def release(array: Any) -> None:
    """Drop from memory what was read so far of an array of `on_disk`; other arrays are left alone."""
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def check_folder(folder: Path, *, option: str) -> None:
    """Raise ValueError if a folder, the value of an option, cannot be created or written to."""
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ValueError(f"{folder} cannot be written to: name another place with {option}")


def check_output(path: Path) -> None:
    """Raise ValueError if a file cannot be written: its folder does not exist or admits none, or it is a folder."""
    if not path.parent.is_dir():
        raise ValueError(f"cannot write {path}: folder {path.parent} does not exist: create it")
    if path.is_dir():
        raise ValueError(f"cannot write {path}: it is a folder: name a file in it")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"cannot write {path}: folder {path.parent} cannot be written to")


def discard(path: Path) -> None:
    """Delete a file or folder if it exists; rename a folder first, so that no partial one keeps its name."""
    if path.is_dir() and not path.is_symlink():
        unfinished = path.rename(path.with_name(f".{uuid4().hex}{UNFINISHED}"))
        shutil.rmtree(unfinished)
    else:
        path.unlink(missing_ok=True)


def discard_in_progress() -> None:
    """Delete this process's unfinished files and folders, as its last action."""
    for part in tuple(_in_progress):
        discard(part)


def sweep(folder: Path) -> None:
    """Delete unfinished files of killed processes from a folder, recognized by their temporary names."""
    for path in folder.glob(f".{'[0-9a-f]' * 32}{UNFINISHED}*"):
        discard(path)


@contextmanager
def lock(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file, which the system releases however the process ends.

    wait : wait until another process releases it; otherwise raise LockedError if another process holds it

    The holder may delete it with `delete_lock`; a waiting process then locks a new file of that name.
    """
    held = filelock.FileLock(path, timeout=-1 if wait else 0)
    try:
        while not held.is_locked:
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # the folder was deleted together with its lock
                held.acquire()
    except filelock.Timeout as error:
        raise LockedError(f"another process holds {path}") from error
    try:
        yield
    finally:
        held.release()


def delete_lock(path: Path) -> None:
    """Delete a lock file that this process holds, as its last action before it releases the lock.

    Other processes may have opened the file; filelock does not let them lock it once it is deleted, and its
    release (from 3.29.5 on) does not delete a new file of that name, which another process may hold by then.
    Windows cannot delete open files; there filelock deletes it after the release, unless another process has it open.
    """
    if sys.platform != "win32":
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to disk."""
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)  # Windows needs O_RDWR
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_names(folder: Path) -> None:
    if sys.platform != "win32":  # Windows cannot open folders
        _sync(folder)
