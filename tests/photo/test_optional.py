"""Tests reading HEIC, JPEG XL and PDF, and that a missing package is named."""

import io
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401  registers itself
import pypdfium2
import pytest
from helpers import colored, landscape
from PIL import Image

from photo.decoder import Several
from photo.formats import INSTALL
from photo.opened import size_of
from photo.read import read_photo
from prior.lab import gray2lightness, linear2srgb, rgb2lab

RGB8, RGB16 = (colored(landscape(40, 56, dtype)) for dtype in (np.uint8, np.uint16))


def exif(turn: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[270], tags[274] = "Aunt Ida", turn
    return tags


def off(path: Path, rgb: np.ndarray) -> float:
    """Return the greatest difference in lightness from a picture."""
    return float(np.abs(gray2lightness(read_photo(path).gray) - rgb2lab(rgb)[..., 0]).max())


def write_heic(path: Path, rgb: np.ndarray, **settings: object) -> None:
    mode = "RGB" if rgb.dtype == np.uint8 else "RGB;16"
    height, width = rgb.shape[:2]
    image = pillow_heif.from_bytes(mode=mode, size=(width, height), data=rgb.tobytes())
    image.save(path, quality=-1, matrix_coefficients=0, chroma=444, **settings)


def test_heic_is_read_with_all_its_bits(tmp_path: Path) -> None:
    write_heic(tmp_path / "a.heic", RGB8, exif=exif().tobytes())
    photo = read_photo(tmp_path / "a.heic")
    assert (photo.gray.dtype, photo.exif[270]) == (np.uint8, "Aunt Ida")
    assert off(tmp_path / "a.heic", RGB8) < 0.5
    write_heic(tmp_path / "deep.heic", RGB16)
    assert read_photo(tmp_path / "deep.heic").gray.dtype == np.uint16
    assert off(tmp_path / "deep.heic", RGB16) < 0.2
    assert size_of(tmp_path / "a.heic") == (40, 56)


def test_heic_is_told_by_content_and_upright(tmp_path: Path) -> None:
    picture = Image.fromarray(RGB8)
    pillow_heif.from_pillow(picture).save(tmp_path / "a.heic", quality=-1, exif=exif(6).tobytes())
    (tmp_path / "photo.jpg").write_bytes((tmp_path / "a.heic").read_bytes())
    photo = read_photo(tmp_path / "photo.jpg")
    turned = np.rot90(RGB8, -1)
    assert photo.gray.shape == turned.shape[:2]
    assert np.abs(gray2lightness(photo.gray) - rgb2lab(turned)[..., 0]).mean() < 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_jxl_is_read_with_all_its_bits(tmp_path: Path, dtype: type) -> None:
    rgb = RGB8 if dtype == np.uint8 else RGB16 if dtype == np.uint16 else np.float32(RGB16 / 65535)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(rgb, lossless=True))
    # The encoder takes deep samples for linear light, and says so in the profile.
    deep = np.rint(linear2srgb(RGB16 / 65535) * 65535).astype(np.uint16)
    assert off(tmp_path / "a.jxl", RGB8 if dtype == np.uint8 else deep) < 0.25
    assert read_photo(tmp_path / "a.jxl").gray.dtype == (
        np.uint8 if dtype == np.uint8 else np.uint16
    )


def test_jxl_keeps_its_metadata(tmp_path: Path) -> None:
    settings = {"exif": exif().tobytes(), "xmp": b"<x:xmpmeta/>", "lossless": True}
    Image.fromarray(RGB8).save(tmp_path / "a.jxl", use_container=True, **settings)
    photo = read_photo(tmp_path / "a.jxl")
    assert (photo.exif[270], photo.xmp) == ("Aunt Ida", b"<x:xmpmeta/>")


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (40, 56), (256, 256), (37, 1000), (270, 480)])
def test_the_size_of_jxl_is_known_before_it_is_decoded(
    tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(np.zeros(size, np.uint8)))
    monkeypatch.setattr("photo.decoder.free_bytes", lambda: 0)
    with pytest.raises(ValueError, match=rf"declares {size[1]} x {size[0]} pixels"):
        read_photo(tmp_path / "a.jxl")


def pdf(*pages: Image.Image, dpi: float) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "PDF", save_all=True, append_images=pages[1:], resolution=dpi)
    return file.getvalue()


def test_a_page_has_the_resolution_of_the_scan_in_it(tmp_path: Path) -> None:
    gray = np.kron(landscape(30, 41), np.ones((4, 4), np.uint8))
    (tmp_path / "a.pdf").write_bytes(pdf(*[Image.fromarray(gray)] * 3, dpi=144))
    photo = read_photo(tmp_path / "a.pdf")
    assert photo.gray.shape == gray.shape
    assert np.abs(photo.gray.astype(int) - gray).mean() < 4
    assert photo.dpi == pytest.approx((144, 144), rel=0.01)
    assert photo.several == Several(3, "page")


def test_a_page_without_a_scan_is_drawn_at_300_dpi(tmp_path: Path) -> None:
    document = pypdfium2.PdfDocument.new()
    document.new_page(72, 36)
    document.save(tmp_path / "a.pdf")
    photo = read_photo(tmp_path / "a.pdf")
    assert (photo.gray.shape, photo.gray.min(), photo.several.total) == ((150, 300), 255, 1)


def test_a_damaged_pdf_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n" + bytes(100))
    with pytest.raises(ValueError, match=r"a\.pdf is a PDF that cannot be read: "):
        read_photo(tmp_path / "a.pdf")


@pytest.mark.parametrize(
    ("module", "head", "what"),
    [
        ("pillow_heif", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        ("pillow_jxl", b"\xff\x0a\0\0", "JPEG XL"),
        ("pypdfium2", b"%PDF-1.4", "PDF"),
    ],
)
def test_a_missing_package_is_named(
    tmp_path: Path, module: str, head: bytes, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photo.heic").write_bytes(head + bytes(100))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=rf"photo\.heic is {what}: {INSTALL}$"):
        read_photo(tmp_path / "photo.heic")


def test_an_animated_jxl_says_that_its_frames_are_left_out(tmp_path: Path) -> None:
    for name, frames in (("a.jxl", np.stack([RGB8, RGB8])), ("b.jxl", RGB8)):
        (tmp_path / name).write_bytes(imagecodecs.jpegxl_encode(frames))
    said = "frame 1 of several: the others left out, as their times cannot be read"
    assert read_photo(tmp_path / "a.jxl").notes == (said,)
    assert read_photo(tmp_path / "b.jxl").notes == ()
    assert size_of(tmp_path / "a.jxl") == RGB8.shape[:2]
