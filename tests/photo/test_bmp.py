"""Tests that BMPs of run-length codes are decoded as Pillow and FFmpeg do."""

import struct
from pathlib import Path

import numpy as np
import pytest
from helpers import by_ffmpeg, landscape
from PIL import Image

from photo.read import read_photo


def rle_bmp(rows: list[bytes], width: int, *, bits: int, top_down: bool = False) -> bytes:
    """Build a BMP from the codes of its rows, with a palette of grays."""
    colors = 1 << bits
    palette = b"".join(bytes((v, v, v, 0)) for v in np.linspace(0, 255, colors).astype(np.uint8))
    data = b"\0\0".join(rows) + b"\0\1"
    compression = 1 if bits == 8 else 2
    head = struct.pack(
        "<IiiHHIIiiII", 40, width, len(rows), 1, bits, compression, len(data), 0, 0, colors, 0
    )
    start = 14 + len(head) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start) + head + palette + data


def runs(row: np.ndarray) -> bytes:
    return b"".join(bytes((1, value)) for value in row.tolist())


def literal(row: np.ndarray) -> bytes:
    """Store a row of up to 255 pixels as it is, padded to a whole word."""
    return bytes((0, len(row))) + row.tobytes() + b"\0" * (len(row) % 2)


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("coded", [runs, literal])
def test_rows_of_runs_are_read_padded_or_not(tmp_path: Path, padding: int, coded) -> None:
    gray = landscape(30, 41)
    padded = np.pad(gray, ((0, 0), (0, padding)), mode="edge")
    path = tmp_path / "a.bmp"
    path.write_bytes(rle_bmp([coded(row) for row in padded[::-1]], 41, bits=8))
    ours = read_photo(path).gray
    np.testing.assert_array_equal(ours, gray)
    if not padding:
        np.testing.assert_array_equal(ours, Image.open(path).convert("L"))
    if coded is runs:
        assert np.abs(by_ffmpeg(path, gray.shape).astype(int) - ours).max() <= 1


def test_two_pixels_in_a_byte(tmp_path: Path) -> None:
    codes = landscape(12, 16) >> 4
    rows = []
    for row in codes[::-1]:
        pairs = bytes(row[::2] << 4 | row[1::2])
        rows.append(bytes((0, 8)) + pairs[:4] + b"".join(bytes((2, pair)) for pair in pairs[4:]))
    (tmp_path / "a.bmp").write_bytes(rle_bmp(rows, 16, bits=4))
    np.testing.assert_array_equal(read_photo(tmp_path / "a.bmp").gray, codes * 17)
    np.testing.assert_array_equal(Image.open(tmp_path / "a.bmp").convert("L"), codes * 17)


def test_a_move_leaves_pixels_out_and_missing_rows_are_damage(tmp_path: Path) -> None:
    rows = [b"\2\7\0\2\3\0\1\7", b"\6\7", b"\6\7"]
    (tmp_path / "a.bmp").write_bytes(rle_bmp(rows, 6, bits=8))
    assert read_photo(tmp_path / "a.bmp").gray[-1].tolist() == [7, 7, 0, 0, 0, 7]
    data = (tmp_path / "a.bmp").read_bytes()
    (tmp_path / "short.bmp").write_bytes(data[: data.rindex(b"\0\0\6\7")])
    with pytest.raises(ValueError, match=r"short\.bmp cannot be read .*row 2 of 3"):
        read_photo(tmp_path / "short.bmp")
