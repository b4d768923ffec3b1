"""The colors of a colored copy of a picture: registered, they apply place by place, at the copy's resolution.

Where the copy is not trusted, the network's colors remain, which the trusted colors guide as hints.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats
from image.registration import register, sample
from image.resize import fitted, upsample
from model.correspondence import RADIUS_PX
from prior.lab import gray2lightness, lab2rgb, rgb2lab

POSITIONS = 24  # of hints along the short side, as of a reference's matches by content
TRUSTED = 0.9  # least trust of a place whose color becomes a hint
COMPLETE = 0.999  # least trust of every place for which the network is not needed
SAME_ASPECT = (
    0.02  # difference of aspect ratios up to which a painted picture lies exactly over the gray one
)
SEAM = 1 / 50  # standard deviation of the window that joins colors, in short sides
CHANGED, LEAST_CHANGED = (
    5.0,
    0.01,
)  # ab units, and share of the places, by which two colorizations differ visibly


@dataclass(frozen=True, eq=False)
class RegisteredColors:
    """The colors of a copy.

    ab : (h, w, 2), at the places of the picture, at the copy's resolution
    trust : (h, w), 0..1
    """

    ab: Floats
    trust: Floats

    @property
    def share(self) -> float:
        """Return the share of the picture that has the copy's colors, 0..1."""
        return float(self.trust.mean())

    @property
    def is_complete(self) -> bool:
        """Return whether the whole picture has the copy's colors."""
        return bool(self.trust.min() >= COMPLETE)

    def points(self, picture: tuple[int, ...]) -> list[list[float]]:
        """Return color points (x, y, a, b, radius) for `point_planes` where a copy of a picture (H, W) is trusted."""
        scale = POSITIONS / min(picture)
        height, width = (max(round(side * scale), 1) for side in picture)
        ab, trust = (fitted(plane, (width, height)) for plane in (self.ab, self.trust))
        rows, columns = np.nonzero(trust >= TRUSTED)
        x, y = (columns + 0.5) * (picture[1] / width), (rows + 0.5) * (picture[0] / height)
        points = np.column_stack([x, y, ab[rows, columns], np.full(len(rows), RADIUS_PX)])
        found: list[list[float]] = points.tolist()
        return found

    def joined(self, ab: Floats, gray: NDArray[Any]) -> Floats:
        """Join these colors of gray (H, W) with the network's ab (h', w', 2): (h, w, 2).

        Around trusted places, the network's colors lose their difference from these, so that no seam shows.
        """
        if self.is_complete:
            return self.ab
        others, trust = enlarged(ab, gray, self.trust.shape), self.trust[..., None]
        difference = trust * (self.ab - others)
        window = SEAM * min(self.trust.shape)
        near, weight = (cv2.GaussianBlur(p, (0, 0), window) for p in (difference, self.trust))
        seam = near / np.maximum(weight, np.float32(0.5))[..., None]
        return np.asarray(others + difference + (1 - trust) * seam, np.float32)


def registered_colors(gray: NDArray[Any], reference: NDArray[Any]) -> RegisteredColors | None:
    """Register a reference to gray (H, W), each uint8 or uint16; return None if it is no copy.

    reference : rgb (h, w, 3), or rgba (h, w, 4), whose transparent places are not trusted
    """
    lab = rgb2lab(np.ascontiguousarray(reference[..., :3]))
    lightness: Bytes = lab2rgb(lab * np.array([1, 0, 0], np.float32))[..., 0]
    found = register(lightness, _eight_bits(gray))
    if found is None:
        return None
    # At most as many pixels as the reference has there, along the side where it has more.
    height, width = found.steps(gray.shape)
    scale = min(max(reference.shape[0] * height, reference.shape[1] * width), 1.0)
    size = (max(round(gray.shape[0] * scale), 1), max(round(gray.shape[1] * scale), 1))
    trust = found.trust_at(size)
    if reference.shape[2] == 3:
        return RegisteredColors(sample(lab[..., 1:], found, size), trust)
    opaque = reference[..., 3:] / np.float32(np.iinfo(reference.dtype).max)
    ab, covered = sample(lab[..., 1:] * opaque, found, size), sample(opaque, found, size)
    least = np.float32(1 / 255)
    return RegisteredColors(ab / np.maximum(covered, least), trust * covered[..., 0])


def painted_colors(
    gray: NDArray[Any], lab: Floats, cover: Floats, *, exact: bool
) -> RegisteredColors | None:
    """Return the colors of strokes painted over gray (H, W), where they cover it; None if they do not belong to it.

    lab, cover : (h, w, 3) and (h, w) 0..1, the painted picture
    exact : whether it lies exactly over gray; otherwise its lightness is registered
    """
    size = gray.shape
    weighted = np.dstack([lab[..., 1:] * cover[..., None], cover])
    if exact:
        placed = np.asarray(fitted(weighted, (size[1], size[0])), np.float32)
    else:
        lightness: Bytes = lab2rgb(lab * np.array([1, 0, 0], np.float32))[..., 0]
        found = register(lightness, _eight_bits(gray))
        if found is None:
            return None
        placed = sample(weighted, found, (size[0], size[1]))
    covered = np.clip(placed[..., 2], 0, 1)
    return RegisteredColors(
        placed[..., :2] / np.maximum(covered, np.float32(1 / 255))[..., None], covered
    )


def enlarged(ab: Floats, gray: NDArray[Any], size: tuple[int, ...]) -> Floats:
    """Upsample small ab (h', w', 2) of gray (H, W) to a size (h, w), guided by its lightness."""
    small = np.asarray(fitted(gray, (size[1], size[0])))
    return upsample(ab, small, to_lightness=gray2lightness)


def distinct(colorizations: list[Floats]) -> list[int]:
    """Return the numbers of those ab (h, w, 2) that differ visibly from every one before."""
    kept: list[int] = []
    for number, ab in enumerate(colorizations):
        if all(_differ(ab, colorizations[other]) for other in kept):
            kept.append(number)
    return kept


def _differ(ab: Floats, other: Floats) -> bool:
    far = cv2.magnitude(*cv2.split(ab - other))
    return bool((far >= CHANGED).mean() >= LEAST_CHANGED)


def _eight_bits(gray: NDArray[Any]) -> Bytes:
    return np.asarray(gray if gray.dtype == np.uint8 else gray >> 8, np.uint8)
