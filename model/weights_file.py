"""Released weights: one .npz file with the arrays, the network's config and the training record.

Arrays carry the names of the recipe (``stage1.0.conv1.weight``, ``stem_bn.running_mean``), filters
are (out, in, kh, kw) and linear weights (out, in). Matrices and filters are kept as float16, vectors
as float32, because some batch statistics exceed float16's range. Nothing here imports Paddle
unless a network is built, so a command can ask for a file's sha256 at no cost.
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
    """A released file, read: what the network is, its numbers, and how they came about."""

    config: "NetworkConfig"
    arrays: Arrays
    record: dict[str, Any]
    sha256: str


def write_weights(
    path: Path, arrays: Arrays, *, config: "NetworkConfig", record: dict[str, Any]
) -> str:
    """Write a released file under a temporary name, rename it, and return its sha256.

    record : what the training was (anything JSON can hold).
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
    """Read a released file; its numbers must give the sha256 it carries.

    Raises FileNotFoundError when it is missing, ValueError when it is truncated, changed or
    something else.
    """
    with _opened(path) as file:
        arrays = {name: _array(file, name) for name in file}
        texts = {name: arrays.pop(name, None) for name in (CONFIG, RECORD, DIGEST)}
        if missing := [name for name, text in texts.items() if text is None]:
            raise ValueError(f"it has no {', '.join(missing)}")
        settings, record, sha256 = (_text_of(text) for text in texts.values() if text is not None)
        config, training = json.loads(settings), json.loads(record)
    if _digest(arrays, settings) != sha256:
        raise ValueError(f"{path} was changed: its numbers do not give the sha256 {sha256[:12]}…")
    return Weights(_config_from(path, config), arrays, training, sha256)


def read_backbone(path: Path = BACKBONE) -> Arrays:
    """Read the arrays of a pretrained backbone: those of the network whose names begin with "backbone.".

    A whole network's weights file will do as well. Raises as `read_weights` does.
    """
    with _opened(path) as file:
        arrays = {name: _array(file, name) for name in file if name.startswith(BACKBONE_PREFIX)}
    if not arrays:
        raise ValueError(f"{path} holds no backbone: no array's name begins with {BACKBONE_PREFIX}")
    return arrays


def weights_sha256(path: Path) -> str:
    """Read only the sha256 that a released file carries (no Paddle, no arrays): a name, not a proof.

    The proof is `read_weights`, which an inference program is made by.
    """
    with _opened(path) as file:
        return _text_of(_array(file, DIGEST))


def load_into(network: "ColorNet", arrays: Mapping[str, np.ndarray], *, prefix: str = "") -> None:
    """Put the arrays into the part of a network whose names begin with `prefix`, by default all of it.

    Every name and shape of that part must fit, or ValueError says which does not.
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
    # Paddle warns of each that is left out.
    network.set_state_dict({**network.state_dict(), **values})


def arrays_of(network: "ColorNet") -> Arrays:
    """Take a network's arrays out, named and laid out as the recipe has them, float32."""
    state: Mapping[str, Any] = network.state_dict()
    return {
        _from_paddle(name): np.ascontiguousarray(_turned(tensor.numpy().astype(np.float32)))
        for name, tensor in state.items()
    }


def build(weights: Weights) -> "ColorNet":
    """Make the network the weights are of, in evaluation mode."""
    from model.network import ColorNet

    network = ColorNet(weights.config)
    load_into(network, weights.arrays)
    network.eval()
    return network


def _compact(name: str, array: np.ndarray) -> np.ndarray:
    """Return the array as it is stored; numbers that do not survive are an error."""
    stored = array.astype(np.float16 if array.ndim >= 2 else np.float32)
    if not np.isfinite(stored).all():
        raise ValueError(
            f"{name} holds numbers that cannot be released: not finite as {stored.dtype}"
        )
    return stored


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """Open an .npz file; whatever makes it unreadable, here or in the block, becomes one ValueError."""
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}")
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw):
            raw.seek(0)  # it is a zip file: NumPy will not take it for a pickle
            yield np.load(raw, allow_pickle=False)
    except (ValueError, EOFError, LookupError, RuntimeError, MemoryError, SyntaxError,
            tokenize.TokenError, struct.error, zlib.error, zipfile.BadZipFile) as error:  # fmt: skip
        raise ValueError(f"{path} is not a readable weights file (truncated?): {error}") from None


def _array(file: Mapping[str, Any], name: str) -> np.ndarray:
    array = file[name]
    if not isinstance(array, np.ndarray):  # NumPy gives the bytes of other members
        raise ValueError(f"{name} is no array")
    return array


def _config_from(path: Path, settings: Any) -> "NetworkConfig":
    from model.network import NetworkConfig

    if not isinstance(settings, dict):
        raise ValueError(f"{path} is for another version of the program: {settings!r}")
    if "kind" not in settings:
        raise ValueError(
            f"{path} is of version 0.1.0, whose network this program no longer has: take the released "
            f"{RELEASED.name}, or train one with train/train.py"
        )
    try:
        return NetworkConfig(**settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is for another version of the program: {error}") from None


def _digest(arrays: Mapping[str, np.ndarray], settings: str) -> str:
    """Hash config and numbers, so that the same weights have one name wherever they are kept."""
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
    """Exchange (out, in) and (in, out): linear weights are the only matrices here."""
    return array.T if array.ndim == 2 else array
