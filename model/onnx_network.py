"""Runs networks in ONNX files: our own, which predicts distributions, and others, which predict one color per place.

The other kinds receive the lightness and return the colors in units of their own, which are known only here. They get
the picture as it is, without the stretched tones of our own network's input, and squeezed to their input's shape, as in
the programs that they come from.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from color.arrays import Floats
from image.resize import fitted
from model.contract import AB_SCALE, REDUCTION, STRIDE, Output, Predictor, resized
from model.onnx_safety import import_onnx
from model.onnx_signature import OnnxFile
from model.options import NetworkKind
from prior.lab import gray2lightness, rgb2lab
from prior.qspace import read_bins
from runtime.workers import cores

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIDE = 256  # px, short side of an input that accepts any
SIDES: dict[NetworkKind, int] = {"ddcolor": 512}  # of kinds that others run at another one
LARGEST_AB = 128.0  # of the colors of a network: Lab in bytes ends there
LEVELS = 1 << 16  # of lightness, for which gray is tabulated
ONLY_FATAL = 4  # level of ONNX Runtime's own log: errors also arrive as exceptions


def side_of(file: OnnxFile) -> int:
    """Return the short side of the pictures that another network than ours receives, in pixels."""
    return file.fixed_side or SIDES.get(file.kind, SIDE)


class OurOnnx:
    """Our own network in an ONNX file: a `Predictor` with all outputs of a `Program`."""

    def __init__(self, file: OnnxFile, *, threads: int | None = None) -> None:
        self.file = file
        bins = read_bins()
        if file.inputs[1].shape[-1] != len(bins) + 1:
            raise ValueError(
                f"{file.path} has another number of bins than the prior, which has {len(bins)}"
            )
        self._averaged = np.column_stack([bins, np.hypot(*bins.T)]).T.astype(np.float32)  # (3, Q)
        self._session = _session(file, threads)

    def __call__(self, planes: Floats, palettes: Floats, /, *, temperature: float) -> Floats:
        """Predict the mean a, b and chroma of the distribution: `model.contract.Predictor`."""
        shares = self._distribution(planes, palettes, temperature=temperature)
        number, bins, height, width = shares.shape
        means = self._averaged @ shares.reshape(number, bins, -1)
        return np.asarray(means.reshape(number, -1, height, width), np.float32)

    def giving(self, output: Output) -> Predictor:
        """Return the same network with another output."""
        others: dict[Output, Predictor] = {
            "means": self,
            "distribution": self._distribution,
            "features": self._features,
        }
        return others[output]

    def _distribution(self, planes: Floats, palettes: Floats, /, *, temperature: float) -> Floats:
        """Return the annealed distribution (N, Q, h, w), as `model.network.annealed`."""
        shares = self._run(self.file.output, planes, palettes)
        shares /= np.float32(temperature)
        shares -= shares.max(axis=1, keepdims=True)
        np.exp(shares, out=shares)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    def _features(self, planes: Floats, palettes: Floats, /, *, temperature: float) -> Floats:
        return self._run("features", planes, palettes)

    def _run(self, output: str, planes: Floats, palettes: Floats) -> Floats:
        names = (value.name for value in self.file.inputs)
        return _run(
            self.file, self._session, output, dict(zip(names, (planes, palettes), strict=True))
        )


class OneColorNetwork:
    """Another network in an ONNX file, which predicts one color for each place: a `Predictor` of what it can."""

    def __init__(self, file: OnnxFile, *, threads: int | None = None) -> None:
        self.file = file
        self.side = side_of(file)
        self.threads = threads
        self._session = _session(file, threads)

    def __call__(self, planes: Floats, palettes: Floats, /, *, temperature: float) -> Floats:
        """Predict the a, b and chroma (N, 3, H/4, W/4) of the lightness (N, 1.., H, W); nothing else is used."""
        size = (planes.shape[3] // REDUCTION, planes.shape[2] // REDUCTION)
        colors = [fitted(self.ab((plane + 1) * 50), size) for plane in planes[:, 0]]
        ab = np.stack(colors).transpose(0, 3, 1, 2)
        return np.asarray(np.concatenate([ab, np.hypot(ab[:, :1], ab[:, 1:])], axis=1), np.float32)

    def ab(self, lightness: Floats) -> Floats:
        """Predict ab (h, w, 2), of the network's own size, for L (H, W) 0..100."""
        free = max(round(min(lightness.shape) / STRIDE), 1) * STRIDE
        height, width = (side or free for side in self.file.size)
        squeezed = np.clip(resized(lightness, (height, width)), 0, 100)
        picture, *hints = self.file.inputs
        inputs = {picture.name: self._of_dtype(RECEIVES[self.file.kind](squeezed))}
        for value in hints:
            inputs[value.name] = self._of_dtype(np.zeros((value.shape[1] or 1, height, width)))
        (found,) = _run(self.file, self._session, self.file.output, inputs)[:1]
        returned = np.ascontiguousarray(np.moveaxis(found, 0, -1))
        return np.clip(RETURNS[self.file.kind](returned), -LARGEST_AB, LARGEST_AB)

    def _of_dtype(self, planes: Any) -> Any:
        return np.ascontiguousarray(planes[None], self.file.dtype)


def _rgb(lightness: Floats) -> Floats:
    """Return the gray sRGB (3, h, w) 0..1 of L (h, w)."""
    steps = np.rint(lightness * np.float32(LEVELS / 100)).astype(np.int32)
    return np.repeat(np.take(_gray_of_lightness(), steps)[None], 3, axis=0)


@functools.cache
def _gray_of_lightness() -> Floats:
    """Tabulate the gray sRGB 0..1 of L in steps of 100 / LEVELS: the error is below 0.01 of an 8-bit step."""
    gray = np.linspace(0, 1, LEVELS + 1, dtype=np.float32)
    steps = np.linspace(0, 100, LEVELS + 1)
    return np.interp(steps, gray2lightness(gray), gray).astype(np.float32)


def _ab_of_rgb(rgb: Floats) -> Floats:
    return rgb2lab(np.clip(rgb, 0, 1))[..., 1:]


# L (h, w) 0..100 -> the network's input (C, h, w)
RECEIVES: dict[NetworkKind, Callable[[Floats], Floats]] = {
    "ddcolor": _rgb,
    "deoldify": lambda lightness: _rgb(lightness) * 255,
    "rgb": _rgb,
    "eccv16": lambda lightness: lightness[None],
    "eccv16-caffe": lambda lightness: lightness[None] - 50,
    "siggraph17-scaled": lambda lightness: (lightness[None] - 50) * np.float32(1 / 100),
    "pix2pix": lambda lightness: lightness[None] * np.float32(1 / 50) - 1,
}
# The network's output (h, w, C) -> ab (h, w, 2)
RETURNS: dict[NetworkKind, Callable[[Floats], Floats]] = {
    "ddcolor": lambda ab: ab,
    "deoldify": lambda rgb: _ab_of_rgb(rgb * np.float32(1 / 255)),
    "rgb": _ab_of_rgb,
    "eccv16": lambda ab: ab,
    "eccv16-caffe": lambda ab: ab,
    "siggraph17-scaled": lambda ab: ab * AB_SCALE,
    "pix2pix": lambda ab: ab * AB_SCALE,
}


def _session(file: OnnxFile, threads: int | None) -> "InferenceSession":
    """Open a file on the CPU; raise ValueError in one line if ONNX Runtime refuses it."""
    import_onnx()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.log_severity_level = ONLY_FATAL
    try:
        return onnxruntime.InferenceSession(file.path, options, providers=["CPUExecutionProvider"])
    except _refusals() as error:
        raise ValueError(f"{file.path} cannot be run: {_reason(error)}") from None


def _run(
    file: OnnxFile, session: "InferenceSession", output: str, inputs: dict[str, Any]
) -> Floats:
    """Run a session; raise ValueError in one line if that fails or its output is no picture of finite numbers."""
    try:
        (found,) = session.run([output], inputs)
    except _refusals() as error:
        raise ValueError(f"{file.path} cannot be run: {_reason(error)}") from None
    result = np.asarray(found, np.float32)
    if result.ndim != 4 or not result.size or not np.isfinite(result).all():
        raise ValueError(f"{file.path} returns no colors: {output} {result.shape}, or not finite")
    return result


@functools.cache
def _refusals() -> tuple[type[Exception], ...]:
    """Return the exceptions of ONNX Runtime, which have no common base, and those of Python that it raises."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = (one for one in vars(state).values() if isinstance(one, type))
    own = tuple(one for one in found if issubclass(one, Exception))
    return (*own, RuntimeError, ValueError, MemoryError)


def _reason(error: BaseException) -> str:
    """Return the first line of an error, without ONNX Runtime's own prefix and paths in its source."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line.rpartition(" : ")[2][:300]
