"""The house's arrows and bans, read from syntax trees: no module is imported here."""

import ast
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("color", "runtime", "image", "prior", "photo", "model", "train", "film", "web")
SCRIPTS = ("main", "conversion", "gray2color")
ARROWS = {
    "main": {"color", "runtime", "conversion", "gray2color", "photo", "film", "model", "web"},
    "web": {"color", "runtime", "conversion", "gray2color", "photo", "film", "model", "image"},
    "gray2color": {"color", "runtime", "model", "photo", "image", "prior"},
    "train": {"color", "runtime", "gray2color", "model", "image", "prior"},
    "model": {"color", "runtime", "image", "prior"},
    "photo": {"color", "runtime", "image", "prior"},
    "prior": {"color", "runtime", "image"},
    "image": {"color"},
    "runtime": set(),
    "color": {"runtime"},
    "conversion": {"color", "film", "photo", "runtime"},
    "film": {"color", "runtime", "prior", "image", "photo"},
}
# Of some rooms others may import only these modules: film is no second house of color, main knows no FFmpeg.
ONLY = {
    ("film", "prior"): {"prior.lab"},
    ("film", "photo"): {"photo.inputs"},
    ("conversion", "photo"): {"photo.inputs"},
    ("main", "film"): {"film.options", "film.guidance"},
    ("main", "model"): {"model.options"},
    ("web", "film"): {
        f"film.{name}"
        for name in ("options", "guidance", "preview", "report", "probe", "info", "job")
    },
    ("web", "model"): {"model.options"},
}
PADDLE = {
    *(
        f"model/{name}.py"
        for name in (
            "network",
            "efficientnet_lite",
            "export",
            "program",
            "quantization",
            "paddle_import",
        )
    ),
    *(f"train/{name}.py" for name in ("fileReader", "loss", "device", "trainer", "train")),
}
# gray2color imports these before Paddle is needed.
TOP_LEVEL_PADDLE = PADDLE - {f"model/{name}.py" for name in ("program", "paddle_import")}
BAD_NAMES = {"utils", "common", "src", "helpers", "misc"}


def sources() -> list[Path]:
    """List our own Python files, tests excepted."""
    found = [ROOT / f"{name}.py" for name in SCRIPTS if (ROOT / f"{name}.py").exists()]
    return found + [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield (top-level module imported, line)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield (node.module or "").split(".")[0], node.lineno


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    ours = {name for name, _ in imports_in(tree_of(path))} & (set(ROOMS) | set(SCRIPTS))
    assert ours - {room} <= ARROWS[room], f"{name_of(path)} imports {ours - {room} - ARROWS[room]}"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_some_rooms_are_open_at_one_door_only(path: Path) -> None:
    nodes = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom)]
    for (room, other), doors in ONLY.items():
        if room_of(path) == room:
            used = {node.module for node in nodes if (node.module or "").split(".")[0] == other}
            assert used <= doors, f"{name_of(path)} imports {used - doors}"
            assert other not in {name for node in ast.walk(tree_of(path)) if isinstance(node, ast.Import)
                                 for name in (alias.name for alias in node.names)}  # fmt: skip


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_paddle_stays_in_its_modules(path: Path) -> None:
    if name_of(path) not in PADDLE:
        assert "paddle" not in {name for name, _ in imports_in(tree_of(path))}
    if name_of(path) not in TOP_LEVEL_PADDLE:
        top = ast.Module(
            [n for n in tree_of(path).body if isinstance(n, ast.Import | ast.ImportFrom)], []
        )
        assert "paddle" not in {name for name, _ in imports_in(top)}


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_processes_and_media_only_in_films(path: Path) -> None:
    if room_of(path) not in {"conversion", "film"}:
        used = {name for name, _ in imports_in(tree_of(path))}
        assert not used & {"subprocess", "ffmpeg", "av"}


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_print_and_argparse_only_at_the_front(path: Path) -> None:
    if name_of(path) == "main.py":
        return
    tree = tree_of(path)
    mains = [
        n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in {"main", "_parser"}
    ]
    allowed = {id(node) for function in mains for node in ast.walk(function)}
    for node in ast.walk(tree):
        if id(node) in allowed:
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            prints = node.func.id == "print" and name_of(path) != "runtime/console.py"
            assert not prints, f"{name_of(path)}:{node.lineno} prints outside main()"
    if not mains and name_of(path) != "runtime/options.py":
        assert "argparse" not in {name for name, _ in imports_in(tree)}


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_importing_a_module_does_nothing(path: Path) -> None:
    for node in tree_of(path).body:
        if isinstance(node, ast.If):
            test = ast.unparse(node.test)
            assert test in {
                "__name__ == '__main__'",
                "TYPE_CHECKING",
                "__package__ in {None, ''}",
            }, f"{name_of(path)}:{node.lineno} decides at import: {test}"
        allowed = (
            ast.Import
            | ast.ImportFrom
            | ast.FunctionDef
            | ast.AsyncFunctionDef
            | ast.ClassDef
            | ast.Assign
            | ast.AnnAssign
            | ast.AugAssign
            | ast.If
        )
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert isinstance(node, allowed) or is_docstring, (
            f"{name_of(path)}:{node.lineno} works at import"
        )
        if isinstance(node, ast.Assign | ast.AnnAssign):
            calls = {ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
            reading = {"open", "np.load", "read_text", "read_bytes"}
            assert not any(call.split(".")[-1] in reading or call in reading for call in calls)


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_house_style(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), f"{name_of(path)} has no module docstring"
    assert not set(path.relative_to(ROOT).with_suffix("").parts) & BAD_NAMES
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)
            assert caught not in {"", "Exception", "BaseException"}, (
                f"{name_of(path)}:{node.lineno} broad except"
            )
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert node.returns is not None, f"{name_of(path)}:{node.lineno} no return annotation"
        if isinstance(node, ast.Call):
            assert not any(
                k.arg == "shell" and getattr(k.value, "value", False) is True for k in node.keywords
            ), f"{name_of(path)}:{node.lineno} shell=True"


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=name_of)
def test_tests_import_helpers_and_never_each_other(path: Path) -> None:
    names = {name for name, _ in imports_in(tree_of(path))}
    assert not {name for name in names if name.startswith("test_") or name == "conftest"}


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=name_of)
def test_tests_wait_for_something_and_never_sleep(path: Path) -> None:
    """A sleep is too long on this machine and too short on the next; `wait_for` asks until a limit."""
    sleeps = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.Attribute) and node.attr == "sleep")
        or (isinstance(node, ast.alias) and node.name == "sleep")
    ]
    assert len(sleeps) == (name_of(path) == "tests/helpers.py"), f"{name_of(path)}:{sleeps} sleeps"


@pytest.mark.parametrize("name", ["main.py", "gray2color.py", "conversion.py"])
def test_front_modules_import_no_paddle(name: str) -> None:
    if not (ROOT / name).exists():
        pytest.skip("not there yet")
    code = f"import sys, {Path(name).stem}; sys.exit('paddle' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, env=dict(os.environ), timeout=60
    )
