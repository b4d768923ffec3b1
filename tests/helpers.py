"""What the tests of several modules need: pictures, profiles, folder trees, scripts, and work for processes."""

import io
import multiprocessing
import multiprocessing.connection
import os
import re
import resource
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from color.arrays import Bytes
from color.guidance import Guidance, Hint
from photo.icc import srgb_profile


def landscape(height: int, width: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = cv2.resize(rng.random((9, 9), np.float32), (width, height), interpolation=1)
    return ((0.9 * smooth + 0.1 * rng.random((height, width))) * np.iinfo(dtype).max).astype(dtype)


def asked(
    *,
    hints: Iterable[Sequence[float]] | None = None,
    palette: Iterable[str] = (),
    guidance: float | None = None,
    **rest: Any,
) -> Guidance:
    """Ask for colors: hints as (x, y, a, b), how much the rest counts as the commands name it."""
    points = tuple(Hint(x, y, (a, b)) for x, y, a, b in hints or ())
    return Guidance(points, palette=tuple(palette), strength=guidance, **rest)


def colored(gray: np.ndarray) -> np.ndarray:
    """Make a sepia scan of a gray picture."""
    shares = np.array([1.0, 0.88, 0.7])
    return (gray[..., None] * shares).astype(gray.dtype)


def gray_profile(gamma: float) -> bytes:
    """Build a minimal gray ICC profile with one gamma."""
    curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256)) + b"\0\0"
    tags = struct.pack(">I4sII", 1, b"kTRC", 144, len(curve))
    header = bytearray(128)
    header[12:16], header[16:20], header[20:24], header[36:40] = b"scnr", b"GRAY", b"XYZ ", b"acsp"
    profile = bytes(header) + tags + curve
    return struct.pack(">I", len(profile)) + profile[4:]


def flat_profile() -> bytes:
    curve = struct.pack(">4sIHH3i", b"para", 0, 1, 0, 2 << 16, 0, 0)
    return gray_profile(2)[:132] + struct.pack(">4sII", b"kTRC", 144, len(curve)) + curve


def swapped_profile() -> bytes:
    """Make sRGB's profile with its red and blue exchanged."""
    names = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    return re.sub(b"[rb]XYZ", lambda found: names[found[0]], srgb_profile())


def write_photos(folder: Path, number: int) -> list[Path]:
    """Write small photos into a new folder, the last into a folder below it."""
    (folder / "deeper").mkdir(parents=True)
    paths = [folder / f"{i}.png" for i in range(number - 1)] + [folder / "deeper" / "last.jpg"]
    for seed, path in enumerate(paths):
        Image.fromarray(landscape(40, 50, seed=seed)).save(path)
    return paths


def gray_twice(gray: np.ndarray) -> np.ndarray:
    """Stand in for the network."""
    return np.repeat(gray[..., None], 3, axis=-1)


def scene(height: int, width: int) -> NDArray[np.uint8]:
    """Red grows to the right, green downward; so a place is known by its color."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 / width, y * 255 / height, 0 * x + 90], axis=-1).astype(np.uint8)


def write_tree(root: Path, files: Mapping[str, bytes], *, loop_in: str) -> None:
    """Write files below root, and in one of its folders a link that leads back to root."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / loop_in / "loop").symlink_to(root)


def soft_squares(count: int) -> list[Bytes]:
    """Make soft, colorful pictures (64, 64, 3)."""
    small = np.random.default_rng(3).integers(20, 236, (count, 5, 5, 3), dtype=np.uint8)
    return [cv2.resize(rgb, (64, 64), interpolation=cv2.INTER_LINEAR) for rgb in small]


def tree(root: Path) -> dict[str, bytes]:
    """Read every file below root, the loop left out."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "loop" not in path.parts
    }


def files_and_folders(root: Path) -> dict[str, bytes | None]:
    """Read every file below root; folders have no content."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }


def with_slow(quick: Iterable[str], every: Iterable[str]) -> list[Any]:
    """Return all names as parameters; those that are not among the quick ones are for the slow tests."""
    chosen = set(quick)
    return [
        name if name in chosen else pytest.param(name, marks=pytest.mark.slow) for name in every
    ]


@contextmanager
def disk_full_at(room_bytes: int) -> Iterator[None]:
    """Let no file in the block become longer, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def wait_for(condition: Callable[[], object], *, limit_s: float = 60) -> None:
    """Ask again and again until a condition holds; the one place where tests sleep."""
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def texture(rng: np.random.Generator, height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    """A gray picture with detail at several scales, as optical flow wants it."""
    layers = [
        cv2.resize(rng.uniform(0, 255, (n, n)), (width, height), interpolation=cv2.INTER_CUBIC)
        for n in (4, 12, 30)
    ]
    return np.clip(np.mean(layers, axis=0), 0, 255).astype(np.uint8)


def tinted(gray: NDArray[np.uint8], tint: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Color a gray picture: darker, and lifted by one color."""
    half = gray[..., None] // 2
    return (half + np.array(tint, np.uint8)).astype(np.uint8)


NO_BROWSER = "the page was NOT tried in a browser"


def no_browser(what_to_do: str) -> str:
    """Return the reason of a skipped test of the page, which the summary repeats."""
    return f"{NO_BROWSER}: {what_to_do}"


def wait_in(folder: Path, item: int) -> int:
    """Signal that the item is in progress, and wait until the test releases it."""
    (folder / f"{item} begun").touch()
    while not (folder / "go").exists():
        multiprocessing.connection.wait([], 0.01)
    (folder / f"{item} done").touch()
    return item


def colorful(seed: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Return large soft patches of random color."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def jpeg(rgb: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def run_script(main: Callable[[], int], *words: object, patch: pytest.MonkeyPatch) -> int:
    """Run a script's main() as if it had been started with these words."""
    patch.setattr("sys.argv", ["a script", *map(str, words)])
    return main()


def process_of(item: int) -> int:
    return os.getpid()


def by_ffmpeg(path: Path, shape: tuple[int, ...], *, pixels: str = "gray") -> NDArray[Any]:
    """Decode a picture with FFmpeg, which is a second opinion on what is in it: pixels of its format `pixels`."""
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-frames:v", "1"]
    words += ["-f", "rawvideo", "-pix_fmt", pixels, "-"]
    done = subprocess.run(words, capture_output=True, check=True)
    return np.frombuffer(
        done.stdout, "<u2" if "16" in pixels or "48" in pixels else np.uint8
    ).reshape(shape)
