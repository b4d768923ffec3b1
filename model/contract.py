"""The network's inputs and outputs, and the preprocessing from a gray picture to its inputs; no Paddle.

Colorizing, evaluation and training share these steps: gray -> lightness at the working size -> padded planes ->
network -> output at a quarter of the size, padding cropped.

The tones of the network's copy of the lightness are stretched to the usual range; the picture's own lightness is
unchanged. Without the stretch, pictures faded to half their contrast lose 0.4 dB of PSNR; with it, they lose nothing
(70 photographs, measured once by hand); pictures aged as in training gain 0.04 dB, plain ones 0.03 dB at 0.2 less
rebalanced AuC, which is within noise. Grain, scratches and vignettes are not removed: doing so (non-local means, a
median, a fitted falloff) made the colors worse, as the network was trained with them.
"""

import math
import os
from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Floats
from color.guidance import Guidance
from image.resize import fitted
from prior.lab import gray2lightness

# Of an inference program; "classifier" is that of the published backbone, whatever the weights.
Output: TypeAlias = Literal["means", "distribution", "features", "classifier"]

PLANES = 4  # L/50 - 1, hint a/110, hint b/110, hint mask; the hint planes are zero where there is no hint
AB_SCALE = 110.0  # ab lies within about -110..110
STRIDE = 32  # height and width of the input are multiples of it
REDUCTION = 4  # input size over output size
LONGEST = 4  # highest aspect ratio of the input; longer pictures are squeezed

# Percentiles taken as black and white; dust and scratches lie beyond them.
DARKEST, LIGHTEST = 1.0, 99.0
BLACK, WHITE = 3.0, 95.0  # L: upper limit of black and lower limit of white, as in most photographs
# Smallest range of L that is stretched to the full range; flatter pictures are stretched by the same factor.
LEAST_CONTRAST = 20.0
SAMPLED_PX = 2  # percentiles use every second pixel in both directions
# Of a film's guidance, and the pictures of a photo's: how they must be, for `check_colored`.
FOR_FILMS = ("references", "keyframes", "colorize", "leave")
PICTURES: Mapping[str, Any] = {
    "strokes": {"channels": (4,)},
    "reference": {"depths": (8, 16)},
    "reference_large": {"channels": (3, 4), "depths": (8, 16)},
}


class Predictor(Protocol):
    """A loaded network, independent of what runs it."""

    def __call__(self, planes: Floats, palettes: Floats, /, *, temperature: float) -> Floats:
        """Predict the mean a, b and chroma of the distribution at each position: (N, 3, H/4, W/4).

        planes : (N, 4, H, W)
        palettes : (N, Q + 1)
        temperature : of the annealed mean
        """
        ...


@runtime_checkable
class FullPredictor(Predictor, Protocol):
    """A loaded network that also returns what its means are made from."""

    def giving(self, output: Output) -> Predictor:
        """Return the same network with another output."""
        ...


def check_gray(gray: Any, *, what: str = "") -> None:
    """Raise TypeError for what is no array, and ValueError for an array that is not gray (H, W) uint8 or uint16.

    what : names the picture at the start of the message
    """
    expected = f"{what}expected gray (H, W) uint8 or uint16"
    if not isinstance(gray, np.ndarray):
        raise TypeError(f"{expected}, a NumPy array, got {_no_array(gray)}")
    if gray.ndim == 2 and gray.size and gray.dtype in (np.uint8, np.uint16):
        return
    advice = ""
    if gray.ndim == 3 and gray.size:
        colored = gray.shape[-1] in {3, 4}
        advice = (
            ": give one channel, as cv2.imread(path, 0) does"
            if colored
            else ": give several as a list"
        )
    elif gray.dtype.kind == "f":
        advice = ": from 0..1 write (gray * 255).round().astype(numpy.uint8)"
    raise ValueError(f"{expected}, got {gray.shape} {gray.dtype}{advice}")


def check_colored(
    picture: Any, *, what: str, channels: tuple[int, ...] = (3,), depths: tuple[int, ...] = (8,)
) -> None:
    """Raise TypeError for what is no array, and ValueError for an array that is no picture in color.

    what : names the picture
    channels : 3 for rgb, 4 for rgba
    depths : bits, 8 and 16
    """
    names = " or ".join({3: "rgb", 4: "rgba"}[number] for number in channels)
    sizes = " or ".join(map(str, channels))
    kinds = " or ".join(f"uint{bits}" for bits in depths)
    expected = f"expected {what} {names} (H, W, {sizes}) {kinds}"
    if not isinstance(picture, np.ndarray):
        read = "cv2.imread(path)[..., ::-1]"
        raise TypeError(f"{expected}, a NumPy array, got {_no_array(picture, read=read)}")
    kind = picture.dtype
    is_known = kind in [np.dtype(f"uint{bits}") for bits in depths]
    if picture.ndim == 3 and picture.size and picture.shape[2] in channels and is_known:
        return
    advice = ": from 0..1 write (picture * 255).round().astype(numpy.uint8)"
    raise ValueError(f"{expected}, got {picture.shape} {kind}{advice if kind.kind == 'f' else ''}")


def check_guidance(wanted: Any) -> None:
    """Raise TypeError or ValueError for what is no guidance of a photo."""
    if not isinstance(wanted, Guidance):
        raise TypeError(f"expected guidance as Guidance(hints=...), got a {type(wanted).__name__}")
    for name in FOR_FILMS:
        if getattr(wanted, name):
            raise ValueError(f"Guidance({name}=...) is for films: leave it out for a photo")
    for hint in wanted.hints:
        color = () if isinstance(hint.color, str) else hint.color
        if not all(map(math.isfinite, (hint.x, hint.y, *color))):
            raise ValueError(f"expected finite numbers in a hint, got {tuple(hint[:3])}")
        if hint.at:
            raise ValueError(f"the hint at {hint.at} is for a film: leave its time out for a photo")
    for name, how in PICTURES.items():
        if (picture := getattr(wanted, name)) is not None:
            check_colored(picture, what=f"Guidance({name}=...)", **how)


def _no_array(picture: object, *, read: str = "cv2.imread(path, 0)") -> str:
    if picture is None:
        return "None, which cv2.imread returns for a file that it cannot read"
    if isinstance(picture, str | os.PathLike):
        return f"the path {os.fspath(picture)!r}: read it first, as {read} does"
    return f"a {type(picture).__name__}: convert it with numpy.asarray(..., numpy.uint8)"


def working_shape(shape: tuple[int, ...], *, short: int, grid: int = REDUCTION) -> tuple[int, int]:
    """Return the size (H, W) of the network's input: multiples of `grid`, aspect ratio limited to `LONGEST`."""
    scale = short / min(shape)
    height, width = (
        max(round(min(side * scale, LONGEST * short) / grid), 1) * grid for side in shape
    )
    return height, width


def resized(picture: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Resize a picture (H, W) or (H, W, C) to a shape (h, w), with antialiasing when downscaling."""
    if shape[0] <= picture.shape[0] and shape[1] <= picture.shape[1]:
        return fitted(picture, (shape[1], shape[0]))
    cubic = cv2.resize(picture, shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(cubic, picture.dtype)


def working_lightness(grays: NDArray[Any], *, short: int, grid: int = REDUCTION) -> Floats:
    """Convert grays (n, H, W) uint8 or uint16 to lightness 0..100 at the working size: (n, h, w)."""
    shape = working_shape(grays.shape[1:], short=short, grid=grid)
    return gray2lightness(np.stack([resized(gray, shape) for gray in grays]))


def network_planes(lightness: Floats, *, hints: Floats | None = None) -> Floats:
    """Assemble planes (n, 4, H, W) from L (n, H, W) 0..100, its tones stretched to those of most photographs.

    Each picture is stretched by its own percentiles, and so is each frame of a film: exposure may flicker, and the
    tones of a whole shot are known only at its end.
    hints : (n, 3, H, W); default: none
    """
    planes = np.zeros((len(lightness), PLANES, *lightness.shape[1:]), np.float32)
    for plane, picture in zip(planes[:, 0], lightness, strict=True):
        sampled = picture[::SAMPLED_PX, ::SAMPLED_PX]
        black, white = np.percentile(sampled, (DARKEST, LIGHTEST)).astype(np.float32)
        low, high = min(black, np.float32(BLACK)), max(white, np.float32(WHITE))
        stretch = (high - low) / max(white - black, np.float32(LEAST_CONTRAST))
        plane[:] = np.clip((picture - black) * stretch + low, 0, 100) / 50 - 1
    if hints is not None:
        planes[:, 1:] = hints
    return planes


def padded(planes: Floats) -> Floats:
    """Pad planes (N, 4, H, W) at the bottom and right to multiples of the stride.

    Lightness is padded by reflection, hints with zeros, so that no point is duplicated.
    """
    number, channels, height, width = planes.shape
    bottom, right = -height % STRIDE, -width % STRIDE
    whole = np.zeros((number, channels, height + bottom, width + right), np.float32)
    whole[:, 1:, :height, :width] = planes[:, 1:]
    for plane, lightness in zip(whole[:, 0], planes[:, 0], strict=True):
        plane[:] = cv2.copyMakeBorder(lightness, 0, bottom, 0, right, cv2.BORDER_REFLECT)
    return whole


def cropped(output: Floats, shape: tuple[int, ...]) -> Floats:
    """Crop the padding from the network's output (N, C, h, w) for planes of a shape (H, W); channels last."""
    height, width = (-(-side // REDUCTION) for side in shape)
    return output[..., :height, :width].transpose(0, 2, 3, 1)
