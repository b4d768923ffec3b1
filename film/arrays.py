"""Named arrays as files: whole ones, or none."""

import zipfile
from pathlib import Path

import numpy as np

from film.options import Arrays
from runtime.files import whole_file


def read_arrays(path: Path) -> Arrays | None:
    """Read named arrays; None where there are none, or a power cut has left half of them."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return dict(arrays)
    except (FileNotFoundError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays."""
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)
