"""Where files lie by default, in the source tree and without it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import places


def test_in_the_source_tree_all_lies_in_it() -> None:
    assert (places.ROOT / "main.py").is_file()
    assert places.WORK == places.ROOT
    assert places.jobs_folder().parent == places.ROOT
    assert places.COMMAND == "main.py"


def test_an_installed_program_writes_to_the_user_s_cache(tmp_path: Path) -> None:
    (tmp_path / "installed").mkdir()
    shutil.copytree(Path(places.__file__).parent, tmp_path / "installed" / "runtime")
    code = "from runtime import places as p; print(p.jobs_folder(), p.WORK, p.COMMAND, sep='\\n')"
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "kept")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "installed", env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    jobs, work, command = done.stdout.splitlines()
    assert Path(jobs).is_relative_to(tmp_path)
    assert not Path(jobs).is_relative_to(tmp_path / "installed")
    assert (work, command) == (".", "colorizer")


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        (places.ROOT / "cache", "cache/"),
        (Path.home() / "films" / "old", "~/films/old/"),
        (Path("/somewhere/else"), "/somewhere/else"),
    ],
)
def test_folders_are_shown_as_a_user_would_write_them(folder: Path, text: str) -> None:
    assert places.shown(folder) == text
