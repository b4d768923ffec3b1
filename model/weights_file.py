"""Released weights: one .npz file with the arrays, the network's config and the training record.

Arrays have framework-neutral names (``stage1.0.conv1.weight``, ``stem_bn.running_mean``); filters
are (out, in, kh, kw) and linear weights (out, in). Matrices and filters are stored as float16, vectors
as float32, because some batch statistics exceed float16's range. Paddle is imported only to build
a network, so a command can read a file's sha256 quickly.
"""

import dataclasses
import hashlib
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.files import whole_file

if TYPE_CHECKING:
    from model.network import ColorNet, NetworkConfig

RELEASED = Path(__file__).resolve().parent / "weights" / "colornet.npz"
BACKBONE = RELEASED.with_name("efficientnet_lite0.npz")  # as published, see the model card
BACKBONE_PREFIX = "backbone."
CONFIG, RECORD, DIGEST = "__config__", "__record__", "__sha256__"
TO_PADDLE = {"running_mean": "_mean", "running_var": "_variance"}
FROM_PADDLE = {ours: theirs for theirs, ours in TO_PADDLE.items()}

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Weights:
    """The contents of a released file: the network's config, its arrays, and the training record."""

    config: "NetworkConfig"
    arrays: Arrays
    record: dict[str, Any]
    sha256: str


def write_weights(
    path: Path, arrays: Arrays, *, config: "NetworkConfig", record: dict[str, Any]
) -> str:
    """Write a released file under a temporary name, rename it, and return its sha256.

    record : settings and results of the training, JSON-serializable
    """
    stored = {name: _compact(name, array) for name, array in arrays.items()}
    settings = json.dumps(dataclasses.asdict(config), sort_keys=True)
    sha256 = _digest(stored, settings)
    texts = {CONFIG: settings, RECORD: json.dumps(record), DIGEST: sha256}
    members = {**stored, **{name: _bytes_of(text) for name, text in texts.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **members)
    return sha256


def read_weights(path: Path) -> Weights:
    """Read a released file and verify its sha256.

    Raises FileNotFoundError if it is missing, ValueError if it is truncated, changed or not a weights file.
    """
    with _opened(path) as file:
        arrays = {name: _array(file, name) for name in file}
        texts = {name: arrays.pop(name, None) for name in (CONFIG, RECORD, DIGEST)}
        if missing := [name for name, text in texts.items() if text is None]:
            raise ValueError(f"it has no {', '.join(missing)}")
        settings, record, sha256 = (_text_of(text) for text in texts.values() if text is not None)
        config, training = json.loads(settings), json.loads(record)
    if _digest(arrays, settings) != sha256:
        raise ValueError(f"{path} was changed: its arrays do not match its sha256 {sha256[:12]}…")
    return Weights(_config_from(path, config), arrays, training, sha256)


def read_backbone(path: Path = BACKBONE) -> Arrays:
    """Read the arrays of a pretrained backbone, whose names start with "backbone.".

    The file may also be a whole network's. Raises the errors of `read_weights`.
    """
    with _opened(path) as file:
        arrays = {name: _array(file, name) for name in file if name.startswith(BACKBONE_PREFIX)}
    if not arrays:
        raise ValueError(f"{path} has no backbone: no array's name starts with {BACKBONE_PREFIX}")
    return arrays


def weights_sha256(path: Path) -> str:
    """Read only the sha256 stored in a released file, without Paddle or its arrays.

    It identifies the weights but does not verify them: `read_weights` does, before a program is exported.
    """
    with _opened(path) as file:
        return _text_of(_array(file, DIGEST))


def load_into(network: "ColorNet", arrays: Mapping[str, np.ndarray], *, prefix: str = "") -> None:
    """Load arrays into the part of a network whose array names start with `prefix`; default: the whole network.

    Raises ValueError unless every name and shape of that part matches.
    """
    wanted = {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if name.startswith(prefix)
    }
    state = {_to_paddle(name): _turned(array) for name, array in arrays.items()}
    odd = [
        *(f"{name} is missing" for name in sorted(wanted.keys() - state.keys())),
        *(f"{name} is unknown" for name in sorted(state.keys() - wanted.keys())),
        *(
            f"{name} is {state[name].shape}, not {shape}"
            for name, shape in wanted.items()
            if name in state and state[name].shape != shape
        ),
    ]
    if odd:
        raise ValueError(f"weights of another network: {len(odd)} differences, first: {odd[0]}")
    values: Any = {name: array.astype(np.float32) for name, array in state.items()}
    # A complete state avoids Paddle's warning for each missing array.
    network.set_state_dict({**network.state_dict(), **values})


def arrays_of(network: "ColorNet") -> Arrays:
    """Return a network's arrays as float32, with the names and layout of the weights file."""
    state: Mapping[str, Any] = network.state_dict()
    return {
        _from_paddle(name): np.ascontiguousarray(_turned(tensor.numpy().astype(np.float32)))
        for name, tensor in state.items()
    }


def build(weights: Weights) -> "ColorNet":
    """Build the network with these weights, in evaluation mode."""
    from model.network import ColorNet

    network = ColorNet(weights.config)
    load_into(network, weights.arrays)
    network.eval()
    return network


def _compact(name: str, array: np.ndarray) -> np.ndarray:
    """Convert an array to its stored type; raise ValueError if that makes a value infinite or NaN."""
    stored = array.astype(np.float16 if array.ndim >= 2 else np.float32)
    if not np.isfinite(stored).all():
        raise ValueError(
            f"{name} cannot be stored: it has values that are not finite as {stored.dtype}"
        )
    return stored


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """Open an .npz file; raise ValueError if reading it fails, here or in the block."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw):
            raw.seek(0)  # a zip file: NumPy does not mistake it for a pickle
            yield np.load(raw, allow_pickle=False)
    except (ValueError, EOFError, LookupError, RuntimeError, MemoryError, SyntaxError,
            tokenize.TokenError, struct.error, zlib.error, zipfile.BadZipFile) as error:  # fmt: skip
        raise ValueError(f"{path} is not a readable weights file (truncated?): {error}") from None


def _array(file: Mapping[str, Any], name: str) -> np.ndarray:
    array = file[name]
    if not isinstance(array, np.ndarray):  # NumPy returns other members as bytes
        raise ValueError(f"{name} is not an array")
    return array


def _config_from(path: Path, settings: Any) -> "NetworkConfig":
    from model.network import NetworkConfig

    if not isinstance(settings, dict):
        raise ValueError(f"{path} is for another version of the program: {settings!r}")
    if "kind" not in settings:
        raise ValueError(
            f"{path} is from version 0.1.0, whose network is no longer supported: use the released "
            f"{RELEASED.name}, or train new weights with train/train.py"
        )
    try:
        return NetworkConfig(**settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is for another version of the program: {error}") from None


def _digest(arrays: Mapping[str, np.ndarray], settings: str) -> str:
    """Hash config and arrays, so that the same weights have the same identifier everywhere."""
    digest = hashlib.sha256(settings.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _bytes_of(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def _text_of(array: np.ndarray) -> str:
    return array.tobytes().decode()


def _to_paddle(name: str) -> str:
    stem, _, last = name.rpartition(".")
    return f"{stem}.{TO_PADDLE.get(last, last)}"


def _from_paddle(name: str) -> str:
    stem, _, last = name.rpartition(".")
    return f"{stem}.{FROM_PADDLE.get(last, last)}"


def _turned(array: np.ndarray) -> np.ndarray:
    """Transpose matrices between (out, in) and (in, out): only linear weights are matrices."""
    return array.T if array.ndim == 2 else array


def check_weights(weights: Path | None = None) -> str:
    """Return the sha256 stored in a weights file, by default the released one, without importing Paddle.

    Raises FileNotFoundError or ValueError for missing or invalid weights.
    """
    return weights_sha256(weights or RELEASED)
