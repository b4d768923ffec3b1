"""Dangerous, endless, damaged and foreign ONNX files are refused in one line, and nothing of them is run."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import landscape
from PIL import Image

from model.onnx_signature import inspected

pytest.importorskip("onnxruntime")
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx_networks import (
    OPSET,
    load,
    no_network_opens,
    picture_values,
    refused,
    write,
    write_linear,
)


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    no_network_opens(monkeypatch)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_linear(tmp_path / "plain.onnx", [[1, 0, 0], [0, 1, 0]], [0, 0])


def test_files_that_are_no_onnx_files_are_refused(tmp_path: Path, plain: Path) -> None:
    whole = plain.read_bytes()
    contents = {
        "empty": b"",
        "text": b"a network" * 50,
        "cut": whole[: len(whole) // 2],
        "changed": whole[:20] + bytes(40) + whole[60:],
        "zeros": bytes(1000),
    }
    for name, data in contents.items():
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        assert "not an ONNX file" in refused(path) or "no ONNX file has" in refused(path), name
    Image.fromarray(landscape(40, 50)).save(tmp_path / "picture.png")
    assert "not an ONNX file, or damaged" in refused(tmp_path / "picture.png")
    assert "no such network file" in refused(tmp_path / "missing.onnx")


def test_endless_files_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    assert "not a regular file" in refused(tmp_path / "pipe.onnx")
    assert "not a regular file" in refused(Path("/dev/zero"))
    assert "not a regular file" in refused(tmp_path)
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate(1 << 40)
    assert "which no ONNX file has" in refused(tmp_path / "large.onnx")


def with_nodes(path: Path, *nodes: Any, **more: Any) -> Path:
    return write(path, [*nodes], *picture_values(), **more)


def test_operators_of_other_libraries_are_refused(tmp_path: Path) -> None:
    opsets = [*OPSET, helper.make_opsetid("evil", 1)]
    custom = helper.make_node("Shell", ["input"], ["output"], domain="evil")
    said = refused(with_nodes(tmp_path / "a.onnx", custom, opset_imports=opsets))
    assert "needs custom operators, which this program does not load: evil.Shell" in said
    unknown = helper.make_node("Colorize", ["input"], ["output"])
    assert "custom operators, which this program does not load: Colorize" in refused(
        with_nodes(tmp_path / "b.onnx", unknown)
    )
    inner = helper.make_graph([custom], "inner", [], picture_values()[1])
    hidden = helper.make_node("If", ["yes"], ["output"], then_branch=inner, else_branch=inner)
    assert "evil.Shell" in refused(with_nodes(tmp_path / "c.onnx", hidden, opset_imports=opsets))


def test_loops_are_refused_wherever_they_are(tmp_path: Path) -> None:
    body = helper.make_graph([helper.make_node("Identity", ["go"], ["on"])], "body", [], [])
    loop = helper.make_node("Loop", ["", "yes", "input"], ["output"], body=body)
    assert "contains loops, which may never end: Loop" in refused(
        with_nodes(tmp_path / "a.onnx", loop)
    )
    inner = helper.make_graph([loop], "inner", [], picture_values()[1])
    hidden = helper.make_node("If", ["yes"], ["output"], then_branch=inner, else_branch=inner)
    assert "may never end" in refused(with_nodes(tmp_path / "b.onnx", hidden))


def calling(path: Path, functions: dict[str, list[str]]) -> Path:
    """Write a model of functions that call others by name, the first of which it calls itself."""
    opsets = [*OPSET, helper.make_opsetid("own", 1)]
    made = [
        helper.make_function(
            "own", name, ["x"], ["y"],
            [helper.make_node(called, ["x"], ["y"], domain="own" if called in functions else "")
             for called in calls],
            opsets,
        )
        for name, calls in functions.items()
    ]  # fmt: skip
    first = helper.make_node(next(iter(functions)), ["input"], ["output"], domain="own")
    return with_nodes(path, first, opset_imports=opsets, functions=made)


def test_functions_that_grow_without_end_are_refused(tmp_path: Path) -> None:
    assert inspected(calling(tmp_path / "a.onnx", {"f": ["g"], "g": ["Relu"]})).kind == "ddcolor"
    assert "calls itself: f" in refused(calling(tmp_path / "b.onnx", {"f": ["g"], "g": ["f"]}))
    doubling = {f"f{i}": [f"f{i + 1}"] * 2 for i in range(40)} | {"f40": ["Relu"]}
    assert "too long: more than 1000000 operators" in refused(
        calling(tmp_path / "c.onnx", doubling)
    )


def with_external(path: Path, location: str) -> Path:
    """Write a model whose weights lie in another file."""
    model = load(write_linear(path, [[1, 0, 0], [0, 1, 0]], [0, 0]))
    tensor = model.graph.initializer[0]
    data = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    tensor.external_data.add(key="length", value=str(len(data)))
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_beside_the_file_belong_to_it(tmp_path: Path) -> None:
    path = with_external(tmp_path / "a.onnx", "weights.bin")
    assert "lacks the file with its weights beside it: 'weights.bin'" in refused(path)
    (tmp_path / "weights.bin").write_bytes(bytes(24))
    first = inspected(path).sha256
    (tmp_path / "weights.bin").write_bytes(bytes(23) + b"\1")
    os.utime(path, ns=(1, 1))
    assert inspected(path).sha256 != first


def test_weights_outside_the_folder_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(24))
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "link").symlink_to(secret)
    for number, location in enumerate(
        ("../secret", str(secret), "link", "/etc/passwd", "x/../../secret")
    ):
        said = refused(with_external(folder / f"{number}.onnx", location))
        assert "refers to a file outside its folder" in said, location


def test_hidden_tensors_are_found(tmp_path: Path) -> None:
    value = numpy_helper.from_array(np.zeros(1, np.float32), "value")
    value.ClearField("raw_data")
    value.data_location = TensorProto.EXTERNAL
    value.external_data.add(key="location", value="../secret")
    constant = helper.make_node("Constant", [], ["c"])
    constant.attribute.append(
        onnx.AttributeProto(name="value", t=value, type=onnx.AttributeProto.TENSOR)
    )
    add = helper.make_node("Add", ["input", "c"], ["output"])
    assert "outside its folder" in refused(with_nodes(tmp_path / "a.onnx", constant, add))
    inner = helper.make_graph([add], "inner", [], picture_values()[1], [value])
    hidden = helper.make_node("If", ["yes"], ["output"], then_branch=inner, else_branch=inner)
    assert "outside its folder" in refused(with_nodes(tmp_path / "b.onnx", hidden))


def test_a_missing_package_is_named(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"pip install -r requirements-onnx\.txt"):
        inspected(plain)
