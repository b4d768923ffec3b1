"""Frames are those that viewers show, whatever a file stores of them; FFmpeg is the second opinion."""

from pathlib import Path

import numpy as np
import pytest
from animations import SIZE, ball_frames, frames_by_ffmpeg, write_animation
from helpers import colorful
from PIL import Image

from photo.frames import read_frames, survey
from photo.pages import several_in

GRAYS = ball_frames()


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_frames_have_their_lightness_and_times(tmp_path: Path, name: str) -> None:
    path = write_animation(tmp_path / name, GRAYS, duration=[50, 120, 30, 70, 200], loop=0)
    found = [*read_frames(path, range(5))]
    assert [duration for _, duration in found] == [50, 120, 30, 70, 200]
    for (photo, _), gray in zip(found, GRAYS, strict=True):
        np.testing.assert_array_equal(photo.gray, gray)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_gifs_are_composited_as_they_say(tmp_path: Path, disposal: int) -> None:
    """Each frame after the first is a small picture with a transparent ground, laid over what its disposal left."""
    path = tmp_path / "a.gif"
    frames = []
    for number in range(4):
        image = Image.new("P", SIZE[::-1], 0)
        image.putpalette([200, 0, 0, 0, 160, 0, 0, 0, 255, 90, 90, 90])
        image.paste(1 + number % 3, (5 * number, 4 * number, 5 * number + 15, 4 * number + 10))
        image.info["transparency"] = 0
        frames.append(image)
    frames[0].save(path, save_all=True, append_images=frames[1:], disposal=disposal, duration=100, loop=0, transparency=0, optimize=False)  # fmt: skip
    expected = frames_by_ffmpeg(path, SIZE)
    assert len(expected) == 4
    for (photo, _), rgba in zip(read_frames(path, range(4)), expected, strict=True):
        assert photo.rgb is not None
        shown = rgba[..., 3] > 0
        alpha = np.full(SIZE, 255, np.uint8) if photo.alpha is None else photo.alpha
        np.testing.assert_array_equal(alpha > 0, shown)
        np.testing.assert_array_equal(photo.rgb[shown], rgba[shown][:, :3])


@pytest.mark.parametrize(
    ("name", "settings", "plays"),
    [
        ("a.gif", {}, 1), ("a.gif", {"loop": 0}, 0), ("a.gif", {"loop": 3}, 4), ("a.png", {"loop": 3}, 3), ("a.png", {}, 0),
        ("a.webp", {"loop": 0}, 0), ("a.webp", {"loop": 5}, 5), ("a.avif", {}, 0),
    ],
)  # fmt: skip
def test_how_often_an_animation_is_played_is_read(
    tmp_path: Path, name: str, settings: dict[str, int], plays: int
) -> None:
    path = write_animation(tmp_path / name, GRAYS, duration=50, **settings)
    assert survey(path, range(5)).plays == plays


def test_a_first_picture_that_is_no_frame_is_left_out(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "a.png", GRAYS, duration=50, default_image=True)
    found = [*read_frames(path, range(4))]
    np.testing.assert_array_equal(found[0][0].gray, GRAYS[1])
    assert survey(path, range(4)).durations_ms == [50] * 4


def test_some_frames_are_read_alone(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "a.gif", GRAYS, duration=[10, 20, 30, 40, 50])
    found = [*read_frames(path, [1, 4])]
    assert [duration for _, duration in found] == [20, 50]
    np.testing.assert_array_equal(found[1][0].gray, GRAYS[4])


def test_an_animation_is_judged_as_a_whole(tmp_path: Path) -> None:
    colors = [colorful(seed, 120, 160) for seed in range(3)]
    grays = [np.dstack([frame[..., 0]] * 3) for frame in colors]
    assert survey(write_animation(tmp_path / "a.webp", colors, duration=50), range(3)).in_color
    assert not survey(write_animation(tmp_path / "b.webp", grays, duration=50), range(3)).in_color
    mixed = [*grays, *grays, colors[0]]
    assert not survey(write_animation(tmp_path / "c.webp", mixed, duration=50), range(7)).in_color


def test_transparency_of_any_frame_is_found(tmp_path: Path) -> None:
    solid = [np.dstack([gray] * 3 + [np.full(SIZE, 255, np.uint8)]) for gray in GRAYS]
    assert not survey(write_animation(tmp_path / "a.png", solid, duration=50), range(5)).transparent
    solid[3][20:, :, 3] = 0
    assert survey(write_animation(tmp_path / "b.png", solid, duration=50), range(5)).transparent


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_what_follows_a_damaged_frame_is_not_read(tmp_path: Path, name: str) -> None:
    path = write_animation(tmp_path / name, GRAYS, duration=50)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.9)])
    total = several_in(path).total
    left = len(survey(path, range(total)).durations_ms)
    assert 2 <= left < total <= 5
    for (photo, _), gray in zip(read_frames(path, range(left)), GRAYS, strict=False):
        np.testing.assert_array_equal(photo.gray, gray)
    with pytest.raises(ValueError, match=rf"{name}: frame {total} cannot be read: choose others"):
        survey(path, [total - 1])
