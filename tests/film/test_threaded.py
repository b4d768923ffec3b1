"""Several threads decode the frames that one decodes, to the bit, up to the first damage."""

import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from films import picture, run_ffmpeg

from film import decode, threaded
from film.info import Film
from film.probe import probe
from film.threaded import DamageError, can_be_threaded, threaded_frames


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a film of 100 frames with noise, so that it has bytes to damage."""
    path = tmp_path / "film.mp4"
    noisy = picture("128x96", seconds=4, more=",noise=alls=20:allf=t")
    coded = ("-c:v", "libx264", "-preset", "veryfast", "-g", "40", "-pix_fmt", "yuv420p")
    run_ffmpeg(*noisy, *coded, path)
    return path


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "own_cores", lambda: 4)
    monkeypatch.setattr(threaded, "LARGE", 128 * 96)


def frames_of(film: Film) -> list[tuple[int, bytes, bool]]:
    frames = decode.decode(film)
    return [(f.number, np.ascontiguousarray(f.luma).tobytes(), f.repeated) for f in frames]


def by_one_thread(film: Film, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes, bool]]:
    with monkeypatch.context() as patched:
        patched.setattr(decode, "can_be_threaded", lambda film: False)
        return frames_of(film)


def test_an_intact_film_is_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = probe(path)
    assert can_be_threaded(film)
    assert [frame.pts for frame in threaded_frames(film)] == list(film.pts)
    assert frames_of(film) == by_one_thread(film, monkeypatch)


@pytest.mark.parametrize("seed", range(8))
def test_up_to_a_damage_frames_are_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """After it, one thread decodes; what it shows in place of lost parts can depend on memory never written to."""
    data, chosen = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(3):
        begin = chosen.randrange(len(data) // 4, len(data) - 8000)
        data[begin : begin + 300] = chosen.randbytes(300)
    path.write_bytes(data)
    film, intact = probe(path), []
    with suppress(DamageError):  # which not every change of bytes is for the decoder
        for number, frame in enumerate(threaded_frames(film)):
            intact.append((number, decode.planes(frame, film.video)[0].tobytes(), False))
    assert intact == by_one_thread(film, monkeypatch)[: len(intact)]
    assert [number for number, *_ in frames_of(film)] == list(range(film.frames))


def test_a_damage_ends_the_threads(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    with pytest.raises(DamageError):
        list(threaded_frames(probe(path)))


def test_one_thread_does_what_threads_cannot(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = probe(path)
    assert not can_be_threaded(replace(film, keys=(), pts=film.pts))
    assert not can_be_threaded(replace(film, video=replace(film.video, codec="hevc")))
    assert not can_be_threaded(replace(film, video=replace(film.video, width=127)))
    monkeypatch.setattr(threaded, "own_cores", lambda: 1)
    assert not can_be_threaded(film)


def test_a_few_frames_start_no_threads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(film: Film) -> bool:
        raise AssertionError(film)

    monkeypatch.setattr(decode, "can_be_threaded", refused)
    assert len(list(decode.decode(probe(path), 0, 5))) == 5
    assert len(list(decode.decode(probe(path), 20, 99))) == 79
