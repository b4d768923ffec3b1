"""What an ONNX file is: its kind, its input size and its numbers, read from its description without running any of it.

A network that is of no known kind is refused with its inputs and outputs.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from model.onnx_safety import check_file, read_safely
from model.options import NetworkKind


class Signature(NamedTuple):
    """What a kind of network receives and returns: channels of the picture and of the colors."""

    receives: int
    returns: int


SIGNATURES: dict[NetworkKind, Signature] = {
    "ddcolor": Signature(3, 2),
    "deoldify": Signature(3, 3),
    "rgb": Signature(3, 3),
    "eccv16": Signature(1, 2),
    "eccv16-caffe": Signature(1, 2),
    "siggraph17-scaled": Signature(1, 2),
    "pix2pix": Signature(1, 2),
}
# In which order kinds are tried if none is named: the most common one of each signature.
RECOGNIZED: tuple[NetworkKind, ...] = ("ddcolor", "deoldify", "eccv16")
OUR_INPUTS, OUR_OUTPUTS = ("planes", "palette"), ("logits", "features")


class Value(NamedTuple):
    """An input or output.

    shape : sides, None where any is accepted; () if the file does not say
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        sides = ", ".join("?" if side is None else str(side) for side in self.shape)
        return f"{self.name} {self.dtype} ({sides})"


@dataclass(frozen=True)
class OnnxFile:
    """A network in an ONNX file that this program can run.

    sha256 : of the file; with weights in further files, of all of them
    inputs : the picture, then inputs for hints, which receive zeros
    output : the colors; of our own kind, the logits
    """

    path: Path
    sha256: str
    kind: NetworkKind
    inputs: tuple[Value, ...]
    output: str

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return self.path.name

    @property
    def dtype(self) -> Any:
        """Return the NumPy type of the inputs."""
        return np.dtype(self.inputs[0].dtype)

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Return height and width of the input, None where it is free."""
        height, width = self.inputs[0].shape[2:]
        return height, width

    @property
    def fixed_side(self) -> int | None:
        """Return the short side of the input, None if it is free."""
        sides = [side for side in self.size if side is not None]
        return min(sides) if sides else None


def inspected(path: Path, kind: NetworkKind | None = None) -> OnnxFile:
    """Read what an ONNX file is; what it was is remembered until it changes.

    kind : what it receives and returns; None recognizes it
    Raises FileNotFoundError, or ValueError in one line.
    """
    return _inspected(path.absolute(), kind, check_file(path))


@functools.lru_cache(maxsize=4)
def _inspected(path: Path, kind: NetworkKind | None, stamp: tuple[int, int]) -> OnnxFile:
    model, sha256 = read_safely(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [_value(one) for one in model.graph.input if one.name not in constants]
    outputs = [_value(one) for one in model.graph.output]
    kind, used, output = _recognized(path, kind, inputs, outputs)
    return OnnxFile(path, sha256, kind, used, output)


def _value(info: Any) -> Value:
    from onnx import TensorProto

    tensor = info.type.tensor_type
    sides = (
        side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None
        for side in tensor.shape.dim
    )
    name = TensorProto.DataType.Name(tensor.elem_type).lower()
    return Value(info.name, "float32" if name == "float" else name, tuple(sides))


def _recognized(
    path: Path, wanted: NetworkKind | None, inputs: Sequence[Value], outputs: Sequence[Value]
) -> tuple[NetworkKind, tuple[Value, ...], str]:
    """Return the kind of a network, its inputs, and the name of its output; raise ValueError if it is none of the kinds."""
    kinds = (wanted,) if wanted else ("ours", *RECOGNIZED)
    for kind in kinds:
        output = _fits_ours(inputs, outputs) if kind == "ours" else _fits(kind, inputs, outputs)
        if output:
            first = sorted(inputs, key=lambda one: one.name == OUR_INPUTS[1])  # planes, palette
            return kind, tuple(first if kind == "ours" else inputs), output
    known = f"not a network of the kind {wanted}" if wanted else "no colorizer of a known kind"
    raise ValueError(
        f"{path} is {known}: it receives {_described(inputs)} and returns {_described(outputs)}"
        + ("" if wanted else "; -network_kind says what they mean")
    )


def _described(values: Sequence[Value], *, most: int = 4) -> str:
    return "; ".join(map(str, values[:most])) + ("; ..." if len(values) > most else "") or "nothing"


def _fits_ours(inputs: Sequence[Value], outputs: Sequence[Value]) -> str:
    names = {one.name for one in inputs}, {one.name for one in outputs}
    ours = names[0] == set(OUR_INPUTS) and names[1] >= set(OUR_OUTPUTS)
    return OUR_OUTPUTS[0] if ours and all(one.dtype == "float32" for one in inputs) else ""


def _fits(kind: NetworkKind, inputs: Sequence[Value], outputs: Sequence[Value]) -> str:
    """Return the name of the output with the colors if a network fits a kind, else ""."""
    wanted = SIGNATURES[kind]
    # Further inputs of one or two channels are hints and their mask, as SIGGRAPH17 has them.
    channels = [(wanted.receives,), *[(1, 2)] * (len(inputs) - 1)]
    fits = bool(inputs) and all(map(_is_picture, inputs, channels))
    found = [one.name for one in outputs if _is_picture(one, (wanted.returns,), exact=False)]
    return found[0] if fits and found else ""


def _is_picture(value: Value, channels: Sequence[int], *, exact: bool = True) -> bool:
    """Tell whether a value is one picture (1, C, H, W); an output's shape may be unknown in part."""
    if value.dtype not in {"float32", "float16"}:
        return False
    if len(value.shape) != 4:
        return not exact and not value.shape
    known = value.shape[1] in channels or (not exact and value.shape[1] is None)
    return known and value.shape[0] in {1, None}
