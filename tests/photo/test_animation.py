"""Animations keep their frames, times and lightness, and get steady colors; what is in color is left."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from animations import SIZE, ball_frames, by_pillow, write_animation
from helpers import colorful, gray_twice
from PIL import Image

from photo.animation import PLAYS, TIMES
from photo.apng import ApngWriter, shown_frames
from photo.batch import PHOTOS, colorize_photos
from photo.inputs import Result, Task, plan
from photo.marks import mark_in
from photo.options import PhotoOptions, read_span

GRAYS = ball_frames()
TIMES_MS = [50, 120, 30, 70, 200]


class Shot:
    """Colors all frames of a shot by its first one: red if that is light below, else blue."""

    def __call__(self, gray: np.ndarray) -> np.ndarray:
        raise AssertionError("frames are not colorized one by one")

    def frames(self, grays: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        kept = list(grays)  # far ahead
        for number, gray in enumerate(kept):
            rgb = gray_twice(gray)
            rgb[..., 2] = rgb[..., 2] // 2 + number
            yield rgb


def colorized(source: Path, target: Path, *pages: str, by: Any = Shot, **options: bool) -> Result:
    chosen = PhotoOptions(pages=tuple(map(read_span, pages)), **options)
    (result,) = colorize_photos([Task(source, target)], by, options=chosen)
    assert result.error is None, result.error
    return result


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
@pytest.mark.parametrize("target", ["out.png", "out.webp", "out.avif"])
def test_all_frames_are_colorized_with_their_times(
    tmp_path: Path, suffix: str, target: str
) -> None:
    source = write_animation(tmp_path / f"a{suffix}", GRAYS, duration=TIMES_MS, loop=0)
    result = colorized(source, tmp_path / target)
    assert result.notes in {(), (f"{tmp_path / target}: written as an animated PNG, since a GIF has 256 colors only",)}  # fmt: skip
    frames, times, loop = by_pillow(tmp_path / target)
    assert times == TIMES_MS
    assert loop in ({None} if target == "out.avif" else {0})
    for number, (frame, gray) in enumerate(zip(frames, GRAYS, strict=True)):
        error = np.abs(frame[..., 0].astype(int) - gray)
        assert error.max() == 0 if target == "out.png" else error.mean() < 6
        if target == "out.png":
            np.testing.assert_array_equal(frame[..., 2], gray // 2 + number)
    facts = result.facts
    assert facts is not None
    assert (facts.pages, facts.width, facts.height, facts.in_color) == (5, *SIZE[::-1], False)
    assert mark_in(tmp_path / target) == PHOTOS.mark_of(source)


def test_a_gif_becomes_an_animated_png(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "a.gif", GRAYS, duration=50, loop=2)
    (task,) = plan([str(source)], kind=PHOTOS).tasks
    result = colorized(task.source, task.target)
    assert task.target.name == "a.color.png"
    assert result.notes == (
        f"{task.target}: written as an animated PNG, since a GIF has 256 colors only",
    )
    assert by_pillow(task.target)[2] == 3, "two repetitions are three plays"
    with Image.open(source) as image:
        image.save(tmp_path / "one.gif")
    still = colorized(tmp_path / "one.gif", tmp_path / "one.png", by=lambda: gray_twice)
    assert still.notes == (f"{tmp_path / 'one.png'}: written as PNG, since .gif is not written",)


def test_transparency_is_kept_in_each_frame(tmp_path: Path) -> None:
    alphas = [255 * (np.mgrid[: SIZE[0], : SIZE[1]][1] > 5 * n).astype(np.uint8) for n in range(5)]
    frames = [np.dstack([gray] * 3 + [alpha]) for gray, alpha in zip(GRAYS, alphas, strict=True)]
    source = write_animation(tmp_path / "a.png", frames, duration=50, disposal=1, blend=0)
    colorized(source, tmp_path / "b.png")
    for frame, alpha in zip(by_pillow(tmp_path / "b.png")[0], alphas, strict=True):
        np.testing.assert_array_equal(frame[..., 3], alpha)


def test_an_animation_in_color_is_left(tmp_path: Path) -> None:
    colors = [colorful(seed, 120, 160) for seed in range(3)]
    source = write_animation(tmp_path / "a.png", colors, duration=50)
    result = colorized(source, tmp_path / "b.png")
    np.testing.assert_array_equal(by_pillow(tmp_path / "b.png")[0], colors)
    said = "has color and was left unchanged: -recolor colorizes it"
    assert result.notes == (f"{tmp_path / 'b.png'}: {said}",)
    assert result.facts is not None
    assert result.facts.in_color
    colorized(source, tmp_path / "c.png", recolor=True)
    assert np.abs(np.array(by_pillow(tmp_path / "c.png")[0]).astype(int) - colors).mean() > 5


def test_chosen_frames_are_an_animation_and_one_is_a_photo(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "a.gif", GRAYS, duration=TIMES_MS)
    colorized(source, tmp_path / "b.png", "2", "4-")
    frames, times, _ = by_pillow(tmp_path / "b.png")
    assert times == [120, 70, 200]
    np.testing.assert_array_equal(frames[1][..., 0], GRAYS[3])
    colorized(source, tmp_path / "c.jpg", "3", by=lambda: gray_twice)
    with Image.open(tmp_path / "c.jpg") as image:
        assert np.abs(np.asarray(image.convert("L")).astype(int) - GRAYS[2]).mean() < 2


def test_frames_can_be_the_pages_of_a_tiff(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "a.gif", GRAYS, duration=TIMES_MS)
    result = colorized(source, tmp_path / "b.tif")
    assert result.notes == (f"{tmp_path / 'b.tif'} lacks {TIMES}",)
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        for page, gray in zip(tiff.pages, GRAYS, strict=True):
            np.testing.assert_array_equal(page.asarray()[..., 0], gray)


def test_what_an_avif_does_not_say_is_named(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "a.png", GRAYS, duration=50, loop=3)
    result = colorized(source, tmp_path / "b.avif")
    assert result.notes == (f"{tmp_path / 'b.avif'} lacks {PLAYS}",)


def test_16_bits_stay_16_bits(tmp_path: Path) -> None:
    deep = [gray.astype(np.uint16) * 257 + 3 for gray in GRAYS]
    with (tmp_path / "a.png").open("wb") as file:
        writer = ApngWriter(file, size=SIZE, depth=16, alpha=False, total=5, plays=0, chunks=b"")
        for gray in deep:
            writer.write(gray_twice(gray), (0, 0), 40)
        writer.close()
    result = colorized(tmp_path / "a.png", tmp_path / "b.png", by=lambda: gray_twice)
    np.testing.assert_array_equal(
        [frame[..., 0] for frame, _ in shown_frames(tmp_path / "b.png")], deep
    )
    assert result.facts is not None
    assert result.facts.depth == 16


def test_frames_are_compared_side_by_side(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "a.gif", GRAYS, duration=50)
    colorized(source, tmp_path / "b.png", compare=True)
    frames, _, _ = by_pillow(tmp_path / "b.png")
    for frame, gray in zip(frames, GRAYS, strict=True):
        assert frame.shape == (SIZE[0], 2 * SIZE[1], 3)
        np.testing.assert_array_equal(frame[:, : SIZE[1]], gray_twice(gray))


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_of_a_truncated_animation_what_is_left_is_colorized(tmp_path: Path, suffix: str) -> None:
    source = write_animation(tmp_path / f"a{suffix}", GRAYS, duration=50)
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * 0.9)])
    result = colorized(source, tmp_path / "b.webp")
    found = re.search(r"b\.webp: frame (\d) of \d cannot be read: it and all after it are left out$", result.notes[0])  # fmt: skip
    assert found
    assert len(by_pillow(tmp_path / "b.webp")[0]) == int(found[1]) - 1 >= 2


def test_a_colorizer_of_single_pictures_colorizes_each_frame(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "a.gif", GRAYS, duration=50)
    colorized(source, tmp_path / "b.png", by=lambda: gray_twice)
    np.testing.assert_array_equal(
        [frame[..., 0] for frame in by_pillow(tmp_path / "b.png")[0]], GRAYS
    )
