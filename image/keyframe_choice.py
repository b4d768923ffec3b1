"""Choice of a shot's keyframes: those frames whose colors reach the most of the shot along its motion.

A pixel of a frame is reached from another frame if the optical flow leads there through the frames between them, and
the picture looks the same at both ends. What is covered for a while is reached again where the motion around it leads.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np

from color.arrays import Bytes, Floats, Mask
from image.optical_flow import FAST, is_consistent, optical_flow, warp
from image.resize import fitted

MOST_SAMPLES = 160  # frames of a shot that are compared: bounds memory (30 MB) and time (2 s)
CANDIDATES = 16  # each the sharpest of its part of the shot
LEAST_GAIN = 0.1  # share of the shot that a further keyframe must add, less if it is blurred
MOST = 4  # keyframes of a shot, unless the user wants more
SPREAD = 0.01  # weight of the distance from the other keyframes: decides where all add nothing
SHARPNESS_PX = 256  # short side at which sharpness is measured: motion blur shows there
FLOW_PX = 96  # short side for the flow
TRACE_SCALE = 2  # the flow's size over that of the traces; 1 takes four times as long
SURROUNDINGS = 0.25  # window in which lightness is normalized, relative to the short side
FLAT = 10.0  # 8-bit levels added to the standard deviation: grain of flat places is no structure
# Difference in standard deviations at which a place is no longer the same, found by looking at films: for places to
# which the flow leads, and for those to which only the motion around them leads.
LIKE, ALIKE = 0.6, 0.3
LEAST_TRUST = 0.01  # of a reached place whose tone differs, when the motion is continued from it
OUTSIDE_PX = 1.0  # distance outside the picture that still counts as inside: the edge is repeated
DRIFT = 0.1  # standard deviations by which the flow must explain a place better than the camera's motion
MOVING_PX = 0.4  # motion relative to the camera's that counts as a moving thing
PARALLAX = 0.25  # the same, relative to the camera's motion: near things move by more than far ones
RIDGE = 1e-3 * np.eye(3)  # keeps the fit of the camera's motion solvable without structure
# Of two frames: flows into the earlier and into the later one, where they are valid, share of moving things.
Step: TypeAlias = tuple[Floats, Floats, Mask, Mask, float]


@dataclass(frozen=True)
class ChosenFrame:
    """A chosen frame.

    index : in the shot, from 0
    reach : share of the shot's pixels that it reaches and that those chosen before it do not
    """

    index: int
    reach: float


@dataclass(frozen=True, eq=False)
class Samples:
    """Evenly spaced frames of a shot.

    indices : of the n frames in the shot
    small : (n, h, w), short side FLOW_PX or less
    sharpness : (n,), variance of the Laplacian
    """

    indices: list[int]
    small: Bytes
    sharpness: Floats


@dataclass(frozen=True, eq=False)
class Traces:
    """What is needed to trace pixels through n frames, at the size (h, w) of the traces.

    back, ahead : (n - 1, h, w, 2), flows from the later sample into the earlier, and from the earlier into the later
    back_valid, ahead_valid : (n - 1, h, w)
    tone : (n, h, w), lightness relative to its surroundings
    """

    back: Floats
    ahead: Floats
    back_valid: Mask
    ahead_valid: Mask
    tone: Floats


def choose_keyframes(frames: Iterable[Bytes], *, wanted: int | None = None) -> list[ChosenFrame]:
    """Choose keyframes of a shot from its gray frames (H, W), the most useful first.

    The first reaches the most of the shot, with large moving things and sharp; each further one adds the most to
    those before it. Memory is bounded for shots of any length.
    wanted : their number, fewer only if the shot has fewer frames; None: as many as add at least LEAST_GAIN each,
        at most MOST
    """
    samples = sample(frames, least=wanted or 1)
    if samples is None:
        return []
    candidates = _candidates(samples.sharpness, count=max(CANDIDATES, wanted or 0))
    traces, moving = trace(samples.small)
    reached = np.stack([reach(traces, int(i)) for i in candidates])
    quality = _quality(samples.sharpness, moving)[candidates]
    chosen = _greedy(reached, quality, candidates, wanted=wanted)
    return [ChosenFrame(samples.indices[candidates[i]], gain) for i, gain in chosen]


def sample(frames: Iterable[Bytes], *, least: int = 1) -> Samples | None:
    """Keep every n-th of a shot's frames, with n growing so that at most MOST_SAMPLES or 2 * `least` are kept.

    Return None if there are no frames.
    """
    kept: list[tuple[int, Bytes, float]] = []
    every, most = 1, max(MOST_SAMPLES, 2 * least)
    for index, frame in enumerate(frames):
        if index % every:
            continue
        kept.append((index, _sized(frame, FLOW_PX), _sharpness(frame)))
        if len(kept) > most:
            kept, every = kept[::2], 2 * every
    if not kept:
        return None
    indices, small, sharpness = zip(*kept, strict=True)
    return Samples(list(indices), np.stack(small), np.array(sharpness, np.float32))


def trace(small: Bytes) -> tuple[Traces, Floats]:
    """Estimate the motion through frames (n, h, w); return it with each frame's share of moving things (n,)."""
    tone = np.stack([_tone(frame) for frame in small])
    steps = [
        _step(*pair, tones) for pair, tones in zip(pairwise(small), pairwise(tone), strict=True)
    ]
    if not steps:
        flows, valid = (
            np.zeros((0, *tone.shape[1:], 2), np.float32),
            np.zeros((0, *tone.shape[1:]), bool),
        )
        return Traces(flows, flows, valid, valid, tone), np.zeros(1, np.float32)
    back, ahead, back_valid, ahead_valid, moving = map(np.stack, zip(*steps, strict=True))
    between = np.maximum(np.append(moving, moving[-1]), np.append(moving[0], moving))
    return Traces(back, ahead, back_valid, ahead_valid, tone), between


def reach(traces: Traces, start: int) -> Mask:
    """Return for each frame (n, h, w) which of its pixels are reached from the frame `start`."""
    reached = np.ones(traces.tone.shape, bool)
    for number, mask in _traced(traces, range(start + 1, len(reached)), start):
        reached[number] = mask
    for number, mask in _traced(traces, range(start - 1, -1, -1), start):
        reached[number] = mask
    return reached


def _traced(traces: Traces, numbers: range, start: int) -> Iterator[tuple[int, Mask]]:
    """Yield the numbers of the frames in one direction from `start`, each with its reached pixels (h, w)."""
    height, width = traces.tone.shape[1:]
    flows, valids, before = (
        (traces.back, traces.back_valid, 1)
        if numbers.step > 0
        else (traces.ahead, traces.ahead_valid, 0)
    )
    offset = np.zeros((height, width, 2), np.float32)  # from each pixel to its place in `start`
    trust = np.ones(
        (height, width), np.float32
    )  # 0 where not reached, 1 where the tone is the same
    for number in numbers:
        flow, valid = flows[number - before], valids[number - before]
        offset = warp(offset, flow) + flow
        trust = warp(trust, flow) * valid
        valid = trust > LEAST_TRUST / 2
        offset = _continued(offset, valid, trust)
        differs = cv2.blur(
            cv2.absdiff(warp(traces.tone[start], offset), traces.tone[number]), (3, 3)
        )
        like = differs < np.where(valid, np.float32(LIKE), np.float32(ALIKE))
        mask = like & _is_inside(offset)
        sameness = np.maximum(1 - differs * np.float32(1 / ALIKE), 0)
        trust = mask * (sameness * sameness + np.float32(LEAST_TRUST))
        yield number, mask


def _is_inside(offset: Floats) -> Mask:
    """Return which pixels (h, w) an offset leads to inside the picture, within OUTSIDE_PX."""
    height, width = offset.shape[:2]
    x, y = cv2.split(offset)
    x += np.arange(width, dtype=np.float32)
    y += np.arange(height, dtype=np.float32)[:, None]
    low, high = -OUTSIDE_PX, OUTSIDE_PX - 1
    inside = (x >= low) & (x <= width + high) & (y >= low) & (y <= height + high)
    return np.asarray(inside, bool)


def _continued(offset: Floats, valid: Mask, trust: Floats) -> Floats:
    """Replace offsets (h, w, 2) that are not valid by the mean of those around them, weighted by trust (h, w)."""
    if valid.all():
        return offset
    window = max(3, min(valid.shape) // 3)
    weight = cv2.blur(trust, (window, window))
    around = cv2.blur(offset * trust[..., None], (window, window))
    use = ~valid & (weight > 0.01)
    offset[use] = around[use] / weight[use, None]
    return offset


def _step(earlier: Bytes, later: Bytes, tones: tuple[Floats, Floats]) -> Step:
    """Estimate the motion between two frames (h, w), with their tones at the size of the traces."""
    back = optical_flow(later, earlier, preset=FAST)
    ahead = optical_flow(earlier, later, preset=FAST)
    to_earlier, back_valid, _ = _small_step(back, ahead, tones[1], tones[0])
    to_later, ahead_valid, moving = _small_step(ahead, back, tones[0], tones[1])
    return to_earlier, to_later, back_valid, ahead_valid, moving


def _small_step(
    flow: Floats, backward: Floats, tone: Floats, other: Floats
) -> tuple[Floats, Mask, float]:
    """Return a flow at the size of the traces, where it is consistent, and the share of moving things."""
    small = _resized(flow, tone.shape) / np.float32(TRACE_SCALE)
    valid = _resized(is_consistent(flow, backward).astype(np.float32), tone.shape) >= 0.5
    camera = _camera_motion(small, tone, other)
    return _steadied(small, camera, tone, other), valid, _moving_share(small, camera)


def _steadied(flow: Floats, camera: Floats, tone: Floats, other: Floats) -> Floats:
    """Replace the flow by the camera's motion where that explains the tone as well: flat places do not drift."""
    own, cameras = (
        cv2.blur(cv2.absdiff(warp(other, moved), tone), (3, 3)) for moved in (flow, camera)
    )
    return np.asarray(np.where((cameras <= own + DRIFT)[..., None], camera, flow), np.float32)


def _camera_motion(flow: Floats, tone: Floats, other: Floats) -> Floats:
    """Return the flow (h, w, 2) of the camera alone: affine, or none if that explains the picture better.

    It is fitted where the tone (h, w) has structure, to most of the flow.
    """
    height, width = tone.shape
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
    places = np.stack([*np.meshgrid(x, y), np.ones(tone.shape)], axis=-1).reshape(-1, 3)
    slopes = (cv2.Sobel(tone, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))
    structure = cv2.magnitude(*slopes)
    some, values = places[::3], flow.reshape(-1, 2)[::3]
    weight = trust = structure.ravel()[::3]
    for _ in range(6):  # reweighted least squares: the motion of the majority
        weighted = (some * weight[:, None]).T
        fit = np.linalg.solve(weighted @ some + RIDGE, weighted @ values)
        away = values - some @ fit
        weight = trust / (np.hypot(away[:, 0], away[:, 1]) + 0.05)
    camera = (places @ fit).astype(np.float32).reshape(flow.shape)
    moved, still = (
        float((structure * np.minimum(cv2.absdiff(seen, tone), LIKE)).mean())
        for seen in (warp(other, camera), other)
    )
    return camera if moved < still else np.zeros_like(camera)


def _tone(frame: Bytes) -> Floats:
    """Return lightness (h, w) in standard deviations from its surroundings' mean, which flicker does not change."""
    size = tuple(max(1, side // TRACE_SCALE) for side in frame.shape)
    light = _resized(cv2.GaussianBlur(frame, (0, 0), 1).astype(np.float32), size)
    window = max(3, round(SURROUNDINGS * min(size)) | 1)
    mean, square = (cv2.blur(values, (window, window)) for values in (light, light * light))
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    return np.asarray((light - mean) / (spread + np.float32(FLAT)), np.float32)


def _moving_share(flow: Floats, camera: Floats) -> float:
    """Return the share of a picture that moves otherwise than the camera, parallax excepted."""
    away, moved = (np.hypot(*cv2.split(one)) for one in (flow - camera, camera))
    return float((away > np.maximum(MOVING_PX, PARALLAX * moved)).mean())


def _quality(sharpness: Floats, moving: Floats) -> Floats:
    """Rate frames (n,): about 1, less for blurred ones and for those with small moving things."""
    sharp = np.sqrt(np.clip(sharpness / max(float(np.median(sharpness)), 1e-6), 0.25, 1.5))
    large = moving / max(float(moving.max()), 0.02)
    return np.asarray(sharp * (0.75 + 0.25 * large), np.float32)


def _candidates(sharpness: Floats, *, count: int) -> list[int]:
    """Return the sharpest sample of each of `count` equal parts of the shot, or all of a short one."""
    parts = np.array_split(np.arange(len(sharpness)), min(count, len(sharpness)))
    return [int(part[np.argmax(sharpness[part])]) for part in parts]


def _greedy(
    reached: Mask, quality: Floats, candidates: list[int], *, wanted: int | None
) -> list[tuple[int, float]]:
    """Choose candidates one by one, each with what it adds to those before it."""
    missing = np.ones(reached.shape[1:], bool)
    chosen: list[tuple[int, float]] = []
    places = np.array(candidates, np.float32)
    nearest = np.full(len(candidates), float(reached.shape[1]))
    for _ in range(min(wanted or MOST, len(candidates))):
        gains = np.array([float((mask & missing).mean()) for mask in reached])
        score = (gains + SPREAD * nearest / reached.shape[1]) * quality
        score[[i for i, _ in chosen]] = -1
        best = int(np.argmax(score))
        if chosen and wanted is None and gains[best] * quality[best] < LEAST_GAIN:
            break
        chosen.append((best, float(gains[best])))
        missing &= ~reached[best]
        nearest = np.minimum(nearest, np.abs(places - places[best]))
    return chosen


def _sharpness(frame: Bytes) -> float:
    """Return the variance of the Laplacian of a frame."""
    return float(cv2.Laplacian(_sized(frame, SHARPNESS_PX), cv2.CV_32F).var())


def _sized(frame: Bytes, short: int) -> Bytes:
    """Downscale a frame to a short side in pixels; a smaller one is returned as it is."""
    scale = short / min(frame.shape)
    if scale >= 1:
        return frame
    height, width = (round(side * scale) for side in frame.shape)
    return np.asarray(fitted(frame, (width, height)), np.uint8)


def _resized(values: Floats, size: tuple[int, ...]) -> Floats:
    return np.asarray(
        cv2.resize(values, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.float32
    )
