"""What is made once a session, when a test first asks for it: films and their jobs, bins, small weights."""

import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import SHOTS, colorization, film_of, make_film
from helpers import NO_BROWSER, landscape, wait_for
from PIL import Image

import main
from conversion import color_film
from film import FilmError
from film.ffmpeg import ffmpeg_path, ffmpeg_version
from film.options import EncoderOptions, FilmOptions
from gray2color import Colorizer
from model.engine_choice import keep_seconds
from model.paddle_import import import_paddle
from prior.lab import rgb2lab
from prior.qspace import QSpace, read_bins


def pytest_configure() -> None:
    """Take Ctrl-C even where a shell started the tests in the background, which makes them and their commands ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Say which ffmpeg the tests run with."""
    path = ffmpeg_path()
    return f"ffmpeg: {ffmpeg_version(path)} ({path})"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly when the page was not tried in a browser."""
    reasons = {str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])}
    if any(NO_BROWSER in reason for reason in reasons):
        terminalreporter.write_line(f"!!! {NO_BROWSER}: install chromium !!!", red=True, bold=True)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that makes one of the films of `RECIPES`, once a session, by name."""
    return functools.partial(make_film, folder=tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def qspace() -> QSpace:
    """The released bins; their tables take a quarter of a second to make."""
    return QSpace(read_bins())


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Weights of a small network; the program made of them once a session stays out of the user's cache."""
    import_paddle()  # as the program does, without its notices
    from small_network import write_small_weights  # imports Paddle, which tests of films do without

    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLORIZER_CACHE", str(folder / "cache"))
        (folder / "cache").mkdir()
        keep_seconds(folder / "cache", {"fp32": 3, "bf16": 2, "int8": 1})  # not measured anew
        yield write_small_weights(folder / "small.npz")


@pytest.fixture
def small(small_weights: Path) -> list[str]:
    """Options that make the network small and quick."""
    return ["-weights", str(small_weights), "-working_size", "64", "-device", "cpu"]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights of the smallest network, small.npz, its bins.npy and program/ of both."""
    from small_network import SMALL, random_arrays  # imports Paddle, see above

    from model.export import export
    from model.weights_file import write_weights

    folder = tmp_path_factory.mktemp("exported")
    bins = rgb2lab(np.random.default_rng(3).random((SMALL.bins, 3)))[:, 1:]
    np.save(folder / "bins.npy", bins)
    write_weights(folder / "small.npz", random_arrays(), config=SMALL, record={})
    export(folder / "small.npz", folder / "program", bins=bins)
    return folder


@pytest.fixture(scope="session")
def gray_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film_of(tmp_path_factory.mktemp("gray") / "a film.mp4")


@pytest.fixture
def options(tmp_path: Path) -> FilmOptions:
    encoder = EncoderOptions(codec="ffv1")
    return FilmOptions(cache=tmp_path / "cache", encoder=encoder, workers=1)


@pytest.fixture(scope="session")
def finished(gray_film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film colorized without interruption, by one worker."""
    folder = tmp_path_factory.mktemp("finished")
    chosen = FilmOptions(cache=folder / "cache", encoder=EncoderOptions(codec="ffv1"), workers=1)
    color_film(gray_film, folder / "out.mkv", colorization=colorization(), options=chosen)
    return folder / "out.mkv"


@pytest.fixture(scope="session")
def failed(gray_film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the job of the film whose last shot could not be colorized."""
    folder = tmp_path_factory.mktemp("failed")
    chosen = FilmOptions(cache=folder / "cache", encoder=EncoderOptions(codec="ffv1"), workers=1)
    failing = colorization(fail_at=SHOTS[-1])
    with pytest.raises(FilmError, match="cannot be colorized"):
        color_film(gray_film, folder / "out.mkv", colorization=failing, options=chosen)
    return folder / "cache"


@pytest.fixture
def half_done(failed: Path, options: FilmOptions) -> Path:
    """The folder of that job, copied to where `options` keep it."""
    shutil.copytree(failed, options.cache)
    (job,) = options.cache.iterdir()
    return job


Cluster = tuple[str, list[subprocess.Popen[bytes]]]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Run a Dask scheduler and two worker processes; yield its address and the workers."""
    root = Path(__file__).resolve().parent.parent
    with dask_cluster(tmp_path, path=[str(root), str(root / "tests")]) as running:
        yield running


@pytest.fixture
def bare_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """The same, but none of the processes has this project's code."""
    with dask_cluster(tmp_path, path=[]) as running:
        yield running


@contextmanager
def dask_cluster(tmp_path: Path, *, path: list[str]) -> Iterator[Cluster]:
    """Run a Dask scheduler and two workers that find modules on a path, too."""
    pytest.importorskip("distributed")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
    }
    file = tmp_path / "scheduler.json"
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
                 "--port", "0", "--no-dashboard", "--scheduler-file", file]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    running = [subprocess.Popen(scheduler, env=environment, **quiet)]  # type: ignore[call-overload]
    try:
        wait_for(file.exists)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", file,
                  "--nthreads", "1", "--no-nanny", "--no-dashboard"]  # fmt: skip
        for _ in range(2):
            running.append(subprocess.Popen(worker, env=environment, **quiet))  # type: ignore[call-overload]
        from distributed import Client

        with Client(scheduler_file=str(file), timeout="60s") as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address, running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.fixture
def run_main(
    small_weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run main.py on films; return exit code, stdout, stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        argv = ["-weights", str(small_weights), "-cache", str(tmp_path / "cache"), "-workers", "1"]
        argv += ["-movie_in", *map(str, words)]
        try:
            code = main.main(argv)
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capfd.readouterr()

    return call


@pytest.fixture(scope="session")
def make_colorizer(small_weights: Path) -> functools.partial[Colorizer]:
    """Return a Colorizer class bound to small weights."""
    how = {"device": "cpu", "precision": "fp32", "working_size": 64}
    return functools.partial(Colorizer, small_weights, **how)


@pytest.fixture(scope="session")
def colorizer(make_colorizer: functools.partial[Colorizer]) -> Colorizer:
    return make_colorizer()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(landscape(60, 80)).save(path)
    return path
