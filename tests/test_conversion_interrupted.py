"""A film's job that is killed, refused or out of disk space ends in the same bytes when it is run again."""

import functools
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from encoded import packets
from films import SHOTS, Tint, colorization
from helpers import group_is_gone, wait_for
from numpy.typing import NDArray

from color.segment import Segment
from conversion import color_film
from film.job import JobError
from film.options import FilmOptions

ROOT = Path(__file__).resolve().parent.parent


def test_a_failed_film_continues_to_the_same_bytes(
    gray_film: Path, finished: Path, half_done: Path, options: FilmOptions, tmp_path: Path
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in half_done.glob("shots/*.mkv")}
    assert before
    kept = replace(options, keep_cache=True)
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=kept)
    after = {path.name: path.stat().st_mtime_ns for path in half_done.glob("shots/*.mkv")}
    assert before.items() <= after.items()
    assert packets(tmp_path / "out.mkv") == packets(finished)


def flip(path: Path) -> None:
    """Change one byte in the middle of the last frame."""
    data = bytearray(path.read_bytes())
    data[-1000] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda shot, other: shot.write_bytes(shot.read_bytes()[: shot.stat().st_size // 2]),
        lambda shot, other: shutil.copy(other, shot),
        lambda shot, other: [
            shutil.copy(other.with_suffix(end), shot.with_suffix(end))
            for end in (".mkv", ".sha256")
        ],
        lambda shot, other: flip(shot),
        lambda shot, other: shot.write_bytes(b""),
        lambda shot, other: shot.with_suffix(".sha256").unlink(),
    ],
    ids=["cut", "exchanged", "exchanged with its checksum", "flipped", "empty", "unchecked"],
)
def test_a_shot_that_was_changed_is_rendered_again(
    gray_film: Path,
    finished: Path,
    half_done: Path,
    options: FilmOptions,
    tmp_path: Path,
    spoil: Callable[[Path, Path], object],
) -> None:
    shots = sorted(half_done.glob("shots/*.mkv"))
    spoil(shots[1], shots[2])  # both segments have the same length
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=options)
    assert packets(tmp_path / "out.mkv") == packets(finished)


class Spoiler(Tint):
    """A colorizer that truncates the first shot's file while it colorizes the last shot."""

    def colorize(self, segment: Segment) -> NDArray[np.float32]:
        if len(segment.frames) == SHOTS[-1]:
            shot, *_ = sorted(Spoiler.cache.glob("*/shots/*.mkv"))
            shot.write_bytes(shot.read_bytes()[:-2000])
        return super().colorize(segment)

    cache = Path()


@pytest.mark.usefixtures("half_done")
def test_a_shot_that_is_changed_before_the_join_is_never_joined(
    gray_film: Path, finished: Path, options: FilmOptions, tmp_path: Path
) -> None:
    Spoiler.cache = options.cache
    spoiling = replace(colorization(), factory=functools.partial(Spoiler))
    with pytest.raises(JobError, match="was changed after rendering; run the same"):
        color_film(gray_film, tmp_path / "out.mkv", colorization=spoiling, options=options)
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=options)
    assert packets(tmp_path / "out.mkv") == packets(finished)


DRIVER = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
if __name__ == "__main__":
    from films import colorization
    from conversion import color_film
    from film.options import EncoderOptions, FilmOptions
    options = FilmOptions(cache=Path(sys.argv[3]), encoder=EncoderOptions(codec="ffv1"), workers=2)
    gate = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    color_film(Path(sys.argv[1]), Path(sys.argv[2]), colorization=colorization(gate=gate), options=options)
"""


@pytest.fixture
def start(gray_film: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the same film in a separate process; it pauses midway until its gate file, if any, exists."""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER.format(root=str(ROOT), tests=str(ROOT / "tests")))
    words = [sys.executable, script, gray_film, tmp_path / "out.mkv", tmp_path / "cache"]

    def begin(*gate: Path, **settings: object) -> subprocess.Popen[str]:
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            [*words, *gate], start_new_session=True, stderr=subprocess.PIPE, text=True, **settings
        )

    return begin


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_film_continues_to_the_same_bytes(
    start: Callable[..., subprocess.Popen[str]],
    finished: Path,
    tmp_path: Path,
    blow: signal.Signals,
) -> None:
    first = start(tmp_path / "gate")
    wait_for(lambda: list(tmp_path.glob("cache/*/shots/[!.]*.mkv")))
    if blow == signal.SIGINT:
        os.killpg(first.pid, blow)  # as a terminal does
    else:
        first.send_signal(blow)
    first.communicate(timeout=30)
    assert first.returncode != 0
    assert not (tmp_path / "out.mkv").exists()
    wait_for(lambda: group_is_gone(first.pid), limit_s=15)  # no worker outlives it
    second = start()
    errors = second.communicate(timeout=120)[1]
    assert second.returncode == 0, errors
    assert packets(tmp_path / "out.mkv") == packets(finished)


@pytest.mark.slow
def test_a_second_process_on_the_job_is_refused(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = start(gate)
    wait_for(lambda: list(tmp_path.glob("cache/*/manifest.json")))
    second = start()
    assert "another process is working on" in second.communicate(timeout=60)[1]
    assert second.returncode != 0
    gate.touch()
    first.communicate(timeout=120)
    assert first.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "left"),
    [(50_000, 2), (150_000, 2), (250_000, 3), (600_000, 5)],
    ids=["sound", "colorized", "rendered", "joined"],
)
def test_a_full_disk_loses_nothing(
    start: Callable[..., subprocess.Popen[str]],
    finished: Path,
    tmp_path: Path,
    limit: int,
    left: int,
) -> None:
    """The limits are below the largest file of each stage; ``left`` is the number of shots that can be finished."""
    assert finished.stat().st_size > limit
    full = start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    errors = full.communicate(timeout=120)[1]
    assert full.returncode not in {0, None}, errors
    assert not (tmp_path / "out.mkv").exists()
    assert not list(tmp_path.glob("*.part*"))
    assert len(list(tmp_path.glob("cache/*/shots/[!.]*.mkv"))) <= left
    wait_for(lambda: group_is_gone(full.pid), limit_s=15)
    again = start()
    errors = again.communicate(timeout=120)[1]
    assert again.returncode == 0, errors
    assert packets(tmp_path / "out.mkv") == packets(finished)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_survives_the_loss_of_a_worker(
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
    gray_film: Path,
    finished: Path,
    options: FilmOptions,
    tmp_path: Path,
) -> None:
    address, workers = cluster
    shots = functools.partial(tmp_path.glob, "cache/*/shots/[!.]*.mkv")

    def kill_one_in_the_middle() -> None:
        wait_for(lambda: list(shots()))
        workers[0].kill()
        (tmp_path / "gate").touch()

    blow = threading.Thread(target=kill_one_in_the_middle)
    blow.start()
    color_film(
        gray_film,
        tmp_path / "out.mkv",
        colorization=colorization(gate=tmp_path / "gate"),
        options=replace(options, scheduler=address),
    )
    blow.join()
    assert workers[0].poll() is not None
    assert packets(tmp_path / "out.mkv") == packets(finished)
