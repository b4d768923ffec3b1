"""Registration: where a copy's geometry is known, each place is found; what is no copy is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from color.arrays import Bytes, Floats
from image.registration import register, sample

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples" / "color"
AFFINE = NDArray[np.float64]


def gray_of(name: str) -> Bytes:
    gray = cv2.imread(str(SAMPLES / f"{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    assert gray is not None
    return np.asarray(gray, np.uint8)


@pytest.fixture(scope="module")
def gray() -> Bytes:
    return np.ascontiguousarray(gray_of("chelsea")[:280])  # 451 x 280


def other_tones(gray: Bytes) -> Bytes:
    """Change gamma, contrast from left to right, and compress: JPEG 85."""
    light = (gray / 255) ** 0.7 * np.linspace(0.8, 1, gray.shape[1])
    _, coded = cv2.imencode(".jpg", np.rint(light * 255), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def coordinates(size: tuple[int, int]) -> Floats:
    """Return a picture (h, w, 2) whose values are each pixel's own x and y."""
    return np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in size[::-1])), axis=-1)


def moved(picture: NDArray[np.generic], matrix: AFFINE) -> NDArray[np.generic]:
    """Move each pixel of a picture to where a matrix (2, 3) maps it."""
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC))  # type: ignore[call-overload]


def errors_px(copy: Bytes, own: Floats, gray: Bytes) -> Floats:
    """Return the distance (n,) of each trusted place of gray from its true place in a copy.

    own : (h', w', 2), the coordinates in gray that each pixel of the copy shows
    """
    found = register(copy, gray)
    assert found
    places = sample(own, found, gray.shape)
    trusted = found.trust_at(gray.shape) > 0.5
    return np.hypot(*np.moveaxis(places - coordinates(gray.shape), -1, 0))[trusted]


def test_a_copy_of_the_same_size_is_sampled_exactly(gray: Bytes) -> None:
    found = register(other_tones(gray), gray)
    assert found
    assert found.is_copy
    assert found.share > 0.99
    own = coordinates(gray.shape)
    assert np.array_equal(sample(own, found, gray.shape), own)


@pytest.mark.parametrize("size", [(640, 640), (226, 140), (902, 560)])
def test_a_stretched_copy_is_only_scaled(gray: Bytes, size: tuple[int, int]) -> None:
    copy = cv2.resize(other_tones(gray), size, interpolation=cv2.INTER_AREA)
    found = register(np.asarray(copy, np.uint8), gray)
    assert found
    assert found.motion is None
    assert np.array_equal(found.matrix, np.eye(3))


@pytest.mark.parametrize(
    "matrix",
    [
        cv2.getRotationMatrix2D((225, 140), 0, 1.02) + np.array([(0, 0, 3), (0, 0, 2)]),
        cv2.getRotationMatrix2D((225, 140), 1, 1),
        cv2.getRotationMatrix2D((225, 140), 4, 1.1),
    ],
    ids=["larger and shifted", "rotated", "rotated and larger"],
)
def test_a_moved_and_stretched_copy_is_found(gray: Bytes, matrix: AFFINE) -> None:
    copy, own = (moved(picture, matrix) for picture in (gray, coordinates(gray.shape)))
    copy, own = (cv2.resize(picture, (640, 640)) for picture in (copy, own))
    errors = errors_px(other_tones(copy), own, gray)
    assert np.median(errors) < 0.3
    assert errors.size > 0.75 * gray.size


@pytest.mark.parametrize("turned", ["mirrored", "on its side"])
def test_a_turned_copy_is_found(gray: Bytes, turned: str) -> None:
    def turn(picture: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.ascontiguousarray(picture[:, ::-1] if turned == "mirrored" else np.rot90(picture))

    copy, own = turn(gray), turn(coordinates(gray.shape))
    errors = errors_px(other_tones(np.asarray(copy, np.uint8)), np.asarray(own), gray)
    assert np.median(errors) < 0.3
    assert errors.size > 0.9 * gray.size


def test_a_crop_is_trusted_in_the_crop_alone(gray: Bytes) -> None:
    rows, columns = slice(10, 240), slice(60, 420)
    copy = other_tones(np.ascontiguousarray(gray[rows, columns]))
    assert np.median(errors_px(copy, coordinates(gray.shape)[rows, columns], gray)) < 0.3
    found = register(copy, gray)
    assert found
    trusted = found.trust_at(gray.shape) > 0
    assert trusted[rows, columns].mean() > 0.97
    trusted[rows, columns] = False
    assert trusted.sum() < 0.01 * gray.size


def test_a_redrawn_copy_is_followed_place_by_place(gray: Bytes) -> None:
    own = coordinates(gray.shape)
    bend = 1.7 * np.sin(own[..., ::-1] / 25)
    copy = cv2.remap(gray, own + bend, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    errors = errors_px(other_tones(copy), own + bend, gray)
    assert np.median(np.hypot(*np.moveaxis(bend, -1, 0))) > 1.5  # px, if nothing were done
    assert np.median(errors) < 0.4
    assert errors.size > 0.9 * gray.size


def test_what_was_painted_over_is_not_trusted(gray: Bytes) -> None:
    copy = gray.copy()
    copy[100:180, 150:230] = gray_of("coffee")[50:130, 200:280]
    found = register(copy, gray)
    assert found
    trust = found.trust_at(gray.shape)
    assert trust[115:165, 165:215].mean() < 0.2
    trust[80:200, 130:250] = 1
    assert trust.min() > 0.9


def test_what_moved_is_not_trusted(gray: Bytes) -> None:
    """Move a part of the picture by 6 pixels, as in the next frame of a film."""
    copy = gray.copy()
    copy[60:220, 120:340] = gray[60:220, 126:346]
    found = register(copy, gray)
    assert found
    assert not found.is_copy
    assert found.trust_at(gray.shape)[60:220, 120:340].mean() < 0.15
    assert found.trust_at(gray.shape)[:, :100].mean() > 0.97


def test_a_picture_that_is_mostly_another_is_refused(gray: Bytes) -> None:
    copy = gray.copy()
    copy[:, :240] = gray_of("coffee")[: len(gray), :240]
    assert register(copy, gray) is None


def test_other_pictures_are_refused(gray: Bytes) -> None:
    for name in ("astronaut", "coffee", "rocket"):
        assert register(gray_of(name), gray) is None
        assert register(gray, gray_of(name)) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (9, 7), (30, 400)])
def test_tiny_and_flat_pictures_are_refused_without_an_error(
    gray: Bytes, size: tuple[int, int]
) -> None:
    flat = np.full(size, 90, np.uint8)
    assert register(flat, gray) is None
    assert register(gray, flat) is None
    assert register(flat, flat) is None


def test_a_copy_on_its_side_keeps_its_detail(gray: Bytes) -> None:
    found = register(np.ascontiguousarray(np.rot90(gray)), gray)
    assert found
    sampled = sample(np.ascontiguousarray(np.rot90(gray)), found, gray.shape)
    assert np.abs(sampled - gray).mean() < 1


def test_downscaled_values_are_averaged(gray: Bytes) -> None:
    found = register(gray, gray)
    assert found
    stripes = np.zeros((*gray.shape, 4), np.float32)
    stripes[:, ::2] = 1
    small = sample(stripes, found, (70, 112))
    assert small.shape == (70, 112, 4)
    assert np.abs(small - 0.5).max() < 0.13
