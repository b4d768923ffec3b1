"""The program's version, and its default folders: in the source tree or, if installed, in the user's own folders."""

from pathlib import Path

import platformdirs

VERSION = "0.3.0"
ROOT = Path(__file__).resolve().parent.parent  # of the program's modules
IN_SOURCE_TREE = (ROOT / "pyproject.toml").is_file()
# The user's data, runs and films. An installed program looks for them in the current folder.
WORK = ROOT if IN_SOURCE_TREE else Path()
COMMAND = "main.py" if IN_SOURCE_TREE else "colorizer"


def user_cache() -> Path:
    """Return the user's folder for files that this program can regenerate."""
    return platformdirs.user_cache_path("colorizer", appauthor=False)


def jobs_folder() -> Path:
    """Return the folder for the jobs of films."""
    return ROOT / "cache" if IN_SOURCE_TREE else user_cache() / "jobs"


def shown(folder: Path) -> str:
    """Return a folder as help shows it: relative to the source tree or to the user's home."""
    for base, prefix in ((ROOT, ""), (Path.home(), "~/")):
        if folder.is_relative_to(base):
            return f"{prefix}{folder.relative_to(base).as_posix()}/"
    return str(folder)
