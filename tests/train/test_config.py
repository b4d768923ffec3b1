"""Settings of a run: written and read, checked, and the environment they need."""

import os
import warnings
from pathlib import Path

import pytest

from train.config import TrainConfig, prepare_environment


def test_config_survives_json() -> None:
    config = TrainConfig(sizes=(64, 32), init="x.npz", learning_rate=1e-5)
    assert TrainConfig.from_json(config.to_json()) == config


def test_unknown_settings_are_errors() -> None:
    with pytest.raises(ValueError, match="unknown settings nonsense"):
        TrainConfig.from_json('{"nonsense": 1}')


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sizes": (100,)}, "multiples of 32"),
        ({"sizes": ()}, "multiples of 32"),
        ({"valid_size": 100}, "multiples of 32"),
        ({"fit": "some"}, "fit must be one of all, context\\+head"),
        ({"batch": 5, "parts": 2}, "multiple of parts"),
        ({"entropy": 0.0, "squared": 0.0}, "above 0"),
        ({"hints": 1.5}, "hints must be from 0 to 1, got 1.5"),
        ({"steps": 0}, "steps must be 1 or more"),
        ({"learning_rate": -1.0}, "learning_rate"),
    ],
)
def test_impossible_settings_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("told", "kind"), [("AuthenticAMD", "5"), ("GenuineIntel", None)])
def test_mkl_takes_its_fast_path_on_amd_too_and_what_the_user_set_stays(
    monkeypatch: pytest.MonkeyPatch, told: str, kind: str | None
) -> None:
    environment = {"OMP_NUM_THREADS": "3"}
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr("model.paddle_import._cpuinfo", lambda: {"vendor_id": told})
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


def test_what_changes_the_training_is_a_difference_and_nothing_else() -> None:
    config = TrainConfig()
    assert config.differences(config) == []
    assert TrainConfig(batch=6).differences(config) == [f"batch {config.batch} -> 6"]
    free = TrainConfig(steps=7, workers=3, save_every=9, valid="elsewhere")
    assert free.differences(config) == []


def test_sizes_have_the_same_number_of_steps_each() -> None:
    config = TrainConfig(sizes=(32, 64, 96), steps=9, warmup=1)
    assert [config.size_at(step) for step in range(10)] == [32] * 3 + [64] * 3 + [96] * 4


def test_the_backbone_is_frozen_until_its_step() -> None:
    assert [TrainConfig().tunes_backbone(step) for step in (0, 9_999, 10_000)] == [
        False, False, True,
    ]  # fmt: skip
    assert TrainConfig(init="x.npz").tunes_backbone(0)
    assert TrainConfig(tune_from=3).tunes_backbone(3)
    assert not TrainConfig(tune_from=3).tunes_backbone(2)
    assert not TrainConfig(tune_from=0, tune_backbone=0).tunes_backbone(9)
    assert not TrainConfig(tune_from=0, fit="context+head").tunes_backbone(9)


def test_paths_do_not_depend_on_the_folder_and_records_hold_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = TrainConfig(data="a/b", init="", backbone="none").with_absolute_paths()
    assert (config.data, config.init, config.backbone) == (str(tmp_path / "a" / "b"), "", "none")
    assert config.for_record()["data"] == "b"
    assert str(tmp_path) not in str(config.for_record())
