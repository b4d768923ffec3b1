"""The complete state of a training run in one file, written atomically.

The file is an .npz of plain arrays and JSON: it cannot run code, and truncation is detected.
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
    """Failure to write, read or continue a checkpoint."""


class LogRow(TypedDict, total=False):
    """A row of log.jsonl: the training progress of a few steps, or a validation.

    loss, lr, pictures_per_s, wait : mean loss of the steps, learning rate, speed, share of time spent on the reader
    valid, gray : metrics of the averaged network, and of all gray, on the validation pictures
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
    """The JSON-serializable state of a run besides its arrays.

    skipped : names of unreadable pictures
    seconds : training time
    """

    history: list[LogRow]
    skipped: list[str]
    best: Best | None
    seconds: float


@dataclass(frozen=True)
class State:
    """The state needed for a bit-exact continuation.

    arrays : network, moving average and optimizer, as ``network/...``, ``average/...``,
        ``optimizer/...``
    facts : all other state
    """

    step: int
    arrays: Arrays
    facts: Facts
    config: TrainConfig


def write_checkpoint(path: Path, state: State) -> None:
    """Write a checkpoint; on failure, keep the old file. Raises CheckpointError."""
    head = {"step": state.step, "facts": state.facts, "config": state.config.to_json()}
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    try:
        with whole_file(path) as part:
            np.savez(part, allow_pickle=False, head=text, **state.arrays)
    except OSError as error:
        raise CheckpointError(
            f"cannot save step {state.step} to {path}: {error.strerror or error}; the previous "
            "checkpoint is kept: free disk space and run the same command again"
        ) from error


def read_checkpoint(path: Path, config: TrainConfig) -> State:
    """Read a checkpoint and check that it matches this config.

    Raises CheckpointError for a damaged or invalid file, or one with another config.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        head = json.loads(arrays.pop("head").tobytes())
        stored = TrainConfig.from_json(head["config"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} is not a checkpoint of this program, or damaged ({error}): choose another -out, "
            "or restart with -restart"
        ) from error
    if changed := config.differences(stored):
        raise CheckpointError(
            f"{path} was trained with other settings ({'; '.join(changed)}): use those, choose "
            "another -out, or restart with -restart"
        )
    return State(head["step"], arrays, head["facts"], stored)
