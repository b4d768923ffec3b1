"""Training runs: resumed bit-exactly, stopped without loss, rejected in one line."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import paddle
import pytest
from helpers import wait_for
from small_network import random_arrays

from model.contract import network_planes
from model.network import NetworkConfig
from model.weights_file import read_backbone, read_weights, write_weights
from prior.dataset import read_rgb
from prior.lab import rgb2lab
from prior.qspace import QSpace, read_bins
from runtime.files import temporary_name
from train.checkpoint import read_checkpoint
from train.config import TrainConfig, prepare_environment
from train.device import choose_precision
from train.evaluation_images import evenly_spread
from train.fileReader import SampleOptions, random_crop
from train.run import Run, _numbers
from train.train import LossError, Meter, main, train
from train.trainer import learning_rate

ROOT = Path(__file__).resolve().parent.parent.parent
TINY: dict[str, Any] = {
    "width": 4, "sizes": (32,), "batch": 4, "steps": 6, "warmup": 2, "workers": 0, "recalibrate": 2,
    "valid_every": 100, "save_every": 100, "valid_pictures": 2, "valid_size": 32,
}  # fmt: skip


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with train/, test/ and prior/."""
    root = tmp_path_factory.mktemp("room")
    for name, count in (("train", 9), ("test", 2)):
        (root / name).mkdir()
        for number in range(count):
            blocks = np.random.default_rng(number).integers(0, 256, (4, 5, 3), dtype=np.uint8)
            picture = cv2.resize(blocks, (60, 48), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(root / name / f"{number}.jpg"), picture)
    (root / "prior").mkdir()
    np.save(root / "prior" / "Q.npy", read_bins())
    weight = np.random.default_rng(1).uniform(0.5, 2, 261).astype(np.float32)
    np.save(root / "prior" / "Weight.npy", weight)
    return root


@pytest.fixture(autouse=True)
def one_qspace(qspace: QSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.run.QSpace", lambda bins: qspace)


@pytest.fixture
def unvalidated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the final validation, half the time of a short run, in tests of the steps."""
    monkeypatch.setattr(Run, "validate", lambda run: "")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validate without plotting the curve, half of the validation's time."""
    monkeypatch.setattr("train.run.write_training_curve", lambda path, history: None)


def config_of(room: Path, **changes: Any) -> TrainConfig:
    places = {name: str(room / folder) for name, folder in
              (("data", "train"), ("valid", "test"), ("prior", "prior"))}  # fmt: skip
    return TrainConfig(**{**places, **TINY, **changes})


def run_of(room: Path, out: Path, *, static: bool = False, **changes: Any) -> Run:
    return Run(config_of(room, **changes), out, device="cpu", static=static)


def words(room: Path, out: Path, *more: str) -> list[str]:
    """Return the same run as a command line."""
    values = {**TINY, "data": room / "train", "valid": room / "test", "prior": room / "prior"}
    values["sizes"] = "32"
    flat = [text for name, value in values.items() for text in (f"-{name}", str(value))]
    return [*flat, "-out", str(out), "-device", "cpu", "-eager", *more]


def exit_of(given: list[str]) -> int:
    """Return the exit code of a command line that argparse or the script rejects."""
    try:
        return main(given)
    except SystemExit as stop:  # argparse exits this way
        return int(stop.code or 0)


def command(room: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, str(ROOT / "train" / "train.py"), *words(room, out, *more)]


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


BOTH_WAYS = pytest.mark.parametrize(
    "static", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["eager", "compiled"]
)


@pytest.mark.usefixtures("unvalidated")
@BOTH_WAYS
@pytest.mark.parametrize(
    "tune_from",
    [pytest.param(0, marks=pytest.mark.slow), 1, pytest.param(3, marks=pytest.mark.slow)],
)
def test_four_steps_are_two_saved_loaded_and_two(
    room: Path, tmp_path: Path, static: bool, tune_from: int
) -> None:
    how: dict[str, Any] = {"static": static, "tune_from": tune_from, "steps": 4}
    whole = run_of(room, tmp_path / "whole", **how)
    whole.resume()
    train(whole)
    first = run_of(room, tmp_path / "parts", **how)
    first.resume()
    steps = first.batches()
    for _ in range(2):
        first.trainer.train_step(first.step, [next(steps)])
        first.step += 1
    first.save()
    second = run_of(room, tmp_path / "parts", **how)
    second.resume()
    assert second.step == 2
    train(second)
    one, two = whole.trainer.arrays(), second.trainer.arrays()
    assert one.keys() == two.keys()
    assert any("moment1" in name for name in one)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


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


@pytest.mark.slow
def test_ctrl_c_saves_and_the_same_command_continues(room: Path, tmp_path: Path) -> None:
    out, endless = tmp_path / "run", ["-steps", "100000", "-workers", "1"]
    process = subprocess.Popen(
        command(room, out, *endless), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    log = out / "log.jsonl"
    wait_for(lambda: log.exists() or process.poll() is not None, limit_s=120)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # like the terminal: readers receive it, too
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130, errors[-2000:]
    step = int(re.findall(r"saved at step (\d+); run the same command to continue", errors)[0])
    state = read_checkpoint(out / "checkpoint.npz", config_of(room, steps=100000))
    assert state.step == step >= 10


def test_a_nan_stops_the_run_and_keeps_the_last_good_state(room: Path, tmp_path: Path) -> None:
    run = run_of(room, tmp_path, save_every=1)
    run.save()
    weight = run.trainer.network.head.weight
    weight.set_value(weight * float("nan"))
    with pytest.raises(LossError, match=r"loss became nan .*last good state"):
        train(run)
    state = read_checkpoint(tmp_path / "checkpoint.npz", run.config)
    assert state.step == 0
    assert np.isfinite(state.arrays["network/head.weight"]).all()


@pytest.mark.usefixtures("unvalidated")
def test_corrupt_pictures_are_named_once_and_counted(room: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(3):
        (data / f"{number}.jpg").write_bytes((room / "train" / f"{number}.jpg").read_bytes())
    (data / "3.jpg").write_bytes(b"\xff\xd8 no picture")
    run = run_of(room, tmp_path / "run", data=str(data), steps=2)  # two epochs
    train(run)
    assert run.facts["skipped"] == ["3.jpg"]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_fewer_pictures_than_a_batch_are_enough(room: Path, tmp_path: Path, count: int) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(count):
        (data / f"{number}.jpg").write_bytes((room / "train" / f"{number}.jpg").read_bytes())
    run = run_of(room, tmp_path / "run", data=str(data), steps=2)
    train(run)
    assert run.step == 2


def test_losses_are_taken_in_float32_whatever_the_network_computes_in(
    room: Path, tmp_path: Path
) -> None:
    trainer = run_of(room, tmp_path).trainer
    batch = next(run_of(room, tmp_path).batches())
    exact = trainer.loss(batch).item()
    forward = trainer._forward
    trainer._forward = lambda *planes: forward(*planes).astype("bfloat16")
    loss = trainer.loss(batch)
    assert loss.dtype == paddle.float32
    assert loss.item() == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(
    ("device", "half", "chosen"),
    [("cpu", True, "float32"), ("gpu", True, "bfloat16"), ("gpu", False, "float16")],
)
def test_precision_fits_the_device(
    device: str, half: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paddle.amp, "is_bfloat16_supported", lambda: half)
    monkeypatch.setattr(paddle.amp, "is_float16_supported", lambda: True)
    assert choose_precision("auto", device) == chosen


@pytest.mark.usefixtures("undrawn")
def test_gray_pictures_train_without_an_accident(room: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(4):
        cv2.imwrite(str(data / f"{number}.jpg"), np.full((48, 48, 3), 60 * number, np.uint8))
    run = run_of(room, tmp_path / "run", data=str(data), steps=2)
    train(run)
    assert all(np.isfinite(array).all() for array in run.trainer.arrays().values())


def test_init_starts_where_the_weights_are(room: Path, tmp_path: Path) -> None:
    first, config = tmp_path / "first.npz", NetworkConfig(TINY["width"])
    write_weights(first, random_arrays(config), config=config, record={})
    run = run_of(room, tmp_path / "second", init=str(first))
    run.resume()
    bias = run.trainer.network.head.bias.numpy()
    np.testing.assert_array_equal(bias, read_weights(first).arrays["head.bias"])
    assert run.config.peak_learning_rate < TrainConfig().peak_learning_rate


def backbone_of(arrays: dict[str, Any], *, statistics: bool) -> dict[str, Any]:
    return {
        name: array.copy()
        for name, array in arrays.items()
        if name.startswith("network/backbone.")
        and name.endswith(("._mean", "._variance")) == statistics
    }


@BOTH_WAYS
def test_the_backbone_learns_from_a_step_on_but_never_its_statistics(
    room: Path, tmp_path: Path, static: bool
) -> None:
    run = run_of(room, tmp_path, static=static, tune_from=1, learning_rate=0.01)
    run.resume()
    published = read_backbone()["backbone.blocks.3.project.weight"].astype(np.float32)
    before, steps = run.trainer.arrays(), run.batches()
    stored = before["network/backbone.blocks.3.project.weight"]
    np.testing.assert_array_equal(stored, published)
    for step in range(3):
        run.trainer.train_step(step, [next(steps)])
        after = run.trainer.arrays()
        for name, array in backbone_of(before, statistics=True).items():
            np.testing.assert_array_equal(after[name], array)
        changed = [
            not np.array_equal(after[name], array)
            for name, array in backbone_of(before, statistics=False).items()
        ]
        assert all(changed) if step >= 1 else not any(changed), step
        assert not np.array_equal(after["network/head.bias"], before["network/head.bias"])


def test_the_backbone_learns_at_its_share_of_the_rate(room: Path, tmp_path: Path) -> None:
    steps: dict[float, Any] = {}
    for share in (0.5, 0.05):
        out = tmp_path / str(share)
        changes = {"tune_from": 0, "tune_backbone": share, "weight_decay": 0.0}
        run = run_of(room, out, **changes)
        run.resume()
        name = "network/backbone.blocks.3.project.weight"
        before = run.trainer.arrays()[name]
        run.trainer.train_step(0, [next(run.batches())])
        steps[share] = np.abs(run.trainer.arrays()[name] - before).max()
    assert steps[0.5] == pytest.approx(10 * steps[0.05], rel=0.01)


def test_cross_entropy_is_that_of_plain_samples(room: Path, tmp_path: Path) -> None:
    run = run_of(room, tmp_path, hints=1.0, palette=1.0, valid=str(room / "train"))
    found = run.cross_entropies()
    assert found["train"] == found["valid"]  # the same pictures and crops
    assert run.cross_entropies() == found
    run.trainer.averaged.head.bias.set_value(run.trainer.averaged.head.bias * 0)
    run.trainer.averaged.head.weight.set_value(run.trainer.averaged.head.weight * 0)
    plain = run.samples.like(
        run.samples.pictures[:1], SampleOptions(hints=0, palette=0, aged=False)
    )
    uniform = np.log(261) * plain[0, 0, 32]["weights"].mean()
    assert run.trainer.entropy(plain, size=32) == pytest.approx(uniform, rel=1e-5)


def test_cross_entropy_is_of_random_crops_that_are_neither_aged_nor_guided(
    room: Path, tmp_path: Path
) -> None:
    run = run_of(room, tmp_path, hints=1.0, palette=1.0)
    options = SampleOptions(run.config.seed, hints=0, palette=0, aged=False)
    samples = run.samples.like(evenly_spread(run.samples.pictures, 2), options)
    assert run.cross_entropies()["train"] == run.trainer.entropy(samples, size=32)
    for index, picture in enumerate(samples.pictures):
        rng = np.random.default_rng((run.config.seed, 0, index))
        crop = random_crop(read_rgb(picture), rng, size=32)
        sample = samples[0, index, 32]
        expected = network_planes(rgb2lab(crop)[None, ..., 0])[0]
        np.testing.assert_array_equal(sample["planes"], expected)
        assert not sample["palette"].any()


def test_without_a_backbone_all_is_random(room: Path, tmp_path: Path) -> None:
    run = run_of(room, tmp_path, backbone="none")
    run.resume()
    published = read_backbone()["backbone.stem.weight"]
    assert not np.allclose(run.trainer.network.backbone.stem.weight.numpy(), published, atol=0.01)


@pytest.mark.usefixtures("unvalidated")
def test_refitting_the_head_leaves_the_rest_alone(room: Path, tmp_path: Path) -> None:
    run = run_of(room, tmp_path, fit="context+head", steps=2)
    before = run.trainer.arrays()
    train(run)
    after = run.trainer.arrays()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    learned = {name for name in changed if name.startswith("network/")}
    assert learned
    assert all(name.startswith(("network/context", "network/head")) for name in learned)


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    config = TrainConfig(steps=1000, warmup=100)
    rates = [learning_rate(config, step) for step in range(1000)]
    assert rates[0] == pytest.approx(1.5e-5)
    assert max(rates) == rates[99] == pytest.approx(1.5e-3)
    assert rates[99:] == sorted(rates[99:], reverse=True)
    assert rates[-1] < 1e-8


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


def test_leftovers_of_a_killed_save_are_swept_and_nothing_else(room: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    leftover, other = temporary_name(out / "checkpoint.npz"), out / "download.part"
    leftover.touch()
    other.touch()
    run_of(room, out)
    assert not leftover.exists()
    assert other.exists()


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (["-data", "/nowhere"], 1, "does not exist"),
        (["-batch", "0"], 2, "number of 1 or more"),
        (["-sizes", "50"], 2, "multiples of 32"),
        (["-device", "gpu"], 1, "no GPU"),
        (["-precision", "fp16"], 1, "is not supported on this"),
        (["-prior", "/nowhere"], 1, "Q.npy"),
        (["-init", "/nowhere.npz"], 1, "no weights file"),
        (["-backbone", "/nowhere.npz"], 1, "no weights file"),
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
def test_another_config_does_not_continue(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ("-steps", "1")
    run_of(room, tmp_path, steps=1).save()
    assert main(words(room, tmp_path, *short, "-batch", "2")) == 1
    assert "batch 4 -> 2" in capsys.readouterr().err
    assert main(words(room, tmp_path, *short, "-batch", "2", "-restart")) == 0


@pytest.mark.usefixtures("unvalidated")
def test_a_restart_learns_from_the_pictures_that_are_there_now(room: Path, tmp_path: Path) -> None:
    shutil.copytree(room / "train", tmp_path / "train")
    out, here = tmp_path / "run", ("-data", str(tmp_path / "train"), "-steps", "1")
    assert main(words(room, out, *here)) == 0
    shutil.copy(room / "train" / "0.jpg", tmp_path / "train" / "new.jpg")
    assert main(words(room, out, *here, "-restart")) == 0
    resumed = run_of(room, out, data=str(tmp_path / "train"), steps=1)
    resumed.resume()
    assert resumed.step == 1
    assert "new.jpg" in [picture.name for picture in resumed.samples.pictures]


@pytest.mark.usefixtures("unvalidated")
def test_reader_processes_serve_a_run(room: Path, tmp_path: Path) -> None:
    # Start OpenCV's threads, then fork.
    cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (900, 900))
    run = run_of(room, tmp_path, workers=2, steps=2)
    train(run)
    assert run.step == 2


@pytest.mark.parametrize(("told", "kind"), [("AuthenticAMD", "5"), ("GenuineIntel", None)])
def test_mkl_takes_its_fast_path_on_amd_too_and_what_the_user_set_stays(
    monkeypatch: pytest.MonkeyPatch, told: str, kind: str | None
) -> None:
    environment = {"OMP_NUM_THREADS": "3"}
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr("model.paddle_import._processor", lambda: f"vendor_id\t: {told}")
    with warnings.catch_warnings():
        prepare_environment(threads=1)
    assert environment["OMP_NUM_THREADS"] == "3"
    assert environment.get("MKL_DEBUG_CPU_TYPE") == kind


def test_paddle_gets_the_processors_that_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {1, 4, 6}, raising=False)
    with warnings.catch_warnings():
        prepare_environment()
    assert environment["OMP_NUM_THREADS"] == "3"


def test_log_rows_flatten_to_numbers() -> None:
    row = {"step": 5, "loss": 1.5, "valid": {"psnr": 22, "chroma": [1, 2]}}
    assert list(_numbers(row)) == [("loss", 1.5), ("valid/psnr", 22.0)]


@pytest.mark.skipif(find_spec("visualdl") is not None, reason="VisualDL is installed")
def test_visualdl_is_asked_for_in_words(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(room, tmp_path, "-visualdl")) == 1
    assert "pip install visualdl" in capsys.readouterr().err


def test_help_names_every_setting(room: Path) -> None:
    text = subprocess.run(
        [sys.executable, str(ROOT / "train" / "train.py"), "--help"],
        check=True, capture_output=True, text=True, cwd=room,
    ).stdout  # fmt: skip
    for name in ("-data", "-valid", "-learning_rate", "-rebalance", "-out"):
        assert name in text
