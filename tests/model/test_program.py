"""Choice of a program's engine, and the fallback when it fails."""

import functools
import logging
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_network import SMALL

from model import export
from model import program as programs
from model.paddle_import import supported_precisions
from model.program import Engine, Program
from model.program_cache import CACHE_VARIABLE, program_for

ROOT = Path(__file__).resolve().parent.parent.parent
Arrays = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def open_it(exported: Path) -> functools.partial[Program]:
    folder = exported / "program"
    return functools.partial(Program, lambda **_: nullcontext(folder), engine="fp32", threads=1)


@pytest.fixture
def inputs() -> Arrays:
    rng = np.random.default_rng(0)
    planes = rng.uniform(-1, 1, (2, 4, 64, 96)).astype(np.float32)
    return planes, np.zeros((2, SMALL.bins + 1), np.float32)


def test_an_engine_that_cannot_open_a_program_is_replaced_once(
    open_it: functools.partial[Program],
    inputs: Arrays,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = open_it()(*inputs, temperature=0.7)
    original = programs.open_program

    def fails_with_onednn(folder: Path, *, engine: Engine, threads: int) -> object:
        if engine != "plain":
            raise RuntimeError("oneDNN says no\nand a long story")
        return original(folder, engine=engine, threads=threads)

    monkeypatch.setattr(programs, "open_program", fails_with_onednn)
    with caplog.at_level(logging.WARNING):
        slow = open_it()
    assert slow.engine == "plain"
    assert caplog.messages == ["fp32 failed (oneDNN says no): continuing without it, more slowly"]
    np.testing.assert_allclose(slow(*inputs, temperature=0.7), expected, atol=1e-3)


def test_where_int8_fails_the_other_program_is_opened(
    exported: Path, inputs: Arrays, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    original = programs.open_program

    def fails_in_int8(folder: Path, *, engine: Engine, threads: int) -> object:
        if engine == "int8":
            raise RuntimeError("no kernel")
        return original(folder, engine=engine, threads=threads)

    monkeypatch.setattr(programs, "open_program", fails_in_int8)

    def folder(*, engine: Engine, temperature: float) -> AbstractContextManager[Path]:
        return nullcontext(tmp_path if engine == "int8" else exported / "program")

    program = Program(folder, engine="int8", threads=1)
    assert program.engine == "plain"
    program(*inputs, temperature=0.7)


@pytest.mark.slow
def test_in_int8_each_temperature_has_a_program_of_its_own(
    exported: Path, inputs: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    folder = functools.partial(program_for, exported / "small.npz", bins=exported / "bins.npy")
    whole = Program(folder, engine="fp32", threads=1)
    program = Program(folder, engine="int8", threads=1, temperature=0.7)
    for temperature in (0.7, 0.3, 0.7):
        expected = whole(*inputs, temperature=temperature)
        found = program(*inputs, temperature=temperature)
        assert np.sqrt(np.mean((found - expected) ** 2)) < 0.05 * np.std(expected)
    assert program.engine == "int8"
    assert len(list(tmp_path.iterdir())) == 3


def test_programs_are_opened_side_by_side(
    open_it: functools.partial[Program], inputs: Arrays
) -> None:
    """Paddle by itself fails if two threads open one at the same time."""
    with ThreadPoolExecutor(4) as threads:
        opened = list(threads.map(lambda _: open_it(), range(8)))
    expected = opened[0](*inputs, temperature=0.7)
    for program in opened[1:]:
        np.testing.assert_array_equal(program(*inputs, temperature=0.7), expected)


@pytest.mark.slow
def test_other_outputs_may_have_another_engine(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    folder = functools.partial(program_for, exported / "small.npz", bins=exported / "bins.npy")
    program = Program(folder, engine="int8", others="fp32", threads=1)
    assert program.giving("distribution").engine == "fp32"
    assert program.engine == "int8"


def test_an_engine_that_fails_in_use_is_replaced_once(
    open_it: functools.partial[Program],
    inputs: Arrays,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    program = open_it()
    expected = program(*inputs, temperature=0.7)
    original, failures = programs.run_program, [RuntimeError("no kernel")]

    def fails_once(*args: Any, **more: Any) -> object:
        if failures:
            raise failures.pop()
        return original(*args, **more)

    monkeypatch.setattr(programs, "run_program", fails_once)
    np.testing.assert_allclose(program(*inputs, temperature=0.7), expected, atol=1e-3)
    assert program.engine == "plain"
    assert caplog.messages == ["fp32 failed (no kernel): continuing without it, more slowly"]
    failures.append(RuntimeError("plain cannot either"))
    with pytest.raises(RuntimeError, match="plain cannot either"):
        program(*inputs, temperature=0.7)


USE_CORES = """
import os, sys
from pathlib import Path
import numpy as np
from model.program import open_program, run_program
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for threads in (None, 1, 2):
    predictor = open_program(Path(sys.argv[1]), engine="fp32", threads=threads)
    planes, palettes = np.ones((2, 4, 64, 96), np.float32), np.zeros((2, 7), np.float32)
    run_program(predictor, planes, palettes, temperature=1.0)
    print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_a_program_has_the_cores_that_this_process_may_use(exported: Path) -> None:
    """On one core, it has as many threads as if one were asked for."""
    command = [sys.executable, "-c", USE_CORES, str(exported / "program")]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    by_itself, one, two = map(int, done.stdout.split())
    assert by_itself == one < two


def _at_sizes(predictor: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    sizes = ((1, 64, 96), (3, 32, 32), (2, 96, 64), (1, 64, 96))
    planes = [rng.uniform(-1, 1, (n, 4, h, w)).astype(np.float32) for n, h, w in sizes]
    return [
        programs.run_program(
            predictor, each, np.zeros((len(each), SMALL.bins + 1), np.float32), temperature=0.7
        )
        for each in (*planes, *planes)
    ]


@pytest.mark.parametrize("engine", ["fp32", "bf16", "int8"])
def test_the_optimized_form_that_is_kept_computes_the_same(
    exported: Path, tmp_path: Path, engine: Engine
) -> None:
    """Also when the size changes between calls, and after a form that was damaged has been replaced."""
    if engine not in supported_precisions():
        pytest.skip(f"this processor has no {engine}")
    export.export(
        exported / "small.npz", tmp_path, bins=np.load(exported / "bins.npy"), engine=engine,
        temperature=0.7,
    )  # fmt: skip
    parts = [folder for folder in tmp_path.iterdir() if folder.is_dir()]
    assert len(parts) == (engine == "int8")  # which was opened to compare it
    first = _at_sizes(programs.open_program(tmp_path, engine=engine, threads=1))
    (kept,) = (folder for folder in tmp_path.iterdir() if folder.is_dir())
    assert kept.name.startswith(f"{engine}-")
    model, parameters = kept / "_optimized.pdmodel", kept / "_optimized.pdiparams"
    assert parameters.stat().st_nlink > 1
    made = model.stat().st_mtime_ns
    again = _at_sizes(programs.open_program(tmp_path, engine=engine, threads=1))
    assert model.stat().st_mtime_ns == made
    whole = model.read_bytes()
    model.write_bytes(whole[: len(whole) // 2])
    replaced = _at_sizes(programs.open_program(tmp_path, engine=engine, threads=1))
    assert model.stat().st_size > 0.9 * len(whole)
    for one, other, third in zip(first, again, replaced, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)
    for one, other in zip(first[:4], first[4:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_program_in_a_folder_that_cannot_be_written_is_opened(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (exported / "program").glob("program.*"):
        shutil.copy(file, tmp_path)
    expected = _at_sizes(programs.open_program(exported / "program", engine="fp32", threads=1))

    def refused(**_: Any) -> str:
        raise PermissionError("read-only")

    monkeypatch.setattr(programs.tempfile, "mkdtemp", refused)
    found = _at_sizes(programs.open_program(tmp_path, engine="fp32", threads=1))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
