"""The house: what linters cannot say of it, and the bars that it is built to.

Which room may import which is in pyproject.toml (import-linter), as are the bans on print, broad except and others (ruff).
"""

import ast
import subprocess
import sys
from pathlib import Path

import house
import pytest

ROOT = Path(__file__).resolve().parent.parent
BAD_NAMES = {"utils", "common", "src", "helpers", "misc"}
AT_IMPORT = (
    ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    | ast.Assign | ast.AnnAssign | ast.AugAssign
)  # fmt: skip
# Modules without a test file of their own, and why.
UNTESTED = {
    "color/arrays.py": "names of types",
    "color/likely.py": "two tuples with named fields",
    "color/segment.py": "the interface between films and the network: dataclasses without methods, protocols",
    "prior/command.py": "one call, which every script of this folder makes in its own tests",
}
READING = {"open", "load", "read_text", "read_bytes"}
DECIDING = {"__name__ == '__main__'", "TYPE_CHECKING", "__package__ in {None, ''}"}


def test_rooms_import_as_the_contracts_say() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def test_importing_a_module_does_nothing() -> None:
    for path in house.sources():
        for node in house.tree_of(path).body:
            where = f"{path}:{node.lineno}"
            if isinstance(node, ast.If):
                assert ast.unparse(node.test) in DECIDING, f"{where} decides at import"
                continue
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            assert isinstance(node, AT_IMPORT) or docstring, f"{where} works at import"
            if isinstance(node, ast.Assign | ast.AnnAssign):
                calls = [ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)]
                assert not READING & {call.split(".")[-1] for call in calls}, f"{where} reads"


def test_no_room_is_a_drawer() -> None:
    assert not {part for path in house.sources() for part in path.with_suffix("").parts} & BAD_NAMES


def test_each_module_has_its_tests_in_a_file_of_its_name() -> None:
    modules = [p for p in house.sources() if len(p.parts) == 2 and p.name != "__init__.py"]
    missing = [p for p in modules if not (ROOT / "tests" / p.parent / f"test_{p.name}").is_file()]
    assert {path.as_posix() for path in missing} == UNTESTED.keys()


def test_files_and_functions_are_short_and_no_import_is_a_circle() -> None:
    lengths = sorted(lines for lines, _ in house.bodies())
    assert lengths[len(lengths) // 2] <= 8
    assert lengths[int(0.9 * len(lengths))] <= 25
    assert lengths[-1] <= 60
    assert not [path for path in house.sources() if house.lines_of(path) > house.LONGEST_FILE]
    assert not house.circles()


@pytest.mark.slow
def test_a_photo_and_a_frame_cross_few_modules() -> None:
    assert len(house.photo_modules()) <= 16
    assert len(house.frame_modules()) <= 28


@pytest.mark.parametrize("name", ["main", "gray2color", "conversion"])
def test_front_modules_import_no_paddle(name: str) -> None:
    code = f"import sys, {name}; sys.exit('paddle' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
