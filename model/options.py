"""Options of decoding and of running the network, as data, and the released defaults.

Heavy imports are avoided, so that help texts and errors of commands do not wait for the network.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from color.guidance import MOODS
from color.names import read_color
from runtime.options import check, option
from runtime.places import VERSION

# On the validation pictures used for tuning, these settings have the smallest errors at seven tenths of the ground
# truth's colorfulness, and a third less tint in neutral areas than temperature and saturation alone (see the model card).
TEMPERATURE = 0.6  # of the annealed mean: 1 the mean color, below it purer and bolder
CONTRAST = 1.35  # factor of the deviation of colors from their mean over the picture
NEUTRAL = 9.5  # chroma that is halved; fainter colors are likely gray
SATURATION = 1.0  # factor of the chroma
# Strength of palettes, moods and references; at higher values, a reference with other content displaces the likely colors.
GUIDANCE = 0.7
STEADY = 1.0  # temporal consistency of films, 0 to 1
WORKING_SIZE = 192  # short side of the network's input, in pixels

DEVICES, MOST_THREADS = ("auto", "cpu", "gpu"), 1024

# What ONNX files receive and return: see `model.onnx_signature`.
NetworkKind: TypeAlias = Literal[
    "ddcolor", "deoldify", "rgb", "eccv16", "eccv16-caffe", "siggraph17-scaled", "pix2pix", "ours"
]


@dataclass(frozen=True)
class ColorOptions:
    """Options of decoding the network's prediction; None means the released constant above."""

    temperature: float | None = option(
        None,
        "temperature of the predicted colors: 1 the mean color, below 1 purer and bolder (0.05 to 2; default: as released)",
        low=0.05,
        high=2,
        metavar="T",
    )
    saturation: float | None = option(
        None,
        "factor of the network's chroma (0 to 4; default: as released)",
        low=0,
        high=4,
        metavar="S",
    )
    working_size: int | None = option(
        None,
        "short side of the network's input, in pixels (64 to 1024; default: as released)",
        low=64,
        high=1024,
        metavar="PX",
    )

    palette: tuple[str, ...] = option(
        (), "colors to use, #RRGGBB or names; their hue and chroma matter, not their lightness", read=read_color,
        separator=",", metavar="COLOR,...",
    )  # fmt: skip
    mood: str | None = option(
        None, f"shift of all colors: {', '.join(MOODS)}", choices=MOODS, metavar="NAME"
    )
    guidance: float | None = option(
        None, "strength of palette, mood and reference: 0 none, 1 full (default: as released)",
        low=0, high=1, metavar="G",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class ColorizerOptions(ColorOptions):
    """Settings of `gray2color.Colorizer` and their ranges, with those that commands leave as released."""

    device: str = option("auto", choices=DEVICES)
    precision: str = option("auto", choices=("auto", "fastest", "fp32", "bf16", "int8"))
    threads: int | None = option(None, low=1, high=MOST_THREADS)
    steady: float = option(STEADY, low=0, high=1)
    contrast: float = option(CONTRAST, low=0)
    neutral: float = option(NEUTRAL, low=0)


@dataclass(frozen=True)
class RunOptions:
    """Options of running the network, for every command that uses it."""

    device: Literal["auto", "cpu", "gpu"] = option(
        "auto", "auto uses a GPU if there is one", choices=DEVICES
    )
    precision: Literal["auto", "fp32", "bf16", "int8"] = option(
        "auto",
        "auto uses the processor's fastest: fp32 or bf16, for films also int8",
        choices=("auto", "fp32", "bf16", "int8"),
    )
    threads: int | None = option(
        None, "processor cores to use", low=1, high=MOST_THREADS, shown="all", metavar="N"
    )
    weights: Path | None = option(
        None, "weights file to use instead of the released one", metavar="FILE"
    )
    network: Path | None = option(
        None, "an ONNX file with another network that colorizes, instead of our weights; needs requirements-onnx.txt",
        metavar="FILE.onnx",
    )  # fmt: skip
    network_kind: NetworkKind | None = option(
        None,
        "what the ONNX file receives and returns, if its inputs and outputs do not tell: ddcolor gray RGB 0..1 -> ab; "
        "deoldify gray RGB 0..255 -> RGB 0..255; rgb gray RGB 0..1 -> RGB 0..1; eccv16 L -> ab; eccv16-caffe "
        "L - 50 -> ab; siggraph17-scaled (L - 50)/100 -> ab/110; pix2pix L/50 - 1 -> ab/110; ours",
        choices=get_args(NetworkKind),
        metavar="KIND",
    )
    quiet: bool = option(False, "print errors only")

    def __post_init__(self) -> None:
        check(self)
        if self.network is None:
            if self.network_kind:
                raise ValueError("-network_kind describes an ONNX file: add -network FILE.onnx")
            return
        if self.weights:
            raise ValueError("-network replaces our weights: leave -weights out")
        if self.device == "gpu" or self.precision != "auto":
            raise ValueError(
                "an ONNX file runs on the CPU in its own precision: leave -device and -precision out"
            )
        object.__setattr__(self, "device", "cpu")

    @property
    def film_precision(self) -> Literal["fastest", "fp32", "bf16", "int8"]:
        """The precision for films, for which int8 may be chosen, too."""
        return "fastest" if self.precision == "auto" else self.precision


def temperature_of(color: ColorOptions) -> float:
    """Return the chosen temperature, or the released one."""
    return TEMPERATURE if color.temperature is None else color.temperature


def color_settings(color: ColorOptions, engine: str, *, steady: float) -> dict[str, object]:
    """Return all settings, except the weights, that affect a film's colors; engines differ slightly in them."""
    return {
        "version": VERSION,
        "engine": engine,
        "temperature": temperature_of(color),
        "contrast": CONTRAST,
        "neutral": NEUTRAL,
        "saturation": SATURATION if color.saturation is None else color.saturation,
        "working_size": color.working_size or WORKING_SIZE,
        "palette": list(color.palette),
        "mood": color.mood,
        "guidance": GUIDANCE if color.guidance is None else color.guidance,
        "steady": steady,
    }
