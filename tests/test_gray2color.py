"""Colorizer: arrays in and out, equal results on all paths, unchanged lightness."""

import dataclasses
import functools
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import asked, landscape, texture
from PIL import Image

import gray2color
from gray2color import Colorizer
from model.correspondence import Correspondence
from model.decode import contrasted, without_tint
from model.hints import point_planes
from model.options import GUIDANCE, ColorOptions, RunOptions, color_settings
from model.paddle_import import has_bf16
from model.shot_colors import color_share
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab


@pytest.fixture(scope="module")
def make(small_weights: Path) -> functools.partial[Colorizer]:
    """Return a Colorizer class bound to small weights."""
    how = {"device": "cpu", "precision": "fp32", "working_size": 64}
    return functools.partial(Colorizer, small_weights, **how)


@pytest.fixture(scope="module")
def colorizer(make: functools.partial[Colorizer]) -> Colorizer:
    return make()


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


@pytest.mark.skipif(not has_bf16(), reason="the processor does not compute in bf16")
def test_precisions_agree(make: functools.partial[Colorizer], colorizer: Colorizer) -> None:
    gray = landscape(200, 150)
    exact = colorizer(gray).astype(int)
    assert np.abs(make(precision="bf16")(gray) - exact).max() <= 3


@dataclass(frozen=True, eq=False)
class Piece:
    """Return a segment like those of a film's job."""

    frames: np.ndarray
    numbers: range
    shot: int
    number: int
    after: np.ndarray
    guidance: object | None = None


def segment_of(frames: np.ndarray, first: int, last: int) -> Piece:
    """Return frames [first, last) of a shot, and the next one."""
    numbers, after = range(100 + first, 100 + last), frames[last : last + 1]
    return Piece(frames[first:last], numbers, 0, int(first > 0), after)


def one_by_one(colorizer: Colorizer, frames: np.ndarray) -> np.ndarray:
    """Colorize frames independently."""
    return colorizer.colorize(segment_of(frames, 0, len(frames)))


@pytest.fixture(scope="module")
def unsteady(make: functools.partial[Colorizer]) -> Colorizer:
    return make(steady=0)


@pytest.fixture(scope="module")
def pan() -> np.ndarray:
    """Return a pan over a scene with slight grain: (96, 64, 96)."""
    rng = np.random.default_rng(3)
    scene = texture(rng, 64, 96 + 96).astype(np.float32)
    frames = np.stack([scene[:, i : i + 96] for i in range(96)])
    return np.clip(frames + rng.normal(0, 4, frames.shape), 0, 255).astype(np.uint8)


def test_colors_of_a_segment_move_with_it(
    colorizer: Colorizer, unsteady: Colorizer, pan: np.ndarray
) -> None:
    """Frame i at x equals frame i + 4 at x - 4, a shift by one position of the colors."""
    alone, steady = (one.colorize(segment_of(pan[:24], 0, 24)) for one in (unsteady, colorizer))
    assert steady.shape == alone.shape
    assert steady.dtype == np.float32

    def flicker(ab: np.ndarray) -> float:
        return float(np.abs(ab[4:, :, 1:-2] - ab[:-4, :, 2:-1]).mean())

    assert flicker(steady) < flicker(alone) / 3


def test_steadiness_0_colors_each_frame_by_itself(
    colorizer: Colorizer, unsteady: Colorizer
) -> None:
    """As a picture of its size."""
    frames = np.stack([landscape(64, 96, seed=seed) for seed in range(6)])
    for ab, frame in zip(one_by_one(unsteady, frames), frames, strict=True):
        np.testing.assert_allclose(ab, colorizer.ab(frame), atol=1e-3)


def test_a_still_film_is_still(colorizer: Colorizer) -> None:
    frames = np.repeat(landscape(64, 96)[None], 10, axis=0)
    ab = colorizer.colorize(segment_of(frames, 0, 10))
    assert (ab == ab[0]).all()
    alone = colorizer.ab(frames[0]) * color_share(frames[:1], ab.shape[1:3])[0, ..., None]
    np.testing.assert_allclose(ab[0], alone, atol=0.05)  # stored as float16


def test_segments_of_a_shot_have_the_colors_of_the_shot_colorized_whole(
    colorizer: Colorizer, pan: np.ndarray
) -> None:
    whole = colorizer.colorize(segment_of(pan, 0, 96))
    bounds = [(0, 24), (24, 64), (64, 96)]
    parts = [colorizer.predict_segment(segment_of(pan, *pair)) for pair in bounds]
    before, after = [None], [None]
    for part in parts[:-1]:
        before.append(colorizer.link_segment(part, before[-1], backward=False))
    for part in parts[:0:-1]:
        after.append(colorizer.link_segment(part, after[-1], backward=True))
    linked = np.concatenate(
        [
            colorizer.finish_segment(part, before=b, after=a)
            for part, b, a in zip(parts, before, reversed(after), strict=True)
        ]
    )
    assert np.abs(linked - whole).max() < 0.1
    alone = np.concatenate([colorizer.colorize(segment_of(pan, *pair)) for pair in bounds])
    assert np.abs(alone - whole).max() > 1


def test_a_flash_does_not_change_how_other_frames_are_seen_one_by_one(
    unsteady: Colorizer,
) -> None:
    frame = landscape(64, 96)
    together = one_by_one(unsteady, np.stack([frame, frame // 2 + 60, frame]))
    np.testing.assert_allclose(together[0], together[2], atol=1e-4)


def test_frames_of_any_size(unsteady: Colorizer) -> None:
    ab = one_by_one(unsteady, np.zeros((2, 66, 101), np.uint8))
    assert ab.shape == (2, 64 // 4, 96 // 4, 2)


def test_points_are_not_made_bolder_than_they_are(make: functools.partial[Colorizer]) -> None:
    gray, wanted = landscape(64, 64), np.array((40.0, 20.0))
    points = [(30, 30, *wanted)]
    for saturation in (1.0, 2.0):
        ab = make(saturation=saturation).ab(gray, asked(hints=points))
        np.testing.assert_allclose(ab[7, 7], saturation * wanted, atol=2)


def test_colors_are_in_contrast_and_faint_ones_gray(make: functools.partial[Colorizer]) -> None:
    gray = landscape(64, 64)
    plain = make(contrast=1, neutral=0).ab(gray)
    np.testing.assert_allclose(
        make(contrast=2, neutral=5).ab(gray), without_tint(contrasted(plain, 2), 5), atol=1e-4
    )


def test_a_palette_is_not_left_for_contrast(make: functools.partial[Colorizer]) -> None:
    gray, palette = landscape(64, 64), ["#c0392b", "#2e86c1"]
    plain, more = (make(contrast=c).ab(gray, asked(palette=palette)) for c in (1, 2))
    np.testing.assert_array_equal(more, plain)
    without = [make(contrast=c).ab(gray, asked(palette=palette, guidance=0)) for c in (1, 2)]
    assert np.abs(without[1] - without[0]).max() > 1


def test_hints_leave_alone_what_is_not_their_object(colorizer: Colorizer) -> None:
    gray = landscape(64, 64) // 4 + 20
    gray[:, 32:] += 150
    free, hinted = (
        colorizer.ab(gray, asked(hints=hints)) for hints in (None, [(14, 30, 60.0, -40.0)])
    )
    change = np.hypot(*np.moveaxis(hinted - free, -1, 0))
    assert change[:, :7].mean() > 20
    assert change[:, 9:].mean() < 1


def test_pictures_of_a_batch_have_their_own_hints(colorizer: Colorizer) -> None:
    """Hints may differ between pictures; one without hints is colorized as if there were none."""
    lightness = gray2lightness(np.stack([landscape(64, 64, seed=seed) for seed in range(3)]))
    hints = np.zeros((3, 3, 64, 64), np.float32)
    hints[1] = point_planes([(30, 30, 60, 40)], size=(64, 64))
    free, guided = (colorizer.predict(lightness, hints=planes) for planes in (None, hints))
    np.testing.assert_allclose(guided.ab[[0, 2]], free.ab[[0, 2]], atol=1e-4)
    np.testing.assert_allclose(guided.ab[1, 7, 7], (60, 40), atol=2)
    assert guided.confidence[1, 7, 7] == 1


def test_saturation_scales_the_chroma(make: functools.partial[Colorizer]) -> None:
    gray = landscape(64, 64)
    base = make(saturation=1).ab(gray)
    np.testing.assert_allclose(make(saturation=0.5).ab(gray), base / 2, atol=1e-5)
    assert not make(saturation=0)(gray).std(axis=-1).any()


def test_other_options_around_the_same_network_give_what_they_give_alone(
    make: functools.partial[Colorizer], colorizer: Colorizer
) -> None:
    gray, hints = landscape(60, 80), [(40, 30, 60, 40)]
    options = ColorOptions(temperature=0.4, saturation=1.5, working_size=96)
    alone = make(temperature=0.4, saturation=1.5, working_size=96)
    other = colorizer.with_options(options)
    np.testing.assert_array_equal(other(gray, asked(hints=hints)), alone(gray, asked(hints=hints)))
    again = other.with_options(ColorOptions(working_size=64))
    np.testing.assert_array_equal(
        again(gray, asked(hints=hints)), colorizer(gray, asked(hints=hints))
    )


def test_temperature_sharpens(make: functools.partial[Colorizer]) -> None:
    gray = landscape(64, 64)
    chroma = [
        np.hypot(*np.moveaxis(make(temperature=t).ab(gray), -1, 0)).mean() for t in (0.1, 1.0)
    ]
    assert chroma[0] > chroma[1]


RED = np.full((4, 4, 3), (200, 40, 30), np.uint8)


def redness(ab: np.ndarray) -> float:
    wanted = rgb2lab(RED[0, 0])[1:]
    return float((ab @ wanted).mean() / np.linalg.norm(wanted))


def test_a_reference_and_a_palette_have_their_colors_taken(colorizer: Colorizer) -> None:
    gray = landscape(120, 160)
    free = redness(colorizer.ab(gray))
    for wanted in ({"reference": RED}, {"palette": ["#c8281e"]}):
        half, whole = (redness(colorizer.ab(gray, asked(guidance=g, **wanted))) for g in (0.2, 1.0))
        assert free < half < whole


@pytest.fixture
def own_reference() -> tuple[np.ndarray, np.ndarray]:
    """Return a gray picture and its color original: (192, 256) and (192, 256, 3)."""
    gray = texture(np.random.default_rng(5), 192, 256)
    lab = np.dstack([gray2lightness(gray) * 0.4 + 30, np.zeros((192, 256, 2))])
    lab[:, :128, 1:], lab[:, 128:, 1:] = (30, 20), (-30, 20)
    return lab2rgb(lab * (1, 0, 0))[..., 0], lab2rgb(lab)


def test_a_reference_of_the_same_scene_colors_each_place(
    colorizer: Colorizer, own_reference: tuple[np.ndarray, np.ndarray]
) -> None:
    gray, reference = own_reference
    chosen, content, histogram = (
        colorizer.ab(gray, asked(reference=reference, reference_by=by))
        for by in ("auto", "content", "histogram")
    )
    truth = cv2.resize(rgb2lab(reference)[..., 1:], content.shape[1::-1])
    errors = [np.hypot(*(ab - truth).reshape(-1, 2).T).mean() for ab in (content, histogram)]
    assert errors[0] < 0.75 * errors[1]
    np.testing.assert_array_equal(chosen, content)


@pytest.mark.parametrize(("share", "by"), [(0.04, "histogram"), (0.36, "content")])
def test_a_reference_is_taken_by_its_content_if_much_of_it_matches(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch, share: float, by: str
) -> None:
    gray, points = landscape(64, 64), np.array([[30, 30, -50, -20, 1]], np.float32)
    found = Correspondence(share, points)
    monkeypatch.setattr("model.photo_colors.correspondence", lambda *_, bins: found)
    wanted = {"reference": RED}
    chosen = colorizer.ab(gray, asked(reference_by=by, **wanted))
    np.testing.assert_array_equal(colorizer.ab(gray, asked(**wanted)), chosen)
    assert (np.abs(chosen[7, 7] - (-50, -20)) < 2).all() == (by == "content")


def test_a_reference_with_nothing_to_match_changes_nothing(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Correspondence(0, np.zeros((0, 5), np.float32))
    monkeypatch.setattr("model.photo_colors.correspondence", lambda *_, bins: nothing)
    gray = landscape(64, 64)
    content = colorizer.ab(gray, asked(reference=RED, reference_by="content"))
    np.testing.assert_array_equal(content, colorizer.ab(gray))


def test_hints_go_before_a_reference(
    colorizer: Colorizer, own_reference: tuple[np.ndarray, np.ndarray]
) -> None:
    gray, reference = own_reference
    strokes = np.zeros((192, 256, 4), np.uint8)
    strokes[120:150, 20:50] = (128, 128, 128, 255)
    ab = colorizer.ab(gray, asked(reference=reference, hints=[(60, 60, -40, -30)], strokes=strokes))
    height, width = ab.shape[:2]
    at_point = ab[60 * height // 192, 60 * width // 256]
    np.testing.assert_allclose(at_point, (-40, -30), atol=3)
    np.testing.assert_allclose(ab[135 * height // 192, 35 * width // 256], 0, atol=3)


def test_guidance_of_0_is_none(make: functools.partial[Colorizer], colorizer: Colorizer) -> None:
    gray = landscape(64, 64)
    free = colorizer.ab(gray)
    guided = colorizer.ab(gray, asked(reference=RED, palette=["#2e86c1"], mood="sepia", guidance=0))
    np.testing.assert_array_equal(guided, free)
    np.testing.assert_array_equal(make(mood="cold", guidance=0).ab(gray), free)


def test_a_colorizer_s_palette_and_mood_are_those_of_its_calls(
    make: functools.partial[Colorizer], colorizer: Colorizer
) -> None:
    gray = landscape(64, 64)
    for wanted in ({"mood": "warm", "guidance": 0.5}, {"palette": ["#2e86c1", "#c8281e"]}):
        np.testing.assert_array_equal(make(**wanted).ab(gray), colorizer.ab(gray, asked(**wanted)))


def test_hints_go_before_palettes(colorizer: Colorizer) -> None:
    ab = colorizer.ab(landscape(64, 64), asked(hints=[(30, 30, -40.0, 30.0)], mood="sepia"))
    np.testing.assert_allclose(ab[7, 7], (-40, 30), atol=2)
    assert redness(ab[-2:]) > 0


def test_frames_have_the_colors_of_the_palette(make: functools.partial[Colorizer]) -> None:
    frames = np.stack([landscape(64, 96, seed=seed) for seed in range(5)])
    cold, free = (one_by_one(make(mood=mood, steady=0), frames) for mood in ("cold", None))
    assert cold[..., 1].mean() < free[..., 1].mean() - 3


def test_a_film_of_other_guidance_is_another_job() -> None:
    settings = [
        color_settings(color, RunOptions(), steady=1)
        for color in (
            ColorOptions(),
            ColorOptions(palette=("#c8281e",)),
            ColorOptions(mood="warm"),
            ColorOptions(guidance=0.2),
        )
    ]
    assert all(one != other for i, one in enumerate(settings) for other in settings[:i])
    assert settings[0] == color_settings(ColorOptions(guidance=GUIDANCE), RunOptions(), steady=1)
    assert json.loads(json.dumps(settings[1])) == settings[1]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"palette": ["red"]}, "invalid color 'red'"),
        ({"mood": "happy"}, "unknown mood 'happy'"),
        (
            {"reference": RED, "reference_by": "eye"},
            "expected reference_by auto, histogram, content",
        ),
        ({"guidance": 1.5}, "expected guidance from 0 to 1, got 1.5"),
        ({"hints": [(99, 2, 0, 0)]}, "outside the picture"),
    ],
)
def test_other_guidance_is_refused(
    make: functools.partial[Colorizer], colorizer: Colorizer, wanted: Any, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        colorizer.ab(landscape(64, 64), asked(**wanted))
    if not {"hints", "reference"} & wanted.keys():
        with pytest.raises(ValueError, match=says):
            make(**wanted)


def test_a_factory_travels_to_other_processes(make: functools.partial[Colorizer]) -> None:
    factory = pickle.loads(pickle.dumps(functools.partial(make, threads=1)))
    assert factory().threads == 1


@pytest.mark.parametrize(
    "gray", [np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8), np.zeros((4, 4))]
)
def test_other_arrays_are_refused(colorizer: Colorizer, gray: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected gray \(H, W\) uint8 or uint16, got"):
        colorizer.ab(gray)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no weights file"):
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
    make: functools.partial[Colorizer],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gray2color, "Colorizer", make)
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


@dataclasses.dataclass(frozen=True)
class Guidance:
    """Return a segment's guidance, as passed by `film.segment`."""

    hints: tuple[np.ndarray, ...]
    hinted: np.ndarray
    reference: np.ndarray | None = None


def hint_on(frame: int, *, of: int, x: float, y: float) -> Guidance:
    """Return hints with one blue point on one of a segment's frames."""
    none, blue = np.zeros((0, 4), np.float32), np.array([[x, y, 10, -60]], np.float32)
    return Guidance(tuple(blue if n == frame else none for n in range(of)), np.arange(of) == frame)


@pytest.mark.parametrize("steady", [0, 1])
def test_hints_of_frames_guide_their_colors(
    make: functools.partial[Colorizer], pan: np.ndarray, steady: float
) -> None:
    colorizer, plain = make(steady=steady), segment_of(pan, 0, 24)
    guided = dataclasses.replace(plain, guidance=hint_on(11, of=24, x=48, y=32))
    changed = np.abs(colorizer.colorize(guided) - colorizer.colorize(plain)).max(axis=(1, 2, 3))
    assert changed[11] == changed.max() > 0
    assert (changed[[0, 23]] > 0).all() == bool(steady)  # propagated along the motion


def test_a_reference_of_a_shot_guides_its_colors(colorizer: Colorizer, pan: np.ndarray) -> None:
    none = tuple(np.zeros((0, 4), np.float32) for _ in range(8))
    red = np.zeros((4, 4, 3), np.uint8) + np.array([200, 20, 20], np.uint8)
    plain, guidance = segment_of(pan, 0, 8), Guidance(none, np.zeros(8, bool), red)
    referred = colorizer.colorize(dataclasses.replace(plain, guidance=guidance))
    assert np.abs(referred - colorizer.colorize(plain)).max() > 0.01
    alone = colorizer.colorize(
        dataclasses.replace(plain, guidance=dataclasses.replace(guidance, reference=None))
    )
    np.testing.assert_array_equal(alone, colorizer.colorize(plain))


def test_a_colored_frame_of_a_shot_gives_places_their_colors(
    colorizer: Colorizer, pan: np.ndarray
) -> None:
    frames, none = (
        np.repeat(pan[:1], 8, axis=0),
        tuple(np.zeros((0, 4), np.float32) for _ in "12345678"),
    )
    lab = rgb2lab(np.repeat(frames[0][..., None], 3, axis=-1))
    lab[:, :48, 1:], lab[:, 48:, 1:] = (-25, 20), (25, -20)
    colored = lab2rgb(fit_gamut(lab))
    guidance = Guidance(none, np.zeros(8, bool), colored)
    segment = segment_of(frames, 0, 8)
    ab = colorizer.colorize(dataclasses.replace(segment, guidance=guidance))
    left, right = ab[4, :, 2:10].mean(axis=(0, 1)), ab[4, :, 14:22].mean(axis=(0, 1))
    assert left[0] < 0 < left[1]
    assert right[1] < 0 < right[0]


def test_a_colorizer_takes_the_cores_that_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 4, 9}, raising=False)
    network: Any = lambda *_, **__: None  # noqa: E731
    assert Colorizer(predictor=network).threads == 3
    assert Colorizer(predictor=network, threads=2).threads == 2
