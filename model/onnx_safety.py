"""Reads ONNX files without running anything, and refuses those that could do more than compute colors.

Refused are files that are damaged, that refer to other files outside their folder, that need operators of other
libraries, or that may never end.
"""

import hashlib
import importlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

LARGEST_FILE = (1 << 31) - 1  # bytes; larger weights lie in further files
LARGEST_WEIGHTS = 16_000_000_000  # bytes of all further files together
OWN_DOMAINS = (
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "com.microsoft",
)  # whose operators ONNX Runtime contains
ENDLESS = ("Loop", "Scan")  # operators that may run for any time
MOST_NODES = 1_000_000  # with every function written out


class SafeModel(NamedTuple):
    """A model that may be run, without its weights in further files, and the sha256 of all of its files.

    sha256 : of the file itself if there are no others
    """

    model: "ModelProto"
    sha256: str


def check_file(path: Path) -> tuple[int, int]:
    """Raise FileNotFoundError or ValueError unless a file can be an ONNX file; return what changes when it does."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such network file")
    if not path.is_file():
        raise ValueError(f"{path} is not a regular file: -network needs an ONNX file")
    stamp = path.stat()
    if not 0 < stamp.st_size <= LARGEST_FILE:
        raise ValueError(f"{path} has {stamp.st_size} bytes, which no ONNX file has")
    return stamp.st_mtime_ns, stamp.st_size


def read_safely(path: Path) -> SafeModel:
    """Read and check a model. Raises ValueError in one line."""
    model = _read(path)
    parts = _check_operators(path, model)
    return SafeModel(model, _digest([path, *_external_files(path, model, parts)]))


def import_onnx() -> Any:
    """Import the package that reads ONNX files; raise ValueError if it, or the one that runs them, is missing."""
    try:
        importlib.import_module("onnxruntime")
        return importlib.import_module("onnx")
    except ImportError as error:
        raise ValueError(
            f"ONNX files need the package {error.name}: run pip install -r requirements-onnx.txt"
        ) from error


def _read(path: Path) -> "ModelProto":
    """Read the description of a network, without the files that it names."""
    onnx = import_onnx()
    from google.protobuf.message import DecodeError

    try:
        model: ModelProto = onnx.load_model(path, format="protobuf", load_external_data=False)
    except (DecodeError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{path} is not an ONNX file, or damaged: {_first_line(error)}") from None
    if not model.opset_import or not model.graph.node or not model.graph.output:
        raise ValueError(f"{path} is not an ONNX file, or damaged: it has no network")
    return model


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _check_operators(path: Path, model: "ModelProto") -> list["GraphProto | NodeProto"]:
    """Refuse operators that other libraries contain or that may never end; return what holds nodes or tensors."""
    import onnx

    functions = {(one.domain, one.name, one.overload): one for one in model.functions}
    nodes = [
        *_nodes(model.graph.node),
        *(node for function in functions.values() for node in _nodes(function.node)),
    ]
    custom, endless = set(), set()
    for node in nodes:
        if (node.domain, node.op_type, node.overload) in functions:
            continue
        onnx_own = node.domain in {"", "ai.onnx"}
        if node.domain not in OWN_DOMAINS or (onnx_own and not onnx.defs.has(node.op_type)):
            custom.add(f"{node.domain}.{node.op_type}".lstrip("."))
        if onnx_own and node.op_type in ENDLESS:
            endless.add(node.op_type)
    if custom:
        raise ValueError(
            f"{path} needs custom operators, which this program does not load: {_listed(custom)}"
        )
    if endless:
        raise ValueError(f"{path} contains loops, which may never end: {_listed(endless)}")
    _check_length(path, model, functions)
    return [model.graph, *nodes]


def _listed(names: Iterable[str], *, most: int = 4) -> str:
    found = sorted(names)
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")


def _nodes(nodes: Iterable["NodeProto"]) -> Iterator["NodeProto"]:
    """Yield nodes and those of the graphs in their attributes."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _nodes(graph.node)


def _check_length(path: Path, model: "ModelProto", functions: dict[Any, Any]) -> None:
    """Refuse functions that call themselves, or that are millions of nodes when written out."""
    lengths: dict[Any, int] = {}

    def length(nodes: Iterable["NodeProto"], calling: tuple[Any, ...]) -> int:
        total = 0
        for node in _nodes(nodes):
            key = (node.domain, node.op_type, node.overload)
            if key in calling:
                raise ValueError(f"{path} contains a function that calls itself: {node.op_type}")
            if key in functions and key not in lengths:
                lengths[key] = length(functions[key].node, (*calling, key))
            total += lengths.get(key, 1)
        return total

    if length(model.graph.node, ()) > MOST_NODES:
        raise ValueError(f"{path} is too long: more than {MOST_NODES} operators")


def _external_files(path: Path, model: "ModelProto", parts: Sequence[Any]) -> list[Path]:
    """Return the files with further weights; raise ValueError unless all lie in the ONNX file's own folder."""
    folder = path.resolve().parent
    names = dict.fromkeys(
        entry.value
        for tensor in _tensors(model, parts)
        for entry in tensor.external_data
        if entry.key == "location"
    )
    files = []
    for name in names:
        file = folder / name
        if Path(name).is_absolute() or not file.resolve().is_relative_to(folder):
            raise ValueError(f"{path} refers to a file outside its folder: {name!r:.80}")
        if not file.is_file():
            raise ValueError(f"{path} lacks the file with its weights beside it: {name!r:.80}")
        files.append(file)
    if sum(file.stat().st_size for file in files) > LARGEST_WEIGHTS:
        raise ValueError(f"{path} has more than {LARGEST_WEIGHTS / 1e9:.0f} GB of weights")
    return files


def _tensors(model: "ModelProto", parts: Sequence[Any]) -> Iterator["TensorProto"]:
    """Yield all tensors of a model: those of its graphs, and those in attributes."""
    graphs = [model.graph]
    for attribute in (one for part in parts for one in getattr(part, "attribute", ())):
        graphs += [attribute.g, *attribute.graphs]
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
    for graph in graphs:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)


def _digest(files: Sequence[Path]) -> str:
    """Hash a file; of several, their hashes."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests[0] if len(files) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
