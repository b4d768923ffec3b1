"""Reads DPX, the scans of film frames: RGB and gray of 8 to 16 bits, in printing density or display codes.

Source: SMPTE ST 268-1; density to light as in Kodak's Cineon: 0.002 density a code, a negative's gamma of 0.6.
"""

import struct
from pathlib import Path

import numpy as np
from PIL import Image

from photo.compose import luminance_codes
from photo.decoder import Pixels, Raster, check_memory
from photo.depth import TOP, scaled
from prior.dataset import PictureError

DPX = (b"SDPX", b"XPDS")
CHANNELS = {6: 1, 50: 3, 51: 4}  # of the descriptors for luma, RGB and RGBA
DENSITY = (1, 3)  # transfer characteristics: printing density, logarithmic
TURNS = {1: 4, 2: 2, 3: 3}  # the image orientations as EXIF's; others are as stored
BLACK, WHITE, DENSITY_PER_CODE, GAMMA = 95, 685, 0.002, 0.6  # of 10 bits
SHIFTS = {
    1: (22, 12, 2),
    2: (20, 10, 0),
}  # of three samples of 10 bits in a word, by packing method


def read_dpx(path: Path) -> Raster:
    """Read the first image element of a DPX file."""
    data = path.read_bytes()
    order = ">" if data[:4] == b"SDPX" else "<"
    orientation, _, width, height = struct.unpack_from(order + "HHII", data, 768)
    descriptor, transfer, _, bits, packing, encoding, start = struct.unpack_from(
        order + "BBBBHHI", data, 800
    )
    check_memory(path, width, height, sample_bytes=4)
    channels = CHANNELS.get(descriptor, 0)
    packed = bits in {8, 16} or (bits == 12 and packing in SHIFTS)
    if (
        not channels
        or encoding
        or not (packed or (bits == 10 and channels < 4 and packing in SHIFTS))
    ):
        raise PictureError(
            f"{path} is DPX of descriptor {descriptor}, {bits} bits, packing {packing}, encoding {encoding}: "
            "convert it to TIFF with 16 bits"
        )
    codes = _codes(data[start:], (height, width, channels), bits, packing, order)
    pixels, notes = scaled(codes, bits)[0], []
    if transfer in DENSITY:
        pixels[..., :3] = np.take(_light_of_density(), pixels[..., :3])
        notes = [f"printing density became light: code {BLACK} of 1023 is black, {WHITE} white"]
    return Raster(pixels, Image.Exif(), {}, TURNS.get(orientation, 1), notes=tuple(notes))


def _codes(data: bytes, shape: tuple[int, int, int], bits: int, packing: int, order: str) -> Pixels:
    """Unpack samples (H, W, n)."""
    height, width, channels = shape
    if bits == 10:
        return _tens(_rows(data, height, -(-width * channels // 3), order + "u4"), shape, packing)
    rows = _rows(data, height, width * channels, "u1" if bits == 8 else order + "u2")
    rows = rows >> 4 if bits == 12 and packing == 1 else rows
    return rows.reshape(shape)


def _rows(data: bytes, height: int, samples: int, dtype: str) -> Pixels:
    """Return the rows (height, samples), each of which starts at a word of 4 bytes, if the file is long enough."""
    size = np.dtype(dtype).itemsize * samples
    padded = -(-size // 4) * 4
    stride = padded if len(data) >= padded * height else size
    if len(data) < stride * height:
        raise ValueError("its last rows are missing")
    rows = np.frombuffer(data, np.uint8, stride * height).reshape(height, stride)[:, :size]
    native = np.ascontiguousarray(rows).view(dtype)
    return native.astype(native.dtype.newbyteorder("="))


def _tens(words: Pixels, shape: tuple[int, int, int], packing: int) -> Pixels:
    """Unpack three samples of 10 bits from each word; gray samples are in the opposite order."""
    height, width, channels = shape
    shifts = SHIFTS[packing] if channels == 3 else SHIFTS[packing][::-1]
    samples = np.stack([words >> shift & 0x3FF for shift in shifts], axis=-1).astype(np.uint16)
    return samples.reshape(height, -1)[:, : width * channels].reshape(shape)


def _light_of_density() -> Pixels:
    """Return the sRGB code of each code of printing density, both of 16 bits."""
    codes = np.arange(TOP + 1) / TOP * 1023
    light = 10 ** ((codes - WHITE) * DENSITY_PER_CODE / GAMMA)
    black = 10 ** ((BLACK - WHITE) * DENSITY_PER_CODE / GAMMA)
    linear = np.clip((light - black) / (1 - black), 0, 1)
    return luminance_codes(linear.astype(np.float32), np.uint16)
