"""ONNX files are recognized by what they receive and return; dangerous, damaged and foreign ones are refused unrun."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from model.onnx_file import write_onnx
from model.onnx_signature import inspected

pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper
from onnx_networks import (
    load,
    picture_values,
    refused,
    write,
    write_linear,
)


@pytest.mark.parametrize(
    ("receives", "returns", "kind"), [(3, 2, "ddcolor"), (3, 3, "deoldify"), (1, 2, "eccv16")]
)
def test_kinds_are_recognized_by_their_channels(
    receives: int, returns: int, kind: str, tmp_path: Path
) -> None:
    path = write_linear(tmp_path / "a.onnx", [[1] * receives] * returns, [0] * returns)
    assert inspected(path).kind == kind


def test_a_named_kind_goes_before_the_recognized_one(tmp_path: Path) -> None:
    path = write_linear(tmp_path / "a.onnx", [[1], [0]], [0, 0])
    assert inspected(path, "pix2pix").kind == "pix2pix"
    assert "not a network of the kind ddcolor: it receives input float32 (1, 1, ?, ?)" in refused(
        path, "ddcolor"
    )


def test_size_and_numbers_are_read(tmp_path: Path) -> None:
    path = write_linear(
        tmp_path / "a.onnx", [[1] * 3] * 2, [0, 0], size=(512, 384), dtype="float16"
    )
    file = inspected(path)
    assert (file.size, file.fixed_side, file.dtype) == ((512, 384), 384, np.float16)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.name == "a.onnx"


def test_our_own_network_is_recognized(small_weights: Path, tmp_path: Path) -> None:
    shutil.copy(_ours(small_weights), tmp_path / "ours.onnx")
    file = inspected(tmp_path / "ours.onnx")
    assert (file.kind, file.output) == ("ours", "logits")
    assert [value.name for value in file.inputs] == ["planes", "palette"]


def _ours(weights: Path) -> Path:
    """Write our network without the check, which opens it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.onnx_file.check_onnx", lambda path, network: None)
        path = weights.with_suffix(".onnx")
        write_onnx(weights, path)
        return path


def test_constants_listed_among_the_inputs_are_none(tmp_path: Path) -> None:
    plain = write_linear(tmp_path / "a.onnx", [[1, 0, 0], [0, 1, 0]], [0, 0])
    model = load(plain)
    for tensor in model.graph.initializer[:2]:
        model.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    plain.write_bytes(model.SerializeToString())
    assert len(inspected(plain).inputs) == 1


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    plain = write_linear(tmp_path / "a.onnx", [[1, 0, 0], [0, 1, 0]], [0, 0])
    assert inspected(plain).kind == "ddcolor"
    write_linear(plain, [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0])
    assert inspected(plain).kind == "deoldify"


def test_a_classifier_is_refused_with_what_it_is(tmp_path: Path) -> None:
    inputs, _ = picture_values()
    outputs = [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1, 1000])]
    node = helper.make_node("GlobalAveragePool", ["input"], ["probability"])
    said = refused(write(tmp_path / "a.onnx", [node], inputs, outputs))
    assert "no colorizer of a known kind: it receives input float32 (1, 3, ?, ?)" in said
    assert "returns probability float32 (1, 1000); -network_kind says what they mean" in said
