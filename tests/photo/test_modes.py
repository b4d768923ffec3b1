"""Tests pictures that are not plain gray or RGB: transparent colors, masks of BMPs, printing colors."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers import colored, landscape
from PIL import Image, ImageCms

from photo.read import read_photo

GRAY = landscape(20, 32)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def transparent_png(codes: np.ndarray, bits: int, color: int, transparent: bytes) -> bytes:
    """Make a PNG of codes (H, W, n), of which one color is transparent."""
    unpacked = np.unpackbits(codes.astype(">u2")[..., None].view(np.uint8), axis=-1)[..., -bits:]
    rows = np.packbits(unpacked.reshape(len(codes), -1), axis=1)
    head = struct.pack(">IIBBBBB", *codes.shape[1::-1], bits, color, 0, 0, 0)
    pixels = b"".join(b"\0" + row.tobytes() for row in rows)
    chunks = (
        (b"IHDR", head),
        (b"tRNS", transparent),
        (b"IDAT", zlib.compress(pixels)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*pair) for pair in chunks)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_gray_of_a_png_is_transparent(tmp_path: Path, bits: int) -> None:
    codes = np.random.default_rng(bits).integers(0, min(1 << bits, 5), (20, 32, 1))
    (tmp_path / "a.png").write_bytes(transparent_png(codes, bits, 0, struct.pack(">H", 1)))
    photo = read_photo(tmp_path / "a.png")
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha == 0, codes[..., 0] == 1)
    top = 65535 if bits == 16 else 255
    np.testing.assert_array_equal(photo.gray, codes[..., 0] * (top // ((1 << bits) - 1)))
    assert set(np.unique(photo.alpha)) == {0, top}


@pytest.mark.parametrize("bits", [8, 16])
def test_the_transparent_color_of_a_png_is_transparent(tmp_path: Path, bits: int) -> None:
    codes = np.random.default_rng(bits).integers(0, 3, (20, 32, 3))
    data = transparent_png(codes, bits, 2, struct.pack(">HHH", 0, 1, 2))
    (tmp_path / "a.png").write_bytes(data)
    photo = read_photo(tmp_path / "a.png")
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha == 0, (codes == (0, 1, 2)).all(axis=-1))


def test_transparent_palettes_are_transparent(tmp_path: Path) -> None:
    whole = Image.fromarray(colored(GRAY)).quantize(16)
    whole.save(tmp_path / "a.png", transparency=bytes(range(0, 256, 16)))
    photo = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.alpha, np.asarray(whole) * 16)


def bmp(bits: int, masks: tuple[int, int, int, int], pixels: bytes) -> bytes:
    """Make a BMP of 4 x 2 pixels whose header has masks."""
    head = struct.pack("<IiiHHIIiiII", 108, 4, 2, 1, bits, 3, len(pixels), 0, 0, 0, 0)
    head += struct.pack("<4I", *masks) + bytes(108 - 56)
    return struct.pack("<2sIHHI", b"BM", 122 + len(pixels), 0, 0, 122) + head + pixels


@pytest.mark.parametrize(("mask", "declared"), [(0xFF000000, True), (0, False)])
def test_alpha_of_a_bmp_is_what_its_header_says(tmp_path: Path, mask: int, declared: bool) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (2, 4, 4), np.uint8)
    (tmp_path / "a.bmp").write_bytes(bmp(32, (0xFF0000, 0xFF00, 0xFF, mask), pixels.tobytes()))
    alpha = read_photo(tmp_path / "a.bmp").alpha
    np.testing.assert_array_equal(alpha, pixels[::-1, :, 3] if declared else None)


def test_a_bmp_without_masks_is_opaque(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (2, 4, 4), np.uint8)
    (tmp_path / "a.bmp").write_bytes(bmp(32, (0, 0, 0, 0), pixels.tobytes()))
    assert read_photo(tmp_path / "a.bmp").alpha is None


def test_alpha_of_one_bit_is_named(tmp_path: Path) -> None:
    data = bmp(16, (0x7C00, 0x3E0, 0x1F, 0x8000), bytes(range(16)))
    (tmp_path / "a.bmp").write_bytes(data)
    photo = read_photo(tmp_path / "a.bmp")
    assert photo.alpha is None
    assert photo.dropped == ("the transparency, of fewer than 8 bits",)


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
@pytest.mark.parametrize("profile", [b"no profile at all", b""])
def test_printing_colors_are_read_without_a_profile(
    tmp_path: Path, suffix: str, profile: bytes
) -> None:
    path = tmp_path / f"a{suffix}"
    whole = Image.fromarray(colored(GRAY)).convert("CMYK")
    whole.save(path, **({"icc_profile": profile} if profile else {}), quality=100)
    photo = read_photo(path)
    assert np.abs(photo.gray.astype(int) - np.asarray(whole.convert("RGB"))[..., 1]).max() < 12
    said = ("the ICC profile, which is damaged (read as sRGB)",)
    assert photo.dropped == (said if profile else ())


def test_a_profile_of_other_colors_is_left_out(tmp_path: Path) -> None:
    rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(colored(GRAY)).convert("CMYK").save(tmp_path / "a.jpg", icc_profile=rgb)
    assert read_photo(tmp_path / "a.jpg").dropped != ()


def test_what_no_decoder_supports_is_not_called_damaged(tmp_path: Path) -> None:
    data = bytearray(bmp(32, (0xFF0000, 0xFF00, 0xFF, 0), bytes(32)))
    struct.pack_into("<I", data, 30, 11)  # CMYK
    (tmp_path / "a.bmp").write_bytes(data)
    with pytest.raises(ValueError, match="Unsupported BMP compression") as caught:
        read_photo(tmp_path / "a.bmp")
    assert "damaged" not in str(caught.value)
