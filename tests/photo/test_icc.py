"""Tests converting a scan's codes to luminance through its ICC profile."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import colored, flat_profile, gray_profile, landscape
from PIL import Image, ImageCms

from photo.icc import luminance_of, srgb_profile
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
