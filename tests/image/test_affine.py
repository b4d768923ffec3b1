"""The matrix between two pictures of a scene: it is found, holds at every size, and depends little on tones."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from color.arrays import Bytes
from image.affine import best_matrix, in_pixels, is_inside, levels_of, mapped, normalized

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples" / "color"


@pytest.fixture(scope="module")
def gray() -> Bytes:
    picture = cv2.imread(str(SAMPLES / "chelsea.jpg"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return np.ascontiguousarray(picture[:280], np.uint8)


def test_a_known_matrix_is_found_to_a_third_of_a_pixel(gray: Bytes) -> None:
    height, width = gray.shape
    known = cv2.getRotationMatrix2D((200, 150), 3, 1.05)
    copy = np.asarray(cv2.warpAffine(gray, known, (width, height)), np.uint8)
    matrix = best_matrix(levels_of(copy, gray), copy.shape, gray.shape)
    assert matrix is not None
    found = mapped(in_pixels(matrix, gray.shape, copy.shape), gray.shape)
    truth = mapped(np.asarray(known, np.float64), gray.shape)
    assert np.hypot(*np.moveaxis(found - truth, -1, 0)).max() < 0.33


def test_noise_is_no_reason_to_leave_the_identity(gray: Bytes) -> None:
    noise = np.random.default_rng(0).normal(0, 5, gray.shape)
    copy = np.clip(gray + noise, 0, 255).astype(np.uint8)
    matrix = best_matrix(levels_of(copy, gray), copy.shape, gray.shape)
    assert np.array_equal(matrix, np.eye(3))


def test_a_picture_of_quite_another_shape_is_no_copy(gray: Bytes) -> None:
    strip = np.asarray(cv2.resize(gray, (900, 90)), np.uint8)
    assert best_matrix(levels_of(strip, gray), strip.shape, gray.shape) is None


def test_the_identity_stretches_all_of_a_picture_to_all_of_the_other() -> None:
    size, other = (30, 40), (90, 60)
    positions = mapped(in_pixels(np.eye(3), size, other), size)
    assert positions.shape == (*size, 2)
    np.testing.assert_allclose(positions[0, 0], (0.25, 1))  # of 1.5 x 3 pixels, the middle
    np.testing.assert_allclose(positions[-1, -1], (58.75, 88))
    assert is_inside(positions, other).all()
    assert not is_inside(positions + np.float32(200), other).any()


def test_normalized_lightness_hardly_depends_on_brightness_and_contrast(gray: Bytes) -> None:
    ours, theirs = normalized(gray), normalized(gray * 0.6 + 50)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99
    np.testing.assert_allclose(normalized(np.full((40, 50), 90, np.uint8)), 0, atol=1e-4)
