"""Names and messages that visitors see: without the server's temporary paths."""

import re
from pathlib import Path

from web.photos import printable_name

LONGEST_NAME = 120  # letters; a file system holds 255 bytes
TOKEN = 22  # letters of `secrets.token_urlsafe(16)`
NO_FILE_HAS = '%\\/:*?"<>|'


def without_uploads(text: str, uploads: Path) -> str:
    """Return a text in which uploaded files have only their names."""
    # Each file lies in folders of its own, with random names.
    return re.sub(rf"{re.escape(str(uploads))}/(?:[\w-]{{{TOKEN}}}/)*", "", text)


def message(text: str, uploads: Path) -> str:
    """Return a message on one line, in which uploaded files have only their names."""
    return without_uploads(" ".join(text.split()), uploads)


def file_name(name: str, otherwise: str) -> str:
    """Make a valid file name from a visitor's; jobs are named after it, so that the command can resume them."""
    letters = printable_name(name)[-LONGEST_NAME:]
    kept = "".join("_" if letter in NO_FILE_HAS else letter for letter in letters)
    return kept.strip(". ") or otherwise
