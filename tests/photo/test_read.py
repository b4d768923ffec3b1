"""Tests reading photos: correct lightness from every kind of file, upright."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from helpers import colored, landscape
from PIL import Image

from photo.decoder import Several
from photo.read import read_photo
from photo.write import write_photo
from prior.lab import gray2lightness, rgb2lab

LOSSLESS = [".png", ".tif", ".bmp"]
ORIENTATION = 274


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_gray_is_read_as_it_is(tmp_path: Path, suffix: str) -> None:
    gray = landscape(30, 41)
    Image.fromarray(gray).save(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read_photo(tmp_path / f"a{suffix}").gray, gray)


def test_jpeg_and_webp_are_read(tmp_path: Path) -> None:
    gray = cv2.GaussianBlur(landscape(64, 80), (0, 0), 3)
    for suffix in (".jpg", ".webp"):
        Image.fromarray(gray).convert("RGB").save(tmp_path / f"a{suffix}", quality=95)
        assert np.abs(read_photo(tmp_path / f"a{suffix}").gray.astype(int) - gray).max() <= 6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_color_scans_give_their_lightness(tmp_path: Path, dtype: type) -> None:
    rgb = colored(landscape(30, 41, dtype))
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb")
    tifffile.imwrite(
        tmp_path / "b.tif", np.moveaxis(rgb, -1, 0), photometric="rgb", planarconfig="separate"
    )
    cv2.imwrite(str(tmp_path / "a.png"), rgb[..., ::-1])
    cv2.imwrite(str(tmp_path / "lzw.tif"), rgb[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    for name in ("a.tif", "b.tif", "a.png", "lzw.tif"):
        gray = read_photo(tmp_path / name).gray
        assert gray.dtype == dtype
        error = np.abs(gray2lightness(gray) - rgb2lab(rgb)[..., 0]).max()
        assert error < (0.25 if dtype == np.uint8 else 0.01), name


def test_other_kinds_of_pixels(tmp_path: Path) -> None:
    gray = landscape(30, 41)
    whole = Image.fromarray(gray)
    whole.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=255).save(
        tmp_path / "palette.png"
    )
    whole.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100)
    whole.convert("1").save(tmp_path / "bits.tif")
    assert np.abs(read_photo(tmp_path / "palette.png").gray.astype(int) - gray).mean() < 3
    assert np.abs(read_photo(tmp_path / "cmyk.jpg").gray.astype(int) - gray).mean() < 3
    assert set(np.unique(read_photo(tmp_path / "bits.tif").gray)) == {0, 255}


def write_turned(path: Path, stored: np.ndarray, turn: int) -> None:
    """Write a rotated picture with its orientation tag; the name's prefix chooses the kind."""
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    tag = [(ORIENTATION, 3, 1, turn, True)]
    if path.suffix != ".tif":
        Image.fromarray(stored).save(path, exif=exif, lossless=True, quality=100, dpi=(200, 100))
    elif path.stem == "lzw":  # OpenCV decodes this compression for 16 bits
        Image.fromarray(stored).save(path, exif=exif, compression="tiff_lzw", dpi=(200, 100))
    else:
        tifffile.imwrite(path, stored, extratags=tag, resolution=(200, 100), resolutionunit="INCH")


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "lzw.tif", "a.webp"])
def test_orientation_is_applied_once(tmp_path: Path, turn: int, name: str, deep: bool) -> None:
    if deep and name in {"a.jpg", "a.webp"}:
        return
    stored = cv2.GaussianBlur(landscape(48, 32, np.uint16, seed=4), (0, 0), 2)
    stored = stored if deep else (stored // 256).astype(np.uint8)
    write_turned(tmp_path / name, stored, turn)
    marked = Image.fromarray((stored / (stored.max() / 255)).astype(np.uint8))
    marked.getexif()[ORIENTATION] = turn
    how = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
    how |= {6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}
    upright = marked if turn == 1 else marked.transpose(getattr(Image.Transpose, how[turn]))
    photo = read_photo(tmp_path / name)
    ours = photo.gray / (stored.max() / 255)
    assert np.abs(ours - np.asarray(upright)).max() < 6
    if name in {"a.jpg", "a.tif"} or (name == "a.png" and not deep):
        assert photo.dpi == pytest.approx((100, 200) if turn >= 5 else (200, 100), rel=1e-3)
    write_photo(tmp_path / f"out-{name}", np.repeat(photo.gray[..., None], 3, -1), like=photo)
    again = read_photo(tmp_path / f"out-{name}")
    assert again.gray.shape == photo.gray.shape
    assert np.abs(again.gray.astype(int) - photo.gray).max() <= (6 if name == "a.webp" else 3)


@pytest.mark.parametrize(
    ("name", "what"),
    [("a.gif", "frame"), ("a.webp", "frame"), ("a.png", "frame"), ("a.tif", "page"), ("a.mpo", "picture")],
)  # fmt: skip
def test_the_pictures_of_a_file_are_counted(tmp_path: Path, name: str, what: str) -> None:
    first, *others = (Image.fromarray(landscape(20, 30, seed=seed)) for seed in range(3))
    first.save(tmp_path / name, save_all=True, append_images=others)
    assert read_photo(tmp_path / name).several == Several(3, what)
    first.save(tmp_path / f"one{name[1:]}")
    assert read_photo(tmp_path / f"one{name[1:]}").several.total == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_reduced_copies_are_no_further_pages(tmp_path: Path, dtype: type) -> None:
    page = landscape(40, 60, dtype)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(page)
        tiff.write(page[::2, ::2], subfiletype=1)
    assert read_photo(tmp_path / "a.tif").several.total == 1
    with tifffile.TiffWriter(tmp_path / "b.tif") as tiff:
        for _ in range(2):
            tiff.write(page)
    assert read_photo(tmp_path / "b.tif").several == Several(2, "page")
