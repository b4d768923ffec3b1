"""Each kind of ONNX file receives what it expects, and its output is read as what it is; ours equals Paddle's."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage import color

from model.onnx_file import write_onnx
from model.onnx_network import OneColorNetwork, OurOnnx
from model.onnx_signature import inspected
from model.options import NetworkKind
from model.program import Program
from model.program_cache import program_for

pytest.importorskip("onnxruntime")
from onnx import helper, numpy_helper
from onnx_networks import FREE, Size, picture_values, write, write_linear

GRAYS = (9, 60, 128, 201, 250)
# What each kind receives for a gray level 0..255 and its L, and what its output means: computed here independently.
Received = Callable[[float, float], float]
RECEIVED: dict[NetworkKind, Received] = {
    "ddcolor": lambda gray, L: gray / 255,
    "deoldify": lambda gray, L: gray,
    "rgb": lambda gray, L: gray / 255,
    "eccv16": lambda gray, L: L,
    "eccv16-caffe": lambda gray, L: L - 50,
    "siggraph17-scaled": lambda gray, L: (L - 50) / 100,
    "pix2pix": lambda gray, L: L / 50 - 1,
}
# Output channels as linear functions of an input x: (slope, offset) each, so that no two channels are alike.
LINES: dict[NetworkKind, tuple[tuple[float, float], ...]] = {
    "ddcolor": ((60, -20), (-40, 10)),
    "deoldify": ((0.5, 100), (0.4, 20), (0.7, 0)),
    "rgb": ((0.5, 0.4), (0.4, 0.1), (0.7, 0)),
    "eccv16": ((0.6, -20), (-0.4, 10)),
    "eccv16-caffe": ((0.6, 10), (-0.4, -10)),
    "siggraph17-scaled": ((0.6, 0.1), (-0.4, -0.1)),
    "pix2pix": ((0.3, 0.1), (-0.2, -0.1)),
}


def expected_ab(kind: NetworkKind, gray: int) -> np.ndarray:
    lightness = color.rgb2lab(np.full((1, 1, 3), gray / 255))[0, 0, 0]
    x = RECEIVED[kind](gray, lightness)
    out = np.array([slope * x + offset for slope, offset in LINES[kind]])
    if len(out) == 3:
        return color.rgb2lab(out[None, None] / (255 if kind == "deoldify" else 1))[0, 0, 1:]
    return out * (110 if kind in {"siggraph17-scaled", "pix2pix"} else 1)


def network(
    path: Path, kind: NetworkKind, *, size: Size = FREE, dtype: str = "float32"
) -> OneColorNetwork:
    """Write and open a network whose first output uses the first input channel, and so on."""
    channels = 1 if RECEIVED[kind](255, 100) not in {1, 255} or kind == "pix2pix" else 3
    lines = LINES[kind]
    matrix = [[0.0] * channels for _ in lines]
    for row, (slope, _) in zip(matrix, lines, strict=True):
        row[min(matrix.index(row), channels - 1)] = slope
    write_linear(path, matrix, [offset for _, offset in lines], size=size, dtype=dtype)
    return OneColorNetwork(inspected(path, kind), threads=1)


def flat(gray: int, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    lightness = color.rgb2lab(np.full((1, 1, 3), gray / 255))[0, 0, 0]
    return np.full(size, lightness, np.float32)


@pytest.mark.parametrize("kind", RECEIVED)
def test_a_kind_gets_its_picture_and_its_colors_are_understood(
    kind: NetworkKind, tmp_path: Path
) -> None:
    opened = network(tmp_path / "small.onnx", kind)
    for gray in GRAYS:
        found = opened.ab(flat(gray))
        assert found.shape == (64, 64, 2)
        np.testing.assert_allclose(
            found, np.broadcast_to(expected_ab(kind, gray), found.shape), atol=0.15
        )


@pytest.mark.parametrize("kind", ["ddcolor", "deoldify", "eccv16"])
@pytest.mark.parametrize("size", [(48, 32), (None, 40), FREE])
def test_fixed_sizes_and_half_precision(kind: NetworkKind, size: Size, tmp_path: Path) -> None:
    opened = network(tmp_path / "small.onnx", kind, size=size, dtype="float16")
    found = opened.ab(flat(128, (60, 90)))
    assert found.shape == (size[0] or 64, size[1] or 64, 2)
    np.testing.assert_allclose(found[5, 5], expected_ab(kind, 128), atol=0.5)


def test_colors_stay_where_they_are(tmp_path: Path) -> None:
    opened = network(tmp_path / "small.onnx", "ddcolor", size=(32, 64))
    lightness = flat(60, (64, 96))
    lightness[:32, 48:] = flat(250)[0, 0]  # the upper right
    planes = np.stack([lightness / 50 - 1] * 2)[:, None]
    means = opened(planes, np.empty((2, 0), np.float32), temperature=1)
    assert means.shape == (2, 3, 16, 24)
    dark, bright = expected_ab("ddcolor", 60), expected_ab("ddcolor", 250)
    for a, b, chroma in means:
        for row, column, (expected_a, expected_b) in (
            (2, 20, bright),
            (12, 20, dark),
            (2, 3, dark),
        ):
            np.testing.assert_allclose(
                (a[row, column], b[row, column]), (expected_a, expected_b), atol=0.2
            )
        np.testing.assert_allclose(chroma, np.hypot(a, b), atol=1e-4)


def test_an_output_may_be_smaller(tmp_path: Path) -> None:
    write_linear(tmp_path / "small.onnx", [[0.6], [-0.4]], [-20, 10], smaller=4)
    found = OneColorNetwork(inspected(tmp_path / "small.onnx")).ab(flat(128))
    assert found.shape == (16, 16, 2)
    np.testing.assert_allclose(found[3, 3], expected_ab("eccv16", 128), atol=0.2)


def test_inputs_for_hints_get_none(tmp_path: Path) -> None:
    path = write_linear(tmp_path / "small.onnx", [[0.6], [-0.4]], [-20, 10], hints=2)
    opened = OneColorNetwork(inspected(path))
    assert [value.shape[1] for value in opened.file.inputs] == [1, 2, 1]
    np.testing.assert_allclose(opened.ab(flat(128))[9, 9], expected_ab("eccv16", 128), atol=0.2)


def test_colors_without_a_number_are_refused(tmp_path: Path) -> None:
    write_linear(tmp_path / "nan.onnx", [[0.6], [-0.4]], [np.nan, 10])
    with pytest.raises(ValueError, match=r"nan.onnx returns no colors: .* not finite"):
        OneColorNetwork(inspected(tmp_path / "nan.onnx")).ab(flat(128))


def test_a_network_that_fails_is_one_line(tmp_path: Path) -> None:
    node = helper.make_node("Reshape", ["input", "shape"], ["output"])
    shape = numpy_helper.from_array(np.array([1, 2, 7, 7], np.int64), "shape")
    path = write(tmp_path / "fails.onnx", [node], *picture_values(1), [shape])
    with pytest.raises(ValueError, match=r"fails\.onnx cannot be run: ") as caught:
        OneColorNetwork(inspected(path)).ab(flat(128))
    assert "\n" not in str(caught.value)


def test_a_graph_that_is_none_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["input", "nothing"], ["output"])
    path = write(tmp_path / "none.onnx", [node], *picture_values())
    with pytest.raises(ValueError, match=r"none\.onnx cannot be run: ") as caught:
        OneColorNetwork(inspected(path))
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def ours(small_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> OurOnnx:
    path = tmp_path_factory.mktemp("onnx") / "ours.onnx"
    write_onnx(small_weights, path)
    return OurOnnx(inspected(path), threads=1)


def test_our_network_gives_everything_that_it_gives_with_paddle(
    ours: OurOnnx, small_weights: Path
) -> None:
    with_paddle = Program(functools.partial(program_for, small_weights), engine="fp32")
    rng = np.random.default_rng(2)
    planes = rng.uniform(-1, 1, (2, 4, 64, 96)).astype(np.float32)
    palettes = np.zeros((2, 262), np.float32)
    palettes[1, [5, -1]] = 1
    for temperature in (0.4, 1.0):
        expected = with_paddle(planes, palettes, temperature=temperature)
        np.testing.assert_allclose(
            ours(planes, palettes, temperature=temperature), expected, atol=2e-3
        )
        assert np.ptp(expected) > 1
        shares = with_paddle.giving("distribution")(planes, palettes, temperature=temperature)
        found = ours.giving("distribution")(planes, palettes, temperature=temperature)
        np.testing.assert_allclose(found, shares, atol=1e-5)
    features = with_paddle.giving("features")(planes, palettes, temperature=1.0)
    found = ours.giving("features")(planes, palettes, temperature=1.0)
    np.testing.assert_allclose(found, features, atol=1e-4 * np.abs(features).max())


def test_another_number_of_bins_is_refused(ours: OurOnnx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.onnx_network.read_bins", lambda: np.zeros((7, 2), np.float32))
    with pytest.raises(ValueError, match="another number of bins than the prior, which has 7"):
        OurOnnx(ours.file)
