"""Animated PNGs, written and read: other readers see the same frames and times."""

import io
import struct
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from animations import by_pillow, frames_by_ffmpeg
from helpers import colored, landscape
from PIL import Image

from photo.apng import CONTROL, ApngWriter, _chunks, shown_frames
from photo.decoder import PNG
from photo.write_deep import png_chunk

SIZE = (30, 41)
FRAMES = [colored(landscape(*SIZE, seed=seed)) for seed in range(3)]
DEEP = [colored(landscape(*SIZE, np.uint16, seed=seed)) for seed in range(3)]


def written(
    frames: list[np.ndarray], times: list[float], *, plays: int = 0, chunks: bytes = b""
) -> bytes:
    file = io.BytesIO()
    writer = ApngWriter(
        file, size=SIZE, depth=frames[0].itemsize * 8, alpha=frames[0].shape[2] == 4, total=len(frames), plays=plays,
        chunks=chunks,
    )  # fmt: skip
    for frame, time in zip(frames, times, strict=True):
        writer.write(frame, (0, 0), time)
    writer.close()
    return file.getvalue()


@pytest.mark.parametrize("plays", [0, 1, 7])
def test_other_readers_see_the_frames(tmp_path: Path, plays: int) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(written(FRAMES, [40, 100 / 3, 1000], plays=plays))
    frames, times, loop = by_pillow(path)
    np.testing.assert_array_equal(frames, FRAMES)
    assert times == pytest.approx([40, 100 / 3, 1000])
    assert loop == plays
    np.testing.assert_array_equal(frames_by_ffmpeg(path, SIZE)[..., :3], FRAMES)


def test_a_part_is_laid_over_the_frame_before(tmp_path: Path) -> None:
    file = io.BytesIO()
    settings = {"size": SIZE, "depth": 8, "alpha": True, "total": 2, "plays": 0, "chunks": b""}
    writer = ApngWriter(file, **settings)
    first = np.dstack([FRAMES[0], landscape(*SIZE, seed=4)])
    part = np.dstack([FRAMES[1], landscape(*SIZE, seed=5)])[5:20, 7:30]
    writer.write(first, (0, 0), 10)
    writer.write(np.ascontiguousarray(part), (5, 7), 10)
    writer.close()
    (tmp_path / "a.png").write_bytes(file.getvalue())
    expected = first.copy()
    expected[5:20, 7:30] = part
    np.testing.assert_array_equal(by_pillow(tmp_path / "a.png")[0][1], expected)
    np.testing.assert_array_equal(frames_by_ffmpeg(tmp_path / "a.png", SIZE)[1], expected)


def test_16_bits_are_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(written(DEEP, [40] * 3))
    np.testing.assert_array_equal([pixels for pixels, _ in shown_frames(path)], DEEP)
    seen = frames_by_ffmpeg(path, SIZE, pixels="rgba64le")[..., :3]
    np.testing.assert_array_equal(seen, DEEP)


def frame(pixels: np.ndarray, number: int, at: tuple[int, int], dispose: int, blend: int) -> bytes:
    """Make the chunks of a frame of 16 bits; number : of its first chunk."""
    done, png = cv2.imencode(".png", pixels[..., [2, 1, 0, 3]])
    assert done
    data = png.tobytes()
    body = b"".join(chunk for name, chunk in _chunks(data) if name == b"IDAT")
    control = CONTROL.pack(
        number, pixels.shape[1], pixels.shape[0], *at[::-1], 1, 10, dispose, blend
    )
    kind = png_chunk(b"IDAT", body) if not number else png_chunk(b"fdAT", struct.pack(">I", number + 1) + body)  # fmt: skip
    return png_chunk(b"fcTL", control) + kind


def overlaid(dtype: type, dispose: int, blend: int) -> bytes:
    """Make an animation of three frames, the later ones smaller, with every kind of alpha."""
    top = np.iinfo(dtype).max // 255
    alpha = np.clip(landscape(*SIZE, seed=7).astype(int) * 3 - 256, 0, 255).astype(dtype) * dtype(
        top
    )
    frames = [np.dstack([deep, deep[..., :1]]) for deep in DEEP]
    if dtype == np.uint8:
        frames = [(deep >> 8).astype(np.uint8) for deep in frames]
    for one in frames:
        one[..., 3] = alpha
    depth = np.dtype(dtype).itemsize * 8
    data = PNG + png_chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE[::-1], depth, 6, 0, 0, 0))
    data += png_chunk(b"acTL", struct.pack(">II", 3, 0)) + frame(frames[0], 0, (0, 0), 0, 0)
    data += frame(frames[1][5:25, 3:33], 1, (2, 4), dispose, blend)
    data += frame(frames[2][5:25, 3:33], 3, (5, 8), 0, blend)
    return data + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("dispose", [0, 1, 2])
@pytest.mark.parametrize("blend", [0, 1])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_frames_are_composited_as_ffmpeg_does_those_of_8_bits(
    tmp_path: Path, dispose: int, blend: int, dtype: type
) -> None:
    (tmp_path / "a.png").write_bytes(overlaid(dtype, dispose, blend))
    (tmp_path / "8.png").write_bytes(overlaid(np.uint8, dispose, blend))
    expected = frames_by_ffmpeg(tmp_path / "8.png", SIZE).astype(int)
    frames, times = zip(*shown_frames(tmp_path / "a.png"), strict=True)
    found = np.array(frames) / (np.iinfo(dtype).max // 255)
    assert times == (100, 100, 100)
    assert found.shape == expected.shape
    assert np.abs(found - expected)[..., 3].max() < 2
    assert np.abs(found - expected)[expected[..., 3] > 60].max() < 3, "FFmpeg rounds to 8 bits"


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_and_few_bits_are_read(tmp_path: Path, bits: int) -> None:
    codes = [(landscape(*SIZE, seed=seed) >> (8 - bits)) for seed in range(2)]
    palette = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
    images = []
    for one in codes:
        image = Image.fromarray(one).convert("L")
        image = Image.frombytes("P", SIZE[::-1], image.tobytes())
        image.putpalette(palette.tobytes()[: 3 << bits])
        images.append(image)
    images[0].save(
        tmp_path / "a.png", save_all=True, append_images=images[1:], bits=bits, duration=40
    )
    expected = frames_by_ffmpeg(tmp_path / "a.png", SIZE)[..., :3]
    found = [pixels[..., :3] for pixels, _ in shown_frames(tmp_path / "a.png")]
    np.testing.assert_array_equal(found, expected)
    grays = [Image.fromarray(one * np.uint8(255 // ((1 << bits) - 1))) for one in codes]
    if bits == 1:
        grays = [image.convert("1") for image in grays]
    grays[0].save(tmp_path / "b.png", save_all=True, append_images=grays[1:], duration=40)
    found = [np.atleast_3d(pixels)[..., 0] for pixels, _ in shown_frames(tmp_path / "b.png")]
    np.testing.assert_array_equal(found, [np.asarray(image.convert("L")) for image in grays])


def test_a_transparent_gray_is_alpha(tmp_path: Path) -> None:
    gray = landscape(*SIZE, np.uint16)
    done, png = cv2.imencode(".png", gray)
    data = png.tobytes()
    assert done
    start = data.index(b"IDAT") - 4
    control = CONTROL.pack(0, *SIZE[::-1], 0, 0, 1, 10, 0, 0)
    more = png_chunk(b"tRNS", struct.pack(">H", gray[3, 4])) + png_chunk(b"acTL", struct.pack(">II", 1, 0))  # fmt: skip
    (tmp_path / "a.png").write_bytes(
        data[:start] + more + png_chunk(b"fcTL", control) + data[start:]
    )
    ((found, _),) = shown_frames(tmp_path / "a.png")
    np.testing.assert_array_equal(found[..., 0], gray)
    np.testing.assert_array_equal(found[..., 1] == 0, gray == gray[3, 4])


@pytest.mark.parametrize("ms", [0.0, 10.0, 1000 / 24, 1001 / 30, 65_000.0, 90_061.5, 7e7, 1e12])
def test_times_are_as_near_as_they_can_be(tmp_path: Path, ms: float) -> None:
    data = written(FRAMES[:1], [ms])
    over, under = CONTROL.unpack_from(data, data.index(b"fcTL") + 4)[5:7]
    near = min(ms, 65_535_000.0)
    assert float(Fraction(over, under) * 1000) == pytest.approx(near, rel=1e-4, abs=1e-6)


def test_metadata_are_before_the_pixels(tmp_path: Path) -> None:
    text = png_chunk(b"tEXt", b"Title\0a film")
    (tmp_path / "a.png").write_bytes(written(FRAMES, [40] * 3, chunks=text))
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["Title"] == "a film"
