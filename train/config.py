"""Every hyper-parameter of a training run, once: default, unit and help; to and from JSON.

Also the one place that prepares the environment, in which Paddle must be imported.
"""

import contextlib
import dataclasses
import importlib
import io
import json
import os
import platform
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.contract import STRIDE

ROOT = Path(__file__).resolve().parent.parent
FRESH_RATE, CAREFUL_RATE = 1.5e-3, 3e-4
PARTS_TO_FIT = ("all", "context+head")
PLACES = ("data", "valid", "prior", "init", "backbone")
NO_BACKBONE = "none"
FOUND_ITS_FEET = 10_000  # steps after which a network from scratch is worth tuning a backbone with
# A resume may change these: what is watched, how fast, how long; never what was learned so far.
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


def _option(default: Any, text: str, **details: Any) -> Any:
    return field(default=default, metadata={"help": text, **details})


@dataclass(frozen=True)
class TrainConfig:
    """What a run does; a checkpoint continues only under the same config."""

    data: str = _option(
        str(ROOT / "data" / "train"), "pictures to learn from: folder tree or tar files"
    )
    valid: str = _option(
        str(ROOT / "data" / "test"), "pictures to measure with, never learned from"
    )
    prior: str = _option(str(ROOT / "prior"), "folder with Q.npy and Weight.npy")
    init: str = _option("", "weights file to start from (default: from scratch)")
    backbone: str = _option(
        str(ROOT / "model" / "weights" / "efficientnet_lite0.npz"),
        "pretrained backbone to start from without -init: a weights file, or none for a random one",
    )
    tune_backbone: float = _option(
        0.1, "learning rate of the backbone as a share of the others'; 0 keeps it as it is"
    )
    tune_from: int = _option(
        -1, "step from which on the backbone learns; -1 takes 10,000 from scratch, and 0 with -init"
    )
    fit: str = _option("all", "parameters that learn", choices=PARTS_TO_FIT)
    steps: int = _option(100_000, "optimizer steps of the whole run")
    batch: int = _option(32, "pictures per step, over all processes")
    parts: int = _option(
        1, "split a batch into so many parts, each with batch statistics of its own, to save memory"
    )
    sizes: tuple[int, ...] = _option(
        (96, 128, 160), "training sizes in pixels, multiples of 32, in turn", type=int
    )
    learning_rate: float = _option(
        0.0, "highest learning rate; 0 takes 1.5e-3 from scratch, and a careful 3e-4 with -init"
    )
    warmup: int = _option(300, "steps of linear warm-up, before the cosine to zero")
    beta1: float = _option(0.8, "Adam's beta1")
    weight_decay: float = _option(0.02, "decoupled weight decay; 0 is plain Adam")
    clip: float = _option(5.0, "largest global gradient norm")
    average: float = _option(0.999, "decay of the moving average of the weights, ramped up")
    width: int = _option(32, "channels of the first stage")
    bn_momentum: float = _option(0.5, "BatchNorm momentum")
    entropy: float = _option(1.0, "factor of the rebalanced cross-entropy; 0 leaves it out")
    squared: float = _option(
        0.02, "factor of the variance-penalized squared error; 0 leaves it out"
    )
    penalty: float = _option(26.7, "variance penalty inside the squared error, ab units squared")
    rebalance: float = _option(
        0.5, "how strongly rare colors count: 0 all pixels alike, 1 exactly as Weight.npy has it"
    )
    hints: float = _option(0.18, "share of samples with color points, 0..1")
    palette: float = _option(0.1, "share of samples with a palette, 0..1")
    seed: int = _option(0, "seed of everything random")
    workers: int = _option(2, "reader processes; 0 reads in the training process")
    valid_every: int = _option(1000, "steps between validations")
    valid_pictures: int = _option(128, "pictures per validation")
    valid_size: int = _option(160, "short side of the network's input at validation, pixels")
    recalibrate: int = _option(50, "batches that recalibrate BatchNorm before a validation")
    save_every: int = _option(200, "steps between checkpoints")

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        wrong = [text for text, fits in self._rules() if not fits]
        if wrong:
            raise ValueError(f"this cannot be trained: {'; '.join(wrong)}")

    def _rules(self) -> list[tuple[str, bool]]:
        counts = ("steps", "batch", "parts", "valid_every", "save_every", "recalibrate", "width")
        shares = (
            *("hints", "palette", "rebalance", "average", "bn_momentum", "beta1"),
            "tune_backbone",
        )
        return [
            *(
                (f"{n} must be 1 or more, got {getattr(self, n)}", getattr(self, n) >= 1)
                for n in counts
            ),
            *(
                (f"{n} must be within 0..1, got {getattr(self, n)}", 0 <= getattr(self, n) <= 1)
                for n in shares
            ),
            (
                f"sizes must be multiples of {STRIDE}, got {self.sizes}",
                bool(self.sizes) and all(s >= STRIDE and s % STRIDE == 0 for s in self.sizes),
            ),
            (
                f"batch {self.batch} must be a multiple of parts {self.parts}",
                self.batch % max(self.parts, 1) == 0,
            ),
            ("one of entropy and squared must be above 0", self.entropy > 0 or self.squared > 0),
            (f"fit must be one of {PARTS_TO_FIT}, got {self.fit!r}", self.fit in PARTS_TO_FIT),
            (
                f"learning_rate must not be negative, got {self.learning_rate}",
                self.learning_rate >= 0,
            ),
        ]

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1)

    def for_record(self) -> dict[str, Any]:
        """Say what was trained without the places on this machine: folders by their last name."""
        values = dataclasses.asdict(self)
        return values | {name: Path(values[name]).name for name in PLACES}

    @staticmethod
    def from_json(text: str) -> "TrainConfig":
        """Read a config; unknown keys are errors."""
        values = json.loads(text)
        known = {f.name for f in dataclasses.fields(TrainConfig)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"unknown settings {', '.join(unknown)}: written by another version")
        return TrainConfig(**values)

    def differences(self, other: "TrainConfig") -> list[str]:
        """Say in words where two configs differ in what is learned."""
        return [
            f"{f.name} {getattr(other, f.name)!r} -> {getattr(self, f.name)!r}"
            for f in dataclasses.fields(self)
            if f.name not in FREE and getattr(self, f.name) != getattr(other, f.name)
        ]

    @property
    def highest_rate(self) -> float:
        """The learning rate after the warm-up; a trained network is not shaken out of its place."""
        return self.learning_rate or (CAREFUL_RATE if self.init else FRESH_RATE)

    def backbone_learns(self, step: int) -> bool:
        """Tell whether the backbone learns along at a step."""
        first = self.tune_from if self.tune_from >= 0 else 0 if self.init else FOUND_ITS_FEET
        return self.fit == "all" and self.tune_backbone > 0 and step >= first

    def size_at(self, step: int) -> int:
        """Training size in pixels at a step; every size gets the same number of steps."""
        return self.sizes[min(step * len(self.sizes) // self.steps, len(self.sizes) - 1)]


def prepare_environment(*, threads: int | None = None) -> None:
    """Import Paddle under the settings that must stand before; what the user has set is kept.

    On AMD processors the MKL inside the wheel picks a slow path unless told otherwise (measured:
    6.8 against 14.8 pictures/s), and OMP_NUM_THREADS defaults badly (14.8 against 18.6). Paddle's
    notices of its own start-up (an absent ccache, executors, advice against any thread count) are
    kept off the user's screen.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    for notice in ("No ccache found", "When training, we now always track", "Tensor do not have"):
        warnings.filterwarnings("ignore", message=notice, category=UserWarning)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads or os.cpu_count() or 1))
    if "AMD" in _processor_vendor():
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")
    with contextlib.redirect_stderr(io.StringIO()):
        importlib.import_module("paddle")


def _processor_vendor() -> str:
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor()
    with information.open(encoding="utf-8", errors="replace") as lines:
        return next((line for line in lines if line.startswith("vendor_id")), "")
