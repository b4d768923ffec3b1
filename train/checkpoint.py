"""The whole state of a training run in one file, written atomically: all of it, or the previous one.

Plain arrays and JSON in an .npz: nothing in it can run code, and a truncated file is noticed.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from runtime.files import whole_file
from train.config import TrainConfig

Arrays = dict[str, NDArray[Any]]


class CheckpointError(ValueError):
    """A checkpoint that cannot be written, read or continued."""


class LogRow(TypedDict, total=False):
    """A row of log.jsonl: what a few steps came to, or a validation.

    loss, lr, pictures_per_s, wait : mean loss of the steps, learning rate, speed, share of time spent on the reader
    valid, gray : metrics of the averaged network, and of gray, on the validation pictures
    cross_entropy : of the averaged network on "train" and "valid" pictures
    """

    step: int
    loss: float
    lr: float
    pictures_per_s: float
    wait: float
    valid: dict[str, Any]
    gray: dict[str, Any]
    cross_entropy: dict[str, float]


class Best(TypedDict):
    """The best validation so far."""

    score: float
    step: int


class Facts(TypedDict):
    """What a run keeps besides arrays, as JSON can hold it.

    skipped : names of pictures that could not be read
    seconds : spent training
    """

    history: list[LogRow]
    skipped: list[str]
    best: Best | None
    seconds: float


@dataclass(frozen=True)
class State:
    """What it takes to continue to the bit.

    arrays : network, moving average and optimizer, as ``network/...``, ``average/...``,
        ``optimizer/...``
    facts : everything else
    """

    step: int
    arrays: Arrays
    facts: Facts
    config: TrainConfig


def write_checkpoint(path: Path, state: State) -> None:
    """Write a checkpoint; on failure the old file stays. Raises CheckpointError."""
    head = {"step": state.step, "facts": state.facts, "config": state.config.to_json()}
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    try:
        with whole_file(path) as part:
            np.savez(part, allow_pickle=False, head=text, **state.arrays)
    except OSError as error:
        raise CheckpointError(
            f"step {state.step} could not be saved to {path}: {error.strerror or error}; the previous "
            "checkpoint is kept: make room and run the same command again"
        ) from error


def read_checkpoint(path: Path, config: TrainConfig) -> State:
    """Read a checkpoint that belongs to this config.

    Raises CheckpointError for a damaged or foreign file, or one of another config.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        head = json.loads(arrays.pop("head").tobytes())
        stored = TrainConfig.from_json(head["config"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} is not a checkpoint of this program, or damaged ({error}): choose another -out, "
            "or start again with -restart"
        ) from error
    if changed := config.differences(stored):
        raise CheckpointError(
            f"{path} was trained with other settings ({'; '.join(changed)}): use those, choose "
            "another -out, or start again with -restart"
        )
    return State(head["step"], arrays, head["facts"], stored)
