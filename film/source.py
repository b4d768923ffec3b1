"""Identifies films: a file by a hash of its content, an image sequence by its pictures' names, sizes and times."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from film.sequence import PictureSequence, sequence_of

SAMPLE_BYTES = 1 << 20  # bytes hashed at each of a film's head, middle and tail, to identify it


@dataclass(frozen=True)
class Source:
    """A film, identified by a hash: moving or touching a file does not change its identity."""

    name: str
    size: int
    digest: str


def source_of(path: Path) -> Source:
    """Identify a film by a hash of its size and of its head, middle and tail (1 MiB each); an image sequence by its list."""
    if sequence := sequence_of(path):
        return _source_of_pictures(sequence)
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    # Not the whole file: reading a long film takes minutes on a slow disk.
    with path.open("rb") as file:
        for start in (0, (size - SAMPLE_BYTES) // 2, size - SAMPLE_BYTES):
            file.seek(max(0, start))
            digest.update(file.read(SAMPLE_BYTES))
    return Source(path.name, size, digest.hexdigest())


def _source_of_pictures(sequence: PictureSequence) -> Source:
    digest, total = hashlib.sha256(), 0
    # Not their content: scans of one reel are hundreds of gigabytes.
    for path in sequence.paths:
        status = path.stat()
        total += status.st_size
        digest.update(
            f"{path.name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(
                errors="surrogateescape"
            )
        )
    return Source(sequence.title, total, digest.hexdigest())
