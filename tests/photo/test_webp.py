"""Animated WebPs are read alike by Pillow, that is, by Google's own decoder."""

from pathlib import Path

import numpy as np
import pytest
from animations import by_pillow
from helpers import colored, landscape
from PIL import Image

from photo.icc import srgb_profile
from photo.webp import WebpWriter

SIZE = (48, 61)
FRAMES = [
    np.asarray(Image.fromarray(colored(landscape(8, 8, seed=seed))).resize(SIZE[::-1]))
    for seed in range(3)
]


def write(path: Path, frames: list[np.ndarray], times: list[float], *, plays: int = 0) -> Path:
    exif = Image.Exif()
    exif[270] = "a film"
    with path.open("wb") as file:
        writer = WebpWriter(
            file, size=SIZE, alpha=frames[0].shape[2] == 4, plays=plays, quality=95, icc=srgb_profile(),
            exif=exif.tobytes().removeprefix(b"Exif\0\0"), xmp=b"<x:xmpmeta/>",
        )  # fmt: skip
        for frame, time in zip(frames, times, strict=True):
            writer.write(np.ascontiguousarray(frame), (0, 0), time)
        writer.close()
    return path


@pytest.mark.parametrize("plays", [0, 1, 7])
@pytest.mark.parametrize("transparent", [False, True])
def test_frames_times_and_metadata_are_read(tmp_path: Path, plays: int, transparent: bool) -> None:
    alpha = landscape(*SIZE, seed=9) | np.uint8(128)
    frames = [np.dstack([frame, alpha]) if transparent else frame for frame in FRAMES]
    path = write(tmp_path / "a.webp", frames, [40, 33.4, 100_000], plays=plays)
    found, times, loop = by_pillow(path)
    assert (times, loop) == ([40, 33, 100_000], plays)
    for frame, expected in zip(found, FRAMES, strict=True):
        shown = alpha > 200 if transparent else np.ones(SIZE, bool)
        assert np.abs(frame[..., :3].astype(int) - expected)[shown].mean() < 3
        if transparent:
            np.testing.assert_array_equal(frame[..., 3], alpha)
    with Image.open(path) as image:
        assert (image.getexif()[270], image.info["xmp"]) == ("a film", b"<x:xmpmeta/>")
        assert image.info["icc_profile"] == srgb_profile()
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8


def test_a_part_replaces_what_was_there(tmp_path: Path) -> None:
    with (tmp_path / "a.webp").open("wb") as file:
        writer = WebpWriter(
            file, size=SIZE, alpha=True, plays=0, quality=95, icc=b"", exif=b"", xmp=b""
        )
        first = np.dstack([FRAMES[0], np.full(SIZE, 255, np.uint8)])
        writer.write(first, (0, 0), 40)
        writer.write(np.zeros((11, 21, 4), np.uint8), (6, 10), 40)
        writer.close()
    _, second = by_pillow(tmp_path / "a.webp")[0]
    assert (second[6:17, 10:31, 3] == 0).all()
    assert (second[..., 3] == 0).sum() == 11 * 21
