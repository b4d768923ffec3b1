"""Folder trees of pictures, written and read back, for the tests of several scripts."""

from collections.abc import Mapping
from pathlib import Path


def write_tree(root: Path, files: Mapping[str, bytes], *, loop_in: str) -> None:
    """Write files below root, and in one of its folders a link that leads back to root."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / loop_in / "loop").symlink_to(root)


def tree(root: Path) -> dict[str, bytes]:
    """Read every file below root, the loop left out."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "loop" not in path.parts
    }
