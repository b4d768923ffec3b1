"""Films on the command line: what is shown, written and continued."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from films import picture, run_ffmpeg
from helpers import wait_for

import main
from film.probe import probe
from model.weights_file import RELEASED
from runtime.console import printable

ROOT = Path(__file__).resolve().parent.parent
Make = Callable[[str], Path]


def test_what_is_said_of_a_film_is_printable_lines(
    run_main: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    name, said = "a\nb\x1b[31m\r\u202e\udcff", r"a\nb\x1b[31m\r\u202e\udcff"
    for path in (tmp_path / f"{name}.mp4", tmp_path / name):
        for make in (Path.touch, Path.unlink):  # an empty film, none
            make(path)
            code, out, errors = run_main(path)
            assert (code, out, errors.count("\n")) == (1, "", 1), errors
            assert errors[:-1].isprintable()
            assert said in errors
    path.mkdir()
    assert run_main(path)[2].startswith(f"{tmp_path}/{said}: no films in this folder")
    assert printable(name) == said
    words = [sys.executable, ROOT / "conversion.py", tmp_path / "a\nb\x1b.mp4", "-cache", tmp_path]
    errors = subprocess.run(words, capture_output=True, text=True).stderr
    assert errors[:-1].isprintable(), errors


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Simulate a disk of 16 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only an administrator can make a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_a_disk_too_small_for_the_film_costs_only_the_joining(
    film: Make, run_main: Callable[..., tuple[int, str, str]], small_disk: Path, tmp_path: Path
) -> None:
    words = (film("gray.mkv"), "-codec", "ffv1", "-save")
    code, _, said = run_main(*words, small_disk / "out.mkv")
    assert code == 1
    assert said.splitlines()[-1].endswith("free some space and run the same command to continue")
    assert list(small_disk.iterdir()) == []
    (shot,) = (tmp_path / "cache").glob("*/shots/*.mkv")
    made = shot.stat().st_mtime_ns
    code, _, said = run_main(*words, tmp_path / "out.mkv", "-keep_cache")
    assert code == 0, said
    assert shot.stat().st_mtime_ns == made


@pytest.mark.slow
def test_ctrl_c_says_how_to_continue(small_weights: Path, tmp_path: Path) -> None:
    run_ffmpeg(*picture("64x48", seconds=60), "-c:v", "ffv1", tmp_path / "long.mkv")
    words = ["-movie_in", tmp_path / "long.mkv", "-save", tmp_path / "out.mkv", "-recolor", "-workers", "2",
             "-cache", tmp_path / "cache", "-weights", small_weights]  # fmt: skip
    command = [sys.executable, ROOT / "main.py", *words]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(lambda: list(tmp_path.glob("cache/*/shots/[!.]*.mkv")))
    os.killpg(first.pid, signal.SIGINT)
    errors = first.communicate(timeout=60)[1]
    assert (first.returncode, errors) == (130, "interrupted: run the same command to continue\n")
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, timeout=300)
    assert probe(tmp_path / "out.mkv").frames == 1500


def test_probe_tells_as_text_and_as_json(
    run_main: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    code, text, _ = run_main(film("rich.mkv"), "-probe", "-save", tmp_path / "out.mp4")
    assert code == 0
    for fact in ("25 frames", "audio", "subtitle", "chapter", "attachment", "mp4 cannot hold"):
        assert fact in text
    code, text, _ = run_main(film("rich.mkv"), "-probe", "json", "-save", tmp_path / "out.mkv")
    told = json.loads(text)
    assert told["film"]["frames"] == told["plan"]["frames"] == 25
    assert told["plan"]["warnings"] == []
    assert not list(tmp_path.glob("out*"))
    assert not (tmp_path / "cache").exists()


def test_keyframes_are_written_by_the_command(
    run_main: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    words = [film("gray.mkv"), "-keyframes", tmp_path / "keys", "-keyframes_per_shot", "auto"]
    code, out, errors = run_main(*words, "-working_size", "64", "-device", "cpu")
    assert (code, out) == (0, f"{tmp_path / 'keys'}\n"), errors
    assert len(list((tmp_path / "keys").iterdir())) == 3


@pytest.mark.slow
def test_the_working_size_is_what_films_are_decoded_at(
    run_main: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    run_ffmpeg(*picture("640x480", seconds=0.2), "-c:v", "ffv1", tmp_path / "large.mkv")
    words = [tmp_path / "large.mkv", "-save", tmp_path / "out.mkv", "-recolor", "-keep_cache"]
    assert run_main(*words, "-working_size", "384")[0] == 0
    frames = list((tmp_path / "cache").glob("*/input_img/*/*.png"))
    assert {cv2.imread(str(path)).shape for path in frames} == {(384, 512, 3)}


def test_help_and_mistakes_cost_no_network(film: Make) -> None:
    code = (
        "import sys, main; code = main.main(sys.argv[1:]); "
        "sys.exit(10 if 'paddle' in sys.modules else code)"
    )
    words = [sys.executable, "-c", code, "-movie_in", str(film("plain.mp4")), "-probe"]
    subprocess.run(words, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=60)


@pytest.mark.slow
def test_a_film_with_the_released_network(film: Make, tmp_path: Path) -> None:
    """A user's whole workflow: two workers, the real network, a report."""
    assert RELEASED.exists()
    words = ["-movie_in", film("wide.mp4"), "-save", tmp_path / "out.mp4", "-recolor", "-workers", "2",
             "-cache", tmp_path / "cache", "-report", tmp_path / "report.json"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, ROOT / "main.py", *words], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'out.mp4'}\n"
    assert "25 frames in" in done.stderr
    (told,) = json.loads((tmp_path / "report.json").read_text())["inputs"]
    assert told["outcome"] == "colored"
    assert told["details"]["streams_kept"] == {"audio": 1}
    assert probe(tmp_path / "out.mp4").video.sar == probe(film("wide.mp4")).video.sar
    with av.open(str(tmp_path / "out.mp4")) as result:
        chroma = [frame.to_ndarray()[frame.height :] for frame in result.decode(video=0)]
    assert np.ptp(np.stack(chroma).astype(int)) > 10


@pytest.mark.slow
def test_the_same_film_by_hand_and_by_folder(
    run_main: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    """Small weights, several films at once: each result has the planned path."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("plain.mp4", "gray.mkv"):
        shutil.copy(film(name), folder / name)
    code, out, errors = run_main(folder, "-save", tmp_path / "done", "-duration", "0.4", "-recolor")
    assert code == 0, errors
    assert sorted(out.split()) == [
        str(tmp_path / "done" / name) for name in ("gray.color.mkv", "plain.color.mp4")
    ]
    assert probe(tmp_path / "done" / "plain.color.mp4").frames == 10
    words = (folder, "-save", tmp_path / "done", "-recolor", "-duration", "0.4")
    assert run_main(*words)[:2] == (0, out)  # the results that are there
    code, _, errors = run_main(*words[:-2])  # the whole films now, in place of their excerpts
    assert code == 0, errors
    assert probe(tmp_path / "done" / "plain.color.mp4").frames == 25
    assert run_main(*words[:-2])[:2] == (0, out)


@pytest.mark.parametrize(
    ("device", "gpus", "workers"), [("auto", 2, 1), ("gpu", 1, 1), ("cpu", 1, 4), ("auto", 0, 4)]
)
def test_a_gpu_gets_one_network(
    monkeypatch: pytest.MonkeyPatch, device: str, gpus: int, workers: int
) -> None:
    monkeypatch.setattr("model.paddle_import.has_gpu_package", lambda: True)
    monkeypatch.setattr("model.paddle_import.gpu_count", lambda: gpus)
    words = ["-movie_in", "x.mp4", "-device", device, "-workers", "4"]
    assert main._film(main._parser().parse_args(words)).workers == workers
