"""The documents: the README and the pages of docs/, each in one or two languages, and what is in them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
ENGLISH = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
CHINESE = (ROOT / "README.zh.md", *sorted((DOCS / "zh").glob("*.md")))
# A page in two languages; the Chinese index is a list of its own.
PAIRS = (
    (ROOT / "README.md", ROOT / "README.zh.md"),
    *((DOCS / path.name, path) for path in CHINESE[1:] if path.name != "README.md"),
)
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>setup|not run): (?P<why>[^\n]+) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```\n",
    re.M | re.S,
)
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)]+)\)")


class Block(NamedTuple):
    """A block of code: its language, its text, its mark ("setup", "not run" or "") and what the mark says."""

    kind: str
    text: str
    mark: str
    why: str


def text_of(page: Path) -> str:
    """Read a page."""
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    """Name a page as seen from the root."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, kind: str, mark: str | None = None) -> list[Block]:
    """List a page's blocks of code in a language, all or those with a mark."""
    found = (
        Block(match["kind"], match["text"], match["mark"] or "", match["why"] or "")
        for match in BLOCK.finditer(text_of(page))
    )
    return [one for one in found if one.kind == kind and mark in (None, one.mark)]


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return BLOCK.sub("", text_of(page))


def spans(page: Path) -> list[str]:
    """List the code within a page's lines."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def paragraphs(page: Path) -> Iterator[str]:
    """Yield a page's paragraphs and list items, each as one line."""
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:- |\d+\. |\|))", prose(page)):
        yield " ".join(part.split())


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def copy_of_the_tree(folder: Path) -> Path:
    """Copy the tracked files, with a few color pictures where the owner's would be, and an ffmpeg in bin/."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, names.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    for room in ("train", "test"):
        shutil.copytree(ROOT / "data" / "samples" / "color", folder / "data" / room)
    (folder / "bin").mkdir()
    (folder / "bin" / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    return folder


def run_as_printed(command: str, folder: Path, python: Path) -> None:
    """Run a block of shell commands in a folder, with a Python's programs and bin/ first on the PATH."""
    search = os.pathsep.join([str(python.parent), str(folder / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder, env={**os.environ, "PATH": search}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
