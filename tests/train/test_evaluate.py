"""The evaluation command: its pictures, rows and outputs, and errors in one line."""

import inspect
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gray2color import Colorizer
from model.options import WORKING_SIZE
from train.evaluate import EvaluateOptions, main
from train.method import GRAY

pytestmark = pytest.mark.usefixtures("one_qspace")


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
    assert rows[1:5] == rows[5:]  # equal weights have equal metrics
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


@pytest.mark.slow
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
        default = shipped[name].default
        assert getattr(setting, name) == (WORKING_SIZE if default is None else default), name
    assert EvaluateOptions(shipped=True).settings() == [setting]
    (other,) = EvaluateOptions(shipped=True, contrast=(1.0,)).settings()
    assert other == replace(setting, contrast=1)
    assert EvaluateOptions().settings() == [GRAY]
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
    assert "no shot has at least 32 frames" in caplog.text
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
     "-json nowhere/figures.json", "-json .", "-sheet folder.png", "-curve folder.png",
        "-sheet sheet.xyz",
        "-aged 1 -film film.mp4", "-aged 1 -data film.mp4", "-wieghts x", "-curve nowhere/curve.png",
        "-steady 0,1", "-steady 2 -film film.mp4", "-precision fp16",
        "-reference 1", "-reference 2 -film film.mp4",
        "-curve curve.png -film film.mp4", "-shard 3/2", "-shard 0/2", "-shard 1", "-aged 2"],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_exit_2(
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train/evaluate.py: ")


@pytest.mark.parametrize("case", ["no pictures", "no folder", "truncated", "foreign", "absent"])
def test_bad_input_is_one_line_and_exit_1_and_bad_weights_2(
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
    words = ["-weights", str(chosen), "-data", str(folder), "-working_size", "32"]
    assert main(words) == (2 if chosen == bad else 1)
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

    monkeypatch.setattr("train.evaluate.open_network", interrupted)
    assert main(["-data", str(folder)]) == 130
    assert "interrupted" in capsys.readouterr().err
