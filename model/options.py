"""What a person may choose of the network, as data: how colors are taken from it, and how it runs; and what is released.

Nothing heavy is imported here: a command's help and its mistakes do not wait for the network.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from color.guidance import MOODS, read_color
from runtime.options import check, option

# On the validation pictures that choose, these together have the smallest errors at seven tenths of the truth's
# colorfulness, and a third less tint on neutral places than a temperature and a saturation alone (see the model card).
TEMPERATURE = 0.6  # of the annealed mean: 1 the mean color, below it purer and bolder
CONTRAST = 1.35  # times the distance of colors from their mean over the picture
NEUTRAL = 9.5  # chroma that is halved, as gray is likely there
SATURATION = 1.0  # times the chroma
# How much palettes, moods and references count; with more, a reference of other content displaces the likely colors.
GUIDANCE = 0.7
STEADY = 1.0  # how steady the colors of films are, 0 to 1
WORKING_SIZE = 192  # short side of the network's input, in pixels


@dataclass(frozen=True)
class ColorOptions:
    """How colors are taken from the network's prediction; None is as released, by the constants above."""

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
    """How the network runs, in every command that uses it."""

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


def temperature_of(color: ColorOptions) -> float:
    """Return the temperature that is chosen, else the released one."""
    return TEMPERATURE if color.temperature is None else color.temperature


def color_settings(color: ColorOptions, run: RunOptions, *, steady: float) -> dict[str, object]:
    """Return everything besides the weights that changes a film's colors."""
    return {
        "temperature": temperature_of(color),
        "contrast": CONTRAST,
        "neutral": NEUTRAL,
        "saturation": SATURATION if color.saturation is None else color.saturation,
        "working_size": color.working_size or WORKING_SIZE,
        "palette": list(color.palette),
        "mood": color.mood,
        "guidance": GUIDANCE if color.guidance is None else color.guidance,
        "steady": steady,
        "precision": run.precision,
    }
