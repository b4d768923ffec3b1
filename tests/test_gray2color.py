"""Colorizer: arrays in and out, equal results on all paths, unchanged lightness."""

import functools
import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import asked, landscape
from PIL import Image

import gray2color
from gray2color import Colorizer
from model.decode import contrasted, without_tint
from model.hints import point_planes
from model.options import ColorOptions
from model.paddle_import import supported_precisions
from prior.lab import gray2lightness, rgb2lab

GRAY = np.zeros((8, 8), np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (90, 61), (300, 420)])
def test_the_lightness_that_went_in_comes_out(
    colorizer: Colorizer, shape: tuple[int, int], dtype: type
) -> None:
    gray = landscape(*shape, dtype)
    rgb = colorizer(gray)
    assert rgb.shape == (*shape, 3)
    assert rgb.dtype == dtype
    error = np.abs(rgb2lab(rgb)[..., 0] - gray2lightness(gray)).max()
    assert error < (1 if dtype == np.uint8 else 0.05)


def test_colors_come_from_the_network(colorizer: Colorizer) -> None:
    ab = rgb2lab(colorizer(landscape(128, 160)))[..., 1:]
    assert ab.std() > 1


@pytest.mark.skipif(
    "bf16" not in supported_precisions(), reason="the processor does not compute in bf16"
)
def test_precisions_agree(
    make_colorizer: functools.partial[Colorizer], colorizer: Colorizer
) -> None:
    gray = landscape(200, 150)
    exact = colorizer(gray).astype(int)
    assert np.abs(make_colorizer(precision="bf16")(gray) - exact).max() <= 3


def test_points_are_not_made_bolder_than_they_are(
    make_colorizer: functools.partial[Colorizer],
) -> None:
    gray, wanted = landscape(64, 64), np.array((40.0, 20.0))
    points = [(30, 30, *wanted)]
    for saturation in (1.0, 2.0):
        ab = make_colorizer(saturation=saturation).ab(gray, asked(hints=points))
        np.testing.assert_allclose(ab[7, 7], saturation * wanted, atol=2)


def test_colors_are_in_contrast_and_faint_ones_gray(
    make_colorizer: functools.partial[Colorizer],
) -> None:
    gray = landscape(64, 64)
    plain = make_colorizer(contrast=1, neutral=0).ab(gray)
    np.testing.assert_allclose(
        make_colorizer(contrast=2, neutral=5).ab(gray),
        without_tint(contrasted(plain, 2), 5),
        atol=1e-4,
    )


def test_a_palette_is_not_left_for_contrast(make_colorizer: functools.partial[Colorizer]) -> None:
    gray, palette = landscape(64, 64), ["#c0392b", "#2e86c1"]
    plain, more = (make_colorizer(contrast=c).ab(gray, asked(palette=palette)) for c in (1, 2))
    np.testing.assert_array_equal(more, plain)
    without = [
        make_colorizer(contrast=c).ab(gray, asked(palette=palette, guidance=0)) for c in (1, 2)
    ]
    assert np.abs(without[1] - without[0]).max() > 1


def test_pictures_of_a_batch_have_their_own_hints(colorizer: Colorizer) -> None:
    """Hints may differ between pictures; one without hints is colorized as if there were none."""
    lightness = gray2lightness(np.stack([landscape(64, 64, seed=seed) for seed in range(3)]))
    hints = np.zeros((3, 3, 64, 64), np.float32)
    hints[1] = point_planes([(30, 30, 60, 40)], size=(64, 64))
    free, guided = (colorizer.predict(lightness, hints=planes) for planes in (None, hints))
    np.testing.assert_allclose(guided.ab[[0, 2]], free.ab[[0, 2]], atol=1e-4)
    np.testing.assert_allclose(guided.ab[1, 7, 7], (60, 40), atol=2)
    assert guided.confidence[1, 7, 7] == 1


def test_saturation_scales_the_chroma(make_colorizer: functools.partial[Colorizer]) -> None:
    gray = landscape(64, 64)
    base = make_colorizer(saturation=1).ab(gray)
    np.testing.assert_allclose(make_colorizer(saturation=0.5).ab(gray), base / 2, atol=1e-5)
    assert not make_colorizer(saturation=0)(gray).std(axis=-1).any()


def test_other_options_around_the_same_network_give_what_they_give_alone(
    make_colorizer: functools.partial[Colorizer], colorizer: Colorizer
) -> None:
    gray, hints = landscape(60, 80), [(40, 30, 60, 40)]
    options = ColorOptions(temperature=0.4, saturation=1.5, working_size=96)
    alone = make_colorizer(temperature=0.4, saturation=1.5, working_size=96)
    other = colorizer.with_options(options)
    np.testing.assert_array_equal(other(gray, asked(hints=hints)), alone(gray, asked(hints=hints)))
    again = other.with_options(ColorOptions(working_size=64))
    np.testing.assert_array_equal(
        again(gray, asked(hints=hints)), colorizer(gray, asked(hints=hints))
    )


def test_temperature_sharpens(make_colorizer: functools.partial[Colorizer]) -> None:
    gray = landscape(64, 64)
    chroma = [
        np.hypot(*np.moveaxis(make_colorizer(temperature=t).ab(gray), -1, 0)).mean()
        for t in (0.1, 1.0)
    ]
    assert chroma[0] > chroma[1]


def test_a_colorizer_s_palette_and_mood_are_those_of_its_calls(
    make_colorizer: functools.partial[Colorizer], colorizer: Colorizer
) -> None:
    gray = landscape(64, 64)
    for wanted in ({"mood": "warm", "guidance": 0.5}, {"palette": ["#2e86c1", "#c8281e"]}):
        np.testing.assert_array_equal(
            make_colorizer(**wanted).ab(gray), colorizer.ab(gray, asked(**wanted))
        )


def test_a_list_of_pictures_gives_a_list(colorizer: Colorizer) -> None:
    grays = [landscape(40, 64), landscape(64, 50, np.uint16)]
    wanted = asked(hints=[(30, 30, 60, 40)])
    for given in (grays, tuple(grays)):
        found = colorizer(given, wanted)
        assert isinstance(found, list)
        for rgb, gray in zip(found, grays, strict=True):
            np.testing.assert_array_equal(rgb, colorizer(gray, wanted))
    assert colorizer([]) == []


@pytest.mark.parametrize(
    ("gray", "says"),
    [
        (None, "got None, which cv2.imread returns for a file that it cannot read"),
        ("old.jpg", "got the path 'old.jpg': read it first"),
        (Path("old.jpg"), "got the path 'old.jpg': read it first"),
        ([[1, 2], [3, 4]], "got a list"),
        ([np.zeros((4, 4), np.uint8), None], "got None"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_to_do(
    colorizer: Colorizer, gray: Any, says: str
) -> None:
    with pytest.raises(TypeError, match=f"expected gray .*{says}"):
        colorizer(gray)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda made: made(GRAY, hint=[(1, 1, "red")]), r"write Guidance\(hints=...\) as the second argument"),
        (lambda made: made(GRAY, saturation=1.2), r"write Colorizer\(saturation=...\)"),
        (lambda made: made.candidates(GRAY, guidence=3), r"candidates\(\) has no argument 'guidence': the nearest is 'guidance'"),
        (lambda made: made.frames([GRAY], mood="warm"), r"write Guidance\(mood=...\)"),
        (lambda made: made(GRAY, [(1, 1, "red")]), r"expected guidance as Guidance\(hints=...\), got a list"),
        (lambda _: Colorizer(hints=[]), r"Colorizer\(\) has no argument 'hints': write Guidance"),
        (lambda _: Colorizer(saturaton=1), "the nearest is 'saturation'"),
    ],
)  # fmt: skip
def test_arguments_of_other_names_are_refused_with_the_nearest(
    colorizer: Colorizer, call: Any, says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        call(colorizer)


def test_help_gives_shapes_and_units(colorizer: Colorizer) -> None:
    for name in ("__call__", "ab", "candidates", "confidence", "suggest", "likely_colors"):
        text = inspect.getdoc(getattr(Colorizer, name)) or ""
        assert "(H, W)" in text, name
    signature = inspect.signature(Colorizer.__call__)
    assert list(signature.parameters) == ["self", "gray", "guidance"]


def test_a_factory_travels_to_other_processes(make_colorizer: functools.partial[Colorizer]) -> None:
    factory = pickle.loads(pickle.dumps(functools.partial(make_colorizer, threads=1)))
    assert factory().threads == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"temperature": 0}, "temperature must be from 0.05 to 2, got 0"),
        ({"temperature": np.float32("nan")}, "temperature must be from 0.05 to 2, got nan"),
        ({"temperature": "1"}, "temperature must be a number from 0.05 to 2, got 1"),
        ({"saturation": -1, "neutral": -1}, "saturation must be from 0 to 4, got -1; .*neutral must be 0 or more, got -1"),
        ({"contrast": -1}, "contrast must be 0 or more, got -1"),
        ({"contrast": float("inf")}, "contrast must be 0 or more, got inf"),
        ({"working_size": 33}, "working_size must be from 64 to 1024, got 33"),
        ({"working_size": 100.5}, "working_size must be a whole number from 64 to 1024, got 100.5"),
        ({"steady": 2}, "steady must be from 0 to 1, got 2"),
        ({"threads": -3}, "threads must be from 1 to 1024, got -3"),
        ({"device": "tpu"}, "device must be one of auto, cpu, gpu, got 'tpu'"),
        ({"precision": "fp64"}, "precision must be one of .*, got 'fp64'"),
    ],
)  # fmt: skip
def test_settings_that_the_commands_refuse_are_refused_in_one_line(
    make_colorizer: functools.partial[Colorizer], settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        make_colorizer(**settings)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_settings(make_colorizer: functools.partial[Colorizer]) -> None:
    made = make_colorizer(threads=np.int64(1), temperature=np.float32(0.5))
    assert made.threads == 1


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such weights file"):
        Colorizer(tmp_path / "none.npz")


def test_the_script_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert gray2color.main([]) == 2
    assert "gray2color.py IN OUT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a.png", "a.png"), "a.png is an input"),
        (("a.png", "b.png"), "b.png already exists"),
        (("a.png", "out"), "has no extension"),
        (("none.png", "c.png"), "none.png: no such file"),
        (("b.png", "c.png"), "b.png is empty"),
    ],
)
def test_the_script_refuses_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(landscape(8, 8)).save("a.png")
    Path("b.png").touch()
    assert gray2color.main(words) == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["a.png", "b.png"]


def test_the_script_replaces_no_file_of_a_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make_colorizer: functools.partial[Colorizer],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gray2color, "Colorizer", make_colorizer)
    for folder in ("photos", "out"):
        Path(folder).mkdir()
    for name in "abc":
        Image.fromarray(landscape(40, 48)).save(f"photos/{name}.png")
    Path("out/b.png").write_bytes(b"mine")
    Path("out/c.png").symlink_to("nowhere.png")
    assert gray2color.main(["photos/", "out/"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" already ")[0] for line in lines] == [
        "gray2color.py: out/b.png",
        "gray2color.py: out/c.png",
    ]
    assert Path("out/b.png").read_bytes() == b"mine"
    assert Path("out/c.png").is_symlink()
    with Image.open("out/a.png") as image:
        assert image.size == (48, 40)


def test_a_colorizer_takes_the_cores_that_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 4, 9}, raising=False)
    network: Any = lambda *_, **__: None  # noqa: E731
    assert Colorizer(predictor=network).threads == 3
    assert Colorizer(predictor=network, threads=2).threads == 2
