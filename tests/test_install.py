"""The program as a package: what its metadata names is there, and an installed copy works without the source tree."""

import email
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from readme_renderer import markdown

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def requirements(path: Path) -> list[str]:
    """Read a requirements file with all that it includes."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found += requirements(path.with_name(line.removeprefix("-r ")))
        elif line and not line.startswith("#"):
            found.append(line)
    return found


def test_every_module_is_packaged() -> None:
    files = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    ours = [Path(name) for name in files if not name.startswith(("tests/", "examples/"))]
    assert {path.stem for path in ours if len(path.parts) == 1} == set(SETUPTOOLS["py-modules"])
    assert {str(path.parent) for path in ours} - {"."} <= set(SETUPTOOLS["packages"])


def test_type_checkers_find_each_package_s_annotations() -> None:
    assert "py.typed" in SETUPTOOLS["package-data"]["*"]
    rooms = [name for name in SETUPTOOLS["packages"] if "." not in name]
    assert [name for name in rooms if not (ROOT / name / "py.typed").is_file()] == []


def test_extras_are_the_requirements_files() -> None:
    extras = SETUPTOOLS["dynamic"]["optional-dependencies"]
    files = {path.stem.removeprefix("requirements-") for path in ROOT.glob("requirements-*.txt")}
    assert set(extras) == files - {"test"}
    for name, extra in extras.items():
        base = set(requirements(ROOT / "requirements.txt")) if name != "gpu" else set()
        named = [line for file in extra["file"] for line in requirements(ROOT / file)]
        assert set(named) | base == set(requirements(ROOT / f"requirements-{name}.txt")) | base


def test_a_gpu_machine_gets_the_same_packages_but_paddle() -> None:
    def others(name: str) -> set[str]:
        return {line for line in requirements(ROOT / name) if not line.startswith("paddlepaddle")}

    assert others("requirements-gpu.txt") == others("requirements.txt")


def test_every_python_that_is_promised_is_tested_everywhere() -> None:
    readme, workflow, ci = (
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("README.md", ".github/workflows/tests.yml", ".ci/run")
    )
    first, last = re.findall(r"Python 3\.(\d+) to 3\.(\d+)", readme)[0]
    promised = [f"3.{minor}" for minor in range(int(first), int(last) + 1)]
    assert PROJECT["project"]["requires-python"] == f">={promised[0]}"
    (matrix,) = re.findall(r"python: \[(.*)\]", workflow)
    assert matrix.replace('"', "").split(", ") == promised
    assert all(f"python{promised[0]}" in text for text in (readme, ci))
    assert all(f"python_of {version})" in ci for version in promised[1:])
    for command in (".ci/lint", "python -m pytest"):  # of both
        assert f"- run: {command}\n" in workflow
        assert command in ci


def run(*words: object, cwd: Path) -> str:
    """Run a command far from the source tree; return what it prints."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    environment["XDG_CACHE_HOME"] = str(cwd / "cache")
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown_by_an_index(wheel: Path) -> str:
    """Render a wheel's description as package indexes do."""
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        described = email.message_from_bytes(file.read(name))
    assert described["Description-Content-Type"] == "text/markdown"
    html: str | None = markdown.render(described.get_payload(decode=True).decode("utf-8"))
    assert html is not None
    return html


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_installed_copy_colorizes_without_the_source_tree(tmp_path: Path) -> None:
    source, place = tmp_path / "source", tmp_path / "place"
    place.mkdir()
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, files):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            target.write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, source, cwd=place)
    (wheel,) = tmp_path.glob("colorizer-*.whl")
    assert shown_by_an_index(wheel).count("<h2") > 5
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", wheel, cwd=place)
    for name in ("chelsea.jpg", "film.mp4"):
        (place / name).write_bytes((ROOT / "data" / "samples" / name).read_bytes())
    for path in source.rglob("*"):
        if path.is_file():
            path.unlink()

    command = tmp_path / "venv" / "bin" / "colorizer"
    help_text = run(command, "--help", cwd=place)
    assert help_text.startswith("usage: colorizer ")
    assert run(command, "-img_in", "chelsea.jpg", cwd=place) == "chelsea.color.jpg\n"
    assert run(command, "-movie_in", "film.mp4", "-duration", "0.5", "-precision", "int8", "-keep_cache", cwd=place)  # fmt: skip
    assert list((place / "cache" / "colorizer" / "jobs").iterdir())
    code = "from gray2color import Colorizer; import numpy as np; print(Colorizer()(np.eye(64, dtype=np.uint8)).shape)"
    assert run(python, "-c", code, cwd=place) == "(64, 64, 3)\n"
    run(tmp_path / "venv" / "bin" / "colorizer-train", "--help", cwd=place)
    run(tmp_path / "venv" / "bin" / "colorizer-evaluate", "--help", cwd=place)
    site = Path(run(python, "-c", "import main; print(main.__file__)", cwd=place).strip()).parent
    assert (site / "color" / "py.typed").is_file()
    assert not re.findall(r"(?m)^(cache|movie|data)$", "\n".join(p.name for p in site.iterdir()))
