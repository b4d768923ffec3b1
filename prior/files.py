"""Files that are whole or not there, and never lost by being made again."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prior.pictures import PictureError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; it takes the name `path` when the block succeeds."""
    temporary = path.with_name(path.name + ".new")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_array(path: Path, *, made_by: str) -> NDArray[Any]:
    """Read a .npy of one finite, nonnegative number per bin. Raises PictureError."""
    if not path.exists():
        raise PictureError(f"{path} does not exist: run {made_by} first")
    try:
        values: NDArray[Any] = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise PictureError(f"{path} is no .npy array of numbers") from error
    if values.ndim != 1 or not np.isfinite(values).all() or values.min(initial=0) < 0:
        raise PictureError(f"{path} should hold one number >= 0 per bin, got {values.shape}")
    return values


def write_array(path: Path, values: NDArray[Any]) -> None:
    """Write a .npy; another one of that name is kept as NAME.previous.npy."""
    with whole_file(path) as temporary:
        with temporary.open("wb") as file:
            np.save(file, values)
        if path.exists() and path.read_bytes() != temporary.read_bytes():
            path.replace(path.with_suffix(".previous.npy"))


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write what something was made from, as JSON."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV file; names that are not valid text keep their bytes."""
    with (
        whole_file(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        csv.writer(file).writerows([header, *rows])
