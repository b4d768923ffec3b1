"""Small image sequences made by arithmetic, in every format that is read, and their pictures read back."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from films import run_ffmpeg
from numpy.typing import NDArray

HEIGHT, WIDTH = 48, 64
RAW = {8: "gray", 10: "gray10le", 16: "gray16le"}  # pixel formats, by depth


def ramp(number: int, depth: int = 16, *, height: int = HEIGHT, width: int = WIDTH) -> NDArray[Any]:
    """Return a gray picture (H, W) that moves with its number and has values of all parts of its range."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    values = np.mod(across + 0.13 * down + 0.01 * number, 1.0)
    codes = np.rint(values * ((1 << depth) - 1))
    return codes.astype(np.uint8 if depth == 8 else np.uint16)


def write_picture(path: Path, gray: NDArray[Any], *, depth: int = 16) -> None:
    """Write gray (H, W) as RGB: TIFF and PNG by other libraries than the program's reader, the others by ffmpeg."""
    rgb = np.stack([gray] * 3, axis=-1)
    if path.suffix == ".tif":
        tifffile.imwrite(path, rgb, photometric="rgb")
    elif path.suffix in {".png", ".jpg"}:
        assert cv2.imwrite(str(path), rgb)
    else:
        height, width = gray.shape
        planes = np.stack([gray] * 3)
        form = {8: "gbrp", 10: "gbrp10le", 12: "gbrp12le", 16: "gbrp16le"}[depth]
        raw = path.with_suffix(".raw")
        raw.write_bytes(planes.tobytes())
        shape = ("-f", "rawvideo", "-s", f"{width}x{height}", "-pix_fmt", form)
        to = {10: "gbrp10be", 12: "gbrp12be", 16: "rgb48be", 8: "rgb24"}[depth]
        run_ffmpeg(*shape, "-i", raw, "-frames:v", "1", "-pix_fmt", to, "-update", "1", path)
        raw.unlink()


def write_sequence(pattern: Path, *, count: int, first: int = 1, depth: int = 16) -> list[Path]:
    """Write a sequence of moving ramps; return its paths."""
    pattern.parent.mkdir(parents=True, exist_ok=True)
    paths = [pattern.with_name(pattern.name % number) for number in range(first, first + count)]
    depth = 8 if pattern.suffix == ".jpg" else depth
    for number, path in enumerate(paths, first):
        write_picture(path, ramp(number, depth), depth=depth)
    return paths


def luma_of(rgb: NDArray[Any]) -> NDArray[np.float64]:
    """Return BT.709 luma of rgb (H, W, 3), in its codes."""
    return np.asarray(rgb.astype(np.float64) @ [0.2126, 0.7152, 0.0722])


def read_rgb(path: Path) -> NDArray[Any]:
    """Read a picture as rgb (H, W, 3) with its own depth."""
    if path.suffix == ".tif":
        return np.asarray(tifffile.imread(path))
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None, path
    return np.asarray(picture[..., ::-1])
