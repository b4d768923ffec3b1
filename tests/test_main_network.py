"""Photos and films by networks in ONNX files, on the command line: the same bytes after a stop, refusals in one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from encoded import packets
from films import FRAMES
from helpers import landscape, write_photos
from PIL import Image

import main
from model.onnx_file import write_onnx
from model.onnx_signature import inspected
from prior.lab import rgb2lab

pytest.importorskip("onnxruntime")
from onnx_networks import write_linear

Make = Callable[[str], Path]


@pytest.fixture
def other(tmp_path: Path) -> Path:
    matrix = [[60, 0, 0], [0, -40, 0]]
    return write_linear(tmp_path / "other.onnx", matrix, [-20, 10], size=(64, 96))


@pytest.fixture(scope="module")
def ours(small_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "ours.onnx"
    write_onnx(small_weights, path)
    return path


def run(*words: object) -> int:
    try:
        return main.main([*map(str, words)])
    except SystemExit as end:
        return int(end.code or 0)


def test_a_photo_has_the_colors_of_the_network(other: Path, tmp_path: Path) -> None:
    gray = np.full((60, 90), 80, np.uint8)
    gray[:, 45:] = 170
    Image.fromarray(gray).save(tmp_path / "photo.png")
    assert (
        run("-img_in", tmp_path / "photo.png", "-save", tmp_path / "out.png", "-network", other)
        == 0
    )
    lab = rgb2lab(np.asarray(Image.open(tmp_path / "out.png")))
    for level, column in ((80, 10), (170, 80)):
        expected = (60 * level / 255 - 20, 10 - 40 * level / 255)
        np.testing.assert_allclose(lab[30, column, 1:], expected, atol=1.5)


def test_a_report_names_the_network_and_no_confidence(other: Path, tmp_path: Path) -> None:
    (photo,) = write_photos(tmp_path / "photos", 1)
    report = tmp_path / "report.json"
    words = ("-save", tmp_path / "out.png", "-hint", "5,5,navy", "-report", report)
    assert run("-img_in", photo, "-network", other, *words) == 0
    (row,) = json.loads(report.read_text())["inputs"]
    assert row["outcome"] == "colored"
    assert row["confidence"] is None
    told = {"engine": "ONNX Runtime fp32", "network": "other.onnx", "network_kind": "ddcolor"}
    assert row["settings"].items() >= {**told, "weights_sha256": inspected(other).sha256}.items()
    assert not row["settings"].keys() & {"temperature", "contrast", "neutral"}


def test_an_album_is_continued_to_the_same_bytes(other: Path, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 8)
    by = ("-network", other, "-recursive", "-quiet", "-save")
    assert run("-img_in", tmp_path / "photos", *by, f"{tmp_path}/whole/") == 0
    for path in photos[:3]:
        assert run("-img_in", path, *by, f"{tmp_path}/stopped/") == 0
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped").iterdir()}
    assert len(kept) == 3
    assert run("-img_in", tmp_path / "photos", *by, f"{tmp_path}/stopped/") == 0
    for path in (tmp_path / "whole").rglob("*.*"):
        assert (
            path.read_bytes()
            == (tmp_path / "stopped" / path.relative_to(tmp_path / "whole")).read_bytes()
        )
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.slow
def test_a_film_is_continued_to_the_same_bytes(
    other: Path, gray_film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = (
        "-movie_in",
        gray_film,
        "-network",
        other,
        "-codec",
        "ffv1",
        "-recolor",
        "-quiet",
        "-cache",
    )
    assert run(*by, tmp_path / "a", "-workers", 2, "-save", tmp_path / "whole.mkv") == 0
    stopping = (*by, tmp_path / "b", "-workers", 1, "-save", tmp_path / "out.mkv")
    with monkeypatch.context() as patch:
        patch.setattr(
            "conversion.join", lambda *more, **options: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        assert run(*stopping) == 130
    shots = sorted((tmp_path / "b").glob("*/shots/*.mkv"))
    for shot in shots[1::2]:
        shot.unlink()
    kept = {shot.name: shot.stat().st_mtime_ns for shot in shots[::2]}
    assert len(kept) > 1
    report = tmp_path / "report.json"
    assert run(*stopping, "-keep_cache", "-report", report) == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "b").glob("*/shots/*.mkv")}
    assert kept.items() <= after.items()
    assert packets(tmp_path / "out.mkv") == packets(tmp_path / "whole.mkv")
    (row,) = json.loads(report.read_text())["inputs"]
    told = row["details"]
    assert told["frames"] == FRAMES
    assert told["weights_sha256"] == inspected(other).sha256
    assert told["settings"].items() >= {"network": "other.onnx", "network_kind": "ddcolor"}.items()


def test_another_network_has_a_job_of_its_own(other: Path, film: Make, tmp_path: Path) -> None:
    words = (
        "-movie_in",
        film("gray.mkv"),
        "-recolor",
        "-keep_cache",
        "-cache",
        tmp_path / "cache",
        "-save",
    )
    assert run(*words, tmp_path / "a.mkv", "-network", other) == 0
    write_linear(other, [[10, 0, 0], [0, 20, 0]], [0, 0], size=(64, 96))
    assert run(*words, tmp_path / "b.mkv", "-network", other) == 0
    assert packets(tmp_path / "a.mkv") != packets(tmp_path / "b.mkv")
    assert len(list((tmp_path / "cache").glob("*/manifest.json"))) == 2


def test_our_network_gives_the_same_photo_as_with_paddle(
    ours: Path, small_weights: Path, tmp_path: Path
) -> None:
    Image.fromarray(landscape(200, 300)).save(tmp_path / "photo.png")
    results = []
    for number, by in enumerate(
        (("-network", ours), ("-weights", small_weights, "-precision", "fp32"))
    ):
        out = tmp_path / f"{number}.png"
        assert run("-img_in", tmp_path / "photo.png", "-save", out, *by, "-device", "cpu") == 0
        results.append(rgb2lab(np.asarray(Image.open(out)))[..., 1:])
    assert np.abs(results[0] - results[1]).mean() < 0.1 < results[0].std()


@pytest.mark.slow
def test_our_network_gives_the_same_film_as_with_paddle(
    ours: Path, small_weights: Path, gray_film: Path, tmp_path: Path
) -> None:
    results = []
    for number, by in enumerate(
        (("-network", ours), ("-weights", small_weights, "-precision", "fp32"))
    ):
        out = tmp_path / f"{number}.mkv"
        words = (
            "-movie_in",
            gray_film,
            "-codec",
            "ffv1",
            "-recolor",
            "-workers",
            1,
            "-duration",
            2,
        )
        assert (
            run(*words, "-cache", tmp_path / str(number), "-save", out, *by, "-device", "cpu") == 0
        )
        with av.open(str(out)) as result:
            frames = [
                frame.to_ndarray(format="yuv444p").astype(int) for frame in result.decode(video=0)
            ]
        results.append(np.stack(frames))
    assert np.array_equal(results[0][:, 0], results[1][:, 0])  # luma
    assert np.abs(results[0] - results[1]).mean() < 0.1 < results[0][:, 1:].std()


@pytest.mark.slow
def test_our_network_gives_candidates_and_palettes(ours: Path, photo: Path, tmp_path: Path) -> None:
    words = ("-img_in", photo, "-save", tmp_path / "out.png", "-network", ours, "-working_size", 64)
    assert run(*words, "-palette", "#c0392b,#2e86c1") == 0
    assert run(*words, "-candidates", 2, "-confidence", tmp_path / "sure.png", "-suggest", 2) == 0
    assert (tmp_path / "out.1.png").exists()


def test_a_hint_works_in_films_and_photos(
    other: Path, film: Make, photo: Path, tmp_path: Path
) -> None:
    by = ("-network", other, "-quiet")
    words = ("-img_in", photo, "-save", tmp_path / "out.png", *by, "-hint", "40,30,#c0392b")
    assert run(*words) == 0
    found = rgb2lab(np.asarray(Image.open(tmp_path / "out.png")))[30, 40, 1:]
    np.testing.assert_allclose(
        found, rgb2lab(np.array([[[192, 57, 43]]], np.uint8))[0, 0, 1:], atol=12
    )
    words = ("-movie_in", film("gray.mkv"), "-save", tmp_path / "out.mkv", *by, "-recolor")
    assert run(*words, "-cache", tmp_path / "cache", "-hint", "5f,50%,50%,#c0392b") == 0


def test_an_estimate_names_the_time_of_the_network(
    other: Path, film: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-movie_in", film("plain.mp4"), "-probe", "-network", other) == 0
    said = capsys.readouterr().out
    assert "of one core for each frame that the network colorizes, one frame of 16)" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [(["-network", "missing.onnx"], "missing.onnx: no such network file"),
     (["-network", "cut.onnx"], "cut.onnx is not an ONNX file, or damaged"),
     (["-network", "other.onnx", "-palette", "#c0392b"], "leave -palette out"),
     (["-network", "other.onnx", "-working_size", "128"], "leave -working_size 128 out"),
     (["-network", "other.onnx", "-network_kind", "pix2pix"], "is not a network of the kind pix2pix"),
     (["-network", "other.onnx", "-weights", "a.npz"], "leave -weights out"),
     (["-network", "other.onnx", "-device", "gpu"], "leave -device and -precision out"),
     (["-network_kind", "rgb"], "add -network FILE.onnx")],
)  # fmt: skip
def test_refusals_are_one_line_before_any_work(
    words: list[str], said: str, other: Path, photo: Path, film: Make,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(other.parent)
    other.with_name("cut.onnx").write_bytes(other.read_bytes()[:150])
    inputs = [("-img_in", photo), ("-movie_in", film("plain.mp4"))]
    for what in inputs:
        assert run(*what, *words, "-save", "new/") == 2
        errors = capsys.readouterr().err
        assert said in errors
        assert errors.count("\n") == 1
        assert not Path("new").exists()


def test_the_network_is_not_replaced_by_a_result(other: Path, film: Make) -> None:
    shutil.copy(other, other.with_name("film.mkv"))
    words = ("-movie_in", film("gray.mkv"), "-network", other.with_name("film.mkv"))
    assert (
        run(*words, "-network_kind", "ddcolor", "-save", other.with_name("film.mkv"), "-overwrite")
        == 2
    )
    assert other.with_name("film.mkv").read_bytes() == other.read_bytes()
