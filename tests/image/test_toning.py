"""Real color is told from toned, stained and noisy black and white, on the sample photographs."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from color.arrays import Bytes, Floats
from image.toning import LUMA, NOTHING_LEFT, color_evidence, measures, photo_color_evidence

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples" / "color"
NAMES = ("astronaut", "chelsea", "coffee", "rocket")
Toning = Callable[[Floats], Floats]


def read(name: str) -> Floats:
    """Read a sample, rgb (H, W, 3), at most 256 pixels on a side."""
    bgr = cv2.imread(str(SAMPLES / f"{name}.jpg"))
    scale = 256 / max(bgr.shape[:2])
    rgb = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[..., ::-1]
    return rgb.astype(np.float32)


def codes(rgb: Floats) -> Bytes:
    """Round to 8-bit codes, through a JPEG as most pictures."""
    rounded = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", rounded[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def sepia(gray: Floats) -> Floats:
    return gray[..., None] * np.array([1.351, 1.203, 0.937], np.float32)


def duotone(gray: Floats) -> Floats:
    stops = np.array([[10, 10, 40], [130, 110, 150], [255, 250, 225]])
    return np.stack([np.interp(gray, [0, 128, 255], stop) for stop in stops.T], -1)


def uneven(gray: Floats) -> Floats:
    """Yellow the paper from one corner on."""
    height, width = gray.shape
    share = np.outer(np.linspace(0, 1, height), np.linspace(0, 1, width))[..., None]
    return gray[..., None] * (1 - share * np.array([0, 0.1, 0.4]))


def noisy(gray: Floats) -> Floats:
    """Add chroma noise that is smeared along the lines, as VHS does."""
    noise = np.random.default_rng(0).standard_normal((*gray.shape, 3))
    return gray[..., None] + 25 * cv2.GaussianBlur(noise, (0, 0), sigmaX=4, sigmaY=0.7)


def logo(gray: Floats) -> Floats:
    rgb = np.repeat(gray[..., None], 3, -1)
    cv2.ellipse(rgb, (45, 30), (30, 16), 0, 0, 360, (240, 40, 40), -1)
    return rgb


@pytest.mark.parametrize("toning", [sepia, duotone, uneven, noisy, logo])
@pytest.mark.parametrize("name", NAMES)
def test_black_and_white_is_none_however_it_is_toned(name: str, toning: Toning) -> None:
    assert photo_color_evidence(codes(toning(read(name) @ LUMA))) < 0


@pytest.mark.parametrize("loss", [(0.02, 0.1, 0.26), (0.01, 0.06, 0.22)])
@pytest.mark.parametrize("name", NAMES)
def test_stained_paper_is_not_color_whatever_the_brown(name: str, loss: tuple[float, ...]) -> None:
    """Two large stains with soft edges, which take these shares of red, green and blue."""
    gray = read(name) @ LUMA
    height, width = gray.shape
    down, across = np.indices(gray.shape)
    rgb = gray[..., None] * np.array([1, 0.96, 0.86])
    for y, x in ((0.3, 0.25), (0.6, 0.7)):
        edge = (np.hypot(down - y * height, across - x * width) - 0.25 * height) / 9
        inside = 1 / (1 + np.exp(np.clip(edge, -30, 30)))
        rgb = rgb * (1 - inside[..., None] * np.array(loss))
    assert photo_color_evidence(codes(rgb)) < -1


@pytest.mark.parametrize("toning", [sepia, duotone, uneven, noisy])
@pytest.mark.parametrize("name", NAMES)
def test_in_a_small_picture_noise_of_coding_is_not_color(name: str, toning: Toning) -> None:
    """Each cell is averaged over enough pixels, however few the picture has."""
    rgb = cv2.resize(read(name), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert photo_color_evidence(codes(toning(rgb @ LUMA))) < -1
    assert photo_color_evidence(codes(rgb)) > 1


@pytest.mark.parametrize("saturation", [1, 0.5, 0.25])
@pytest.mark.parametrize("name", NAMES)
def test_color_and_faint_color_are_color(name: str, saturation: float) -> None:
    rgb = read(name)
    gray = (rgb @ LUMA)[..., None]
    assert photo_color_evidence(codes(gray + saturation * (rgb - gray))) > 0


@pytest.mark.parametrize("name", NAMES)
def test_two_strip_color_is_color(name: str) -> None:
    rgb = read(name)
    rgb[..., 1:] = rgb[..., 1:].mean(axis=-1, keepdims=True)
    assert photo_color_evidence(codes(rgb)) > 0


def test_depth_and_chroma_size_do_not_matter() -> None:
    rgb = codes(read("coffee"))
    deep = photo_color_evidence(rgb.astype(np.uint16) * 257)
    assert deep == pytest.approx(photo_color_evidence(rgb), abs=0.5)
    luma, *chroma = np.moveaxis(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]], -1, 0)
    whole = measures(luma, chroma)
    half = [cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for plane in chroma]  # fmt: skip
    np.testing.assert_allclose(measures(luma, half), whole, atol=0.1)
    ten = [plane.astype(np.uint16) * 4 for plane in (luma, *half)]
    assert color_evidence(ten[0], ten[1:], depth=10) == pytest.approx(
        color_evidence(luma, half), abs=0.05
    )


def test_gray_is_none_and_any_shape_is_answered() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (40, 60, 1), np.uint8)
    assert photo_color_evidence(np.repeat(gray, 3, -1)) == NOTHING_LEFT
    for shape in ((1, 1), (1, 700), (3, 500), (9, 9)):
        rgb = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
        assert np.isfinite(photo_color_evidence(rgb))
    assert photo_color_evidence(np.full((30, 30, 3), (200, 180, 120), np.uint8)) < 0
