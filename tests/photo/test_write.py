"""Tests writing results: metadata is kept, or reported as dropped."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from helpers import colored, disk_full_at, landscape
from PIL import Image

from image.resize import color_field
from photo.compose import Composition
from photo.icc import srgb_profile
from photo.marks import mark_in
from photo.read import Photo, read_photo
from photo.write import BAND_ROWS, write_photo
from prior.lab import gray2lightness

ORIENTATION, DESCRIPTION = 274, 270
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_alpha_is_kept(tmp_path: Path, suffix: str, deep: bool) -> None:
    dtype = np.uint16 if deep else np.uint8
    gray, alpha = landscape(20, 30, dtype), landscape(20, 30, dtype, seed=7)
    photo = Photo(gray, alpha)
    write_photo(tmp_path / f"a{suffix}", np.repeat(gray[..., None], 3, -1), like=photo, quality=100)
    again = read_photo(tmp_path / f"a{suffix}")
    assert again.alpha is not None
    kept = alpha if suffix != ".webp" or not deep else cv2.convertScaleAbs(alpha, alpha=255 / 65535)
    np.testing.assert_array_equal(again.alpha, kept)
    if suffix == ".png" and not deep:
        Image.fromarray(np.dstack([gray, alpha]), "LA").save(tmp_path / "la.png")
        np.testing.assert_array_equal(read_photo(tmp_path / "la.png").alpha, alpha)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("source", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_metadata_is_kept(tmp_path: Path, source: str, suffix: str, deep: bool) -> None:
    gray = landscape(20, 30)
    exif = Image.Exif()
    exif[DESCRIPTION], exif[ORIENTATION] = "Aunt Ida, 1931", 6
    exif.get_ifd(0x8769)[36867] = "1931:05:01 12:00:00"
    extra = {} if source == ".tif" else {"xmp": XMP}
    if source == ".tif":
        exif.load(exif.tobytes())  # adds the pointer to the exif group
        exif[700] = XMP
    Image.fromarray(gray).save(tmp_path / f"in{source}", exif=exif, dpi=(600, 600), **extra)
    photo = read_photo(tmp_path / f"in{source}")
    rgb = np.repeat(photo.gray[..., None], 3, -1)
    out = tmp_path / f"out{suffix}"
    write_photo(out, rgb.astype(np.uint16) * 257 if deep else rgb, like=photo)
    if not deep or suffix not in {".tif"}:
        with Image.open(out) as image:
            kept = image.getexif()
            assert kept.get(ORIENTATION, 1) == 1
            assert kept[DESCRIPTION] == "Aunt Ida, 1931"
            assert kept.get_ifd(0x8769)[36867] == "1931:05:01 12:00:00"
            assert image.info["icc_profile"] == srgb_profile()
    again = read_photo(out)
    assert again.exif[DESCRIPTION] == "Aunt Ida, 1931"
    if source != ".png":
        assert again.xmp.replace(b'"1"', b'"6"') == XMP
    if suffix != ".webp":
        assert again.dpi == pytest.approx((600, 600), rel=1e-3)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".webp", ".bmp"])
def test_a_picture_composed_in_bands_is_the_one_composed_whole(
    tmp_path: Path, suffix: str, deep: bool, alpha: bool
) -> None:
    gray = landscape(2 * BAND_ROWS + 9, 60, np.uint16 if deep else np.uint8)
    photo = Photo(gray, alpha=gray[::-1] if alpha else None)
    ab = np.random.default_rng(4).normal(0, 20, (25, 6, 2)).astype(np.float32)
    composition = Composition(gray, color_field(ab, gray, to_lightness=gray2lightness), threads=2)
    for name, picture in (("whole", composition.whole()), ("bands", composition)):
        write_photo((tmp_path / name).with_suffix(suffix), picture, like=photo)
    whole, bands = (
        read_photo((tmp_path / name).with_suffix(suffix)) for name in ("whole", "bands")
    )
    np.testing.assert_array_equal(whole.gray, bands.gray)
    if bands.alpha is not None and bands.alpha.dtype == gray.dtype:
        np.testing.assert_array_equal(bands.alpha, photo.alpha)
    assert (tmp_path / f"whole{suffix}").read_bytes() == (tmp_path / f"bands{suffix}").read_bytes()


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp"])
@pytest.mark.parametrize(("up", "down"), [(0, 0), (4294967295, 1), (300, 0)])
def test_a_resolution_that_is_none_is_dropped(
    tmp_path: Path, suffix: str, deep: bool, up: int, down: int
) -> None:
    gray = landscape(20, 30, np.uint16 if deep else np.uint8)
    tifffile.imwrite(tmp_path / "in.tif", gray, resolution=(300, 300), resolutionunit="INCH")
    data = bytearray((tmp_path / "in.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "in.tif") as tiff:
        for name in ("XResolution", "YResolution"):
            struct.pack_into("<II", data, tiff.pages.first.tags[name].valueoffset, up, down)
    (tmp_path / "in.tif").write_bytes(data)
    photo = read_photo(tmp_path / "in.tif")
    assert photo.dpi is None
    dropped = write_photo(
        tmp_path / f"out{suffix}", np.repeat(photo.gray[..., None], 3, -1), like=photo
    )
    assert "resolution" in dropped[0]
    assert read_photo(tmp_path / f"out{suffix}").gray.shape == gray.shape


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_what_does_not_fit_is_named_and_the_rest_is_kept(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION] = "Aunt Ida, 1931"
    exif.get_ifd(0x8769)[37500] = bytes(70_000)  # MakerNote
    exif.get_ifd(0x8769)[36867] = "1931:05:01 12:00:00"
    photo = Photo(
        landscape(20, 30), exif=exif, xmp=b"x" * 70_000, mark="colorizer: of 0" + "0" * 15
    )
    dropped = write_photo(tmp_path / f"a{suffix}", colored(photo.gray), like=photo)
    assert dropped == (["EXIF MakerNote", "XMP of 70000 bytes"] if suffix == ".jpg" else [])
    again = read_photo(tmp_path / f"a{suffix}")
    assert again.exif[DESCRIPTION] == "Aunt Ida, 1931"
    assert again.exif.get_ifd(0x8769)[36867] == "1931:05:01 12:00:00"
    assert mark_in(tmp_path / f"a{suffix}") == photo.mark


def test_a_tag_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION], exif[271] = "kept", object()
    photo = Photo(landscape(20, 30), exif=exif)
    dropped = write_photo(tmp_path / "a.jpg", colored(photo.gray), like=photo)
    assert dropped == ["EXIF Make"]
    assert read_photo(tmp_path / "a.jpg").exif[DESCRIPTION] == "kept"


def test_texts_of_other_alphabets_are_kept_in_deep_tiffs(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION] = "Großmutter"
    photo = Photo(landscape(20, 30, np.uint16), exif=exif)
    assert write_photo(tmp_path / "a.tif", colored(photo.gray), like=photo) == []
    assert "Gro" in read_photo(tmp_path / "a.tif").exif[DESCRIPTION]


def test_deep_results_stay_deep_and_become_bytes_where_they_must(tmp_path: Path) -> None:
    rgb = colored(landscape(20, 30, np.uint16))
    photo = Photo(rgb[..., 0])
    for suffix in (".png", ".tif"):
        write_photo(tmp_path / f"a{suffix}", rgb, like=photo)
        read = cv2.imread(str(tmp_path / f"a{suffix}"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(read[..., ::-1], rgb)
    write_photo(tmp_path / "a.bmp", rgb, like=photo)
    with Image.open(tmp_path / "a.bmp") as image:
        assert np.abs(np.asarray(image) - rgb / 257).max() <= 0.5


def test_jpeg_keeps_color_resolution(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg", colored(landscape(20, 30)), like=Photo(landscape(20, 30)))
    with Image.open(tmp_path / "a.jpg") as image:
        assert all(layer[1:3] == (1, 1) for layer in image.layer)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "suffix", [".jpg", ".png", ".tif", ".webp", ".bmp", ".tga", ".avif", ".jp2", ".ppm"]
)
def test_a_full_disk_is_an_error_also_for_the_last_bytes(
    tmp_path: Path, suffix: str, deep: bool
) -> None:
    rgb = colored(landscape(120, 160, np.uint16 if deep else np.uint8))
    out, like = tmp_path / f"out{suffix}", Photo(rgb[..., 0])
    write_photo(out, rgb, like=like)
    size = out.stat().st_size
    out.unlink()
    for room_bytes in (size - 1, size // 2):
        with disk_full_at(room_bytes), pytest.raises(OSError, match=r"too large|make room"):
            write_photo(out, rgb, like=like)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    wide = np.zeros((1, 17000, 3), np.uint8)
    with pytest.raises(ValueError, match="WEBP holds at most 16383 pixels"):
        write_photo(tmp_path / "a.webp", wide, like=Photo(wide[..., 0]))
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OSError, match=r"folder\.png"):
        write_photo(tmp_path / "folder.png", wide, like=Photo(wide[..., 0]))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]
