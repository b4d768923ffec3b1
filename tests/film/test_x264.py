"""x264 in this process makes the film that ffmpeg makes: the same samples, tags and times."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from encoded import flat, rendered
from films import OTHER_PIXELS, RECIPES
from helpers import disk_full_at, with_slow

from film import x264
from film.decode import decode
from film.encode import TRIAL
from film.ffmpeg import VARIABLE, ffmpeg_path
from film.info import Film
from film.probe import probe
from film.x264 import encodes_here

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "film.mp4"
Make = Callable[[str], Path]


def planes_of(film: Film) -> list[np.ndarray]:
    return [plane for frame in decode(film) for plane in (frame.luma, *(frame.chroma or ()))]


@pytest.mark.parametrize("name", with_slow([*OTHER_PIXELS, "plain.mp4", "wide.mp4"], RECIPES))
def test_a_film_is_the_one_that_ffmpeg_makes(
    film: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = probe(film(name))
    lossless = {"codec": "h264", "crf": 0, "preset": "ultrafast"}
    ours = rendered(source, flat(source, 20, -10), tmp_path / "ours.mkv", **lossless)
    monkeypatch.setenv(VARIABLE, ffmpeg_path())
    theirs = rendered(source, flat(source, 20, -10), tmp_path / "theirs.mkv", **lossless)
    assert ours.video == theirs.video
    assert (ours.pts, ours.keys) == (theirs.pts, theirs.keys)
    for one, other in zip(planes_of(ours), planes_of(theirs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_is_as_large_as_that_of_ffmpeg(
    film: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not if threads share a frame's slices."""
    source = probe(film("plain.mp4"))
    sizes = []
    for name in ("ours.mkv", "theirs.mkv"):
        rendered(source, flat(source, 20, -10), tmp_path / name, codec="h264")
        sizes.append((tmp_path / name).stat().st_size)
        monkeypatch.setenv(VARIABLE, ffmpeg_path())
    assert sizes[0] <= 1.005 * sizes[1]


def test_other_encoders_fields_and_a_chosen_ffmpeg_are_left_to_ffmpeg(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert encodes_here("libx264", TRIAL)
    assert not encodes_here("libx265", TRIAL)
    assert not encodes_here("libx264", replace(TRIAL, first_field="tff"))
    assert not encodes_here("libx264", replace(TRIAL, depth=12))
    monkeypatch.setenv(VARIABLE, ffmpeg_path())
    assert not encodes_here("libx264", TRIAL)


def test_without_x264_in_pyav_nothing_is_encoded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    x264._pixel_formats.cache_clear()
    monkeypatch.setattr(x264, "ENCODER", "libx264missing")
    assert not encodes_here("libx264missing", TRIAL)
    x264._pixel_formats.cache_clear()


def test_a_full_disk_leaves_no_segment(film: Make, tmp_path: Path) -> None:
    source = probe(film("plain.mp4"))
    with disk_full_at(2_000), pytest.raises(OSError, match="File too large"):
        rendered(source, flat(source, 9, 9), tmp_path / "out.mkv", codec="h264", crf=0)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(film: Make, tmp_path: Path) -> None:
    source = probe(film("plain.mp4"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        rendered(source, flat(source, 1, 1), tmp_path / "nowhere" / "out.mkv", codec="h264")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_segment_is_the_same_bytes_every_time(tmp_path: Path, threads: int) -> None:
    """In memory that other things were in, too: regression on processors with AVX-512."""
    source = probe(SAMPLE)
    ab = np.random.default_rng(0).normal(0, 10, flat(source, 0, 0).shape).astype(np.float32)
    for name in ("1.mkv", "2.mkv", "3.mkv"):
        rendered(source, ab, tmp_path / name, codec="h264", threads=threads)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
