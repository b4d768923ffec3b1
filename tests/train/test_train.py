"""Training runs: resumed bit-exactly, stopped without loss, rejected in one line."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import group_is_gone, wait_for
from tiny_run import config_of, rows, run_of, words

from model.weights_file import read_weights
from train.checkpoint import read_checkpoint
from train.train import LossError, Meter, main, train

pytestmark = pytest.mark.usefixtures("one_qspace")

ROOT = Path(__file__).resolve().parent.parent.parent


def exit_of(given: list[str]) -> int:
    """Return the exit code of a command line that argparse or the script rejects."""
    try:
        return main(given)
    except SystemExit as stop:  # argparse exits this way
        return int(stop.code or 0)


def command(room: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, str(ROOT / "train" / "train.py"), *words(room, out, *more)]


@pytest.mark.slow
def test_a_batch_in_parts_has_the_same_loss_for_one_process_and_two(room: Path) -> None:
    """Compare two processes over gloo, each with one of two parts, with one process for both."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    alone, pair = room / "alone", room / "pair"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        command(room, alone, "-parts", "2"), check=True, env=environment, capture_output=True
    )
    ends = f"127.0.0.1:{port},127.0.0.1:{port + 1}"
    processes = [
        subprocess.Popen(
            command(room, pair, "-parts", "2"),
            env={
                **environment,
                "PADDLE_TRAINER_ID": str(rank),
                "PADDLE_TRAINERS_NUM": "2",
                "PADDLE_TRAINER_ENDPOINTS": ends,
                "PADDLE_CURRENT_ENDPOINT": ends.split(",")[rank],
                "PADDLE_DISTRI_BACKEND": "gloo",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    for process in processes:
        assert process.wait(timeout=300) == 0, process.communicate()[1][-2000:]
        process.communicate()
    losses = [[row["loss"] for row in rows(out) if "loss" in row] for out in (alone, pair)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    one, two = (read_checkpoint(out / "checkpoint.npz", config_of(room, parts=2)).arrays
                for out in (alone, pair))  # fmt: skip
    np.testing.assert_allclose(one["network/head.bias"], two["network/head.bias"], atol=1e-4)


def test_a_finished_run_leaves_weights_log_sheet_and_curve(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(words(room, out, "-steps", "2")) == 0
    assert capsys.readouterr().out.strip() == str(out / "best.npz")
    weights = read_weights(out / "best.npz")
    assert weights.config.width == 4
    assert weights.record["step"] == 2
    assert str(room) not in json.dumps(weights.record)
    assert weights.record["gray"]["colorfulness"] < 0.01
    assert [sorted(row)[0] for row in rows(out)] == ["loss", "cross_entropy"]
    for name in ("sheet.png", "curve.png"):
        assert cv2.imread(str(out / name)).std() > 1


@contextmanager
def endless(room: Path, out: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a training with two readers, in a session of its own, that has logged its first steps."""
    words = command(room, out, "-steps", "100000", "-workers", "2")
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        log = out / "log.jsonl"
        wait_for(lambda: log.exists() or process.poll() is not None, limit_s=120)
        assert process.poll() is None
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_saves_and_the_same_command_continues(
    room: Path, tmp_path: Path, name: signal.Signals
) -> None:
    out = tmp_path / "run"
    with endless(room, out) as process:
        os.killpg(process.pid, name)  # like the terminal, and `timeout`: readers receive it, too
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130, errors[-2000:]
    assert "Traceback" not in errors
    step = int(re.findall(r"saved at step (\d+); run the same command to continue", errors)[0])
    state = read_checkpoint(out / "checkpoint.npz", config_of(room, steps=100000))
    assert state.step == step >= 10
    assert group_is_gone(process.pid)


@pytest.mark.slow
def test_readers_end_with_a_killed_run(room: Path, tmp_path: Path) -> None:
    with endless(room, tmp_path / "run") as process:
        process.kill()
        process.wait()
        wait_for(lambda: group_is_gone(process.pid))


@pytest.mark.parametrize("steps", [2, 3])
def test_a_validation_that_a_stop_prevented_is_done_by_the_same_command(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], steps: int
) -> None:
    every = {"steps": steps, "valid_every": 2}
    run = run_of(room, tmp_path, **every)
    step = run.trainer.train_step

    def stopped(number: int, parts: Any) -> Any:
        if number == 1:
            run.stop()
        return step(number, parts)

    run.trainer.train_step = stopped
    train(run)
    assert [row for row in rows(tmp_path) if "valid" in row] == []
    same = words(
        room, tmp_path, *(text for name in every for text in (f"-{name}", str(every[name])))
    )
    for _ in range(2):  # the second time, nothing is due
        assert main(same) == 0
        assert Path(capsys.readouterr().out.strip()).is_file()
        assert [row["step"] for row in rows(tmp_path) if "valid" in row] == [*range(2, steps + 1)]


def test_a_nan_stops_the_run_and_keeps_the_last_good_state(room: Path, tmp_path: Path) -> None:
    run = run_of(room, tmp_path, save_every=1)
    meter = Meter(run)
    meter.losses.append(SimpleNamespace(item=lambda: float("inf")))
    with pytest.raises(LossError, match=r"became inf .*; nothing was saved before: use a lower"):
        meter.report()
    run.save()
    weight = run.trainer.network.head.weight
    weight.set_value(weight * float("nan"))
    with pytest.raises(LossError, match=r"loss became nan .*last good state"):
        train(run)
    state = read_checkpoint(tmp_path / "checkpoint.npz", run.config)
    assert state.step == 0
    assert np.isfinite(state.arrays["network/head.weight"]).all()


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_fewer_pictures_than_a_batch_are_enough(room: Path, tmp_path: Path, count: int) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(count):
        (data / f"{number}.jpg").write_bytes((room / "train" / f"{number}.jpg").read_bytes())
    run = run_of(room, tmp_path / "run", data=str(data), steps=2)
    train(run)
    assert run.step == 2


def test_gray_pictures_train_without_an_accident(room: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(4):
        cv2.imwrite(str(data / f"{number}.jpg"), np.full((48, 48, 3), 60 * number, np.uint8))
    run = run_of(room, tmp_path / "run", data=str(data), steps=2)
    train(run)
    assert all(np.isfinite(array).all() for array in run.trainer.arrays().values())


def test_speed_and_waiting_are_of_the_time_spent_training(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("train.train.time", SimpleNamespace(monotonic=lambda: now[0]))
    meter = Meter(run_of(room, tmp_path))
    meter.run.step = 2  # warmed up
    with meter.waiting():
        now[0] += 1
    now[0] += 3
    with meter.paused():
        now[0] += 50
    meter.losses.append(SimpleNamespace(item=lambda: 2.5))
    assert meter.report() == "loss 2.500  lr 1.5e-03  1 img/s  wait 25 %"
    assert rows(tmp_path)[0] | {"lr": 0} == {
        "step": 2, "loss": 2.5, "lr": 0, "pictures_per_s": 1.0, "wait": 0.25
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (["-data", "/nowhere"], 1, "does not exist"),
        (["-batch", "0"], 2, "number of 1 or more"),
        (["-sizes", "50"], 2, "multiples of 32"),
        (["-device", "gpu"], 1, "no GPU"),
        (["-precision", "fp16"], 1, "is not supported on this"),
        (["-prior", "/nowhere"], 1, "Q.npy"),
        (["-init", "/nowhere.npz"], 2, "no such weights file"),
        (["-backbone", "/nowhere.npz"], 2, "no such weights file"),
        (["-tune_backbone", "2"], 2, "number from 0 to 1"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    room: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: list[str],
    code: int,
    message: str,
) -> None:
    assert exit_of(words(room, tmp_path / "run", *changes)) == code
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("train/train.py: ")
    assert message in errors[0]


@pytest.mark.usefixtures("unvalidated")
def test_reader_processes_serve_a_run(room: Path, tmp_path: Path) -> None:
    # Start OpenCV's threads, then fork.
    cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (900, 900))
    run = run_of(room, tmp_path, workers=2, steps=2)
    train(run)
    assert run.step == 2


def test_help_names_every_setting(room: Path) -> None:
    text = subprocess.run(
        [sys.executable, str(ROOT / "train" / "train.py"), "--help"],
        check=True, capture_output=True, text=True, cwd=room,
    ).stdout  # fmt: skip
    for name in ("-data", "-valid", "-learning_rate", "-rebalance", "-out"):
        assert name in text
