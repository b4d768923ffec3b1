"""What a person may choose of the network, as data: how colors are taken from it, and how it is run.

Nothing heavy is imported here: a command's help and its mistakes do not wait for the network.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from color.guidance import MOODS, read_color
from runtime.options import check, option


@dataclass(frozen=True)
class ColorOptions:
    """How colors are taken from the network's prediction; None is as released."""

    temperature: float | None = option(
        None,
        "below 1 purer and bolder, 1 the mean color (0.05 to 2; default: as released)",
        low=0.05,
        high=2,
        metavar="T",
    )
    saturation: float | None = option(
        None,
        "times the network's chroma (0 to 4; default: as released)",
        low=0,
        high=4,
        metavar="S",
    )
    working_size: int | None = option(
        None,
        "short side the network sees, in pixels (64 to 1024; default: as released)",
        low=64,
        high=1024,
        metavar="PX",
    )

    palette: tuple[str, ...] = option(
        (), "colors to keep to, of which hue and chroma count", read=read_color,
        separator=",", metavar="#RRGGBB,...",
    )  # fmt: skip
    mood: str | None = option(
        None, f"a leaning of all colors: {', '.join(MOODS)}", choices=MOODS, metavar="NAME"
    )
    guidance: float | None = option(
        None, "how much palette, mood and reference count: 0 nothing, 1 all (default: as released)",
        low=0, high=1, metavar="G",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class RunOptions:
    """What every command that uses the network may be told of how to run it."""

    device: Literal["auto", "cpu", "gpu"] = option(
        "auto", "auto takes a GPU when there is one", choices=("auto", "cpu", "gpu")
    )
    precision: Literal["auto", "fp32", "bf16", "int8"] = option(
        "auto",
        "auto takes what the processor is fastest in: fp32 or bf16, of films int8, too",
        choices=("auto", "fp32", "bf16", "int8"),
    )
    threads: int | None = option(
        None, "processor cores", low=1, high=1024, shown="all", metavar="N"
    )
    weights: Path | None = option(None, "other weights than the released", metavar="FILE")
    quiet: bool = option(False, "errors only")

    def __post_init__(self) -> None:
        check(self)
