"""The network as an ONNX file computes what the network computes, and says how it is used."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from model import onnx_file
from model.onnx_file import OPSET, main, write_onnx
from model.weights_file import RELEASED, build, read_weights
from prior.qspace import read_bins

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def written(small_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "small.onnx"
    write_onnx(small_weights, path)
    return path


def outputs(path: Path, planes: np.ndarray, palette: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, {"planes": planes, "palette": palette})
    return found


def inputs(bins: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    planes = rng.uniform(-1, 1, (3, 4, 96, 32)).astype(np.float32)
    return planes, rng.dirichlet(np.ones(bins + 1), 3).astype(np.float32)


def differences(path: Path, weights: Path) -> tuple[float, float]:
    """Return the largest differences of logits and features to the network's, relative to the largest of them."""
    import paddle

    network = build(read_weights(weights))
    planes, palette = inputs(network.config.bins)
    with paddle.no_grad():
        logits = network(paddle.to_tensor(planes), paddle.to_tensor(palette)).numpy()
        features = network.backbone(paddle.to_tensor(planes[:, :1]))[1].numpy()
    found = outputs(path, planes, palette)
    assert [one.shape for one in found] == [(3, 261, 24, 8), (3, 112, 6, 2)]
    pairs = zip(found, (logits, features), strict=True)
    ours, theirs = (float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)
    return ours, theirs


def test_the_file_is_the_network(written: Path, small_weights: Path) -> None:
    assert max(differences(written, small_weights)) < 1e-5


def test_hints_and_palette_matter_in_it(written: Path) -> None:
    planes, palette = inputs(261)
    plain, _ = outputs(written, planes, palette)
    others = np.concatenate([planes[:, :1], -planes[:, 1:]], axis=1)
    hinted, _ = outputs(written, others, palette)
    of_one_color = np.zeros_like(palette)
    of_one_color[:, [7, -1]] = 1
    other, _ = outputs(written, planes, of_one_color)
    assert np.abs(hinted - plain).max() > 0.1
    assert np.abs(other - plain).max() > 1e-3


@pytest.mark.slow
def test_the_released_network_gives_the_same_colors(tmp_path: Path) -> None:
    write_onnx(RELEASED, tmp_path / "released.onnx")
    assert max(differences(tmp_path / "released.onnx", RELEASED)) < 1e-4


def test_it_says_what_it_is(written: Path, small_weights: Path) -> None:
    model = onnx.load(written)
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", OPSET)]
    about = {one.key: one.value for one in model.metadata_props}
    assert about["weights_sha256"] == read_weights(small_weights).sha256
    np.testing.assert_allclose(json.loads(about["bins"]), read_bins(), atol=1e-4)
    shapes = {
        one.name: [side.dim_value or side.dim_param for side in one.type.tensor_type.shape.dim]
        for one in (*model.graph.input, *model.graph.output)
    }
    assert shapes["planes"] == ["batch", 4, "height", "width"]
    assert shapes["palette"] == ["batch", 262]
    assert shapes["logits"][:2] == ["batch", 261]


def test_it_is_the_same_file_again(written: Path, small_weights: Path, tmp_path: Path) -> None:
    write_onnx(small_weights, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == written.read_bytes()


def test_a_file_that_differs_from_the_network_is_not_kept(
    small_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = onnx_file._up
    monkeypatch.setattr(onnx_file, "_up", lambda g, *more: g.add("Neg", up(g, *more)))
    with pytest.raises(RuntimeError, match="logits of the ONNX file differ"):
        write_onnx(small_weights, tmp_path / "wrong.onnx")
    assert not list(tmp_path.iterdir())


def test_nothing_is_replaced_unasked(
    small_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "there.onnx"
    out.write_text("mine")
    words = ["-weights", str(small_weights), "-out", str(out)]
    assert main(words) == 2
    assert "there.onnx exists already: add -overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main([*words, "-overwrite"]) == 0
    assert onnx.load(out).graph.name == "colornet"


def test_missing_weights_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-weights", str(tmp_path / "no.npz"), "-out", str(tmp_path / "a.onnx")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "a.onnx").exists()


def test_a_missing_package_is_one_line(
    small_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["-weights", str(small_weights), "-out", str(tmp_path / "a.onnx")]) == 1
    said = (
        "onnx_file.py: ONNX files need the package onnx: run pip install -r requirements-onnx.txt"
    )
    assert capsys.readouterr().err == f"{said}\n"
