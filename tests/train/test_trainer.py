"""One step and its loss: what learns, at which rate, and a state that resumes to the bit."""

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
from tiny_run import run_of

from model.weights_file import read_backbone
from train.config import TrainConfig
from train.train import train
from train.trainer import learning_rate

pytestmark = pytest.mark.usefixtures("one_qspace")

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
