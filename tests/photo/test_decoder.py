"""Tests that damaged, hostile and foreign files are rejected in one line, before they cost memory or time."""

import io
import os
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import landscape
from PIL import Image

from photo.decoder import decoding
from photo.marks import mark_in
from photo.read import read_photo


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("not a picture at all")


def truncated(path: Path) -> None:
    Image.fromarray(landscape(200, 300)).save(path.with_suffix(".jpg"))
    path.write_bytes(path.with_suffix(".jpg").read_bytes()[:100])


def truncated_png(path: Path) -> None:
    Image.fromarray(landscape(200, 300)).save(path.with_suffix(".png"))
    path.write_bytes(path.with_suffix(".png").read_bytes()[:100])


def truncated_deep(path: Path) -> None:
    tifffile.imwrite(path.with_suffix(".tif"), landscape(200, 300, np.uint16), compression="zlib")
    path.write_bytes(path.with_suffix(".tif").read_bytes()[:100])


def truncated_deep_png(path: Path) -> None:
    Image.fromarray(landscape(200, 300, np.uint16)).save(path.with_suffix(".png"))
    path.write_bytes(path.with_suffix(".png").read_bytes()[:100])


def half_tiled(path: Path) -> None:
    """Write a TIFF with a tile width and no tile length."""
    data = bytearray(tiled(16, 16))
    at = data.index(struct.pack("<HHI", 323, 4, 1))
    struct.pack_into("<H", data, at, 65000)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        *(empty, text, half_tiled),
        *(truncated, truncated_png, truncated_deep, truncated_deep_png),
    ],
)
def test_bad_files_get_one_line(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = tmp_path / "bad.bin"
    spoil(path)
    with pytest.raises(ValueError, match=r"bad\.bin") as caught:
        read_photo(path)
    assert "\n" not in str(caught.value)


def bmp(
    width: int, height: int, *, bits: int = 8, compression: int = 0, data: bytes = b""
) -> bytes:
    """Build a BMP with any header values."""
    palette = bytes(4 << min(bits, 8))
    head = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 0, 0
    )
    start = 14 + len(head) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start) + head + palette + data


def png(width: int, height: int, *, bits: int = 8) -> bytes:
    """Build a PNG of any declared size without pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    chunks = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunks + struct.pack(">I", 0) + b"IDAT5\xaf\x06\x1e"


def tiled(width: int, height: int) -> bytes:
    """Build a small 16-bit TIFF whose only tile declares another size."""
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((32, 32), np.uint16), tile=(32, 32))
    data = bytearray(file.getvalue())
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        for name, value in (("TileWidth", width), ("TileLength", height)):
            tag = tiff.pages.first.tags[name]
            struct.pack_into("<HHII", data, tag.offset, tag.code, 4, 1, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "claim"),
    [
        (bmp(60, 2_000_000_000), "60 x 2000000000"),
        (png(1 << 20, 1 << 20), "1048576 x 1048576"),
        (png(1 << 20, 1 << 20, bits=16), "1048576 x 1048576"),
        (png(0xFFFFFFFE, 44, bits=1), "4294967294 x 44"),
        (tiled(1 << 20, 1 << 20), "1048576 x 1048576"),
    ],
)
def test_no_more_is_decoded_than_there_is_memory_for(
    tmp_path: Path, data: bytes, claim: str
) -> None:
    (tmp_path / "huge").write_bytes(data)
    with pytest.raises(ValueError, match=rf"declares {claim} pixels, which take .* GB are free"):
        read_photo(tmp_path / "huge")


def test_a_run_length_code_takes_no_longer_than_its_pixels(tmp_path: Path) -> None:
    """Pillow takes half a minute for this file."""
    runs = b"\xff\x07" * 4096 + b"\0\1"
    (tmp_path / "slow.bmp").write_bytes(bmp(1 << 23, 44, compression=1, data=runs))
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"slow\.bmp cannot be read"):
        read_photo(tmp_path / "slow.bmp")
    rows = b"\xff\x07\0\0" * 4096 + b"\0\1"
    (tmp_path / "right.bmp").write_bytes(bmp(255, 4096, compression=1, data=rows))
    assert read_photo(tmp_path / "right.bmp").gray.shape == (4096, 255)
    assert time.perf_counter() - start < 5


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(ValueError, match="is a pipe or device"):
            read_photo(path)


def test_decoders_do_not_speak_for_themselves(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    Image.fromarray(landscape(200, 300, np.uint16)).save(tmp_path / "a.png")
    with caplog.at_level("DEBUG", logger="photo.decoder"), decoding(tmp_path / "a.png"):
        os.write(2, b"libpng error: bad\nlibpng warning: worse\n")
        warnings.warn("something about a picture", UserWarning, stacklevel=1)
    os.write(2, b"ours")
    assert capfd.readouterr() == ("", "ours")
    assert [record.message.split(": ", 1)[1] for record in caplog.records] == [
        "libpng error: bad",
        "libpng warning: worse",
    ]


def test_two_threads_do_not_disturb_each_other_s_limit_of_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int | None] = []
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)

    def decode() -> None:
        with decoding(tmp_path / "b.png"):
            seen.append(Image.MAX_IMAGE_PIXELS)

    other = threading.Thread(target=decode)
    with decoding(tmp_path / "a.png"):
        other.start()
        other.join(0.2)
        assert other.is_alive(), "it waits for this one"
        seen.append(Image.MAX_IMAGE_PIXELS)
    other.join()
    assert seen == [None, None]
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_photo(tmp_path / "none.jpg")
    with pytest.raises(ValueError, match="is a folder"):
        read_photo(tmp_path)


def test_avif_without_its_pictures_is_damaged_and_pillow_s_remarks_are_no_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(landscape(40, 50)).save(tmp_path / "a.avif")
    data = (tmp_path / "a.avif").read_bytes()
    (tmp_path / "a.avif").write_bytes(data.replace(b"iinf", b"free"))
    with pytest.raises(ValueError, match=r"a\.avif cannot be read \(damaged\?\)"):
        read_photo(tmp_path / "a.avif")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5, 3), np.uint8), photometric="rgb")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    struct.pack_into("<I", data, data.index(struct.pack("<HHI", 277, 3, 1)) + 8, 18761)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.tif"):
        read_photo(tmp_path / "a.tif")
    assert mark_in(tmp_path / "a.tif") == ""
    assert capfd.readouterr() == ("", "")
