"""The network's input: size, tones, planes, padding and cropping."""

from typing import Any

import numpy as np
import pytest

from color.arrays import Floats
from model.contract import (
    BLACK,
    WHITE,
    check_colored,
    check_gray,
    cropped,
    network_planes,
    padded,
    resized,
    working_lightness,
    working_shape,
)
from prior.lab import gray2lightness

PICTURE = np.random.default_rng(0).uniform(0, 100, (1, 64, 80)).astype(np.float32)


def seen(lightness: Floats) -> Floats:
    """Return the lightness plane of one picture (1, H, W)."""
    return network_planes(lightness)[:, 0]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((300, 400), (192, 256)), ((400, 300), (256, 192)), ((1, 1), (192, 192))],
)
def test_the_short_side_is_the_working_size(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert working_shape(shape, short=192) == expected


def test_extreme_shapes_stay_small() -> None:
    assert working_shape((1, 30000), short=192) == (192, 768)


@pytest.mark.parametrize("grid", [4, 32])
def test_both_sides_are_multiples_of_the_grid(grid: int) -> None:
    for width in range(100, 300, 7):
        height, wide = working_shape((101, width), short=96, grid=grid)
        assert height % grid == wide % grid == 0
        assert wide == pytest.approx(96 * width / 101, abs=grid / 2 + 1)


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.tile(np.uint8([0, 200]), (64, 32))
    assert (resized(stripes, (16, 16)) == 100).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lightness_is_that_of_the_gray(dtype: type) -> None:
    gray = np.full((2, 90, 120), np.iinfo(dtype).max // 3, dtype)
    lightness = working_lightness(gray, short=48)
    assert lightness.shape == (2, 48, 64)
    np.testing.assert_array_equal(lightness, gray2lightness(gray)[:, :48, :64])


def test_a_faded_picture_looks_like_the_picture() -> None:
    faded = PICTURE * np.float32(0.4) + 25
    np.testing.assert_allclose(seen(faded), seen(PICTURE), atol=0.1)


def test_tones_that_are_there_stay() -> None:
    np.testing.assert_allclose(seen(PICTURE), PICTURE / 50 - 1, atol=1e-5)


def test_faded_tones_reach_those_of_most_photographs() -> None:
    lightness = (seen(PICTURE * np.float32(0.3) + 40) + 1) * 50
    assert np.percentile(lightness, 1) == pytest.approx(BLACK, abs=0.5)
    assert np.percentile(lightness, 99) == pytest.approx(WHITE, abs=0.5)


@pytest.mark.parametrize("level", [0, 50, 100])
def test_a_flat_picture_stays_flat_and_finite(level: float) -> None:
    planes = seen(np.full((1, 32, 32), level, np.float32))
    assert np.ptp(planes) == 0
    assert -1 <= planes.min() <= planes.max() <= 1


def test_contrast_is_raised_only_so_far() -> None:
    nearly_flat = PICTURE * np.float32(0.01) + 50
    assert np.ptp(seen(nearly_flat)) < 0.12


def test_frames_are_stretched_each_by_its_own_tones() -> None:
    """Flicker is removed from the network's input, so the grouping of frames does not matter."""
    frames = np.concatenate([PICTURE * np.float32(0.5) + 25, PICTURE * np.float32(0.3) + 20])
    np.testing.assert_allclose(*seen(frames), atol=0.1)
    np.testing.assert_array_equal(seen(frames), np.concatenate([seen(f[None]) for f in frames]))


def test_planes_without_hints_are_lightness_and_zeros() -> None:
    hints = np.random.default_rng(1).random((1, 3, 64, 80)).astype(np.float32)
    free, hinted = network_planes(PICTURE), network_planes(PICTURE, hints=hints)
    assert free.shape == (1, 4, 64, 80)
    assert not free[:, 1:].any()
    np.testing.assert_array_equal(hinted[:, 0], free[:, 0])
    np.testing.assert_array_equal(hinted[:, 1:], hints)


@pytest.mark.parametrize("shape", [(64, 96), (60, 100), (4, 33), (1, 1)])
def test_padding_reflects_lightness_repeats_no_hint_and_is_cut_off(shape: tuple[int, int]) -> None:
    planes = np.random.default_rng(2).random((2, 4, *shape)).astype(np.float32)
    height, width = shape
    whole = padded(planes)
    assert whole.shape[2] % 32 == whole.shape[3] % 32 == 0
    assert max(whole.shape[2] - height, whole.shape[3] - width) < 32
    np.testing.assert_array_equal(whole[..., :height, :width], planes)
    assert not whole[:, 1:, height:].any()
    assert not whole[:, 1:, :, width:].any()
    if whole.shape[3] > width:
        np.testing.assert_array_equal(whole[:, 0, :height, width], planes[:, 0, :, -1])
    output = whole[..., ::4, ::4]
    kept = cropped(output, shape)
    assert kept.shape == (2, -(-height // 4), -(-width // 4), 4)
    np.testing.assert_array_equal(kept[:, 0, 0], planes[:, :, 0, 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_pictures_pass(dtype: type) -> None:
    check_gray(np.zeros((1, 7), dtype))


@pytest.mark.parametrize(
    ("gray", "error", "says"),
    [
        (None, TypeError, "got None, which cv2.imread returns"),
        ("a.jpg", TypeError, "got the path 'a.jpg': read it first"),
        ([[1]], TypeError, "got a list: convert it"),
        (np.zeros((4, 4, 3), np.uint8), ValueError, r"got \(4, 4, 3\) uint8: give one channel"),
        (np.zeros((9, 4, 40), np.uint8), ValueError, "give several as a list$"),
        (np.zeros((4, 4)), ValueError, r"got \(4, 4\) float64: from 0..1 write"),
        (np.zeros((0, 4), np.uint8), ValueError, r"got \(0, 4\) uint8$"),
    ],
)
def test_anything_else_is_refused_with_what_to_do(gray: Any, error: type, says: str) -> None:
    with pytest.raises(error, match=f"frame 3: expected gray .*{says}"):
        check_gray(gray, what="frame 3: ")


def test_colored_pictures_pass() -> None:
    for channels in (3, 4):
        for depth in (8, 16):
            picture = np.zeros((2, 5, channels), f"uint{depth}")
            check_colored(picture, what="it", channels=(3, 4), depths=(8, 16))


@pytest.mark.parametrize(
    ("picture", "error", "says"),
    [
        (None, TypeError, "got None, which cv2.imread returns"),
        ([[1]], TypeError, "got a list: convert it"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, r"got \(4, 4, 4\) uint8$"),
        (np.zeros((4, 4, 3), np.uint16), ValueError, "uint16$"),
    ],
)
def test_what_is_no_picture_in_color_is_refused(picture: Any, error: type, says: str) -> None:
    with pytest.raises(error, match=rf"expected frame 3 rgb \(H, W, 3\) uint8, .*{says}"):
        check_colored(picture, what="frame 3")
