"""Lost places are found again where the motion is known; nothing is found where there is nothing to match."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from color.arrays import Bytes, Floats, Mask
from image.relocation import Relocation, relocated

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples" / "color"
SIZE = (240, 320)
TURNED = np.vstack([cv2.getRotationMatrix2D((160, 120), 7, 1.1), (0, 0, 1)])
HOMOGRAPHIES = {
    "shifted": np.array([(1, 0, 30), (0, 1, -20), (0, 0, 1)], float),
    "rotated and larger": TURNED,
    "in perspective": np.array([(1.05, 0.04, 8), (-0.03, 0.98, 5), (2e-4, -1e-4, 1)]),
}


def picture_of(name: str) -> Bytes:
    picture = cv2.imread(str(SAMPLES / f"{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return np.ascontiguousarray(picture[:240, :320], np.uint8)


@pytest.fixture(scope="module")
def frame() -> Bytes:
    return picture_of("chelsea")


def moved(frame: Bytes, motion: NDArray[np.float64]) -> Bytes:
    """Move each pixel of a frame to where a homography maps it."""
    return np.asarray(cv2.warpPerspective(frame, motion, SIZE[::-1]), np.uint8)


def displacements(motion: NDArray[np.float64]) -> Floats:
    """Return the true displacement (h, w, 2) of each pixel."""
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float64) for n in SIZE[::-1])), axis=-1)
    homogeneous = np.dstack([grid, np.ones(SIZE)]) @ motion.T
    return np.asarray(homogeneous[..., :2] / homogeneous[..., 2:] - grid, np.float32)


def places(rows: slice, columns: slice) -> Mask:
    mask = np.zeros(SIZE, bool)
    mask[rows, columns] = True
    return mask


def error_px(found: Floats, truth: Floats, where: Mask, *, percent: int = 95) -> float:
    """Return the error that most places do not exceed: to those without features, a motion is extrapolated."""
    return float(np.percentile(np.hypot(*np.moveaxis(found - truth, -1, 0))[where], percent))


@pytest.mark.parametrize("motion", HOMOGRAPHIES.values(), ids=HOMOGRAPHIES.keys())
@pytest.mark.parametrize(
    "lost", [places(slice(None), slice(None)), places(slice(50, 190), slice(70, 250))]
)
def test_a_picture_moved_by_a_homography_is_found(
    frame: Bytes, motion: NDArray[np.float64], lost: Mask
) -> None:
    first, *_ = relocated(frame, moved(frame, motion), lost=lost)
    assert error_px(first.into, displacements(motion), lost) < 1
    there = moved(np.asarray(255 * lost, np.uint8), motion) == 255
    assert error_px(first.onto, displacements(np.linalg.inv(motion)), there) < 1
    assert first.into.dtype == first.onto.dtype == np.float32


def test_to_go_into_a_picture_and_onto_it_is_to_come_back(frame: Bytes) -> None:
    everywhere = places(slice(None), slice(None))
    first, *_ = relocated(frame, moved(frame, TURNED), lost=everywhere)
    x, y = (np.asarray(start, np.float32) for start in np.meshgrid(range(320), range(240)))
    back = cv2.remap(first.onto, x + first.into[..., 0], y + first.into[..., 1], cv2.INTER_LINEAR)
    inner = places(slice(40, 200), slice(40, 280))
    assert error_px(first.into, -back, inner) < 0.05


def test_the_motion_of_known_places_is_not_looked_for(frame: Bytes) -> None:
    """Half of the frame moves with the camera, the lost half on its own."""
    camera, own = HOMOGRAPHIES["shifted"], np.array([(1, 0, -25), (0, 1, 12), (0, 0, 1)], float)
    lost = places(slice(None), slice(160, None))
    here = moved(np.asarray(255 * ~lost, np.uint8), camera) > 0
    picture = np.where(here, moved(frame, camera), moved(frame, own))
    first, *_ = relocated(frame, np.ascontiguousarray(picture), lost=lost)
    assert error_px(first.into, displacements(own), lost, percent=50) < 0.5


def test_the_motion_with_most_matches_comes_first_and_another_after_it(frame: Bytes) -> None:
    most, few = HOMOGRAPHIES["shifted"], np.array([(1, 0, -20), (0, 1, 0), (0, 0, 1)], float)
    part = places(slice(60, 180), slice(40, 140))
    picture, there = moved(frame, most), moved(np.asarray(255 * part, np.uint8), few) > 0
    picture[there] = moved(frame, few)[there]
    found = list(relocated(frame, picture, lost=places(slice(None), slice(None))))
    truths = [displacements(most), displacements(few)]
    assert len(found) == 2
    for one, truth in zip(found, truths, strict=True):
        assert error_px(one.into, truth, part, percent=50) < 0.5


@pytest.mark.parametrize("flat", [0, 128, 255])
def test_pictures_without_features_yield_nothing(frame: Bytes, flat: int) -> None:
    nothing: list[Relocation] = []
    plain, everywhere = np.full(SIZE, flat, np.uint8), places(slice(None), slice(None))
    for ours, theirs in ((plain, frame), (frame, plain), (plain, plain)):
        assert list(relocated(ours, theirs, lost=everywhere)) == nothing
    assert list(relocated(frame, frame, lost=~everywhere)) == nothing


def test_another_picture_yields_nothing(frame: Bytes) -> None:
    for name in ("astronaut", "coffee", "rocket"):
        other, everywhere = picture_of(name), places(slice(None), slice(None))
        assert not list(relocated(frame, other, lost=everywhere))
        assert not list(relocated(other, frame, lost=everywhere))
