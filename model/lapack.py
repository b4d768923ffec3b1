"""LAPACK, by SciPy's compiled interface alone: importing `scipy.linalg` takes a fifth of the time of a photo."""

import functools
from typing import Any

from runtime.extension import compiled, load_extension, package_folder

MODULE = "_flapack"


@functools.cache
def lapack() -> Any:
    """Return a module with LAPACK's functions; on Windows, SciPy itself locates the libraries that it needs."""
    folder = package_folder("scipy")
    file = compiled(folder / "linalg", MODULE) if folder else None
    if file:
        try:
            return load_extension(f"scipy.linalg.{MODULE}", file)
        except ImportError:
            pass
    from scipy.linalg import lapack

    return lapack
