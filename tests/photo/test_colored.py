"""A photo's own colors: found in photos in color only, as sRGB, and kept by the command."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import gray_twice
from PIL import Image, ImageCms

from photo.batch import PHOTOS, colorize_photos
from photo.colored import own_colors
from photo.inputs import Result, Task, plan
from photo.options import PhotoOptions

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "color" / "coffee.jpg"


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    return np.asarray(Image.open(SAMPLE).convert("RGB").resize((300, 200)))


def sepia(rgb: np.ndarray) -> np.ndarray:
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None]
    return np.clip(np.rint(gray * np.array([1.351, 1.203, 0.937])), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colors_are_those_of_the_file_and_a_toned_print_has_none(
    rgb: np.ndarray, dtype: type
) -> None:
    codes = rgb.astype(dtype) * (np.iinfo(dtype).max // 255)
    own = own_colors(codes, None)
    assert own is not None
    np.testing.assert_array_equal(own, codes)
    assert own_colors(sepia(rgb), None) is None
    assert own_colors(codes[..., :1].repeat(3, -1), None) is None


def test_colors_are_converted_through_the_profile(rgb: np.ndarray) -> None:
    """A profile with red and blue exchanged: Little CMS, asked for single colors, is the reference."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    own = own_colors(rgb, bytes(profile))
    assert own is not None
    exchanged = ImageCms.ImageCmsProfile(io.BytesIO(bytes(profile)))
    plain = ImageCms.createProfile("sRGB")
    change = ImageCms.buildTransform(exchanged, plain, "RGB", "RGB")
    for y, x in ((10, 20), (100, 150), (180, 290)):
        (one,) = [Image.new("RGB", (1, 1), tuple(int(v) for v in rgb[y, x]))]
        expected = np.asarray(ImageCms.applyTransform(one, change))[0, 0].astype(int)
        assert np.abs(own[y, x].astype(int) - expected).max() <= 1
    assert np.abs(own.astype(int) - rgb).mean() > 10
    np.testing.assert_array_equal(own_colors(rgb, b"damaged"), rgb)


def colorized(path: Path, target: Path, **options: bool | int) -> Result:
    task = Task(path, target)
    (result,) = colorize_photos([task], lambda: gray_twice, options=PhotoOptions(**options))
    assert result.error is None
    return result


def test_a_photo_in_color_is_left_and_said_to_be(rgb: np.ndarray, tmp_path: Path) -> None:
    """Upright, in another format, with our mark; -recolor colorizes it."""
    exif = Image.Exif()
    exif[274] = 6  # the picture is stored rotated
    Image.fromarray(np.rot90(rgb)).save(tmp_path / "in.png", exif=exif)
    target = tmp_path / "out.tif"
    result = colorized(tmp_path / "in.png", target)
    assert result.notes == (f"{target}: has color and was left unchanged: -recolor colorizes it",)
    np.testing.assert_array_equal(np.asarray(Image.open(target)), rgb)
    assert PHOTOS.mark_in(target) == PHOTOS.mark_of(tmp_path / "in.png")
    again = colorized(tmp_path / "in.png", tmp_path / "again.tif", recolor=True)
    assert again.notes == ()
    assert np.abs(np.asarray(Image.open(tmp_path / "again.tif")).astype(int) - rgb).mean() > 5


def test_a_toned_print_is_colorized(rgb: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(sepia(rgb)).save(tmp_path / "in.jpg", quality=90)
    (task,) = plan([str(tmp_path / "in.jpg")], kind=PHOTOS).tasks
    assert colorized(task.source, task.target).notes == ()
