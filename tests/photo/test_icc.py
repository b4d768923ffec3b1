"""Tests converting a scan's codes to luminance through its ICC profile."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import colored, flat_profile, gray_profile, landscape, swapped_profile
from PIL import Image, ImageCms

from photo.icc import luminance_of, luminance_of_gamma, srgb_profile, to_srgb
from photo.read import read_photo
from prior.lab import gray2lightness


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_profiles_are_honored(tmp_path: Path, dtype: type) -> None:
    gray = landscape(20, 30, dtype)
    if dtype == np.uint8:
        Image.fromarray(gray).save(tmp_path / "a.tif", icc_profile=gray_profile(1.8))
    else:
        tifffile.imwrite(tmp_path / "a.tif", gray, iccprofile=gray_profile(1.8))
    linear = (gray / np.iinfo(dtype).max) ** (round(1.8 * 256) / 256)
    f = np.where(linear > (6 / 29) ** 3, np.cbrt(linear), linear * (29 / 6) ** 2 / 3 + 4 / 29)
    error = np.abs(gray2lightness(read_photo(tmp_path / "a.tif").gray) - (116 * f - 16)).max()
    assert error < (0.3 if dtype == np.uint8 else 0.02)


def test_an_srgb_profile_means_srgb(tmp_path: Path) -> None:
    rgb = colored(landscape(20, 30))
    Image.fromarray(rgb).save(tmp_path / "a.png", icc_profile=srgb_profile())
    Image.fromarray(rgb).save(tmp_path / "b.png")
    first, second = (read_photo(tmp_path / name).gray for name in ("a.png", "b.png"))
    assert np.abs(first.astype(int) - second).max() <= 1


def test_profiles_agree_with_little_cms() -> None:
    profile = srgb_profile()
    meaning = luminance_of(profile, channels=3)
    assert meaning is not None
    linear = sum(table[[64, 128, 200]] for table in meaning.tables(np.uint8))
    expected = gray2lightness(np.array([64, 128, 200], np.uint8))
    np.testing.assert_allclose(116 * np.cbrt(linear) - 16, expected, atol=0.05)


def test_profiles_of_other_kinds_are_left_to_others() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert luminance_of(lab, channels=3) is None
    with pytest.raises(ValueError, match="damaged ICC profile"):
        luminance_of(flat_profile(), channels=1)
    with pytest.raises(ValueError, match="damaged ICC profile"):
        luminance_of(b"short", channels=1) or luminance_of(gray_profile(2)[:135], channels=1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colors_are_converted_by_their_profile(mode: str) -> None:
    image = Image.new("RGB", (4, 3), (200, 60, 20))
    image = image.quantize() if mode == "P" else image.convert(mode)
    image.info["icc_profile"] = swapped_profile()
    if mode == "RGBA":
        image.putalpha(128)
    converted = np.asarray(to_srgb(image), int)
    assert np.abs(converted[..., :3] - (20, 60, 200)).max() <= 2
    if mode == "RGBA":
        assert (converted[..., 3] == 128).all()


@pytest.mark.parametrize(
    "profile", [None, b"", b"no profile", srgb_profile(), gray_profile(2), flat_profile()]
)
def test_colors_that_are_srgb_or_unknown_are_kept_exactly(profile: bytes | None) -> None:
    rgb = colored(landscape(20, 30))
    image = Image.fromarray(rgb)
    image.info["icc_profile"] = profile
    np.testing.assert_array_equal(np.asarray(to_srgb(image)), rgb)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("profile", [flat_profile(), b"no profile", gray_profile(2)[:135]])
def test_a_damaged_profile_costs_no_picture(tmp_path: Path, suffix: str, profile: bytes) -> None:
    path, rgb = tmp_path / f"a{suffix}", colored(landscape(20, 30))
    gray = profile[16:20] == b"GRAY" and suffix != ".webp"
    picture = Image.fromarray(rgb[..., 0] if gray else rgb)
    picture.save(path, icc_profile=profile, quality=100, lossless=True)
    photo = read_photo(path)
    picture.save(path, quality=100, lossless=True)
    np.testing.assert_array_equal(photo.gray, read_photo(path).gray)
    if suffix != ".webp" or profile == b"no profile":
        assert len(photo.dropped) <= 1
    if gray:
        assert photo.dropped == ("the ICC profile, which is damaged (read as sRGB)",)


def test_a_damaged_profile_of_a_deep_scan_is_named(tmp_path: Path) -> None:
    gray = landscape(20, 30, np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", gray, iccprofile=flat_profile())
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_array_equal(photo.gray, gray)
    assert photo.dropped == ("the ICC profile, which is damaged (read as sRGB)",)


SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def write_png(path: Path, pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> None:
    """Write a PNG with more chunks before its pixels."""
    Image.fromarray(pixels).save(path)
    data = path.read_bytes()
    more = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    path.write_bytes(data[:33] + more + data[33:])


def gama(gamma: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def chrm(values: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


def lightness_of(luminance: np.ndarray) -> np.ndarray:
    f = np.where(
        luminance > (6 / 29) ** 3, np.cbrt(luminance), luminance * (29 / 6) ** 2 / 3 + 4 / 29
    )
    return np.asarray(116 * f - 16)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8])
def test_the_gamma_of_a_png_is_honored(tmp_path: Path, dtype: type, gamma: float) -> None:
    gray = landscape(20, 30, dtype)
    write_png(tmp_path / "a.png", gray, gama(gamma))
    codes = gray / np.iinfo(dtype).max
    expected = lightness_of(codes ** (1 / round(gamma, 5)))
    error = np.abs(gray2lightness(read_photo(tmp_path / "a.png").gray) - expected).max()
    assert error < (0.3 if dtype == np.uint8 else 0.02)


def test_primaries_of_a_png_weigh_its_colors(tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    write_png(tmp_path / "a.png", rgb, chrm(ADOBE), gama(1 / 2.2))
    weights = (0.2973, 0.6274, 0.0753)  # Adobe RGB (1998), 4.3.6.1
    expected = lightness_of(((rgb / 255) ** 2.2) @ weights)
    assert np.abs(gray2lightness(read_photo(tmp_path / "a.png").gray) - expected).max() < 0.4


def test_gamma_that_means_srgb_changes_nothing(tmp_path: Path) -> None:
    gray = landscape(20, 30)
    srgb, profile = (b"sRGB", b"\0"), (b"iCCP", b"p\0\0" + zlib.compress(gray_profile(1.0)))
    for chunks in ((gama(1 / 2.2),), (gama(1 / 2.2), chrm(SRGB)), (gama(0.0),), (srgb, gama(1.0))):
        write_png(tmp_path / "a.png", gray, *chunks)
        np.testing.assert_array_equal(read_photo(tmp_path / "a.png").gray, gray)
    write_png(tmp_path / "a.png", gray, gama(1 / 1.8), profile)
    write_png(tmp_path / "b.png", gray, profile)
    photos = [read_photo(tmp_path / name).gray for name in ("a.png", "b.png")]
    np.testing.assert_array_equal(*photos)


def test_impossible_primaries_are_ignored() -> None:
    for values in ((0.0,) * 8, (0.3, 0.3) * 4, (0.3127, 0.329, *(0.64, 0.33) * 3)):
        assert luminance_of_gamma(1 / 2.2, values, channels=3) is None
