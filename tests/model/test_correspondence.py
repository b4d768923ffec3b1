"""Matches of a picture with a reference: correct for the same content, few for other content."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.correspondence import SAME_CONTENT, correspondence, match, recalled, remembered
from prior.lab import fit_gamut, lab2rgb, rgb2lab

SIDE, PLACE = 384, 16


def patches(planes: NDArray[np.float32], _: object, *, temperature: float) -> NDArray[np.float32]:
    """Fake the backbone: the features (1, 256, h, w) are the local detail."""
    height, width = (side // PLACE for side in planes.shape[2:])
    cut = planes[0, 0].reshape(height, PLACE, width, PLACE)
    detail = cut - cut.mean(axis=(1, 3), keepdims=True)
    return detail.transpose(1, 3, 0, 2).reshape(1, -1, height, width)


def colored(seed: int) -> NDArray[np.uint8]:
    """Return a scene (384, 480, 3) of distinct local lightness and slowly varying color."""
    noise = np.random.default_rng(seed).normal(0, 15, (SIDE, SIDE + 6 * PLACE))
    lightness = np.clip(cv2.GaussianBlur(noise, (0, 0), 0.7) + 50, 30, 70)
    y, x = np.mgrid[: noise.shape[0], : noise.shape[1]] / SIDE
    return lab2rgb(fit_gamut(np.dstack([lightness, 40 * np.sin(3 * x), 30 * np.cos(4 * y)])))


def gray_of(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return lab2rgb(rgb2lab(rgb) * np.array([1, 0, 0], np.float32))[..., 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_reference_of_the_scene_gives_each_place_its_color(dtype: type) -> None:
    """Shift the camera by six positions."""
    whole, scale = colored(0), np.iinfo(dtype).max // 255
    picture, reference = whole[:, : -6 * PLACE], whole[:, 6 * PLACE :]
    found = correspondence(patches, gray_of(picture), reference.astype(dtype) * scale, bins=261)
    assert found.share > 0.5
    columns, rows = found.points[:, 0].astype(int), found.points[:, 1].astype(int)
    truth = rgb2lab(picture)[rows, columns, 1:]
    error = np.hypot(*(found.points[:, 2:4] - truth).T)
    assert np.median(error) < 2
    assert len(found.points) == round(found.share * (SIDE // PLACE) ** 2)


def test_another_scene_has_little_in_common() -> None:
    picture, other = colored(0)[:, :SIDE], colored(1)[:, :SIDE]
    assert correspondence(patches, gray_of(picture), other, bins=261).share < SAME_CONTENT / 2


def test_points_lie_in_the_picture_whatever_its_size() -> None:
    reference = colored(0)[:, :SIDE]
    gray = gray_of(reference)[::3, ::2]
    points = correspondence(patches, gray, reference, bins=261).points
    assert (points[:, 0] < gray.shape[1]).all()
    assert (points[:, 1] < gray.shape[0]).all()
    assert (points[:, :2] >= 0).all()


def test_a_match_is_each_other_s_nearest() -> None:
    theirs = np.eye(4, dtype=np.float32)
    ours = np.array([[0, 0, 1, 0], [0.8, 0.6, 0, 0], [1, 0, 0, 0]], np.float32)
    nearest, mutual, cosine = match(ours, theirs)
    assert nearest.tolist() == [2, 0, 0]
    assert mutual.tolist() == [True, False, True]
    np.testing.assert_allclose(cosine, [1, 0.8, 1])


def ab_of(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(rgb2lab(rgb)[..., 1:])


@pytest.mark.parametrize("scale", [1, 257])
def test_a_picture_recalls_its_own_colors(scale: int) -> None:
    """Whatever its depth, and among other memories."""
    pictures = [colored(seed) for seed in range(3)]
    grays = [gray_of(rgb).astype(np.uint8 if scale == 1 else np.uint16) * scale for rgb in pictures]
    memory = [
        remembered(patches, gray, ab_of(rgb), bins=261)
        for gray, rgb in zip(grays, pictures, strict=True)
    ]
    for gray, rgb in zip(grays, pictures, strict=True):
        found = recalled(patches, gray, memory, bins=261)
        size = found.shape[1::-1]
        assert size == ((SIDE // PLACE) + 6, SIDE // PLACE)
        truth = cv2.resize(ab_of(rgb), size, interpolation=cv2.INTER_AREA)
        assert np.abs(found - truth).max() < 0.1


def test_a_moved_picture_recalls_the_colors_of_each_place() -> None:
    """Shift the camera by six positions."""
    whole = colored(0)
    before, after = (np.ascontiguousarray(whole[:, cut]) for cut in (np.s_[:SIDE], np.s_[-SIDE:]))
    memory = [remembered(patches, gray_of(before), ab_of(before), bins=261)]
    found = recalled(patches, gray_of(after), memory, bins=261)
    truth = cv2.resize(ab_of(after), found.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(found - truth)[:, :-6].max() < 1


def test_of_two_like_places_the_color_of_the_one_as_bright_is_recalled() -> None:
    picture = colored(0)[:, :SIDE]
    gray = gray_of(picture)
    dark, bright = gray // 2, gray // 2 + 120
    red, blue = (np.broadcast_to(np.float32(ab), (*gray.shape, 2)) for ab in ((40, 20), (0, -40)))
    memory = [
        remembered(patches, one, np.ascontiguousarray(ab), bins=261)
        for one, ab in ((dark, red), (bright, blue))
    ]
    for one, ab in ((dark, (40, 20)), (bright, (0, -40))):
        found = recalled(patches, one, memory, bins=261)
        assert np.abs(found - np.float32(ab)).max() < 3
