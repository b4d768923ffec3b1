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
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?P<mark><!-- setup: \w+ -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```", re.M | re.S
)


def blocks(kind: str, *, setup: bool) -> list[str]:
    return [
        match["text"]
        for match in BLOCK.finditer(README)
        if match["kind"] == kind and bool(match["mark"]) == setup
    ]


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def rows(text: str) -> list[str]:
    return [line for line in prose(text).splitlines() if line.startswith("|")]


def numbers(row: str) -> list[str]:
    return sorted(re.findall(r"\d+(?:[.,]\d+)*", row))


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
    assert len(README.splitlines()) <= 200


def modules_of(text: str) -> set[tuple[str, str]]:
    """Return (room, module) of all that the table of rooms names."""
    rooms = re.findall(r"^\| `(\w+)/` \|(.*)$", text, re.M)
    return {(room, name) for room, row in rooms for name in re.findall(r"`(\w+\.py)`", row)}


def test_the_rooms_name_every_module_and_no_other() -> None:
    rooms = ("color", "runtime", "image", "prior", "model", "photo", "film", "web", "train")
    there = {(room, path.name) for room in rooms for path in (ROOT / room).glob("*.py")}
    named = modules_of(README)
    assert named == {(room, name) for room, name in there if name != "__init__.py"}
    assert modules_of(CHINESE) == named


def test_the_walks_go_through_at_most_eight_modules_that_are_there() -> None:
    walks = re.findall(r"^- \*\*A .*$", README, re.M)
    assert len(walks) == 3
    for walk in walks:
        modules = re.findall(r"`([\w/]+\.py)`", walk)
        assert len(modules) == len(set(modules)) <= 8
        assert all((ROOT / module).exists() for module in modules)


def test_each_language_links_to_the_other_in_its_first_line() -> None:
    assert README.splitlines()[0].endswith("](README.zh.md)")
    assert CHINESE.splitlines()[0].endswith("](README.md)")


def test_both_languages_have_the_same_headings() -> None:
    english, chinese = (re.findall(r"^(#+) .", prose(text), re.M) for text in (README, CHINESE))
    assert english == chinese


def test_both_languages_have_the_same_blocks() -> None:
    english, chinese = ([match[0] for match in BLOCK.finditer(text)] for text in (README, CHINESE))
    assert english == chinese


def test_both_languages_have_the_same_code_within_their_lines() -> None:
    english, chinese = (
        sorted(re.findall(r"`([^`\n]+)`", prose(text))) for text in (README, CHINESE)
    )
    assert any(span.startswith("python ") for span in english)
    assert english == chinese  # options and file names, too, not commands alone


def test_both_languages_have_the_same_pictures_and_links() -> None:
    english, chinese = (
        sorted(re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", prose(text).split("\n", 1)[1]))
        for text in (README, CHINESE)
    )
    assert english == chinese


def test_both_languages_have_the_same_numbers_in_their_tables() -> None:
    english, chinese = rows(README), rows(CHINESE)
    assert len(english) == len(chinese) > 0
    for ours, theirs in zip(english, chinese, strict=True):
        assert ours.count("|") == theirs.count("|"), theirs
        assert numbers(ours) == numbers(theirs), theirs


def test_git_ignores_what_the_commands_write() -> None:
    text = "\n".join([*blocks("sh", setup=False), *blocks("sh", setup=True)])
    named = re.findall(r"-(?:save|sheet|preview|confidence|keyframes|out|report) (\S+)", text)
    assert {"cat.png", "colored/", "keys/", "shots.png", "mine/Weight.npy"} <= set(named)
    ignored = subprocess.run(
        ["git", "check-ignore", *named], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert sorted(set(named) - set(ignored)) == []


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
        "import cv2\nimport numpy as np\n"
        "gray = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (120, 160), np.uint8), (0, 0), 3)\n"
        "gray = cv2.normalize(gray, None, 0, 255, cv2.NORM_MINMAX)\ngrays = [gray] * 3\n"
        + blocks("python", setup=False)[0]
    )
    check = (
        "\nassert [one.shape for one in (rgb, *rgbs)] == [(120, 160, 3)] * 4\n"
        "from PIL import Image\n"
        "assert rgb.std(axis=-1).max() > 5\n"
        "np.testing.assert_array_equal(np.asarray(Image.open('new.png')), rgb)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code + check], cwd=clone, check=True)
