"""A checkpoint is the complete state of a run or the previous checkpoint, never a partial one."""

import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from helpers import wait_for

from runtime.files import UNFINISHED, sweep
from train.checkpoint import CheckpointError, State, read_checkpoint, write_checkpoint
from train.config import TrainConfig

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = TrainConfig(steps=7)


def state(step: int, *, size: int = 1000) -> State:
    return State(step, {"network/a": np.full(size, step, np.float32)}, {"history": [1]}, CONFIG)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, state(3))
    back = read_checkpoint(path, CONFIG)
    assert (back.step, back.facts, back.config) == (3, {"history": [1]}, CONFIG)
    np.testing.assert_array_equal(back.arrays["network/a"], np.full(1000, 3, np.float32))
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_another_config_is_refused_by_name(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c.npz", state(3))
    with pytest.raises(CheckpointError, match="batch 32 -> 8"):
        read_checkpoint(tmp_path / "c.npz", TrainConfig(steps=7, batch=8))


def test_a_run_may_be_watched_otherwise_and_made_longer(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c.npz", state(3))
    assert read_checkpoint(tmp_path / "c.npz", TrainConfig(steps=70, workers=0, save_every=9))


@pytest.mark.parametrize("keep", [0, 100, -10])
def test_a_damaged_file_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "c.npz"
    write_checkpoint(path, state(3))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"c\.npz is not a checkpoint.*-restart"):
        read_checkpoint(path, CONFIG)


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", something=np.zeros(3))
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        read_checkpoint(tmp_path / "c.npz", CONFIG)


def test_a_full_disk_keeps_the_previous_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    write_checkpoint(path, state(3))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails instead
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(CheckpointError, match="previous checkpoint is kept: free disk space"):
            write_checkpoint(path, state(4, size=1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert read_checkpoint(path, CONFIG).step == 3
    assert [p.name for p in tmp_path.iterdir()] == ["c.npz"]


def test_killing_a_save_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    code = (
        "import sys, itertools, pathlib; import numpy as np\n"
        "from train.checkpoint import State, write_checkpoint\n"
        "from train.config import TrainConfig\n"
        "big = np.random.default_rng(0).random(4_000_000)\n"
        "for step in itertools.count(1):\n"
        f"    write_checkpoint(pathlib.Path({str(path)!r}),\n"
        "        State(step, {'network/a': big + step}, {}, TrainConfig(steps=7)))\n"
    )
    for patience_s in (0.0, 0.013, 0.029):
        sweep(tmp_path)
        writer = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
        try:
            # a later save
            wait_for(lambda: path.exists() and any(tmp_path.glob(f".*{UNFINISHED}*")))
            with suppress(subprocess.TimeoutExpired):
                writer.wait(patience_s)
        finally:
            writer.kill()
            writer.wait()
        back = read_checkpoint(path, CONFIG)
        expected = np.random.default_rng(0).random(4_000_000) + back.step
        np.testing.assert_array_equal(back.arrays["network/a"], expected)
