"""Evaluation: lightness in is lightness out, hints are the truth, gray is the row to beat."""

import inspect
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import landscape

from color.arrays import Bytes, Floats
from gray2color import Colorizer
from image.crop import center_square
from image.upsample import upsample
from model.contract import Predictor, network_planes
from prior.dataset import Shard
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab
from prior.qspace import QSpace
from train.evaluate import EvaluateOptions, main
from train.evaluation import (
    GRAY,
    Setting,
    colorize,
    evaluate,
    evaluate_all,
    sheet,
)
from train.evaluation_images import IMAGE_PX, read_evaluation_images

SMALL = Setting(working_size=32)


@pytest.fixture(autouse=True)
def one_qspace(qspace: QSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.evaluate.QSpace", lambda bins: qspace)


@pytest.fixture
def pictures() -> list[Bytes]:
    """Eleven soft, colorful squares: more than one batch."""
    rng = np.random.default_rng(3)
    small = rng.integers(20, 236, (11, 5, 5, 3), dtype=np.uint8)
    return [cv2.resize(rgb, (64, 64), interpolation=cv2.INTER_LINEAR) for rgb in small]


def constant(a: float, b: float) -> Predictor:
    def predict(planes: Floats, palette: Floats, temperature: float) -> Floats:
        number, _, height, width = planes.shape
        means = np.array([a, b, np.hypot(a, b)], np.float32)[None, :, None, None]
        return np.broadcast_to(means, (number, 3, height // 4, width // 4))

    return predict


def repeat_hints(planes: Floats, palette: Floats, temperature: float) -> Floats:
    """Paint each 4x4 pixels with the mean of the points in it, gray where there is none."""
    known, mask = _pooled(planes[:, 1:3]), _pooled(planes[:, 3:])
    ab = 110 * known / np.maximum(mask, 1 / 16)
    return np.concatenate([ab, np.hypot(ab[:, :1], ab[:, 1:])], axis=1)


def _pooled(planes: Floats) -> Floats:
    number, channels, height, width = planes.shape
    return planes.reshape(number, channels, height // 4, 4, width // 4, 4).mean(axis=(3, 5))


def test_lightness_out_is_lightness_in(pictures: list[Bytes], qspace: QSpace) -> None:
    truth = rgb2lab(np.stack(pictures))
    for predict in (constant(30, -60), constant(90, 90)):
        colorized = colorize((predict, SMALL), truth, qspace=qspace)
        np.testing.assert_array_equal(colorized[..., 0], truth[..., 0])
        shown = rgb2lab(lab2rgb(colorized))  # a color outside sRGB would change it here
        np.testing.assert_allclose(shown[..., 0], truth[..., 0], atol=0.6)
        assert np.hypot(*np.moveaxis(colorized[..., 1:], -1, 0)).max() > 20
        assert not (colorized[..., 1:] == truth[..., 1:]).all()


def test_what_is_measured_is_what_ships(qspace: QSpace) -> None:
    def by_lightness(planes: Floats, palette: Floats, temperature: float) -> Floats:
        seen = _pooled(planes[:, :1])
        return np.concatenate([20 * seen, -15 * seen, np.full_like(seen, 40)], axis=1)

    gray = landscape(96, 64)
    how = {"temperature": 0.8, "saturation": 1.2, "working_size": 64, "contrast": 1.3, "neutral": 5}
    ab = Colorizer(predictor=by_lightness, smoothing=True, **how).ab(gray)
    truth = rgb2lab(np.repeat(gray[..., None], 3, axis=-1))
    expected = truth.copy()
    expected[..., 1:] = upsample(ab, gray, to_lightness=gray2lightness)
    found = colorize((by_lightness, Setting(smoothing=1, **how)), truth[None], qspace=qspace)[0]
    assert expected[..., 1:].std() > 3
    np.testing.assert_allclose(found, fit_gamut(expected), atol=0.3)


def test_a_network_that_says_gray_is_the_gray_row(pictures: list[Bytes], qspace: QSpace) -> None:
    gray, ours = evaluate_all([GRAY, (constant(0, 0), SMALL)], pictures, qspace=qspace)
    assert gray == ours
    assert gray.pictures == 11
    assert gray.colorfulness < 0.5 < 10 < gray.colorfulness_truth
    assert gray.chroma[-1] == 0


def test_one_network_alone_gets_the_same_figures_as_beside_others(
    pictures: list[Bytes], qspace: QSpace
) -> None:
    method = (repeat_hints, Setting(working_size=64, hints=8))
    _, beside = evaluate_all([GRAY, method], iter(pictures), qspace=qspace)
    assert beside == evaluate(repeat_hints, pictures, qspace=qspace, setting=method[1])


def test_saturation_multiplies_the_chroma(pictures: list[Bytes], qspace: QSpace) -> None:
    truth = rgb2lab(np.stack(pictures))
    once, twice, none = (
        colorize((constant(3, -4), Setting(32, saturation=s)), truth, qspace=qspace)[..., 1:]
        for s in (1.0, 2.0, 0.0)
    )
    np.testing.assert_allclose(twice, 2 * once, atol=1e-3)
    assert np.hypot(once[..., 0], once[..., 1]).max() == pytest.approx(5, abs=1e-3)
    assert not none.any()


def test_what_the_network_sees(pictures: list[Bytes], qspace: QSpace) -> None:
    seen = []

    def watching(planes: Floats, palette: Floats, temperature: float) -> Floats:
        seen.append((planes.copy(), palette.copy(), temperature))
        return constant(0, 0)(planes, palette, temperature)

    truth = rgb2lab(np.stack(pictures[:2]))
    setting = Setting(working_size=64, temperature=0.4, hints=3)
    colorize((watching, setting), truth, qspace=qspace)
    assert not seen[0][0][:, 1:].any()  # the colors without hints are wanted, too
    planes, palette, temperature = seen[1]
    assert planes.shape == (2, 4, 64, 64)
    assert planes.dtype == palette.dtype == np.float32
    np.testing.assert_allclose(planes[:, 0], network_planes(truth[..., 0])[:, 0], atol=1e-5)
    assert palette.shape == (2, len(qspace) + 1)
    assert not palette.any()
    assert temperature == 0.4
    assert (planes[:, 3].sum(axis=(1, 2)) > 0).all()
    assert (planes[:, 3].sum(axis=(1, 2)) <= 3 * 25).all()


def test_a_wide_frame_keeps_its_shape(qspace: QSpace) -> None:
    sizes = []

    def watching(planes: Floats, palette: Floats, temperature: float) -> Floats:
        sizes.append(planes.shape[2:])
        return constant(0, 0)(planes, palette, temperature)

    truth = np.zeros((1, 90, 160, 3), np.float32)
    for size in (64, 96):
        method = (watching, Setting(working_size=size))
        assert colorize(method, truth, qspace=qspace).shape == truth.shape
    assert sizes == [(64, 128), (96, 160)]


def test_points_are_the_same_for_every_network(pictures: list[Bytes], qspace: QSpace) -> None:
    seen = []

    def watching(planes: Floats, palette: Floats, temperature: float) -> Floats:
        if planes[:, 3].any():
            seen.extend(planes[:, 3])
        return constant(0, 0)(planes, palette, temperature)

    method = (watching, Setting(working_size=64, hints=2))
    evaluate_all([method], pictures, qspace=qspace)
    truth = rgb2lab(np.stack(pictures))
    colorize(method, truth[9:], qspace=qspace, first=9)  # cut into batches differently
    np.testing.assert_array_equal(seen[9:11], seen[11:13])
    assert (seen[0] != seen[1]).any()


def test_more_points_make_better_colors(pictures: list[Bytes], qspace: QSpace) -> None:
    found = [
        evaluate(repeat_hints, pictures, qspace=qspace, setting=Setting(64, hints=hints))
        for hints in (0, 20, 400)
    ]
    assert found[0].psnr < found[1].psnr < found[2].psnr
    assert found[0].auc < found[1].auc < found[2].auc
    assert found[2].auc > 95


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"working_size": 100}, "multiple of 32"),
        ({"working_size": 0}, "multiple of 32"),
        ({"temperature": 0.0}, "temperature above 0"),
        ({"temperature": float("nan")}, "temperature above 0"),
        ({"hints": -1}, "hints and palette of 0 or more"),
        ({"saturation": -0.5}, "saturation, contrast, neutral, hints and palette of 0 or more"),
        ({"contrast": -0.5}, "hints and palette of 0 or more"),
        ({"neutral": -0.5}, "hints and palette of 0 or more"),
        ({"steady": 1.5}, "give 0 to 1"),
        ({"guidance": -0.5}, "give 0 to 1"),
        ({"palette": -1}, "hints and palette of 0 or more"),
    ],
)
def test_impossible_settings_are_refused(how: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Setting(**how)


def test_no_picture_is_refused(qspace: QSpace) -> None:
    with pytest.raises(ValueError, match="no picture"):
        evaluate(constant(0, 0), [], qspace=qspace)


def test_a_sheet_shows_gray_ours_and_truth(pictures: list[Bytes], qspace: QSpace) -> None:
    shown = sheet([(constant(20, 20), SMALL)], pictures[:3], qspace=qspace)
    assert shown.shape == (3 * 64 + 2 * 4, 3 * 64 + 2 * 4, 3)
    np.testing.assert_array_equal(shown[68:132, 136:200], pictures[1])
    gray, ours = shown[68:132, :64].astype(int), shown[68:132, 68:132].astype(int)
    assert np.ptp(gray, axis=-1).max() <= 1
    assert (ours[..., 0] - ours[..., 2]).mean() > 20
    assert (shown[64:68] == 255).all()


@pytest.fixture
def folder(tmp_path: Path, pictures: list[Bytes]) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    for i, rgb in enumerate(pictures[:3]):
        cv2.imwrite(str(place / f"{i}.png"), rgb[..., ::-1])
    return place


def test_images_are_center_crops_evenly_spread(folder: Path, pictures: list[Bytes]) -> None:
    images = list(read_evaluation_images(folder))
    assert [rgb.shape for rgb in images] == [(256, 256, 3)] * 3
    np.testing.assert_array_equal(images[2], center_square(pictures[2], side_px=IMAGE_PX))
    few = list(read_evaluation_images(folder, limit=2))
    np.testing.assert_array_equal(few, [images[0], images[1]])
    assert len(list(read_evaluation_images(folder, limit=99))) == 3


def test_halves_share_no_picture_and_are_all_together(folder: Path) -> None:
    whole, first, second = (
        list(read_evaluation_images(folder, shard=shard))
        for shard in (Shard(), Shard(1, 2), Shard(2, 2))
    )
    np.testing.assert_array_equal(first, whole[::2])
    np.testing.assert_array_equal(second, whole[1::2])


def test_aging_changes_what_is_seen_and_not_what_comes_out(
    qspace: QSpace, pictures: list[Bytes]
) -> None:
    seen: list[Floats] = []

    def predict(planes: Floats, palette: Floats, temperature: float) -> Floats:
        seen.append(planes)
        return np.zeros((len(planes), 3, *(n // 4 for n in planes.shape[2:])), np.float32)

    truth = rgb2lab(np.stack(pictures[:8]))
    for aged in (0, 1):
        colorized = colorize((predict, Setting(working_size=64, aged=aged)), truth, qspace=qspace)
        np.testing.assert_allclose(colorized[..., 0], truth[..., 0], atol=1e-3)
    assert np.abs(seen[0] - seen[1]).max() > 0.05
    colorize((predict, Setting(working_size=64, aged=1)), truth, qspace=qspace)
    np.testing.assert_array_equal(seen[1], seen[2])


def test_smoothing_is_for_what_the_network_does_not_know(qspace: QSpace) -> None:
    def predict(planes: Floats, palette: Floats, temperature: float) -> Floats:
        noise = np.random.default_rng(0).normal(0, 10, (len(planes), 2, 16, 16))
        return np.concatenate([noise, np.full((len(planes), 1, 16, 16), 90)], axis=1)

    gray = rgb2lab(np.full((1, 64, 64, 3), 128, np.uint8))
    rough, smooth = (
        colorize((predict, Setting(working_size=64, smoothing=s)), gray, qspace=qspace)[
            ..., 1:
        ].std()
        for s in (0, 1)
    )
    assert smooth < 0.6 * rough


def test_broken_pictures_are_named_counted_and_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "1b.jpg").write_bytes(b"\xff\xd8 no picture")
    assert len(list(read_evaluation_images(folder))) == 3
    assert "1b.jpg" in caplog.text
    assert "1 of 4" in caplog.text


def test_a_folder_of_broken_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="none of the 1 pictures"):
        list(read_evaluation_images(tmp_path))


def test_the_command_writes_table_json_and_sheet(
    folder: Path, small_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written, shown = tmp_path / "figures.json", tmp_path / "sheet.png"
    curve = tmp_path / "curve.png"
    words = (
        f"-weights {small_weights} {small_weights} -data {folder} -working_size 32,64 --hints 0,5"
    )
    words += f" -json {written} -sheet {shown} -curve {curve} -limit 2"
    assert main(words.split()) == 0
    rows = json.loads(written.read_text())
    assert [row["weights"] for row in rows] == ["all gray"] + ["small"] * 8
    assert [(row["working_size"], row["hints"]) for row in rows[1:5]] == [
        (32, 0), (32, 5), (64, 0), (64, 5),
    ]  # fmt: skip
    assert rows[1:5] == rows[5:]  # the same weights, the same figures
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    assert f"{rows[0]['psnr']:.2f}" in lines[2]
    assert cv2.imread(str(shown)).shape == (3 * 256 + 2 * 4, 4 * 256 + 3 * 4, 3)
    assert cv2.imread(str(curve)).std() > 1


def written_film(path: Path, *, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(frames):
        writer.write(np.full((48, 64, 3), (20, 60, 200), np.uint8))
    writer.release()
    return path


def test_a_film_is_measured_for_temporal_consistency(
    small_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, written = written_film(tmp_path / "film.avi", frames=3), tmp_path / "figures.json"
    words = f"-film {film} -weights {small_weights} -working_size 32 -limit 2 -json {written}"
    assert main([*words.split(), "-steady", "0,0.5"]) == 0
    own, gray, *ours = json.loads(written.read_text())
    assert (own["weights"], gray["weights"]) == ("the film", "all gray")
    assert [(row["weights"], row["steady"]) for row in ours] == [("small", 0), ("small", 0.5)]
    assert own["frames"] == ours[1]["frames"] == 2
    assert own["colorfulness"] > 50 > 1 > gray["colorfulness"]
    assert gray["psnr"] < 30
    assert own["psnr"] is own["ms_per_frame"] is None
    assert ours[0]["ms_per_frame"] > 0
    assert "warp error" in capsys.readouterr().out


def test_precisions_are_rows_side_by_side(
    folder: Path, small_weights: Path, tmp_path: Path
) -> None:
    written = tmp_path / "figures.json"
    words = f"-weights {small_weights} -data {folder} -working_size 64 -json {written}"
    assert main([*words.split(), "-precision", "fp32,int8"]) == 0
    _, full, coarse = json.loads(written.read_text())
    assert (full["weights"], coarse["weights"]) == ("small", "small, int8")
    assert full["psnr"] != coarse["psnr"]
    assert full["psnr"] == pytest.approx(coarse["psnr"], abs=0.5)


def test_films_are_measured_as_released_and_pictures_as_the_network_is() -> None:
    film, shipped = Path("film.mp4"), inspect.signature(Colorizer).parameters
    (setting,) = EvaluateOptions(film=film).settings()
    for name in ("temperature", "saturation", "working_size", "smoothing", "contrast", "neutral", "steady"):  # fmt: skip
        assert getattr(setting, name) == shipped[name].default, name
    assert EvaluateOptions(shipped=True).settings() == [setting]
    (other,) = EvaluateOptions(shipped=True, contrast=(1.0,)).settings()
    assert other == replace(setting, contrast=1)
    assert EvaluateOptions().settings() == [Setting()]
    chosen = EvaluateOptions(film=film, temperature=(1.0,), steady=(0.0, 1.0)).settings()
    assert [(one.temperature, one.steady) for one in chosen] == [(1, 0), (1, 1)]


def test_the_sheet_of_a_film_is_a_strip_of_its_first_long_shot(
    small_weights: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("train.evaluate.IMAGE_PX", 48)
    film, shown = written_film(tmp_path / "film.avi", frames=32), tmp_path / "strip.png"
    words = f"-film {film} -weights {small_weights} -working_size 32 -sheet {shown}"
    assert main([*words.split(), "-limit", "31"]) == 0
    assert "no shot has 32 frames" in caplog.text
    assert not shown.exists()
    assert main(words.split()) == 0
    strip = cv2.imread(str(shown)).astype(int)
    assert strip.shape == (3 * 48 + 2 * 4, 8 * 64 + 7 * 4, 3)
    gray, truth = strip[:48, :64], strip[104:, :64]
    assert np.ptp(gray, axis=-1).max() <= 1
    assert np.abs(truth.mean(axis=(0, 1)) - (20, 60, 200)).max() < 5


def test_a_film_given_as_data_is_known_by_its_suffix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-data", str(written_film(tmp_path / "film.avi", frames=2))]) == 0
    assert "warp error" in capsys.readouterr().out


def test_what_cannot_be_told_is_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still, written = written_film(tmp_path / "film.avi", frames=1), tmp_path / "figures.json"
    assert main(["-film", str(still), "-json", str(written)]) == 0
    assert [row["warp_error"] for row in json.loads(written.read_text())] == [None, None]
    assert "nan" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    ["-working_size 100", "-working_size wide", "-temperature 0", "-hints -3", "-limit -1",
     "-json nowhere/figures.json",
        "-sheet sheet.xyz",
        "-aged 1 -film film.mp4", "-aged 1 -data film.mp4", "-wieghts x", "-curve nowhere/curve.png",
        "-steady 0,1", "-steady 2 -film film.mp4", "-precision fp16",
        "-reference 1", "-reference 2 -film film.mp4",
        "-curve curve.png -film film.mp4", "-shard 3/2", "-shard 0/2", "-shard 1", "-aged 2"],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_exit_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train/evaluate.py: ")


@pytest.mark.parametrize("case", ["no pictures", "no folder", "truncated", "foreign", "absent"])
def test_bad_input_is_one_line_and_exit_1(
    case: str, folder: Path, small_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.npz"
    if case == "no pictures":
        folder = tmp_path / "empty"
        folder.mkdir()
    elif case == "no folder":
        folder = tmp_path / "nowhere"
    elif case == "truncated":
        bad.write_bytes(small_weights.read_bytes()[:5000])
    elif case == "foreign":
        np.savez(bad, numbers=np.arange(3))
    chosen = bad if case in {"truncated", "foreign", "absent"} else small_weights
    assert main(["-weights", str(chosen), "-data", str(folder), "-working_size", "32"]) == 1
    captured = capsys.readouterr()
    assert not captured.out
    complaint = [
        line for line in captured.err.splitlines() if line.startswith("train/evaluate.py: ")
    ]
    assert len(complaint) == 1
    assert str(bad if chosen == bad else folder) in complaint[0]


def test_a_broken_film_is_one_line_and_exit_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "film.mp4"
    broken.write_bytes(b"not a film")
    assert main(["-film", str(broken)]) == 1
    assert f"evaluate.py: {broken} cannot be opened" in capsys.readouterr().err


def test_interrupted_is_exit_130(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("train.evaluate.load", interrupted)
    assert main(["-data", str(folder)]) == 130
    assert "interrupted" in capsys.readouterr().err
