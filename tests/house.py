"""Prints how the house is built: files and lines of each room, lengths of functions, what a photo and a frame cross.

    python tests/house.py

The modules that a photo and a film's frame cross are found by tracing a run on the samples: those of ours in which a
function is called from the file that is read to the file that is written, once the network is open.
"""

import ast
import collections
import functools
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SAMPLES = ROOT / "data" / "samples"
NOT_OURS = {"tests", "examples", "docs", ".venv", "data", "cache", "movie", "build"}
LONGEST_FILE = 320  # lines


@functools.cache
def sources() -> tuple[Path, ...]:
    """List the program's own Python files, tests excepted."""
    rooms = [one for one in ROOT.iterdir() if one.is_dir() and one.name not in NOT_OURS]
    files = [*ROOT.glob("*.py"), *(path for room in rooms for path in room.rglob("*.py"))]
    return tuple(sorted(path.relative_to(ROOT) for path in files))


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file, named as seen from the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def lines_of(path: Path) -> int:
    """Count a file's lines."""
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def room_of(path: Path) -> str:
    """Name the room of a file; files at the top are one room."""
    return path.parts[0] if len(path.parts) > 1 else "."


def module_of(path: Path) -> str:
    """Name the module of a file."""
    name = ".".join(path.with_suffix("").parts)
    return name.removesuffix(".__init__")


def bodies() -> Iterator[tuple[int, str]]:
    """Yield the lines of each function's body without its docstring, and where it is."""
    for path in sources():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                yield lines, f"{path}:{node.lineno} {node.name}"


def imported_by(path: Path) -> set[str]:
    """Name the modules of ours that a file imports, for types only too."""
    modules = {module_of(other) for other in sources()}
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & modules - {module_of(path)}


def circles() -> list[set[str]]:
    """Find the groups of modules that import each other, directly or not (Tarjan 1972)."""
    arrows = {module_of(path): imported_by(path) for path in sources()}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in arrows[name]:
            if other not in index:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            group = set(stack[stack.index(name) :])
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(group)

    for name in arrows:
        if name not in index:
            visit(name)
    return found


def untyped() -> list[str]:
    """List public functions that pass or return dict[str, Any]."""
    found = []
    for path in sources():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments = [*node.args.args, *node.args.kwonlyargs]
                notes = [node.returns, *(argument.annotation for argument in arguments)]
                if any("dict[str, Any]" in ast.unparse(note) for note in notes if note):
                    found.append(f"{path}:{node.lineno} {node.name}")
    return found


def crossed(work: Callable[[], object]) -> list[str]:
    """Name the modules of ours in which a function is called during some work, in the order that they are reached."""
    files: dict[str, None] = {}

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name not in {"<module>", "<lambda>"}:
            files.setdefault(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    known = {str(ROOT / path): module_of(path) for path in sources()}
    return [known[file] for file in files if file in known]


def photo_modules() -> list[str]:
    """Name the modules that a photo crosses: the second of two, as the first opens the network. They differ."""
    from gray2color import Colorizer
    from photo.batch import _colorize_photo
    from photo.inputs import Task
    from photo.options import PhotoOptions

    colorizer = Colorizer(threads=1)
    with tempfile.TemporaryDirectory() as folder:
        task = Task(SAMPLES / "chelsea.jpg", Path(folder, "cat.jpg"))
        work = functools.partial(
            _colorize_photo, load=lambda: colorizer.composition, options=PhotoOptions(),
            large=Path(folder, "lock"),
        )  # fmt: skip
        assert work(task).error is None
        another = functools.partial(work, Task(SAMPLES / "rocket.jpg", Path(folder, "rocket.jpg")))
        return crossed(another)


def frame_modules() -> list[str]:
    """Name the modules that a film's frames cross, from the first that is decoded to the result."""
    import conversion
    import main

    with tempfile.TemporaryDirectory() as folder:
        words = [
            "-movie_in",
            str(SAMPLES / "film.mp4"),
            "-duration",
            "1",
            "-quiet",
            "-workers",
            "1",
            "-restart",
        ]
        words += ["-cache", str(Path(folder, "cache")), "-save"]
        assert main.main([*words, str(Path(folder, "first.mp4"))]) == 0
        found: dict[str, None] = {}
        for name in ("_take_steps", "join"):
            _traced(conversion, name, found)
        assert main.main([*words, str(Path(folder, "second.mp4"))]) == 0
        return list(found)


def _traced(module: Any, name: str, found: dict[str, None]) -> None:
    own = getattr(module, name)

    def traced(*args: Any, **options: Any) -> Any:
        results: list[Any] = []
        found.update(dict.fromkeys(crossed(lambda: results.append(own(*args, **options)))))
        return results[0]

    setattr(module, name, traced)


def main() -> None:
    """Print all figures."""
    rooms: dict[str, list[int]] = collections.defaultdict(list)
    for path in sources():
        rooms[room_of(path)].append(lines_of(path))
    for room, lines in rooms.items():
        print(f"{room:<10} {len(lines):>3} files {sum(lines):>6} lines, longest {max(lines)}")
    print(f"{'all':<10} {len(sources()):>3} files {sum(map(sum, rooms.values())):>6} lines")
    lengths = sorted(lines for lines, _ in bodies())
    p90 = lengths[int(0.9 * len(lengths))]
    print(
        f"function bodies: median {statistics.median(lengths):g}, p90 {p90}, longest",
        *max(bodies()),
    )
    print("files over the limit:", [str(p) for p in sources() if lines_of(p) > LONGEST_FILE])
    print("import circles:", [sorted(group) for group in circles()])
    print("public functions with dict[str, Any]:", len(untyped()))
    for line in untyped():
        print("  ", line)
    for what, modules in (("photo", photo_modules()), ("frame", frame_modules())):
        print(f"a {what} crosses {len(modules)} modules:", " ".join(modules))


if __name__ == "__main__":
    main()
