"""The documents: links lead somewhere, lines and paragraphs are short, what they name exists, and commands run."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import documents
import house
import pytest

from runtime.places import VERSION

ROOT = documents.ROOT
LONGEST_LINE, LONGEST_PARAGRAPH, LONGEST_ENTRY = 120, 600, 400  # characters
# Why a command of the documents is not run by the tests.
NOT_RUN = {
    "a color film of your own",
    "days of training",
    "hours of damaged files and killed jobs",
    "hours of training",
    "installs for the user",
    "photographs of ImageNet",
    "clips of DAVIS",
    "replaces the pictures",
    "serves until it is stopped",
    "several machines",
}
BESIDE = tuple(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "examples/README.md"))
PAGES = (*documents.ENGLISH, *documents.CHINESE, *BESIDE)
# What the commands leave, by page.
WRITTEN = {
    "README.md": ["cat.png", "guided.png", "film.color.mp4", "keyed.mp4"],
    "docs/films.md": ["shots.png", "part.mp4", "film.color.mp4", "master.mkv", "sequence.mp4", "out.mp4"],
    "docs/guidance.md": ["guided.png", "choice.candidates.png", "sure.png", "warm.png", "hinted.mp4"],
    "docs/training.md": ["sheet.png", "tried.png", "mine/Weight.npy"],
}  # fmt: skip
every_page = pytest.mark.parametrize("page", PAGES, ids=documents.name_of)
OPTION = re.compile(r"(?<![\w*-])(--?[a-z][a-z_]*)\b")


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for _, link in documents.LINK.findall(documents.prose(page)):
        if link.startswith("https:"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in documents.anchors(target), link


@every_page
def test_the_pages_of_the_site_link_to_each_other_only(page: Path) -> None:
    if not page.is_relative_to(documents.DOCS):
        return
    for _, link in documents.LINK.findall(documents.prose(page)):
        inside = (page.parent / link.partition("#")[0]).resolve().is_relative_to(documents.DOCS)
        assert inside or link.startswith("https:"), f"{link}: name the file instead"


@every_page
def test_lines_and_paragraphs_are_short(page: Path) -> None:
    lines = documents.prose(page).splitlines()
    long = [line for line in lines if len(line) > LONGEST_LINE and not line.startswith(("|", "!["))]
    long += [one for one in documents.paragraphs(page) if len(one) > LONGEST_PARAGRAPH and one[0] not in "|!"]  # fmt: skip
    assert long == []


def test_what_contributors_read_is_short() -> None:
    assert len(documents.text_of(ROOT / "CONTRIBUTING.md").splitlines()) <= 60


def test_the_changelog_has_each_version_once_the_newest_first() -> None:
    text = documents.text_of(ROOT / "CHANGELOG.md")
    first, *released = re.findall(r"^## (.+)$", text, re.M)
    versions = [one.partition(" - ")[0] for one in (first, *released)]
    assert versions[0] in {"Unreleased", VERSION}
    assert versions[-2:] == ["0.2.0", "0.1.0"]
    assert len(set(versions)) == len(versions)
    assert VERSION in versions
    entries = text.partition("\n## ")[2].partition("\n## ")[0]
    long = [line for line in entries.splitlines() if len(line) > LONGEST_ENTRY]
    assert long == []  # a sentence that a user understands


@every_page
def test_a_command_that_is_not_run_says_why(page: Path) -> None:
    assert {block.why for block in documents.blocks(page, "sh", "not run")} <= NOT_RUN


def test_the_site_lists_every_page() -> None:
    listed = documents.text_of(ROOT / "mkdocs.yml")
    pages = [page.relative_to(documents.DOCS).as_posix() for page in documents.DOCS.rglob("*.md")]
    assert [page for page in pages if f": {page}\n" not in listed] == []


def test_every_picture_is_shown() -> None:
    shown = {link.rpartition("/")[2] for page in PAGES for _, link in documents.LINK.findall(documents.prose(page))}  # fmt: skip
    assert {path.name for path in (documents.DOCS / "pictures").iterdir()} <= shown


@functools.cache
def options_of(script: str) -> frozenset[str]:
    """Return the options that a script's help lists, with one dash and with two."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    names = {name.lstrip("-") for name in OPTION.findall(done.stdout)} | {"help"}
    return frozenset(f"{dashes}{name}" for name in names for dashes in ("-", "--"))


def commands_in(page: Path) -> list[tuple[str, str]]:
    """List (script, arguments) of all commands on a page, in blocks and within lines."""
    code = "\n".join(
        [*(block.text for block in documents.blocks(page, "sh")), *documents.spans(page)]
    )
    found = re.findall(r"python(?: -m paddle\.distributed\.launch)? ([\w/]+\.py)([^|\n]*)", code)
    return [command for command in found if not command[0].startswith("examples/")]


@pytest.mark.slow
@pytest.mark.parametrize("page", [*documents.ENGLISH, *BESIDE], ids=documents.name_of)
def test_every_option_exists(page: Path) -> None:
    for script, arguments in commands_in(page):
        unknown = set(OPTION.findall(re.sub(r'"[^"]*"', "", arguments))) - options_of(script)
        assert unknown == set(), f"{script}{arguments}"
    scripts = {
        "main.py",
        "conversion.py",
        "train/train.py",
        "prior/getExperience.py",
        *(script for script, _ in commands_in(page)),
    }
    known = frozenset().union(*map(options_of, scripts))
    alone = {span.split()[0] for span in documents.spans(page) if OPTION.match(span)}
    assert alone - known == set()


@pytest.mark.parametrize("script", ["main.py", "prior/getExperience.py"])
def test_the_help_says_what_a_dask_scheduler_allows(script: str) -> None:
    done = subprocess.run(
        [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    _, _, explained = done.stdout.partition("  -scheduler ")
    assert "whoever reaches a Dask scheduler can run any code" in " ".join(explained.split())


def test_git_ignores_what_the_commands_write() -> None:
    text = "\n".join(block.text for page in documents.ENGLISH for block in documents.blocks(page, "sh"))  # fmt: skip
    named = set(re.findall(r'-(?:save|sheet|preview|confidence|keyframes|out|report|join) "?([^\s"]+)', text))  # fmt: skip
    named |= {"new.png", "out.mp4"}
    assert {"cat.png", "colored/", "keys/", "shots.png", "mine/Weight.npy", "master.mkv"} <= named
    names = sorted(named - {"-"})
    ignored = subprocess.run(
        ["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert sorted(set(names) - set(ignored)) == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", documents.ENGLISH, ids=documents.name_of)
def test_every_command_runs_as_printed(page: Path, tmp_path: Path) -> None:
    commands = [block.text for block in documents.blocks(page, "sh", "")]
    if not commands:
        assert documents.name_of(page) not in WRITTEN
        return
    folder = documents.copy_of_the_tree(tmp_path / "colorizer")
    for command in commands:
        documents.run_as_printed(command, folder, Path(sys.executable))
    for name in WRITTEN.get(documents.name_of(page), []):
        assert (folder / name).stat().st_size > 0, name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "docs/python.md"])
def test_the_python_examples_run(name: str, tmp_path: Path) -> None:
    folder = documents.copy_of_the_tree(tmp_path / "colorizer")
    code = "".join(block.text for block in documents.blocks(ROOT / name, "python"))
    check = (
        "\nimport numpy as np\nfrom PIL import Image\n"
        "assert rgb.shape == (*gray.shape, 3) and rgb.std(axis=-1).max() > 5\n"
        "assert np.asarray(Image.open('new.png')).shape == rgb.shape"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code + check], cwd=folder, check=True)


@pytest.mark.slow
def test_the_probe_that_is_shown_is_the_one_that_is_printed() -> None:
    shown = documents.blocks(documents.DOCS / "films.md", "text")[0].text.splitlines()
    command = [sys.executable, "main.py", "-movie_in", "data/samples/film.mp4", "-probe"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    printed = done.stdout.splitlines()
    assert len(shown) == len(printed)
    assert all(
        "estimate" in line for line in set(shown) - set(printed)
    )  # which depends on the machine


def modules_of(page: Path) -> set[tuple[str, str]]:
    """Return (room, module) of all that a page's table of rooms names."""
    rooms = re.findall(r"^\| `(\w+)/` \|(.*)$", documents.text_of(page), re.M)
    return {(room, name) for room, row in rooms for name in re.findall(r"`(\w+\.py)`", row)}


def test_the_rooms_name_every_module_and_no_other() -> None:
    rooms = ("color", "runtime", "image", "prior", "model", "photo", "film", "web", "train")
    there = {(room, path.name) for room in rooms for path in (ROOT / room).glob("*.py")}
    named = modules_of(documents.DOCS / "how-it-is-built.md")
    assert named == {(room, name) for room, name in there if name != "__init__.py"}


def test_the_walks_go_through_at_most_eight_modules_that_are_there() -> None:
    page = documents.DOCS / "how-it-is-built.md"
    walks = [one for one in documents.paragraphs(page) if one.startswith("- **A ")]
    assert len(walks) == 3
    for walk in walks:
        modules = re.findall(r"`([\w/]+\.py)`", walk)
        assert len(modules) == len(set(modules)) <= 8
        assert all((ROOT / module).exists() for module in modules)


@functools.cache
def written_texts() -> str:
    """Join all constant parts of texts in the program's code, and the page's."""
    trees = [house.tree_of(path) for path in house.sources()]
    constants = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))  # fmt: skip
    return "\0".join(node.value for node in constants if isinstance(node.value, str))


def test_every_message_that_is_explained_is_in_the_code() -> None:
    rows = re.findall(r"^\| (`.+?) \|", documents.text_of(documents.DOCS / "troubleshooting.md"), re.M)  # fmt: skip
    others = {  # of Python, pip and the system
        "No module named 'paddle'",
        "No matching distribution found",
        "ensurepip is not available",
        "libgomp.so.1: cannot open shared object file",
    }
    messages = {span for row in rows for span in re.findall(r"`([^`]+)`", row)} - others
    assert len(messages) > 80
    parts = {part.strip() for message in messages for part in message.split("…")}
    assert sorted(part for part in parts if part not in written_texts()) == []
