"""The examples run with the samples, as their own first lines say, in a folder of their own."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "data" / "samples"
EXAMPLES = {path.stem: path for path in (ROOT / "examples").glob("*.py")}


def run(name: str, *words: object, folder: Path) -> str:
    """Run an example in a folder; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", EXAMPLES[name], *map(str, words)],
        cwd=folder, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_list_of_examples_names_each_with_its_command() -> None:
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.values():
        (command,) = re.findall(r"^    (python .+)$", path.read_text(encoding="utf-8"), re.M)
        assert f"`{command}`" in listed


def test_an_example_without_its_inputs_says_how_it_is_called() -> None:
    for path in EXAMPLES.values():
        done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(f"usage: python examples/{path.name} ")


@pytest.mark.slow
def test_the_album_lists_the_least_sure_photo_first(tmp_path: Path) -> None:
    lines = run("album", SAMPLES, "colored", folder=tmp_path).splitlines()
    sure = [line.split() for line in lines if re.match(r"\d\.\d\d  ", line)]
    assert len(sure) == 3  # the color pictures among the samples are left as they are
    assert sorted(sure) == sure
    assert (tmp_path / sure[0][1]).is_file()


@pytest.mark.slow
def test_the_film_has_the_stronger_colors_of_its_keyframes(tmp_path: Path) -> None:
    plain, graded = tmp_path / "plain.mp4", tmp_path / "graded.mp4"
    subprocess.run(
        [sys.executable, ROOT / "main.py", SAMPLES / "film.mp4", "-save", plain, "-cache", tmp_path / "jobs", "-quiet"],
        check=True,
    )  # fmt: skip
    run("keyframes", SAMPLES / "film.mp4", graded, folder=tmp_path)
    chroma = [np.ptp(cv2.VideoCapture(str(path)).read()[1], axis=-1).mean() for path in (plain, graded)]  # fmt: skip
    assert chroma[1] > 1.2 * chroma[0]


@pytest.mark.slow
def test_the_network_of_one_s_own_tones_the_photo(tmp_path: Path) -> None:
    run("own_network", SAMPLES / "chelsea.jpg", "toned.png", folder=tmp_path)
    rgb = cv2.imread(str(tmp_path / "toned.png"))[..., ::-1].astype(int)
    gray = cv2.imread(str(SAMPLES / "chelsea.jpg"), cv2.IMREAD_GRAYSCALE)
    redder = rgb[..., 0] - rgb[..., 2]
    assert redder[gray > 180].mean() > 5
    assert redder[gray < 50].mean() < -5


@pytest.mark.slow
def test_fine_tuning_ends_in_weights_beside_the_released_ones(tmp_path: Path) -> None:
    tiny = "-steps 2 -batch 2 -sizes 64 -workers 0 -valid_size 64 -recalibrate 2 -valid_pictures 1 -device cpu -eager"
    table = run("fine_tuning", SAMPLES / "color", "run", *tiny.split(), folder=tmp_path)
    assert (tmp_path / "run" / "best.npz").is_file()
    assert "colornet" in table
    assert "best" in table
