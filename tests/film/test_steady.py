"""Whole films through the network: no flicker, no visible seam between segments, no color crosses a cut."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from encoded import planes
from films import run_ffmpeg
from numpy.typing import NDArray

from color.segment import Colorization
from conversion import color_film
from film import shots
from film.job import MANIFEST, Manifest
from film.options import EncoderOptions, FilmOptions
from gray2color import Colorizer

CUT = 30  # frames of the first shot
FRAMES = 120
STILL = 32  # from this frame on, the second shot is still
Colorize = Callable[..., NDArray[np.uint8]]


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two gray shots with grain: the first moves, the second moves for a while and is then still."""
    path = tmp_path_factory.mktemp("moving") / "film.mkv"
    scene = "mandelbrot=size=160x128:rate=25:start_scale=0.01"
    grain = "noise=alls=8:allf=t"
    graph = (
        f"{scene},trim=end_frame={CUT},negate,{grain}[a];"
        f"{scene},trim=end_frame={STILL},{grain}[b];[a][b]concat=n=2,"
        f"tpad=stop={FRAMES - CUT - STILL}:stop_mode=clone,format=gray"
    )
    run_ffmpeg("-f", "lavfi", "-i", graph, "-c:v", "ffv1", path)
    return path


@pytest.fixture
def colorize(moving: Path, small_weights: Path, tmp_path: Path) -> Colorize:
    """Return a function that colorizes the film as main.py does and returns its chroma planes (n, ...)."""

    def colorized(**options: float) -> NDArray[np.uint8]:
        factory = partial(Colorizer, small_weights, threads=1, precision="fp32", working_size=96)
        chosen = FilmOptions(
            cache=tmp_path / "cache", encoder=EncoderOptions(codec="ffv1"),
            keep_cache=True, restart=True, overwrite=True, workers=1, **options,
        )  # fmt: skip
        target = tmp_path / "out.mkv"
        color_film(
            moving, target, colorization=Colorization(factory, whole_shots=True), options=chosen
        )
        return np.stack([chroma for _, _, chroma in planes(target)])

    return colorized


@pytest.mark.slow
def test_a_scene_that_comes_back_has_its_colors_again(tmp_path: Path) -> None:
    """An out-of-focus frame would get other colors by itself; it keeps the earlier ones."""
    film = tmp_path / "film.mkv"
    scene = "mandelbrot=size=160x128:rate=25:start_scale=0.01,trim=start_frame=20:end_frame=21,loop=23:1"
    grain = "noise=alls=8:allf=t"
    shots = "split=3[a][b][c];[b]negate[b];[c]trim=end_frame=12,gblur=3[c]"
    graph = f"{scene},{shots};[a][b][c]concat=n=3,{grain},format=gray"
    run_ffmpeg("-f", "lavfi", "-i", graph, "-c:v", "ffv1", film)
    factory = partial(Colorizer, threads=1, precision="fp32", working_size=96)
    apart = {}
    for lock in ("on", "off"):
        chosen = FilmOptions(
            cache=tmp_path / lock, encoder=EncoderOptions(codec="ffv1"), keep_cache=True, workers=1,
            film_lock=lock,
        )  # fmt: skip
        color_film(
            film, tmp_path / f"{lock}.mkv", options=chosen,
            colorization=Colorization(factory, whole_shots=True),
        )  # fmt: skip
        (manifest,) = (tmp_path / lock).glob(f"*/{MANIFEST}")
        found = [record.returns_to for record in Manifest.read(manifest).segments]
        assert found == [-1, -1, 0 if lock == "on" else -1]
        chroma = np.stack([chroma for _, _, chroma in planes(tmp_path / f"{lock}.mkv")])
        first, again = chroma[:24].astype(int), chroma[48:].astype(int)
        apart[lock] = np.abs(first.mean(axis=0) - again.mean(axis=0)).mean()
    assert apart["on"] < 0.6 * apart["off"]


def segments(tmp_path: Path) -> list[int]:
    (manifest,) = tmp_path.glob(f"cache/*/{MANIFEST}")
    return [record.shot for record in Manifest.read(manifest).segments]


@pytest.mark.slow
def test_segments_of_a_shot_equal_the_shot_colorized_whole(
    colorize: Colorize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shots, "SHORTEST", 16)
    monkeypatch.setattr(shots, "REMNANT", 6)
    divided = colorize().astype(int)
    assert len(segments(tmp_path)) > 4
    monkeypatch.setattr(shots, "SHORTEST", FRAMES)
    whole = colorize().astype(int)
    assert segments(tmp_path) == [0, 1]
    assert np.abs(divided - whole).max() <= 1
    assert np.ptp(whole) > 20


def test_what_stands_still_keeps_its_colors(colorize: Colorize, tmp_path: Path) -> None:
    """They are the same to the bit in each segment, and to a code in the whole shot."""
    frames = colorize()[CUT + STILL :]
    assert len(frames) == FRAMES - CUT - STILL
    (manifest,) = tmp_path.glob(f"cache/*/{MANIFEST}")
    _, *divided = (record.first - CUT - STILL for record in Manifest.read(manifest).segments)
    bounds = [max(first, 0) for first in divided] + [len(frames)]
    assert len(bounds) == 3
    for first, last in pairwise(bounds):
        assert (frames[first:last] == frames[first]).all()
    assert np.abs(frames.astype(int) - frames[0]).max() <= 1


def test_nothing_crosses_a_cut(colorize: Colorize, tmp_path: Path) -> None:
    whole = colorize()
    assert segments(tmp_path)[0] != segments(tmp_path)[1]
    first, second = colorize(duration=CUT / 25), colorize(start=CUT / 25)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
