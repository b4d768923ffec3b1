"""What keyframes reach is found along the motion, and shown."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from helpers import texture

from color.arrays import Bytes
from color.segment import Keyframe
from film.guidance import FrameColors, ShotGuidance
from film.keyframe_preview import (
    frames_toward,
    keyframe_picture,
    keyframed_frame,
    reach_of,
    reach_picture,
    traced_shot,
)
from film.preview import frame_gray
from film.probe import probe
from gray2color import Colorizer
from prior.lab import rgb2lab

SIZE = (128, 192)
FRAMES, STEP = 25, 4


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film whose last frame shows half of what the first one shows."""
    scene = texture(np.random.default_rng(4), SIZE[0], 2 * SIZE[1])
    path = tmp_path_factory.mktemp("film") / "pan.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "gray"
        for i in range(FRAMES):
            gray = np.ascontiguousarray(scene[:, STEP * i : STEP * i + SIZE[1]])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(gray, format="gray")))
        container.mux(stream.encode())
    return path


def test_what_leaves_the_picture_is_not_reached(pan: Path) -> None:
    found = reach_of(probe(pan), (0, FRAMES), [0])
    assert found.frame == FRAMES - 1
    assert 0.35 < found.reached.mean() < 0.65  # half of it was not in the keyframe
    assert found.share == pytest.approx(0.75, abs=0.1)


def test_more_keyframes_reach_more(pan: Path) -> None:
    one, two = (reach_of(probe(pan), (0, FRAMES), keys).share for keys in ([0], [0, FRAMES - 1]))
    assert two > one + 0.1


def test_a_traced_shot_tells_what_other_keyframes_reach(pan: Path) -> None:
    shot = traced_shot(probe(pan), (0, FRAMES))
    for keys in ([0], [FRAMES - 1], [0, FRAMES - 1]):
        assert shot.reached(keys).mean() == pytest.approx(
            reach_of(probe(pan), (0, FRAMES), keys).share
        )
    assert shot.numbers[shot.nearest(7)] == 7


def test_only_places_that_are_not_reached_are_tinted() -> None:
    gray = texture(np.random.default_rng(0), *SIZE)
    reached = np.zeros((SIZE[0] // 2, SIZE[1] // 2), bool)
    reached[:, : SIZE[1] // 4] = True
    rgb = reach_picture(gray, reached)
    assert np.array_equal(rgb[:, :90], np.repeat(gray[:, :90, None], 3, axis=-1))
    assert (rgb[:, 100:, 0].astype(int) - rgb[:, 100:, 2]).min() > 10


@pytest.mark.parametrize("larger", [1, 2])
def test_a_keyframe_is_shown_with_its_own_colors(larger: int) -> None:
    gray: Bytes = np.clip(texture(np.random.default_rng(0), *SIZE), 60, 190)
    size = tuple(side * larger for side in SIZE)
    ab = np.dstack([np.full(size, 20, np.float32), np.full(size, -20, np.float32)])
    share = np.zeros(size, np.float32)
    share[:, : size[1] // 2] = 1
    shown = rgb2lab(keyframe_picture(Keyframe(0, gray, ab, share)))[..., 1:]
    assert np.median(np.abs(shown[:, :80] - (20, -20))) < 1
    assert np.median(np.abs(shown[:, 110:])) < 1


@pytest.mark.parametrize(
    ("number", "keyframes", "through"),
    [(5, [5, 90], [5]), (4, [0], [0, 4]), (30, [0], [0, 10, 20, 30]), (40, [0, 41], [0, 13, 27, 40, 41])],
)  # fmt: skip
def test_colors_are_carried_through_a_few_frames(
    number: int, keyframes: list[int], through: list[int]
) -> None:
    assert frames_toward(number, keyframes) == through


def test_a_frame_gets_the_colors_of_its_shot_s_keyframe_where_that_reaches(
    pan: Path, colorizer: Colorizer
) -> None:
    film = replace(probe(pan), working_side=SIZE[0])
    first, last = (frame_gray(film, n, short_side=SIZE[0]) for n in (0, FRAMES - 1))
    ab = np.zeros((*SIZE, 2), np.float32)
    ab[..., 0] = 30
    key = Keyframe(0, first, ab, np.ones(SIZE, np.float32))
    shot = ShotGuidance(0, FRAMES, keyframes=(FrameColors(0, Path("key.png"), "0"),))
    own, later = (
        rgb2lab(keyframed_frame(film, n, gray, shot, {0: key}, colorizer))
        for n, gray in ((0, first), (FRAMES - 1, last))
    )
    assert np.abs(own[..., 1] - 30).mean() < 3
    reached, new = later[:, : SIZE[1] // 3, 1], later[:, -SIZE[1] // 4 :, 1]
    assert np.abs(reached - 30).mean() < 6
    assert np.abs(new - 30).mean() > np.abs(reached - 30).mean()
