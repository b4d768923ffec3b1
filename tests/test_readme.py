"""The README's commands, taken from it and run as printed in a fresh copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?P<mark><!-- setup: \w+ -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```", re.M | re.S
)


def blocks(kind: str, *, setup: bool) -> list[str]:
    return [
        match["text"]
        for match in BLOCK.finditer(README)
        if match["kind"] == kind and bool(match["mark"]) == setup
    ]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files, with a few color pictures where the owner's would be."""
    folder = tmp_path_factory.mktemp("clone") / "colorizer"
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, names.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    for room in ("train", "test"):
        shutil.copytree(ROOT / "data" / "samples" / "color", folder / "data" / room)
    return folder


def test_setting_up_is_two_commands() -> None:
    commands = [block.strip() for block in blocks("sh", setup=True)]
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    assert "requirements.txt && python main.py" in commands[0]
    assert commands[1].endswith("python -m pytest")


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_it_stays_short() -> None:
    assert len(README.splitlines()) <= 230  # sixty of them are the tree


def test_the_tree_names_every_module_and_no_other() -> None:
    rooms = ("runtime", "image", "prior", "model", "photo", "film", "web", "train")
    tree = README[README.index("```text\nmain.py") :].split("```")[1]
    room, named = "", set()
    for line in tree.splitlines()[1:]:
        room = line.split("/")[0] if line and line[0] != " " else room
        named |= {(room, name) for name in re.findall(r"\b(\w+\.py)\b", line) if room in rooms}
    there = {(room, path.name) for room in rooms for path in (ROOT / room).glob("*.py")}
    assert named == {(room, name) for room, name in there if name != "__init__.py"}


def test_the_walks_go_through_at_most_eight_modules_that_are_there() -> None:
    walks = re.findall(r"^- \*\*A .*$", README, re.M)
    assert len(walks) == 3
    for walk in walks:
        modules = re.findall(r"`([\w/]+\.py)`", walk)
        assert len(modules) == len(set(modules)) <= 8
        assert all((ROOT / module).exists() for module in modules)


@pytest.mark.slow
def test_every_command_runs_as_printed(clone: Path) -> None:
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks("sh", setup=False):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=clone, env={**os.environ, "PATH": search}, capture_output=True, text=True, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    for name in ("cat.png", "guided.png", "film.color.mp4", "shots.png", "sheet.png"):
        assert (clone / name).stat().st_size > 0, name


@pytest.mark.slow
def test_the_python_example_runs(clone: Path) -> None:
    code = (
        "import numpy as np\ngray = np.full((40, 60), 90, np.uint8)\n"
        + blocks("python", setup=False)[0]
    )
    check = "\nassert rgb.shape == (40, 60, 3)"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code + check], cwd=clone, check=True)
