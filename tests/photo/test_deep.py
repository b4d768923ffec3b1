"""Tests reading PNG, AVIF, PNM and JPEG of more than 8 bits."""

import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from helpers import by_ffmpeg, colored, landscape
from PIL import Image

from photo.deep import write_ppm
from photo.formats import INSTALL
from photo.marks import mark_in
from photo.opened import size_of
from photo.read import read_photo
from prior.lab import gray2lightness, rgb2lab

GRAY = landscape(40, 50, np.uint16)
RGB = colored(GRAY)


def same_lightness(path: Path, rgb: np.ndarray) -> bool:
    return bool(np.abs(gray2lightness(read_photo(path).gray) - rgb2lab(rgb)[..., 0]).max() < 0.05)


def test_gray_png_of_16_bits_is_read_to_the_last_bit(tmp_path: Path) -> None:
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png").gray, GRAY)
    np.testing.assert_array_equal(
        by_ffmpeg(tmp_path / "a.png", GRAY.shape, pixels="gray16le"), GRAY
    )


@pytest.mark.parametrize("bits", [10, 12])
def test_avif_is_read_with_all_its_bits(tmp_path: Path, bits: int) -> None:
    codes, most = RGB >> (16 - bits), (1 << bits) - 1
    data = imagecodecs.avif_encode(codes, level=100, bitspersample=bits)
    (tmp_path / "a.avif").write_bytes(data)
    assert same_lightness(tmp_path / "a.avif", np.rint(codes / most * 65535).astype(np.uint16))
    second = imagecodecs.avif_decode(data)
    np.testing.assert_array_equal(second, codes)
    assert size_of(tmp_path / "a.avif") == GRAY.shape


def pnm(kind: int, codes: np.ndarray, top: int) -> bytes:
    height, width = codes.shape[:2]
    head = f"P{kind}\n# by a scanner\n{width} {height} {top}\n".encode()
    text = " ".join(map(str, codes.ravel())).encode()
    return head + (text if kind < 4 else codes.astype(">u2").tobytes())


@pytest.mark.parametrize("top", [1023, 65535])
@pytest.mark.parametrize("kind", [2, 3, 5, 6])
def test_pnm_is_read_with_all_its_bits(tmp_path: Path, kind: int, top: int) -> None:
    codes = (RGB if kind in {3, 6} else GRAY) >> (0 if top == 65535 else 6)
    (tmp_path / "a.pnm").write_bytes(pnm(kind, codes, top))
    full = np.rint(codes / top * 65535).astype(np.uint16)
    if kind in {2, 5}:
        np.testing.assert_array_equal(read_photo(tmp_path / "a.pnm").gray, full)
    else:
        assert same_lightness(tmp_path / "a.pnm", full)
    if kind == 5:
        second = by_ffmpeg(tmp_path / "a.pnm", GRAY.shape, pixels="gray16le").astype(int)
        assert np.abs(second - full).max() <= 64, "FFmpeg scales by shifts"


def test_short_pnm_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(pnm(5, GRAY, 65535)[:-9])
    with pytest.raises(ValueError, match="last rows are missing"):
        read_photo(tmp_path / "a.pgm")
    (tmp_path / "b.pgm").write_bytes(b"P5 1000000 1000000 65535\n")
    with pytest.raises(ValueError, match="declares 1000000 x 1000000 pixels"):
        read_photo(tmp_path / "b.pgm")
    (tmp_path / "c.pgm").write_bytes(b"P5 0 9 65535\n")
    with pytest.raises(ValueError, match="it has no pixels"):
        read_photo(tmp_path / "c.pgm")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ppm_is_written_with_its_mark(tmp_path: Path, dtype: type) -> None:
    rgb = colored(landscape(20, 31, dtype))
    mark = "colorizer: of 0123456789abcdef"
    write_ppm(tmp_path / "a.ppm", rgb, comment=mark)
    pixels = "rgb24" if dtype == np.uint8 else "rgb48le"
    np.testing.assert_array_equal(by_ffmpeg(tmp_path / "a.ppm", rgb.shape, pixels=pixels), rgb)
    assert mark_in(tmp_path / "a.ppm") == mark


def test_jpeg_of_12_bits_needs_imagecodecs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smooth = np.add.outer(np.arange(40) * 40, np.arange(50) * 30).astype(np.uint16)
    data = imagecodecs.jpeg_encode(smooth, level=98, bitspersample=12)
    (tmp_path / "a.jpg").write_bytes(data)
    gray = read_photo(tmp_path / "a.jpg").gray
    assert np.abs(gray / 65535 - smooth / 4095).max() < 0.005
    tifffile.imwrite(tmp_path / "a.tif", smooth, compression="jpeg", compressionargs={"level": 98})
    assert np.abs(read_photo(tmp_path / "a.tif").gray / 65535 - smooth / 4095).max() < 0.005
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(ValueError, match=rf"a\.jpg is JPEG of 12 bits: {INSTALL}"):
        read_photo(tmp_path / "a.jpg")
