"""The size of the user's cache of programs is bounded."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from model import program_cache
from model.program_cache import ABANDONED_S, CACHE_VARIABLE, UNUSED_S, program_for

HOUR = 3600.0


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr("model.export.export", _export)
    return tmp_path


def _export(_weights: Path, folder: Path, **_: Any) -> None:
    (folder / "program.json").write_bytes(bytes(100))


def put(cache: Path, name: str, *, unused: float, size: int = 100) -> Path:
    """Create a folder that was last used this many seconds ago."""
    folder = cache / name
    folder.mkdir()
    (folder / "program.json").write_bytes(bytes(size))
    os.utime(folder, (time.time() - unused,) * 2)
    return folder


def make_program(exported: Path) -> Path:
    with program_for(exported / "small.npz", bins=exported / "bins.npy") as folder:
        return folder


def test_a_new_program_sweeps_old_ones_and_what_killed_runs_left(
    cache: Path, exported: Path
) -> None:
    old = put(cache, "0" * 24, unused=UNUSED_S + HOUR)
    old_output = put(cache, "1" * 24 + "-distribution", unused=UNUSED_S + HOUR)
    killed = put(cache, "part-ab3_9xyz", unused=ABANDONED_S + HOUR)
    recent = put(cache, "2" * 24, unused=UNUSED_S - HOUR)
    working = put(cache, "part-ab3_9xyy", unused=ABANDONED_S - HOUR)
    foreign = put(cache, "part-of-my-thesis", unused=UNUSED_S + HOUR)
    made = make_program(exported)
    assert not any(folder.exists() for folder in (old, old_output, killed))
    assert {recent, working, foreign, made} == set(cache.iterdir())


def test_beyond_a_size_the_longest_unused_programs_go(
    cache: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_cache, "LARGEST_BYTES", 700)
    folders = [put(cache, f"{i}" * 24, unused=i * HOUR, size=200) for i in range(1, 6)]
    made = make_program(exported)
    assert set(cache.iterdir()) == {made, *folders[:3]}


def test_the_program_just_made_stays_however_large(
    cache: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_cache, "LARGEST_BYTES", 10)
    made = make_program(exported)
    assert list(cache.iterdir()) == [made]


def test_use_keeps_a_program(cache: Path, exported: Path) -> None:
    made = make_program(exported)
    os.utime(made, (time.time() - 2 * UNUSED_S,) * 2)
    assert make_program(exported) == made
    assert time.time() - made.stat().st_mtime < HOUR


def test_a_cache_that_cannot_be_read_has_the_program_made_elsewhere(
    cache: Path, exported: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(own: Any, *, answer: Any = None) -> Any:
        """Refuse, or answer, what is asked of anything in the cache, as for a user who may not read it."""

        def refuse(path: Path, *args: Any, **options: Any) -> Any:
            asked = [
                Path(one)
                for one in (path, *args, options.get("dir", ""))
                if isinstance(one, str | Path)
            ]
            if not any(one == cache or cache in one.parents for one in asked):
                return own(path, *args, **options)
            if answer is None:
                raise PermissionError(13, "Permission denied", str(path))
            return answer

        return refuse

    monkeypatch.setattr(Path, "stat", locked(Path.stat))
    monkeypatch.setattr(Path, "rename", locked(Path.rename))
    monkeypatch.setattr(Path, "mkdir", locked(Path.mkdir))
    monkeypatch.setattr(os, "access", locked(os.access, answer=False))
    with program_for(exported / "small.npz", bins=exported / "bins.npy") as folder:
        assert (folder / "program.json").is_file()
        assert cache not in folder.parents
    assert f"cannot write to {cache} (Permission denied)" in caplog.text
    assert not folder.exists()
