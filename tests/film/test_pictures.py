"""Image sequences are read frame by frame with exact values; what is wrong with them is named before the work."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import run_ffmpeg
from sequences import HEIGHT, WIDTH, ramp, write_picture, write_sequence

from film import FilmError
from film.decode import decode
from film.options import FilmOptions
from film.pictures import picture_size
from film.probe import probe

FPS_18 = FilmOptions(fps=Fraction(18))


@pytest.mark.parametrize(
    ("suffix", "depth"),
    [("tif", 16), ("tif", 8), ("png", 16), ("png", 8), ("dpx", 10), ("dpx", 12), ("dpx", 16)],
)
def test_the_luma_of_a_gray_picture_is_its_own_value(
    tmp_path: Path, suffix: str, depth: int
) -> None:
    write_sequence(tmp_path / f"scan_%04d.{suffix}", count=3, first=7, depth=depth)
    film = probe(tmp_path, FPS_18)
    assert (film.frames, film.video.depth, film.video.rate, film.first_number) == (3, depth, 18, 7)
    for number, frame in enumerate(decode(film), 7):
        np.testing.assert_array_equal(frame.luma, ramp(number, depth))
        assert frame.chroma is not None
        assert all((plane == 1 << (depth - 1)).all() for plane in frame.chroma)


def test_gray_pictures_keep_their_samples(tmp_path: Path) -> None:
    import cv2

    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), ramp(number))
    film = probe(tmp_path, FPS_18)
    np.testing.assert_array_equal(next(decode(film)).luma, ramp(1))


def test_any_frame_can_be_read_first(tmp_path: Path) -> None:
    write_sequence(tmp_path / "scan_%04d.tif", count=5)
    (frame,) = decode(probe(tmp_path, FPS_18), 3, 4)
    np.testing.assert_array_equal(frame.luma, ramp(4))


def test_exr_is_linear_light(tmp_path: Path) -> None:
    linear = np.tile(np.linspace(0, 1, WIDTH, dtype="<f4"), (HEIGHT, 1))
    (tmp_path / "raw").write_bytes(np.stack([linear] * 3).tobytes())
    shape = ("-f", "rawvideo", "-s", f"{WIDTH}x{HEIGHT}", "-pix_fmt", "gbrpf32le")
    for number in (1, 2):
        out = ("-frames:v", "1", "-update", "1", "-format", "float", tmp_path / f"a_{number}.exr")
        run_ffmpeg(*shape, "-i", tmp_path / "raw", *out)
    film = probe(tmp_path, FPS_18)
    assert film.video.transfer == ""
    # IEC 61966-2-1
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(next(decode(film)).luma / 65535 - expected).max() < 1e-5


@pytest.mark.parametrize("suffix", ["dpx", "exr", "tif", "png", "jpg"])
def test_the_size_is_read_from_the_header_alone(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=46x38", "-frames:v", "1", "-update", "1", path)
    assert picture_size(path) == (46, 38)
    path.write_bytes(path.read_bytes()[:20])
    assert picture_size(path) is None
    path.write_bytes(b"")
    assert picture_size(path) is None


def notes(folder: Path, **options: object) -> Sequence[str]:
    return probe(folder, replace(FPS_18, **options)).notes  # type: ignore[arg-type]


def test_gaps_are_named_and_filled(tmp_path: Path) -> None:
    paths = write_sequence(tmp_path / "scan_%04d.tif", count=9)
    for number in (3, 5, 6):
        paths[number].unlink()
    film = probe(tmp_path, FPS_18)
    assert film.notes == (
        "3 pictures of 1 to 9 missing: 4, 6-7; each is replaced by the one before it",
    )
    shown = [1, 2, 3, 3, 5, 5, 5, 8, 9]
    for frame, number in zip(decode(film), shown, strict=True):
        np.testing.assert_array_equal(frame.luma, ramp(number))


def test_other_sizes_are_named_and_scaled_to_that_of_most(tmp_path: Path) -> None:
    paths = write_sequence(tmp_path / "scan_%04d.tif", count=4)
    write_picture(paths[0], ramp(1, height=24, width=32))
    film = probe(tmp_path, FPS_18)
    assert film.notes == ("1 picture of 32x24: 1; scaled to 64x48, the size of most",)
    assert {frame.luma.shape for frame in decode(film)} == {(HEIGHT, WIDTH)}


def test_damaged_pictures_are_named_and_replaced(tmp_path: Path) -> None:
    paths = write_sequence(tmp_path / "scan_%04d.png", count=4)
    for number in (0, 2):
        paths[number].write_bytes(b"no picture")
    film = probe(tmp_path, FPS_18)
    assert film.notes == ("2 pictures cannot be read: 1, 3; replaced by the neighboring ones",)
    shown = [(2, True), (2, False), (2, True), (4, False)]
    for frame, (number, repeated) in zip(decode(film), shown, strict=True):
        np.testing.assert_array_equal(frame.luma, ramp(number))
        assert frame.repeated == repeated
    (alone,) = decode(film, 2, 3)  # a segment that begins with it
    np.testing.assert_array_equal(alone.luma, ramp(2))


def test_half_a_picture_is_replaced_and_named_by_its_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = write_sequence(tmp_path / "scan_%04d.jpg", count=4)
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[: len(whole) * 3 // 4])
    before, half = list(decode(probe(tmp_path, FPS_18)))[1:3]
    assert half.repeated
    np.testing.assert_array_equal(half.luma, before.luma)
    assert "damaged near frame 2: 1 frame, replaced" in caplog.text


def test_no_picture_can_be_read(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"a_{number}.dpx").write_bytes(b"x")
    with pytest.raises(FilmError, match="none of its 2 pictures can be read"):
        probe(tmp_path)


def test_the_rate_is_assumed_aloud(tmp_path: Path) -> None:
    write_sequence(tmp_path / "scan_%04d.jpg", count=2)
    film = probe(tmp_path)
    assert film.video.rate == 24
    assert film.notes == ("24 pictures per second are assumed: -fps sets another rate",)


def test_logarithmic_scans_are_named(tmp_path: Path) -> None:
    for path in write_sequence(tmp_path / "scan_%04d.dpx", count=2, depth=10):
        data = bytearray(path.read_bytes())
        data[801] = 1  # SMPTE 268M: printing density
        path.write_bytes(data)
    (note,) = notes(tmp_path)
    assert "printing density" in note


def test_sound_of_another_length_is_named(tmp_path: Path) -> None:
    scans, sound = tmp_path / "scans", tmp_path / "s.wav"
    write_sequence(scans / "scan_%04d.png", count=36)
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=2", sound)
    assert notes(scans, audio=sound) == ()
    (note,) = notes(scans, audio=sound, fps=Fraction(48))
    assert note == f"{sound} lasts 2.0 s, the pictures 0.8 s: check -fps"
    with pytest.raises(FilmError, match="is not a film that FFmpeg can open"):
        notes(scans, audio=Path(__file__))
    silent = tmp_path / "silent.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=duration=0.1", silent)
    with pytest.raises(FilmError, match="has no sound"):
        notes(scans, audio=silent)
