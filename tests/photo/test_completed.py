"""Tests completing PNGs: interlaced ones, and chunks that are damaged; other formats are read in test_damage.py."""

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers import landscape
from PIL import Image

from photo.completed import check_gain, completions
from photo.read import read_photo

GRAY = landscape(61, 45)
PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip
END = b"\0\0\0\0IEND\xaeB`\x82"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def interlaced(gray: np.ndarray) -> tuple[bytes, bytes, list[int]]:
    """Make a PNG by Adam7: its head, its pixels, and where each pass of these ends."""
    raw, ends = b"", []
    for x, y, across, down in PASSES:
        raw += b"".join(b"\0" + row.tobytes() for row in gray[y::down, x::across])
        ends.append(len(raw))
    head = struct.pack(">IIBBBBB", *gray.shape[::-1], 8, 0, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head), raw, ends


def test_an_interlaced_png_is_shown_as_coarse_as_it_is(tmp_path: Path) -> None:
    head, raw, ends = interlaced(GRAY)
    path = tmp_path / "a.png"
    path.write_bytes(head + chunk(b"IDAT", zlib.compress(raw)) + END)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), GRAY)
    for end, (down, across) in zip(
        ends[:-1], ((8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1)), strict=True
    ):
        path.write_bytes(head + chunk(b"IDAT", zlib.compress(raw[: end + 1], 0))[:-9])
        photo = read_photo(path)
        known = GRAY[::down, ::across].repeat(down, axis=0).repeat(across, axis=1)
        np.testing.assert_array_equal(photo.gray, known[:61, :45])
        assert photo.notes == ("the file is truncated: the picture lacks detail",)
    path.write_bytes(head + chunk(b"IDAT", zlib.compress(raw[: ends[0] - 1], 0)))
    with pytest.raises(ValueError, match=r"a\.png"):
        read_photo(path)


def test_pixels_before_the_damage_are_kept(tmp_path: Path) -> None:
    gray = np.random.default_rng(1).integers(0, 256, (200, 100), np.uint8)
    packed = bytearray(zlib.compress(b"".join(b"\0" + row.tobytes() for row in gray)))
    sound = chunk(b"IDAT", bytes(packed[:10_000]))
    packed[12_000] ^= 0xFF
    damaged = bytearray(chunk(b"IDAT", bytes(packed[10_000:])))
    path = tmp_path / "a.png"
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 100, 200, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + sound + damaged[:-4] + b"????" + END)
    photo = read_photo(path)
    found = re.fullmatch(
        r"the file is damaged: from row (\d+) of 200 on, it may be wrong", photo.notes[0]
    )
    assert found
    row = int(found[1]) - 1
    assert 95 < row < 100
    np.testing.assert_array_equal(photo.gray[:row], gray[:row])


def test_a_damaged_chunk_costs_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(GRAY).save(path, dpi=(300, 300))
    data = path.read_bytes()
    place = data.index(b"pHYs")
    path.write_bytes(data[: place + 5] + b"?" + data[place + 6 :])
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.gray, GRAY)
    assert photo.dropped == ("the PNG's chunk pHYs, which is damaged",)
    assert photo.notes == ()


def test_a_text_that_is_too_large_costs_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(GRAY).save(path)
    data = path.read_bytes()
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 24)))
    path.write_bytes(data[:33] + bomb + data[33:])
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.gray, GRAY)
    assert photo.dropped == ("the PNG's chunk zTXt, which is damaged",)


def test_a_small_file_is_not_completed_to_a_large_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing of the picture is left"):
        check_gain(1_000_000, 1000)
    head = struct.pack(
        "<2sIHHIIiiHHIIiiII", b"BM", 0, 0, 0, 54, 40, 30_000, 30_000, 1, 24, *[0] * 6
    )
    with pytest.raises(ValueError, match="nothing of the picture is left"):
        next(completions(Path("a.bmp"), head + bytes(3000)))
