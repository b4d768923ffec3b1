"""Augmentation: degrades clean lightness to that of an old photograph or film, for the network's input only.

Each effect takes L (H, W) float32, 0..100, and a generator, and returns L, possibly outside 0..100. Sizes are
relative to the network's input, for which a scan of several thousand pixels is reduced to a few hundred, so that
most defects are small or invisible.
"""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np

from color.arrays import Floats

Effect: TypeAlias = Callable[[Floats, np.random.Generator], Floats]

GAMMA = (0.67, 1.5)
BLACK, WHITE = (0.0, 25.0), (70.0, 100.0)  # L of faded blacks and yellowed whites
VIGNETTE = (0.1, 0.6)  # share of L lost in the corners
BLUR_PX = (0.4, 1.2)  # standard deviation
GRAIN = (0.5, 6.0)  # standard deviation, units of L
COARSE_GRAIN_PX = 0.6  # blur of the coarser half of the grain
SCRATCHES, SCRATCH = (1, 4), (8.0, 40.0)  # number, and units of L lighter or darker
SPECKS, SPECK = (1, 30), (15.0, 60.0)  # the same for dust
JPEG_QUALITY = (12, 60)
HALFTONE_PX, HALFTONE = (2.5, 6.0), (3.0, 12.0)  # period and amplitude in units of L


def tone(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Change gamma: over- or underexposure, or a print on harder or softer paper."""
    return np.asarray(100 * np.clip(lightness / 100, 0, 1) ** rng.uniform(*GAMMA), np.float32)


def fade(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Fade blacks to gray and yellow the whites."""
    black, white = rng.uniform(*BLACK), rng.uniform(*WHITE)
    return lightness * np.float32((white - black) / 100) + np.float32(black)


def vignette(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Darken toward the corners, around a center that may be off the middle."""
    axes = (
        np.linspace(-1, 1, n, dtype=np.float32) - rng.uniform(-0.2, 0.2) for n in lightness.shape
    )
    y, x = np.meshgrid(*axes, indexing="ij")
    lost = (x * x + y * y) * (rng.uniform(*VIGNETTE) / 2)
    return np.asarray(lightness * (1 - lost), np.float32)


def halftone(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Add the dots of a halftone screen at any angle."""
    angle, turn = rng.uniform(0, np.pi / 2), 2 * np.pi / rng.uniform(*HALFTONE_PX)
    y, x = np.indices(lightness.shape, np.float32)
    along = np.cos(turn * (x * np.cos(angle) + y * np.sin(angle)))
    across = np.cos(turn * (y * np.cos(angle) - x * np.sin(angle)))
    return np.asarray(lightness + along * across * rng.uniform(*HALFTONE), np.float32)


def blur(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Blur, as out of focus or in an enlarged small file."""
    return np.asarray(cv2.GaussianBlur(lightness, (0, 0), rng.uniform(*BLUR_PX)), np.float32)


def scratches(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Draw nearly vertical lines one pixel wide, as left by film transport."""
    height, width = lightness.shape
    drawn = np.zeros_like(lightness)
    for _ in range(rng.integers(*SCRATCHES, endpoint=True)):
        left, top, bottom = rng.integers(width), rng.integers(height), rng.integers(height)
        foot = left + rng.integers(-3, 4)
        strength = rng.choice((-1, 1)) * rng.uniform(*SCRATCH)
        cv2.line(drawn, (int(left), int(top)), (int(foot), int(bottom)), float(strength), 1)
    return lightness + drawn


def dust(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Draw specks of dust and holes in the emulsion."""
    height, width = lightness.shape
    drawn = np.zeros_like(lightness)
    for _ in range(rng.integers(*SPECKS, endpoint=True)):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        strength = rng.choice((-1, 1)) * rng.uniform(*SPECK)
        cv2.circle(drawn, center, int(rng.integers(0, 2)), float(strength), -1)
    return lightness + drawn


def grain(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Add film grain, fine or coarse, equally strong everywhere."""
    noise = rng.standard_normal(lightness.shape, np.float32)
    if rng.random() < 0.5:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), COARSE_GRAIN_PX), np.float32)
        noise /= max(float(noise.std()), 1e-6)
    return lightness + noise * np.float32(rng.uniform(*GRAIN))


def jpeg_blocks(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Add JPEG artifacts of strong compression."""
    gray = np.clip(lightness * 2.55 + 0.5, 0, 255).astype(np.uint8)
    quality = int(rng.integers(*JPEG_QUALITY))
    _, encoded = cv2.imencode(".jpg", gray, (cv2.IMWRITE_JPEG_QUALITY, quality))
    decoded = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    return np.asarray(decoded, np.float32) / np.float32(2.55)


# In the order in which they affect a picture, with their probabilities.
EFFECTS: tuple[tuple[Effect, float], ...] = (
    (tone, 0.5),
    (vignette, 0.12),
    (blur, 0.15),
    (grain, 0.25),
    (scratches, 0.06),
    (dust, 0.08),
    (fade, 0.2),
    (halftone, 0.04),
    (jpeg_blocks, 0.1),
)


def age_lightness(lightness: Floats, rng: np.random.Generator) -> Floats:
    """Age L (H, W): apply each effect with its probability. Return L within 0..100."""
    aged: Floats = np.clip(lightness, 0, 100)  # rounding makes black slightly negative
    for effect, probability in EFFECTS:
        if rng.random() < probability:
            aged = effect(aged, rng)
    return np.asarray(np.clip(aged, 0, 100), np.float32)
