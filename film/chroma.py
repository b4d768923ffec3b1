"""Small ab + luma -> chroma planes: colors stop at edges, and the source's luma is kept.

The picture shown has the source's luma Y' bit for bit. Each color (a, b) at that Y' needs its own lightness:
the one at which Lab -> sRGB gives exactly this Y'. A table over (Y', a, b) holds the solutions.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import cv2
import numpy as np

from color.arrays import Bytes, Floats
from color.segment import Overlay
from film.color_tags import LUMA_WEIGHTS
from film.decode import NativeFrame, Plane, planar_format
from film.info import Film, Video
from image.resize import upsample_fine, upsample_planes
from prior.lab import fit_gamut, gray2lightness, lab2rgb

AB_STEP = 5.0  # ab units between the table's nodes; 0 is a node, so gray stays exactly gray
AB_NODES = 45  # -110 .. 110
SLABS = 16  # the table's 256 slabs, one per luma code, are tiled 16 x 16 in one picture
BETWEEN = 2  # working size / this: intermediate size at which detail is added before full size


@dataclass(frozen=True)
class Encoding:
    """The format in which the encoder receives the picture.

    width, height : the source's, rounded up to even where the encoder requires it
    depth, chroma, full_range : as in film.info.Video
    matrix : FFmpeg's name; always tagged, since this program makes the colors
    alpha : the film's transparency is stored, too
    first_field : FFmpeg's "tff" or "bff" for interlaced frames; "" for progressive ones
    """

    width: int
    height: int
    depth: int
    chroma: tuple[int, int]
    full_range: bool
    matrix: str
    rate: Fraction
    first_field: str
    alpha: bool = False

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of the pixel format."""
        name = planar_format(self.depth, self.chroma)
        return name.replace("yuv", "yuva") if self.alpha else name

    @property
    def chroma_size(self) -> tuple[int, int]:
        """(height, width) of a chroma plane."""
        return -(-self.height // self.chroma[1]), -(-self.width // self.chroma[0])


@lru_cache
def chroma_table(matrix: str) -> Floats:
    """Tabulate (luma 0..255, a, b) -> (Cb, Cr, 0, 0) in -0.5..0.5 for a matrix (FFmpeg's name); once per process.

    (16 * 45, 16 * 45, 4): slab `luma` is at row luma // 16, column luma % 16; its rows are b, its columns a. OpenCV
    looks up four channels in half the time that two take.
    """
    # For each color, luma rises with lightness, so interpolation finds the lightness that gives a luma.
    nodes = (np.arange(AB_NODES) - AB_NODES // 2) * AB_STEP
    lightness = np.linspace(0, 100, 129)
    lab = np.stack(np.meshgrid(lightness, nodes, nodes, indexing="ij"), axis=-1)[..., [0, 2, 1]]
    rgb = lab2rgb(fit_gamut(lab), dtype=np.float32).astype(np.float64)
    k_r, k_b = LUMA_WEIGHTS[matrix]
    luma = rgb @ np.array([k_r, 1 - k_r - k_b, k_b])
    c_b, c_r = (rgb[..., 2] - luma) / (2 * (1 - k_b)), (rgb[..., 0] - luma) / (2 * (1 - k_r))
    wanted = np.arange(256) / 255
    table = np.zeros((SLABS, AB_NODES, SLABS, AB_NODES, 4), np.float32)
    for b, a in np.ndindex(AB_NODES, AB_NODES):
        rising = np.maximum.accumulate(luma[:, b, a] + np.arange(lightness.size) * 1e-9)
        for channel, chroma in enumerate((c_b, c_r)):
            column = np.interp(wanted, rising, chroma[:, b, a])
            table[:, b, :, a, channel] = column.reshape(SLABS, SLABS)
    return table.reshape(SLABS * AB_NODES, SLABS * AB_NODES, 4)


@dataclass(frozen=True)
class Planes:
    """Makes a frame's three planes for the encoder: the source's luma, and chroma from the colors."""

    film: Film
    encoding: Encoding

    def __call__(
        self, frame: NativeFrame, ab: Floats | None, overlay: Overlay | None = None
    ) -> tuple[Plane, ...]:
        """Return luma, two chroma planes and any alpha for a frame and its ab (h, w, 2); None keeps the source's chroma.

        overlay : finer colors that replace those of `ab` in places
        """
        luma = _padded(self._luma(frame.luma), self.encoding.height, self.encoding.width)
        alpha = self._alpha(frame.alpha)
        if ab is not None:
            return luma, *self._chroma(luma, ab, overlay), *alpha
        first, second = frame.chroma or (None, None)
        return luma, self._own(first), self._own(second), *alpha

    def _luma(self, luma: Plane) -> Plane:
        """Return luma at the encoding's depth: the same samples unless the bit depth or range differs."""
        video, encoding = self.film.video, self.encoding
        if (encoding.depth, encoding.full_range) == (video.depth, video.full_range):
            return luma
        kind = np.uint8 if encoding.depth == 8 else np.uint16
        if encoding.full_range == video.full_range and encoding.depth > video.depth:
            # A shift can be undone to the bit; scaling 255 to 1023 could not.
            return np.asarray(np.left_shift(luma.astype(kind), encoding.depth - video.depth))
        low, span = luma_range(video.depth, full=video.full_range)
        new_low, new_span = luma_range(encoding.depth, full=encoding.full_range)
        codes = np.rint((luma.astype(np.float32) - low) * (new_span / span) + new_low)
        return np.asarray(np.clip(codes, 0, (1 << encoding.depth) - 1), kind)

    def _alpha(self, alpha: Plane | None) -> tuple[Plane, ...]:
        """Return the transparency at the encoding's size and depth, or nothing if it is not stored."""
        if alpha is None or not self.encoding.alpha:
            return ()
        encoding, depth = self.encoding, self.film.video.depth
        if encoding.depth != depth:  # opaque stays opaque
            scale = ((1 << encoding.depth) - 1) / ((1 << depth) - 1)
            alpha = np.asarray(
                np.rint(alpha * scale), np.uint8 if encoding.depth == 8 else np.uint16
            )
        return (_padded(alpha, encoding.height, encoding.width),)

    def _own(self, plane: Plane | None) -> Plane:
        """Return a chroma plane of the source at the encoding's size and depth; neutral for gray films."""
        (height, width), depth = self.encoding.chroma_size, self.encoding.depth
        kind = np.uint8 if depth == 8 else np.uint16
        if plane is None:
            return np.full((height, width), 1 << (depth - 1), kind)
        if self.film.video.chroma != self.encoding.chroma:
            plane = np.asarray(cv2.resize(np.ascontiguousarray(plane), (width, height)))
        shift = depth - self.film.video.depth
        more = np.left_shift(plane.astype(np.uint16), max(shift, 0))
        return _padded(np.right_shift(more, max(-shift, 0)).astype(kind), height, width)

    def _chroma(self, luma: Plane, ab: Floats, overlay: Overlay | None) -> tuple[Plane, Plane]:
        """Make two chroma planes from ab (h, w, 2) and a luma plane of the encoding's size."""
        guide = self._guide(luma)
        height, width = guide.shape
        upright_h, upright_w = self.film.working_size
        turned = self.film.video.orientation[0]
        grid_h, grid_w = (upright_w, upright_h) if turned else (upright_h, upright_w)
        between = (min(grid_w // BETWEEN, width), min(grid_h // BETWEEN, height))
        full = upsample_planes(upright_to_coded(ab, self.film.video), guide, between=between)
        if overlay is not None:
            full = self._overlaid(full, overlay, guide)
        return self._codes(look_up(chroma_table(self.encoding.matrix), guide, full))

    def _overlaid(
        self, planes: tuple[Floats, Floats], overlay: Overlay, guide: Bytes
    ) -> tuple[Floats, Floats]:
        """Replace two planes of ab by an overlay's, by its share, at the size of a guide."""
        coded = Overlay(*(upright_to_coded(one, self.film.video) for one in overlay))
        return _overlaid(planes, coded, guide)

    def _guide(self, luma: Plane) -> Bytes:
        """Return luma at chroma size, 0..255 full range, uint8."""
        height, width = self.encoding.chroma_size
        across, down = self.encoding.chroma
        # In an odd-sized picture, the last chroma sample covers only one row or column of luma.
        luma = _padded(luma, height * down, width * across)
        if (across, down) != (1, 1):
            luma = np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA))
        low, span = luma_range(self.encoding.depth, full=self.encoding.full_range)
        codes = np.arange(256 if luma.dtype == np.uint8 else 1 << self.encoding.depth)
        expanded = np.clip(np.rint((codes - low) * (255 / span)), 0, 255).astype(np.uint8)
        if luma.dtype == np.uint8:
            return np.asarray(cv2.LUT(luma, expanded), np.uint8)
        return np.asarray(expanded[luma], np.uint8)

    def _codes(self, chroma: tuple[Floats, Floats]) -> tuple[Plane, Plane]:
        """Quantize two planes in -0.5..0.5 to the encoding's depth and range (ITU-R BT.601, BT.709)."""
        depth = self.encoding.depth
        span = (1 << depth) - 1.0 if self.encoding.full_range else 224.0 * (1 << (depth - 8))
        middle = float(1 << (depth - 1))
        first, second = (
            np.asarray(cv2.convertScaleAbs(plane, alpha=span, beta=middle))
            if depth == 8
            else np.clip(np.rint(plane * span + middle), 0, (1 << depth) - 1).astype(np.uint16)
            for plane in chroma
        )
        return first, second


def _padded(plane: Plane, height: int, width: int) -> Plane:
    """Pad a plane to a size by repeating its last row and column."""
    plane = np.ascontiguousarray(plane)
    down, right = height - plane.shape[0], width - plane.shape[1]
    if not down and not right:
        return plane
    return np.asarray(cv2.copyMakeBorder(plane, 0, down, 0, right, cv2.BORDER_REPLICATE))


def luma_range(depth: int, *, full: bool) -> tuple[float, float]:
    """Return (code of black, number of codes from black to white)."""
    unit = 1 << (depth - 8)
    return (0.0, (1 << depth) - 1.0) if full else (16.0 * unit, 219.0 * unit)


def upright_to_coded(picture: Plane, video: Video) -> Plane:
    """Turn an upright picture (H, W, C) into the orientation in which the film stores its samples."""
    transpose, flip_x, flip_y = video.orientation
    picture = picture[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    return np.ascontiguousarray(picture.swapaxes(0, 1) if transpose else picture)


def coded_to_upright(picture: Bytes, video: Video) -> Bytes:
    """Turn a picture (H, W) or (H, W, 3) upright, as players show it, from the film's stored orientation."""
    transpose, flip_x, flip_y = video.orientation
    turned = picture.swapaxes(0, 1) if transpose else picture
    return np.ascontiguousarray(turned[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def look_up(table: Floats, luma: Bytes, ab: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Look up Cb and Cr (H, W) for luma (H, W) and two ab planes: exact in luma, linear between ab nodes."""
    # Stay inside the slab despite interpolation rounding: the adjacent slab belongs to another luma.
    edge = np.float32(AB_NODES // 2 - 0.02)
    codes = np.arange(256)
    places = []
    for plane, slab in zip(ab, (codes % SLABS, codes // SLABS), strict=True):
        steps = plane * np.float32(1 / AB_STEP)
        np.clip(steps, -edge, edge, out=steps)
        origin = cv2.LUT(luma, (slab * AB_NODES + AB_NODES // 2).astype(np.float32))
        places.append(cv2.add(steps, origin, dst=steps))  # in half the time of NumPy's sum
    found = cv2.remap(table, places[0], places[1], cv2.INTER_LINEAR)
    first, second = (np.asarray(cv2.extractChannel(found, i), np.float32) for i in range(2))
    return first, second


def _overlaid(
    planes: tuple[Floats, Floats], overlay: Overlay, guide: Bytes
) -> tuple[Floats, Floats]:
    """Replace two planes of ab (H, W) by an overlay's, by its share, at the size of a guide (H, W)."""
    share = np.asarray(cv2.resize(overlay.share, guide.shape[::-1]), np.float32)
    first, second = (
        np.asarray(plane + share * (fine - plane), np.float32)
        for plane, fine in zip(planes, upsample_fine(overlay.ab, guide), strict=True)
    )
    return first, second


def colorized_rgb(
    gray: Bytes,
    ab: Floats,
    *,
    working_size: tuple[int, int] | None = None,
    overlay: Overlay | None = None,
) -> Bytes:
    """Compose one colorized picture: gray (H, W) and its ab (h, w, 2) -> rgb (H, W, 3) of the same lightness.

    working_size : (height, width) of the colorizer's input, if the gray picture is larger or smaller
    overlay : finer colors that replace those of `ab` in places
    """
    height, width = (
        max(1, min(small // BETWEEN, side))
        for small, side in zip(working_size or gray.shape, gray.shape, strict=True)
    )
    if ab.shape[0] > height:  # of a keyframe
        a, b = upsample_fine(ab, gray)
    else:
        a, b = upsample_planes(ab, gray, between=(width, height))
    if overlay is not None:
        a, b = _overlaid((a, b), overlay, gray)
    lab = np.stack([gray2lightness(gray), a, b], axis=-1)
    rgb = np.clip(lab2rgb(fit_gamut(lab), dtype=np.float32), 0, 1) * 255
    return np.asarray(np.rint(rgb), np.uint8)
