"""Segments on disk: gray frames at working size, upright and lossless."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from films import Tint, run_ffmpeg

from color.segment import Colorization
from film import FilmError
from film.jobs import open_job
from film.options import FilmOptions
from film.probe import probe
from film.segment import decode_gray, png_of, read_png, segment_of, working_gray
from film.shots import split
from film.work import manifest_of, work_of

Make = Callable[[str], Path]


@pytest.mark.parametrize(("name", "full"), [("plain.mp4", False), ("full709.mkv", True)])
def test_gray_is_expanded_to_the_full_range(film: Make, name: str, full: bool) -> None:
    info = probe(film(name))
    low, high = (0, 255) if full else (16, 235)
    for code, expected in ((low, 0), (high, 255), ((low + high) // 2, 128)):
        gray = working_gray(info, np.full((48, 64), code, np.uint8))
        assert gray.dtype == np.uint8
        assert gray.shape == info.working_size
        assert abs(int(gray.min()) - expected) <= 1
        assert gray.min() == gray.max()


def test_ten_bits_make_the_same_gray_as_eight(film: Make) -> None:
    luma = np.linspace(16, 235, 64 * 48).reshape(48, 64).astype(np.uint8)
    eight = working_gray(probe(film("plain.mp4")), luma)
    ten = working_gray(probe(film("420-10.mkv")), luma.astype(np.uint16) << 2)
    assert np.abs(eight.astype(int) - ten).max() <= 1


@pytest.mark.parametrize("name", ["plain.mp4", "rotated.mp4", "mirrored.mp4", "wide.mp4"])
def test_gray_is_upright(film: Make, name: str) -> None:
    info = probe(film(name))
    height, width = info.working_size
    raw = run_ffmpeg(
        *("-i", info.path, "-frames:v", "1", "-vf", f"scale={width}:{height}:flags=area"),
        *("-f", "rawvideo", "-pix_fmt", "gray", "-"),
    )
    shown = np.frombuffer(raw, np.uint8).reshape(height, width).astype(int)
    gray = next(decode_gray(info, 0, 1)).astype(int)
    assert np.abs(gray - shown).mean() < 6
    assert np.corrcoef(gray.ravel(), shown.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 3)])
def test_png_round_trip(tmp_path: Path, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    wanted = rng.integers(0, 256, shape, dtype=np.uint8)
    (tmp_path / "x.png").write_bytes(png_of(wanted))
    np.testing.assert_array_equal(read_png(tmp_path / "x.png"), wanted)


@pytest.mark.parametrize("data", [b"nothing", b""])
def test_broken_png_says_what_to_do(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(FilmError, match="delete it and run again"):
        read_png(tmp_path / "x.png")


def lose(folder: Path) -> None:
    shutil.rmtree(folder)


def damage(folder: Path) -> None:
    """Change a byte of the pixels, as a power cut does with blocks that were not written."""
    (path,) = folder.iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def cut(folder: Path) -> None:
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize("harm", [None, lose, damage, cut])
@pytest.mark.parametrize("whole_shots", [False, True])
def test_a_segment_comes_with_its_frames_and_if_need_be_the_next(
    gray_film: Path,
    options: FilmOptions,
    *,
    harm: Callable[[Path], None] | None,
    whole_shots: bool,
) -> None:
    wanted = Colorization(Tint, whole_shots=whole_shots)
    film = probe(gray_film)
    with open_job(options.cache, manifest_of(gray_film, wanted, options)) as job:
        work = work_of(film, (0, film.frames), job, wanted, options)
        seen = []
        for record in split(work, job):
            if harm:
                harm(work.input_img(record))
            seen.append(segment_of(work, record))
    grays = np.stack(list(decode_gray(film)))
    numbers = [(s.numbers.start, s.numbers.stop, s.shot, s.number) for s in seen]
    assert numbers == [
        (0, 12, 0, 0), (12, 76, 1, 0), (76, 140, 1, 1), (140, 162, 1, 2), (162, 170, 2, 0),
    ]  # fmt: skip
    assert [len(s.after) for s in seen] == ([0, 1, 1, 0, 0] if whole_shots else [0] * 5)
    for s in seen:
        first, last = s.numbers.start, s.numbers.stop
        np.testing.assert_array_equal(s.frames, grays[first:last])
        np.testing.assert_array_equal(s.after, grays[last : last + len(s.after)])
        assert s.guidance is None
