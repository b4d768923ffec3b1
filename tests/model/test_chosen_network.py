"""What the user chose is checked before any work, and opened with the engine that it needs."""

import hashlib
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from color.segment import WORKING_SIDE
from gray2color import Colorizer, film_colorization
from model.chosen_network import (
    check_network,
    open_network,
    photo_settings,
    processes_that_fit,
)
from model.onnx_file import write_onnx
from model.onnx_network import OneColorNetwork, OurOnnx
from model.options import WORKING_SIZE, ColorOptions, RunOptions
from model.program import Program
from model.weights_file import RELEASED, weights_sha256
from runtime.places import VERSION

pytest.importorskip("onnxruntime")
from onnx_networks import write_linear


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return write_linear(tmp_path / "other.onnx", [[60, 0, 0], [0, -40, 0]], [-20, 10])


@pytest.fixture
def fixed(tmp_path: Path) -> Path:
    return write_linear(tmp_path / "fixed.onnx", [[1, 0, 0]] * 3, [0, 9, 0], size=(64, 96))


@pytest.fixture(scope="module")
def ours(small_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "ours.onnx"
    write_onnx(small_weights, path)
    return path


def test_each_file_is_identified_by_its_hash(other: Path, small_weights: Path) -> None:
    assert check_network(RunOptions()) == weights_sha256(RELEASED)
    assert check_network(RunOptions(weights=small_weights)) == weights_sha256(small_weights)
    sha256 = hashlib.sha256(other.read_bytes()).hexdigest()
    assert check_network(RunOptions(network=other)) == sha256


@pytest.mark.parametrize(
    ("given", "named"),
    [({"palette": ("#c0392b",)}, "-palette"), ({"mood": "warm"}, "-mood"), ({"candidates": 3}, "-candidates"),
     ({"suggest": 3}, "-suggest"), ({"confidence": Path("a.png")}, "-confidence"),
     ({"temperature": 0.5}, "-temperature"), ({"reference_by": "histogram"}, "-reference_by histogram")],
)  # fmt: skip
def test_options_that_need_a_distribution_are_refused(
    given: dict[str, object], named: str, other: Path, ours: Path
) -> None:
    with pytest.raises(ValueError, match=f"leave {named} out") as caught:
        check_network(RunOptions(network=other), given)
    assert "\n" not in str(caught.value)
    check_network(RunOptions(network=ours), given)
    check_network(RunOptions(network=other), dict.fromkeys(given))


def test_a_fixed_size_is_the_working_size(fixed: Path, other: Path) -> None:
    with pytest.raises(ValueError, match="fixed size, 64 pixels: leave -working_size 128 out"):
        check_network(RunOptions(network=fixed), {"working_size": 128})
    with pytest.raises(ValueError, match="leave -working_size 128 out"):
        Colorizer(fixed, working_size=128)
    gray = np.full((100, 200), 90, np.uint8)
    assert Colorizer(fixed).ab(gray).shape == (16, 32, 2)
    assert Colorizer(other).ab(gray).shape == (128, 256, 2)
    assert Colorizer(other, working_size=64).ab(gray).shape == (16, 32, 2)
    assert Colorizer(other, network_kind="ddcolor").ab(gray).shape == (128, 256, 2)


def test_other_settings_share_the_network_and_its_size(fixed: Path) -> None:
    gray = np.full((100, 200), 90, np.uint8)
    one = Colorizer(fixed)
    np.testing.assert_allclose(
        one.with_options(ColorOptions(saturation=2)).ab(gray), 2 * one.ab(gray), atol=1e-4
    )


def test_processes_share_the_memory(other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = RunOptions(network=other)
    monkeypatch.setattr("model.chosen_network.cores", lambda: 16)
    assert processes_that_fit(RunOptions()) is None
    assert processes_that_fit(large) in {None, *range(1, 16)}
    monkeypatch.setattr("model.chosen_network.LOADED", 1e9 / other.stat().st_size)
    for available, expected in ((4.5e9, 3), (1e6, 1), (100e9, None)):
        memory = SimpleNamespace(available=available)
        monkeypatch.setattr("psutil.virtual_memory", lambda memory=memory: memory)
        assert processes_that_fit(large) == expected
    assert processes_that_fit(RunOptions(network=other.with_name("missing.onnx"))) is None


def test_workers_need_not_find_out_what_a_file_is(
    other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = film_colorization(ColorOptions(), RunOptions(network=other), steady=1).factory
    load = pickle.loads(pickle.dumps(factory))
    monkeypatch.setattr("model.chosen_network.inspected", None)
    assert load().ab(np.full((64, 64), 90, np.uint8)).shape == (128, 128, 2)


def test_each_is_opened_with_its_engine(other: Path, ours: Path, small_weights: Path) -> None:
    how = {"device": "cpu", "precision": "fp32", "threads": 1, "temperature": 1.0}
    for path, kind in ((other, OneColorNetwork), (ours, OurOnnx), (small_weights, Program)):
        assert isinstance(open_network(path, kind=None, **how), kind)  # type: ignore[arg-type]
    unnamed = other.rename(other.with_suffix(".model"))
    assert isinstance(open_network(unnamed, kind="ddcolor", **how), OneColorNetwork)  # type: ignore[arg-type]


def test_films_know_the_network(other: Path, fixed: Path, ours: Path, small_weights: Path) -> None:
    plain = film_colorization(ColorOptions(), RunOptions(weights=small_weights), steady=1)
    assert (plain.working_side, plain.timer) == (WORKING_SIDE, None)
    assert "network" not in plain.settings
    assert plain.settings["working_size"] == WORKING_SIZE
    by = film_colorization(ColorOptions(saturation=2), RunOptions(network=other), steady=1)
    assert by.weights == hashlib.sha256(other.read_bytes()).hexdigest()
    assert by.working_side == by.settings["working_size"] == 512
    assert (
        by.settings.items()
        >= {"network": "other.onnx", "network_kind": "ddcolor", "saturation": 2}.items()
    )
    assert by.settings.items() >= {"engine": "ONNX Runtime fp32", "version": VERSION}.items()
    assert not by.settings.keys() & {"temperature", "contrast", "palette"}
    assert by.timer is not None
    assert by.timer().every == 16
    assert by.timer().frame_s > 0
    small = film_colorization(ColorOptions(), RunOptions(network=fixed), steady=0)
    assert small.working_side == 64
    assert small.timer is not None
    assert small.timer().every == 1
    own = film_colorization(ColorOptions(), RunOptions(network=ours), steady=1)
    told = {"network_kind": "ours", "engine": "ONNX Runtime fp32"}
    assert own.settings.items() >= {**plain.settings, **told}.items()
    assert (own.working_side, own.timer) == (WORKING_SIDE, None)


def test_reports_of_photos_name_the_network(other: Path, ours: Path, small_weights: Path) -> None:
    color = ColorOptions(saturation=2)
    plain = photo_settings(color, RunOptions(weights=small_weights, precision="fp32", device="cpu"))
    assert plain["weights_sha256"] == weights_sha256(small_weights)
    assert plain["engine"] == "fp32"
    assert not plain.keys() & {"steady", "network"}
    told = photo_settings(color, RunOptions(network=other))
    assert told == {
        "version": VERSION, "engine": "ONNX Runtime fp32", "network": "other.onnx", "network_kind": "ddcolor",
        "weights_sha256": hashlib.sha256(other.read_bytes()).hexdigest(),
        "saturation": 2, "working_size": 512, "guidance": plain["guidance"],
    }  # fmt: skip
    own = photo_settings(color, RunOptions(network=ours))
    assert own.keys() == plain.keys() | {"network", "network_kind"}
    with pytest.raises(ValueError, match="leave -mood out"):
        photo_settings(color, RunOptions(network=other), {"mood": "warm"})


def test_a_file_is_named_as_text_too(other: Path, small_weights: Path) -> None:
    how = {"device": "cpu", "precision": "fp32", "threads": 1, "temperature": 1.0}
    for path, kind in ((other, OneColorNetwork), (small_weights, Program)):
        assert isinstance(open_network(str(path), kind=None, **how), kind)  # type: ignore[arg-type]
