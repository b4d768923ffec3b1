"""Named arrays as files: whole ones, or none."""

import io
import zipfile
from pathlib import Path

import numpy as np

from film.options import Arrays
from runtime.files import write_bytes


def read_arrays(path: Path) -> Arrays | None:
    """Read named arrays; None where there are none, or a power cut has left half of them."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return dict(arrays)
    except (FileNotFoundError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays."""
    content = io.BytesIO()  # np.savez on a file does not say when the disk is full
    np.savez(content, **arrays)
    write_bytes(path, content.getvalue())
