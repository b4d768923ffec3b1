"""Makes animations, and reads them as other programs do."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from color.arrays import Bytes

SIZE = (48, 64)


def ball_frames(count: int = 5, *, size: tuple[int, int] = SIZE) -> list[Bytes]:
    """Draw a bright square that moves over a soft background."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    ground = 60 + 50 * np.sin(x / 9) + 40 * np.cos(y / 7)
    frames = []
    for number in range(count):
        frame = ground.copy()
        frame[10:22, 5 + 7 * number : 17 + 7 * number] = 230
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    return frames


def write_animation(path: Path, frames: Sequence[NDArray[Any]], **settings: Any) -> Path:
    """Write an animation with Pillow."""
    first, *others = map(Image.fromarray, frames)
    if path.suffix == ".webp":
        settings = {"lossless": True, **settings}
    first.save(path, save_all=True, append_images=others, **settings)
    return path


def by_pillow(path: Path) -> tuple[list[Bytes], list[float], Any]:
    """Return the frames (H, W, 3 or 4), their times in ms, and the loop count, as Pillow reads them."""
    frames, times = [], []
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            frames.append(
                np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
            )
            times.append(image.info.get("duration", 0))
        return frames, times, image.info.get("loop")


def frames_by_ffmpeg(path: Path, size: tuple[int, int], *, pixels: str = "rgba") -> NDArray[Any]:
    """Return the frames (n, H, W, 4) as FFmpeg shows them, each once."""
    words = (
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-ignore_loop", "1"]
        if path.suffix == ".gif"
        else [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error"]
    )
    words += [
        "-i",
        str(path),
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
        "-pix_fmt",
        pixels,
        "-",
    ]
    done = subprocess.run(words, capture_output=True, check=True)
    deep = "64" in pixels
    return np.frombuffer(done.stdout, "<u2" if deep else np.uint8).reshape(-1, *size, 4)
