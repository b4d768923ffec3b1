"""The int8 program: close to the network, computed in int8, silent, deterministic."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model import export, quantization
from model.program import open_program, run_program
from model.quantization import sample_inputs

TEMPERATURE = 0.7
ROOT = Path(__file__).resolve().parent.parent.parent
CODE = """
import sys
from pathlib import Path
import numpy as np
from model.program import open_program, run_program
rng = np.random.default_rng(0)
arrays = rng.uniform(-1, 1, (1, 4, 64, 64)).astype("f4"), np.zeros((1, 7), "f4")
run_program(open_program(Path(sys.argv[1]), engine="int8"), *arrays, temperature=0.7)
"""


@pytest.fixture(scope="module")
def int8_program(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("int8")
    bins = np.load(exported / "bins.npy")
    export.export(exported / "small.npz", folder, bins=bins, engine="int8", temperature=TEMPERATURE)
    return folder


def test_convolutions_run_in_int8_and_nothing_is_printed(int8_program: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, int8_program], cwd=ROOT, check=True,
        env={**os.environ, "ONEDNN_VERBOSE": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if ",exec,cpu,convolution," in line]
    in_int8 = [line for line in lines if "wei:s8" in line]
    assert len(in_int8) > 0.9 * len(lines) > 0
    assert any("_ic4oc" in line for line in in_int8)  # the first convolution's input has a range
    assert done.stderr == ""


def test_int8_is_near_the_network_in_any_batch(int8_program: Path, exported: Path) -> None:
    planes, palettes = sample_inputs(np.load(exported / "bins.npy"))[0]
    whole = open_program(exported / "program", engine="plain")
    expected = run_program(whole, planes, palettes, temperature=TEMPERATURE)[:, :2]
    opened = open_program(int8_program, engine="int8")
    found = run_program(opened, planes, palettes, temperature=TEMPERATURE)[:, :2]
    assert 0 < np.sqrt(np.mean((found - expected) ** 2)) < 0.03 * np.std(expected)
    one = run_program(opened, planes[1:], palettes[1:], temperature=TEMPERATURE)[:, :2]
    np.testing.assert_array_equal(one[0], found[1])


@pytest.mark.slow
def test_int8_stays_finite_however_low_the_temperature(exported: Path, tmp_path: Path) -> None:
    bins = np.load(exported / "bins.npy")
    planes, palettes = sample_inputs(bins)[0]
    export.export(exported / "small.npz", tmp_path, bins=bins, engine="int8", temperature=1e-4)
    program = open_program(tmp_path, engine="int8")
    found = run_program(program, planes, palettes, temperature=1e-4)
    means = found[:, :2].transpose(0, 2, 3, 1)
    distances = np.linalg.norm(means[..., None, :] - bins, axis=-1).min(axis=-1)
    assert np.percentile(distances, 90) < 1  # only the mode remains


@pytest.mark.slow
def test_weights_that_lose_in_int8_are_run_in_fp32(
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    right = quantization._ranges
    monkeypatch.setattr(
        quantization, "_ranges", lambda *given: {k: 0.05 * v for k, v in right(*given).items()}
    )
    monkeypatch.setattr(export, "TOLERANCE_INT8", 0.03)  # random weights: 0.002, here 0.07
    bins = np.load(exported / "bins.npy")
    export.export(exported / "small.npz", tmp_path, bins=bins, engine="int8")
    assert caplog.messages == ["in int8, ab would differ by 7 %: using fp32"]
    inputs = sample_inputs(bins)[0]
    found = run_program(open_program(tmp_path, engine="int8"), *inputs, temperature=1.0)
    program = open_program(exported / "program", engine="fp32")
    expected = run_program(program, *inputs, temperature=1.0)
    np.testing.assert_array_equal(found, expected)


def test_a_program_made_after_one_for_int8_is_of_the_usual_form(
    int8_program: Path, exported: Path, tmp_path: Path
) -> None:
    export.export(exported / "small.npz", tmp_path, bins=np.load(exported / "bins.npy"))
    assert {path.name for path in tmp_path.iterdir()} >= {"program.pdmodel", "program.pdiparams"}


def test_samples_are_seen_alone_and_guided() -> None:
    bins = np.array([[0, 0], [40, 0], [0, 40], [-40, 0], [0, -40]], np.float32)
    for planes, palettes in sample_inputs(bins):
        assert not planes[0, 1:].any()
        assert not palettes[0].any()
        assert planes[1, 1:].any()
        assert palettes[1, -1] == 1
        np.testing.assert_array_equal(planes[0, 0], planes[1, 0])
