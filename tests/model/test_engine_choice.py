"""The fastest engine is measured once, kept, and measured again on another machine."""

import json
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from model import engine_choice
from model.engine_choice import (
    MEASURED,
    choose_engine,
    engine_of,
    keep_seconds,
    measured_seconds,
)
from model.options import RunOptions
from model.paddle_import import supported_precisions
from model.program import Device, Engine, Precision
from model.program_cache import CACHE_VARIABLE
from runtime.files import lock

ALL: tuple[Engine, ...] = ("fp32", "bf16", "int8")


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """Measure these seconds, on a processor with everything and without a GPU, into an empty cache."""
    seconds: dict[str, float] = {"fp32": 3, "bf16": 2, "int8": 1}
    calls: list[tuple[str, ...]] = []

    def measure(engines: Sequence[Engine]) -> dict[str, float]:
        calls.append(tuple(engines))
        return {engine: seconds[engine] for engine in engines}

    engine_choice._seconds.cache_clear()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(engine_choice, "measured_seconds", measure)
    monkeypatch.setattr(engine_choice, "supported_precisions", lambda: ALL)
    monkeypatch.setattr(engine_choice, "gpu_count", lambda: 0)
    monkeypatch.setattr(engine_choice, "has_gpu_package", lambda: False)
    monkeypatch.setattr(engine_choice, "_calls", calls, raising=False)
    return seconds


def measured() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = engine_choice._calls  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize(
    ("precision", "fastest", "engine"),
    [
        ("auto", "int8", "bf16"),  # photos are never computed in int8 unless asked
        ("fastest", "int8", "int8"),
        ("fastest", "bf16", "bf16"),
        ("auto", "fp32", "fp32"),
        ("fastest", "fp32", "fp32"),
        ("fp32", "bf16", "fp32"),
        ("bf16", "fp32", "bf16"),
        ("int8", "fp32", "int8"),
    ],
)
def test_auto_is_the_engine_that_was_fastest(
    times: dict[str, float], precision: Precision, fastest: str, engine: Engine
) -> None:
    times[fastest] = 0.5
    assert choose_engine("cpu", precision) == engine
    assert bool(measured()) == (precision in {"auto", "fastest"})


def test_the_measurement_is_kept_and_completed(times: dict[str, float], tmp_path: Path) -> None:
    for _ in range(2):
        assert choose_engine("cpu", "auto") == "bf16"
        assert choose_engine("cpu", "fastest") == "int8"
        engine_choice._seconds.cache_clear()  # as another process
    assert measured() == [("fp32", "bf16"), ALL]
    assert json.loads((tmp_path / MEASURED).read_text())["seconds"] == times


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"machine": "?", "seconds": {}}', "null"])
def test_another_machine_s_or_a_damaged_file_is_measured_anew(
    times: dict[str, float], tmp_path: Path, content: str
) -> None:
    (tmp_path / MEASURED).write_text(content)
    assert choose_engine("cpu", "auto") == "bf16"
    assert measured() == [("fp32", "bf16")]


def test_a_cache_that_cannot_be_written_is_measured_once_per_process(
    times: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    assert {choose_engine("cpu", "auto") for _ in range(3)} == {"bf16"}
    assert len(measured()) == 1


def test_processes_that_begin_together_measure_once(
    times: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one finishes its measurement, with another result, while this one waits for its lock."""
    holds, waits = threading.Event(), threading.Event()

    def waiting(path: Path, *, wait: bool) -> AbstractContextManager[None]:
        waits.set()
        return lock(path, wait=wait)

    def another() -> None:
        with lock(tmp_path / "engines.lock"):
            holds.set()
            waits.wait()
            keep_seconds(tmp_path, {"fp32": 1, "bf16": 5})

    monkeypatch.setattr(engine_choice, "lock", waiting)
    thread = threading.Thread(target=another)
    thread.start()
    holds.wait()
    assert choose_engine("cpu", "auto") == "fp32"
    thread.join()
    assert not measured()


def test_a_processor_with_one_engine_needs_no_measurement(
    times: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_choice, "supported_precisions", lambda: ("fp32",))
    assert choose_engine("cpu", "fastest") == "fp32"
    assert not measured()


@pytest.mark.parametrize(
    ("device", "gpus", "engine"), [("auto", 1, "gpu"), ("gpu", 2, "gpu"), ("cpu", 2, "bf16")]
)
def test_a_gpu_is_faster_than_all(
    times: dict[str, float], monkeypatch: pytest.MonkeyPatch, device: Device, gpus: int, engine: str
) -> None:
    monkeypatch.setattr(engine_choice, "gpu_count", lambda: gpus)
    monkeypatch.setattr(engine_choice, "has_gpu_package", lambda: True)
    assert choose_engine(device, "auto") == engine


def test_a_gpu_that_is_not_there_is_named(times: dict[str, float]) -> None:
    with pytest.raises(RuntimeError, match="Paddle can use no GPU here: use -device cpu"):
        choose_engine("gpu", "auto")
    with pytest.raises(ValueError, match="Paddle can use no GPU here: use -device cpu"):
        engine_of(RunOptions(device="gpu"))


@pytest.mark.slow
def test_each_engine_that_this_processor_has_is_timed() -> None:
    engines: list[Engine] = [one for one in ALL if one in supported_precisions()]
    seconds = measured_seconds(engines)
    assert [*seconds] == engines
    assert all(1e-4 < value < 10 for value in seconds.values())
