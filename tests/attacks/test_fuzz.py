"""The fuzzer finds what it is there to find, and finds nothing in the program."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from attacks.fuzz import SUBJECTS, Subject, Worker, attack, damaged, with_checksums

SEED = 20_261_124


def misbehave(source: Path, folder: Path, number: int) -> int:
    """Stand in for a program that does whatever the name of the file says."""
    ways = {
        "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
        "hang": signal.pause,
        "memory": lambda: (np.ones(1 << 27), signal.pause()),  # 1 GB
        "exit": lambda: sys.exit(2),
        "leave": lambda: (folder / ".out.part").touch(),
        "overwrite": lambda: source.write_bytes(b"lost"),
        "noise": lambda: os.write(2, b"libpng warning: sBIT\n"),
        "lines": lambda: os.write(2, b"one\ntwo\n"),
        "escape": lambda: os.write(2, b"\x1b[2J\n"),
        "raise": lambda: 1 / 0,
    }
    ways[source.stem]()
    (folder / "out.png").write_bytes(b"result")
    return 1 if source.stem in {"lines", "escape"} else 0


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One process for all that does not end it."""
    worker = Worker(f"{__name__}:misbehave", memory=700_000_000)
    yield worker
    worker.close()


@pytest.mark.parametrize(
    ("way", "what"),
    [
        ("crash", "crash"),
        ("hang", "hang"),
        ("memory", "memory"),
        ("exit", "crash"),
        ("leave", "leftovers"),
        ("overwrite", "input lost"),
        ("noise", "noise"),
        ("lines", "not one line"),
        ("escape", "not one line"),
        ("raise", "traceback"),
    ],
)
def test_what_a_program_must_never_do_is_found(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, what: str
) -> None:
    subject = Subject(lambda: {f"{way}.png": bytes(1000)}, worker.entry)
    monkeypatch.setattr(worker, "hang_s", 1 if way == "hang" else 60)
    shared = SimpleNamespace(run=worker.run, close=lambda: None)
    findings, _ = attack(subject, n=1, keep=tmp_path, worker=shared)
    assert what in {finding.what for finding in findings}
    assert [path.name for path in tmp_path.iterdir()] == [f"0-0-{way}.png"]


def test_the_same_numbers_give_the_same_files() -> None:
    seeds = SUBJECTS["photo"].seeds()
    files = [damaged(seeds, SEED, number) for number in range(50)]
    assert files == [damaged(seeds, SEED, number) for number in range(50)]
    assert len({data for _, data in files}) > 40
    assert {name for name, _ in files} <= set(seeds)


def test_seeds_are_valid_and_their_checksums_right() -> None:
    for name, data in SUBJECTS["photo"].seeds().items():
        assert with_checksums(data) == data, name


@pytest.mark.slow
def test_no_damaged_photo_brings_the_program_down() -> None:
    findings, ends = attack(SUBJECTS["photo"], n=200, seed=SEED)
    assert [finding.line() for finding in findings] == []
    assert ends["0"] > 20
    assert ends["refused"] > 20


@pytest.mark.slow
def test_the_script_says_what_it_found() -> None:
    command = [sys.executable, Path(__file__).with_name("fuzz.py"), "--n", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "photo: 5 files" in done.stdout
    assert "0 findings" in done.stdout
