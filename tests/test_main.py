"""Tests the command line for photos: its outputs, and its one-line errors."""

import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import gray_twice, landscape, write_photos
from PIL import Image

import main
from prior.lab import gray2lightness, lab2rgb, rgb2lab

ROOT = Path(main.__file__).parent
SAMPLES = ROOT / "data" / "samples"


def run(*words: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "main.py"), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == expect, done.stderr
    return done


# Whole commands


def test_a_photo_is_colored_and_keeps_its_lightness(
    small: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = photo.with_name("out.png")
    assert main.main(["-img_in", str(photo), "-save", str(out), *small]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    lab = rgb2lab(np.asarray(Image.open(out)))
    assert np.abs(lab[..., 0] - gray2lightness(landscape(60, 80))).max() < 1
    assert lab[..., 1:].std() > 1


def test_the_result_lies_beside_the_photo_and_a_rerun_leaves_it(
    small: list[str], photo: Path
) -> None:
    assert main.main(["-img_in", str(photo), *small]) == 0
    beside = photo.with_name("photo.color.png")
    first = beside.stat().st_mtime_ns
    assert main.main(["-img_in", str(photo), *small]) == 0
    assert beside.stat().st_mtime_ns == first
    assert main.main(["-img_in", str(photo), "-overwrite", *small]) == 0
    assert beside.stat().st_mtime_ns > first


def test_a_folder_goes_on_after_a_failure(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_photos(tmp_path / "in", 3)
    (tmp_path / "in" / "bad.png").write_bytes(good[0].read_bytes()[:80])
    (tmp_path / "in" / "empty.jpg").touch()
    words = ["-img_in", str(tmp_path / "in"), "-recursive", "-save", str(tmp_path / "out")]
    assert main.main([*words, *small]) == 1
    said = capsys.readouterr()
    assert "bad.png cannot be read" in said.err
    assert "empty.jpg is empty" in said.err
    assert "2 failed:" in said.err
    results = sorted(p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*.*"))
    assert results == sorted(p.relative_to(tmp_path / "in") for p in good)


def test_comparison_shows_both(small: list[str], photo: Path) -> None:
    out = photo.with_name("both.png")
    assert main.main(["-img_in", str(photo), "-save", str(out), "-compare", *small]) == 0
    both = np.asarray(Image.open(out))
    assert both.shape == (60, 160, 3)
    np.testing.assert_array_equal(both[:, :80], gray_twice(landscape(60, 80)))


def test_a_photo_in_color_is_recolored_on_request(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = SAMPLES / "color" / "coffee.jpg", tmp_path / "out.png"
    words = ["-img_in", str(source), "-save", str(out), *small]
    assert main.main(words) == 0
    own = np.asarray(Image.open(source).convert("RGB"))
    np.testing.assert_array_equal(np.asarray(Image.open(out)), own)
    assert f"{out}: has color and was left unchanged" in capsys.readouterr().err
    assert main.main([*words, "-recolor", "-overwrite"]) == 0
    assert np.abs(np.asarray(Image.open(out)).astype(int) - own).mean() > 5
    assert "has color" not in capsys.readouterr().err


def test_hints_and_references_guide_the_colors(small: list[str], photo: Path) -> None:
    hints, reference = photo.with_name("hints.json"), photo.with_name("reference.png")
    hints.write_text('[[40, 30, "#d02010", 20]]')
    Image.new("RGB", (9, 9), (20, 90, 200)).save(reference)
    results = []
    strokes = photo.with_name("strokes.png")
    Image.new("RGBA", (80, 60), (208, 32, 16, 255)).save(strokes)
    ways = (
        [],
        ["-hints", str(hints)],
        ["-hint", "40,30,#d02010", "-hint", "50%,10%,#d02010"],
        ["-hints", str(strokes)],
        ["-reference", str(reference)],
        ["-reference", str(reference), "-reference_by", "content"],
        ["-palette", "#c0392b,#2e86c1"],
        ["-mood", "warm"],
        ["-mood", "warm", "-guidance", "0.3"],
    )
    for number, words in enumerate(ways):
        out = photo.with_name(f"{number}.png")
        assert main.main(["-img_in", str(photo), "-save", str(out), *words, *small]) == 0
        results.append(np.asarray(Image.open(out), int))
    for number, guided in enumerate(results):
        assert all((guided != other).any() for other in results[:number])


def test_a_photo_takes_its_colored_copy_s_colors(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    color = Image.open(SAMPLES / "color" / "chelsea.jpg").convert("RGB")
    gray = lab2rgb(rgb2lab(np.asarray(color)) * np.array([1, 0, 0], np.float32))
    photo, copy = tmp_path / "photo.png", tmp_path / "copy.jpg"
    Image.fromarray(gray).save(photo)
    color.resize((320, 240)).save(copy)
    out = tmp_path / "out.png"
    words = ["-img_in", str(photo), "-save", str(out), *small]
    assert main.main([*words, "-reference", str(copy), "-reference_by", "registered"]) == 0
    assert f"{out}: reference: registered, 100% of the photo" in capsys.readouterr().err
    away = rgb2lab(np.asarray(Image.open(out))) - rgb2lab(np.asarray(color))
    assert np.abs(away[..., 0]).max() < 1
    assert np.median(np.hypot(away[..., 1], away[..., 2])) < 2
    other = str(SAMPLES / "color" / "coffee.jpg")
    words = [*words, "-overwrite", "-reference", other]
    assert main.main([*words, "-reference_by", "registered"]) == 1
    says = capsys.readouterr().err.strip().splitlines()
    assert [line for line in says if "not a colored copy of this photo" in line] == says[-1:]


def test_hints_are_for_one_photo(
    small: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = shutil.copy(photo, photo.with_name("other.png"))
    words = ["-img_in", str(photo), str(other), "-hint", "1,2,#d02010"]
    assert main.main([*words, *small]) == 2
    assert "hints are for one photo, got 2" in capsys.readouterr().err


@pytest.mark.slow
def test_many_photos_by_several_processes(small: list[str], tmp_path: Path) -> None:
    paths = write_photos(tmp_path / "in", 9)
    (tmp_path / "in" / "bad.png").write_text("no picture")
    words = ["-img_in", str(tmp_path / "in"), "-recursive", "-save", str(tmp_path / "two")]
    assert main.main([*words, "-threads", "2", *small]) == 1
    words[-1] = str(tmp_path / "one")
    assert main.main([*words, "-threads", "1", *small]) == 1
    for path in paths:
        place = path.relative_to(tmp_path / "in")
        two, one = (np.asarray(Image.open(tmp_path / n / place), int) for n in ("two", "one"))
        assert np.abs(two - one).max() <= 1


@pytest.mark.parametrize(
    ("device", "gpus", "alone"),
    [
        ("auto", 2, True),
        pytest.param("cpu", 1, False, marks=pytest.mark.slow),
        pytest.param("auto", 0, False, marks=pytest.mark.slow),
    ],
)
def test_a_gpu_gets_one_network(
    monkeypatch: pytest.MonkeyPatch,
    small: list[str],
    tmp_path: Path,
    device: str,
    gpus: int,
    alone: bool,
) -> None:
    """Photos are colorized by this process alone, whose children then take no processor time."""
    monkeypatch.setattr("model.paddle_import.has_gpu_package", lambda: True)
    monkeypatch.setattr("model.paddle_import.gpu_count", lambda: gpus)
    paths = map(str, write_photos(tmp_path / "in", 9))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = ["-img_in", *paths, "-save", str(tmp_path / "out"), *small, "-device", device]
    assert main.main([*words, "-threads", "2"]) == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime == before.ru_utime) == alone
    assert len(list((tmp_path / "out").iterdir())) == 9


@pytest.mark.slow
def test_memory_is_the_gray_picture_and_bands_of_its_result(
    small: list[str], tmp_path: Path
) -> None:
    code = (
        "import resource, sys, main\n"
        "assert main.main(sys.argv[1:]) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for name, shape in (("small.tif", (8, 8)), ("large.tif", (5000, 8000))):
        tifffile.imwrite(tmp_path / name, np.full(shape, 30000, np.uint16))
        command = [sys.executable, "-c", code, "-img_in", str(tmp_path / name), *small]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        peaks.append(int(done.stdout.split()[-1]) * 1024)
    pixels = 5000 * 8000
    # Gray takes 2 bytes per pixel; whole color, which is never in memory, would take 6.
    assert peaks[1] - peaks[0] < 5 * pixels


@pytest.mark.slow
def test_the_small_script_does_the_same(small: list[str], photo: Path) -> None:
    out = photo.with_name("out.jpg")
    command = [sys.executable, str(ROOT / "gray2color.py"), str(photo), str(out)]
    if not (ROOT / "model" / "weights" / "colornet.npz").exists():
        pytest.skip("no released weights yet")
    subprocess.run(command, check=True, timeout=120)
    assert np.asarray(Image.open(out)).shape == (60, 80, 3)


def test_a_closed_standard_error_is_no_obstacle(small: list[str], photo: Path) -> None:
    out = photo.with_name("out.png")
    words = [sys.executable, str(ROOT / "main.py"), str(photo), "-save", str(out), *small]
    done = subprocess.run(
        ["sh", "-c", '"$@" 2>&-', "sh", *words], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, f"{out}\n")


def test_help_is_quick_and_complete() -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        text = run("--help").stdout
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3 * (1 + os.getloadavg()[0])
    for word in ("examples:", "-img_in", "-saturation", "default:", "photos:", "pixels"):
        assert word in text


def test_both_spellings_and_the_version(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["-version"], ["--version"]):
        with pytest.raises(SystemExit, match="0"):
            main.main(words)
        assert main.VERSION in capsys.readouterr().out
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d\S+) ", changelog, re.M)[0] == main.VERSION
    for spelling in ("-img_in", "--img_in"):
        assert main.main([spelling, str(photo), "-save", "name"]) == 2
        assert "no extension" in capsys.readouterr().err


def test_help_has_three_names(capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for name in ("-h", "-help", "--help"):
        with pytest.raises(SystemExit) as ended:
            main.main([name])
        assert ended.value.code == 0
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 1
    assert texts[0].startswith("usage: main.py INPUT ... [-save OUT] [options]\n")
