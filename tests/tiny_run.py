"""A training run of a few steps on small pictures, as objects and as a command line."""

import json
from pathlib import Path
from typing import Any

from train.config import TrainConfig
from train.run import Run

TINY: dict[str, Any] = {
    "width": 4, "sizes": (32,), "batch": 4, "steps": 6, "warmup": 2, "workers": 0, "recalibrate": 2,
    "valid_every": 100, "save_every": 100, "valid_pictures": 2, "valid_size": 32,
}  # fmt: skip


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


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
