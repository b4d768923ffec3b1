"""All hyperparameters of a training run: default, unit and help; to and from JSON.

This module also prepares the environment in which Paddle must be imported.
"""

import contextlib
import dataclasses
import io
import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from model.contract import STRIDE
from model.paddle_import import import_paddle, is_amd
from runtime.options import check, option
from runtime.places import ROOT, WORK
from runtime.workers import cores

FROM_SCRATCH_RATE, FINE_TUNING_RATE = 1.5e-3, 3e-4
TRAINABLE = ("all", "context+head")
PATHS = ("data", "valid", "prior", "init", "backbone")
NO_BACKBONE = "none"
# The backbone is frozen until this step, because the first gradients of random layers would only disturb it.
TUNE_FROM_STEP = 10_000
# A resumed run may change these: they affect evaluation, speed and length, but no past step.
FREE = {
    "steps",
    "valid",
    "valid_every",
    "valid_pictures",
    "valid_size",
    "recalibrate",
    "save_every",
    "workers",
}


@dataclass(frozen=True)
class TrainConfig:
    """Hyperparameters of a run; a checkpoint can be resumed only with the same ones."""

    data: str = option(
        str(WORK / "data" / "train"),
        "training pictures: folder tree or tar files",
        shown="data/train",
    )
    valid: str = option(
        str(WORK / "data" / "test"),
        "validation pictures, never used for training",
        shown="data/test",
    )
    prior: str = option(str(ROOT / "prior"), "folder with Q.npy and Weight.npy", shown="prior")
    init: str = option("", "weights file to start from", shown="from scratch")
    backbone: str = option(
        str(ROOT / "model" / "weights" / "efficientnet_lite0.npz"),
        "pretrained backbone to start from without -init: a weights file, or none for random weights",
        shown="model/weights/efficientnet_lite0.npz",
    )
    tune_backbone: float = option(
        0.1,
        "learning rate of the backbone relative to the other layers; 0 keeps it frozen",
        low=0,
        high=1,
    )
    tune_from: int = option(
        -1,
        "step at which fine-tuning of the backbone starts; -1 means 10,000 from scratch, and 0 with -init",
        low=-1,
    )
    fit: str = option("all", "parameters to train", choices=TRAINABLE)
    steps: int = option(100_000, "optimizer steps of the whole run", low=1)
    batch: int = option(32, "pictures per step, over all processes", low=1)
    parts: int = option(
        1,
        "parts into which a batch is split to save memory, each with its own batch statistics",
        low=1,
    )
    sizes: tuple[int, ...] = option(
        (96, 128, 160),
        f"training sizes in pixels, multiples of {STRIDE}, used one after another",
        low=STRIDE,
    )
    learning_rate: float = option(
        0.0, "peak learning rate; 0 means 1.5e-3 from scratch, and 3e-4 with -init", low=0
    )
    warmup: int = option(300, "steps of linear warm-up before the cosine decay to zero", low=0)
    beta1: float = option(0.8, "Adam's beta1", low=0, high=1)
    weight_decay: float = option(0.02, "decoupled weight decay; 0 is plain Adam", low=0)
    clip: float = option(5.0, "global gradient norm to clip at", low=0)
    average: float = option(
        0.999, "decay of the moving average of the weights, ramped up", low=0, high=1
    )
    width: int = option(32, "channels of the first stage", low=1)
    bn_momentum: float = option(0.5, "BatchNorm momentum", low=0, high=1)
    entropy: float = option(1.0, "weight of the rebalanced cross-entropy; 0 disables it", low=0)
    squared: float = option(
        0.02, "weight of the variance-penalized squared error; 0 disables it", low=0
    )
    penalty: float = option(
        26.7, "variance penalty of the squared error, in squared ab units", low=0
    )
    rebalance: float = option(
        0.5,
        "strength of class rebalancing: 0 none, 1 the weights of Weight.npy",
        low=0,
        high=1,
    )
    hints: float = option(0.18, "share of samples with color points", low=0, high=1)
    palette: float = option(0.1, "share of samples with a palette", low=0, high=1)
    seed: int = option(0, "random seed", low=0)
    workers: int = option(2, "reader processes; 0 reads in the training process", low=0)
    valid_every: int = option(1000, "steps between validations", low=1)
    valid_pictures: int = option(128, "pictures per validation; 0 uses all", low=0)
    valid_size: int = option(
        160,
        f"short side of the network's input at validation, in pixels, a multiple of {STRIDE}",
        low=STRIDE,
    )
    recalibrate: int = option(50, "batches that recalibrate BatchNorm before a validation", low=1)
    save_every: int = option(200, "steps between checkpoints", low=1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))  # JSON has lists only
        check(self)
        sides = (*self.sizes, self.valid_size)
        if not self.sizes or any(side % STRIDE for side in sides):
            raise ValueError(f"sizes and valid_size must be multiples of {STRIDE}, got {sides}")
        if self.batch % self.parts:
            raise ValueError(f"batch {self.batch} must be a multiple of parts {self.parts}")
        if not (self.entropy or self.squared):
            raise ValueError("entropy and squared are both 0: set at least one above 0")

    def to_json(self) -> str:
        """Write a config as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    def for_record(self) -> dict[str, object]:
        """Return the settings for a weights file's record, with file names instead of paths."""
        values = dataclasses.asdict(self)
        return values | {name: Path(values[name]).name for name in PATHS}

    @staticmethod
    def from_json(text: str) -> "TrainConfig":
        """Read a config; unknown keys are errors."""
        values = json.loads(text)
        known = {f.name for f in dataclasses.fields(TrainConfig)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"unknown settings {', '.join(unknown)}, written by another version")
        return TrainConfig(**values)

    def with_absolute_paths(self) -> "TrainConfig":
        """Make all paths absolute, independent of the working directory."""
        values = dataclasses.asdict(self)
        for name in PATHS:
            if values[name] and values[name] != NO_BACKBONE:
                values[name] = str(Path(values[name]).expanduser().resolve())
        return TrainConfig(**values)

    def differences(self, other: "TrainConfig") -> list[str]:
        """List the differences of two configs that affect training, one readable text each."""
        return [
            f"{f.name} {getattr(other, f.name)!r} -> {getattr(self, f.name)!r}"
            for f in dataclasses.fields(self)
            if f.name not in FREE and getattr(self, f.name) != getattr(other, f.name)
        ]

    @property
    def peak_learning_rate(self) -> float:
        """Learning rate after the warm-up; lower for fine-tuning."""
        return self.learning_rate or (FINE_TUNING_RATE if self.init else FROM_SCRATCH_RATE)

    def tunes_backbone(self, step: int) -> bool:
        """Return whether the backbone is fine-tuned at a step."""
        first = self.tune_from if self.tune_from >= 0 else 0 if self.init else TUNE_FROM_STEP
        return self.fit == "all" and self.tune_backbone > 0 and step >= first

    def size_at(self, step: int) -> int:
        """Return the training size in pixels at a step; every size has the same number of steps."""
        return self.sizes[min(step * len(self.sizes) // self.steps, len(self.sizes) - 1)]


def prepare_environment(*, threads: int | None = None) -> None:
    """Set the environment variables that Paddle needs before its import, unless set by the user, and import it.

    On AMD processors, the MKL in the wheel is slow unless MKL_DEBUG_CPU_TYPE is set (measured: 6.8 against
    14.8 pictures/s), and the default of OMP_NUM_THREADS is bad (14.8 against 18.6). Paddle's start-up notices
    (missing ccache, executors, advice about thread counts) are suppressed.
    """
    for notice in ("When training, we now always track", "Tensor do not have"):
        warnings.filterwarnings("ignore", message=notice, category=UserWarning)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads or cores()))
    if is_amd():
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")
    with contextlib.redirect_stderr(io.StringIO()):
        import_paddle()
