"""Programs are changed where they stand: weights of 7 bits for processors that add products of bytes in 16."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import paddle
import pytest

from model import export, program
from model.older_format import older_static_mode
from model.program import open_program, run_program
from model.quantization import sample_inputs

TEMPERATURE = 0.7


@pytest.mark.slow
def test_without_exact_sums_the_weights_have_seven_bits(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scales of weights are half of those of a processor that adds exactly, and ab is as near to the network's."""
    monkeypatch.setattr(program, "has_exact_int8", lambda: True)
    bins = _export(exported, tmp_path)
    scales = {True: _weight_scales(tmp_path)}
    shutil.rmtree(_kept(tmp_path))
    monkeypatch.setattr(program, "has_exact_int8", lambda: False)
    opened = open_program(tmp_path, engine="int8")
    scales[False] = _weight_scales(tmp_path)
    assert len(scales[True]) > 100
    np.testing.assert_allclose(scales[True], 2 * scales[False], rtol=1e-6)
    planes, palettes = sample_inputs(bins)[0]
    whole = open_program(exported / "program", engine="plain")
    expected = run_program(whole, planes, palettes, temperature=TEMPERATURE)[:, :2]
    found = run_program(opened, planes, palettes, temperature=TEMPERATURE)[:, :2]
    assert 0 < np.sqrt(np.mean((found - expected) ** 2)) < 0.03 * np.std(expected)


@pytest.mark.slow
def test_weights_are_halved_where_the_result_cannot_be_kept(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache for several machines may be read-only; its programs compute there as where it can be written."""
    monkeypatch.setattr(program, "has_exact_int8", lambda: False)
    bins = _export(exported, tmp_path)
    inputs = sample_inputs(bins)[0]
    expected = run_program(open_program(tmp_path, engine="int8"), *inputs, temperature=TEMPERATURE)
    shutil.rmtree(_kept(tmp_path))
    make = tempfile.mkdtemp

    def elsewhere(prefix: str, dir: Path | None) -> str:
        if dir is not None:
            raise PermissionError("read-only")
        return make(prefix=prefix)

    monkeypatch.setattr(program.tempfile, "mkdtemp", elsewhere)
    opened = open_program(tmp_path, engine="int8")
    found = run_program(opened, *inputs, temperature=TEMPERATURE)
    np.testing.assert_array_equal(found, expected)
    assert not list(tmp_path.glob("int8-*"))


def _export(exported: Path, folder: Path) -> np.ndarray:
    """Export the small network in int8; return its bins."""
    bins: np.ndarray = np.load(exported / "bins.npy")
    weights = exported / "small.npz"
    export.export(weights, folder, bins=bins, engine="int8", temperature=TEMPERATURE)
    return bins


def _kept(folder: Path) -> Path:
    return next(folder.glob("int8-*"))


def _weight_scales(folder: Path) -> np.ndarray:
    """Return the scales of the weights of all convolutions in int8, but those of filters that are 0."""
    with older_static_mode():
        read = (_kept(folder) / "_optimized.pdmodel").read_bytes()
        ops = paddle.static.Program.parse_from_string(read).global_block().ops
        convolutions = [op.desc for op in ops if op.type == "fused_conv2d"]
        in_int8 = [op for op in convolutions if op.attr("mkldnn_data_type") == "int8"]
        scales = np.concatenate([op.attr("Scale_weights") for op in in_int8])
    return scales[np.isfinite(scales)]
