"""Animations are whole or not there, and each frame has only what changed."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from animations import SIZE, ball_frames, by_pillow
from helpers import gray_twice
from PIL import Image

from photo.marks import mark_in
from photo.read import Photo
from photo.write import fitting
from photo.write_animation import animation, changed

FRAMES = [gray_twice(gray) for gray in ball_frames()]
MARK = "colorizer 1.2.3: of 0123456789abcdef, with 01234567"


def settings(**others: Any) -> dict[str, Any]:
    plain = {"size": SIZE, "deep": False, "alpha": False, "total": 5, "plays": 2, "quality": 95}
    return {**plain, **others}


def metadata() -> Photo:
    exif = Image.Exif()
    exif[270] = "a film"
    return Photo(FRAMES[0][..., 0], exif=exif, xmp=b"<x:xmpmeta/>", mark=MARK)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".avif"])
def test_every_format_has_the_frames_and_the_metadata(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    like, dropped = fitting(metadata(), {".png": "PNG", ".webp": "WEBP", ".avif": "AVIF"}[suffix])
    assert dropped == []
    with animation(path, like, **settings()) as write:
        for number, frame in enumerate(FRAMES):
            write(frame, 40.0 + number)
    frames, times, loop = by_pillow(path)
    assert times == [40, 41, 42, 43, 44]
    assert loop == (None if suffix == ".avif" else 2)
    for frame, expected in zip(frames, FRAMES, strict=True):
        error = np.abs(frame.astype(int) - expected).mean()
        assert error == 0 if suffix == ".png" else error < 3
    assert mark_in(path) == MARK
    with Image.open(path) as image:
        assert image.getexif()[270] == "a film"
        assert image.info.get("xmp") == b"<x:xmpmeta/>"
        assert image.info["icc_profile"]


def test_what_does_not_change_is_not_written_again(tmp_path: Path) -> None:
    like, _ = fitting(metadata(), "PNG")
    for name, frames in (("still", FRAMES[:1] * 5), ("moving", FRAMES)):
        with animation(tmp_path / f"{name}.png", like, **settings()) as write:
            for frame in frames:
                write(frame, 40)
    frames, times, _ = by_pillow(tmp_path / "still.png")
    assert (len(frames), times) == (5, [40] * 5)
    np.testing.assert_array_equal(frames, FRAMES[:1] * 5)
    sizes = [(tmp_path / f"{name}.png").stat().st_size for name in ("still", "moving")]
    assert sizes[0] < sizes[1] < 2.5 * sizes[0]


def test_the_part_that_changed_is_found() -> None:
    before = np.zeros((20, 30, 3), np.uint8)
    frame = before.copy()
    frame[5:9, 7:12, 1] = 1
    assert changed(frame, before, step=1) == (slice(5, 9), slice(7, 12))
    assert changed(frame, before, step=2) == (slice(4, 9), slice(6, 12))
    assert changed(frame, frame, step=2) == (slice(0, 1), slice(0, 1))
    assert changed(frame, None, step=2) == (slice(0, 20), slice(0, 30))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".avif"])
def test_an_interrupted_animation_is_not_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"a{suffix}"
    with contextlib.suppress(KeyboardInterrupt), animation(path, metadata(), **settings()) as write:
        write(FRAMES[0], 40)
        raise KeyboardInterrupt
    assert not path.parent.exists()


def test_too_large_a_frame_is_refused_in_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"WEBP holds at most 16383 pixels a side: use \.png"),
        animation(tmp_path / "a.webp", metadata(), **settings(size=(10, 16384))),
    ):
        pass
