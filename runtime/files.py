"""Files and folders that are whole or absent, and locks.

A file or folder that has its name is finished: it is written beside under a temporary name, flushed to the disk,
then renamed. So whatever stops a program, the next run finds out what is left to do.
"""

import csv
import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import filelock

UNFINISHED = ".part"  # in every temporary name, so that leftovers of a killed process can be found

_in_progress: set[Path] = set()  # temporary names that this process is writing to


class LockedError(ValueError):
    """Another process holds the lock."""


def temporary_name(path: Path, *, use: str = "") -> Path:
    """Return a new name in the same folder: hidden, with the same suffix, short however long the name is.

    use : what for; with it the name is the same in every run, for folders that nobody may sweep: the next run
        writes over what a killed one has left
    """
    stem = sha256(os.fsencode(path.name) + use.encode()).hexdigest()[:32] if use else uuid4().hex
    return path.with_name(f".{stem}{UNFINISHED}{path.suffix}")


@contextmanager
def whole_file(path: Path, *, durable: bool = True, use: str = "") -> Iterator[Path]:
    """Yield a temporary name to write to, see above; it takes the name `path` when the block succeeds.

    durable : also against a power cut, at the cost of about 9 ms a file; without it against killed processes
    """
    part = temporary_name(path, use=use)
    _in_progress.add(part)
    try:
        yield part
        if durable:
            _sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
        _in_progress.discard(part)
    if durable:
        _sync_names(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; it takes the name `path`, in place of an older one, when the block succeeds."""
    part = temporary_name(path)
    part.mkdir()
    _in_progress.add(part)
    try:
        yield part
        discard(path)
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _in_progress.discard(part)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file whole or not at all."""
    with whole_file(path, durable=durable) as part:
        part.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write JSON that a person can read. Raises ValueError for NaN, which JSON does not have."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write CSV; names of files that are not valid UTF-8 keep their bytes."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    write_bytes(path, text.getvalue().encode(errors="surrogateescape"))


def read_arrays(path: Path) -> dict[str, Any] | None:
    """Read named arrays; None where there are none, or a power cut has left half of them."""
    import numpy as np

    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return dict(arrays)
    except (FileNotFoundError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write named arrays whole or not at all."""
    import numpy as np

    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def check_folder(folder: Path, *, option: str) -> None:
    """Refuse a folder that could not be made or written to, named with an option. Raises ValueError."""
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ValueError(f"{folder} cannot be written to: name another place with {option}")


def discard(path: Path) -> None:
    """Delete a file or folder, if it is there; a folder loses its name first: what has its name is whole."""
    if path.is_dir() and not path.is_symlink():
        unfinished = path.rename(path.with_name(f".{uuid4().hex}{UNFINISHED}"))
        shutil.rmtree(unfinished)
    else:
        path.unlink(missing_ok=True)


def discard_in_progress() -> None:
    """Delete what this process has not finished, as the last thing that it does."""
    for part in tuple(_in_progress):
        discard(part)


def sweep(folder: Path) -> None:
    """Delete what killed processes left unfinished in a folder: names as above, so no file of a user's."""
    for path in folder.glob(f".{'[0-9a-f]' * 32}{UNFINISHED}*"):
        discard(path)


@contextmanager
def lock(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock file; the system releases it whatever ends the process.

    wait : until another process releases it; otherwise raise LockedError when another process holds it.

    Whoever holds it may delete it with `delete_lock`; a process that waits meanwhile locks a new file of that name.
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
    """Delete a lock file that this process holds, as the last thing that it does before it releases the lock.

    Others may have opened the same file: once it has no name, filelock (from 3.24.3 on) does not let them lock it.
    Windows deletes no open file; there filelock deletes it after the release, unless another process has opened it.
    """
    if sys.platform != "win32":
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)  # Windows flushes no other
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_names(folder: Path) -> None:
    if sys.platform != "win32":  # Windows opens no folder
        _sync(folder)
