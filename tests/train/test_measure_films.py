"""Films are measured as released: by shots and segments, compared with the truth along its own motion."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import texture, tinted

from color.arrays import Bytes, Floats
from film.shots import Thumbnail, segments, shrink
from image.toning import NOTHING_LEFT
from model.steady import ANCHOR_EVERY
from prior.lab import rgb2lab
from train import measure_films
from train.measure_films import (
    Shot,
    colorize_shot,
    hinted,
    measure_film,
    read_frames,
    referenced,
    shots,
)
from train.method import GRAY, Method
from train.table import records

SIZE = (48, 64)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def pan(rng: np.random.Generator, frames: int, tint: tuple[int, int, int]) -> list[Bytes]:
    """Return a tinted texture that moves one pixel per frame."""
    scene = tinted(texture(rng, SIZE[0], SIZE[1] + frames), tint)
    return [scene[:, i : i + SIZE[1]].copy() for i in range(frames)]


def truth(shot: Shot) -> Floats:
    return np.stack([rgb2lab(frame.rgb)[..., 1:] for frame in shot.own])


def flickering(shot: Shot) -> Floats:
    jump = np.float32([-4, 4])[np.array(shot.numbers) % 2]
    return truth(shot) + jump[:, None, None, None]


def test_the_truth_exceeds_itself_in_nothing(rng: np.random.Generator) -> None:
    scene = np.dstack([texture(rng, 48, 96) for _ in range(3)])
    film = [scene[:, i // 2 : i // 2 + 64].copy() for i in range(28)]
    (own, same, wild), _ = measure_film([truth, flickering], film)
    for apart in ("", "_8", "_16"):
        assert getattr(own, f"warp_error{apart}") < 0.5  # colors that do not move have 3 or more
        assert getattr(own, f"excess{apart}") == 0
        assert getattr(same, f"warp_error{apart}") > 0
        assert getattr(same, f"excess{apart}") == pytest.approx(0, abs=0.01)
    assert same.psnr > 55
    assert same.ciede2000 < 0.05
    assert wild.excess > 5
    assert wild.psnr < same.psnr
    assert wild.ciede2000 > 1
    assert wild.cdc > same.cdc


def test_frames_far_apart_are_compared_with_the_right_ones(rng: np.random.Generator) -> None:
    def drifting(shot: Shot) -> Floats:
        numbers = np.array(shot.numbers, np.float32)[:, None, None, None]
        return truth(shot) + 0.5 * numbers * np.float32([0, 1])

    still = [tinted(texture(rng, *SIZE), (60, 60, 60))] * 26
    (own, drift), _ = measure_film([drifting], still)
    assert (own.warp_error, own.warp_error_16) == (0, 0)
    assert drift.warp_error == pytest.approx(0.5, abs=1e-3)
    assert drift.warp_error_8 == drift.excess_8 == pytest.approx(4, abs=1e-3)
    assert drift.warp_error_16 == pytest.approx(8, abs=1e-3)


def test_pairs_far_apart_are_not_all_of_keyframes() -> None:
    assert np.gcd(measure_films.FAR_EVERY, ANCHOR_EVERY) == 1


def test_nothing_is_compared_across_cuts(rng: np.random.Generator) -> None:
    film = [*pan(rng, 12, (90, 60, 20)), *pan(rng, 9, (20, 60, 90)), *pan(rng, 20, (90, 60, 20))]

    def one_color_for_each_shot(shot: Shot) -> Floats:
        return np.full((len(shot.own), 8, 8, 2), 10 - 10 * shot.shot, np.float32)

    (own, ours), _ = measure_film([one_color_for_each_shot], film)
    assert (own.frames, own.cuts, ours.cuts) == (41, 2, 2)
    for apart in ("", "_8", "_16"):
        assert getattr(ours, f"warp_error{apart}") < 0.2
    assert own.warp_error < 2
    assert ours.cdc < 0.05


@pytest.fixture
def two_shots(rng: np.random.Generator) -> list[Bytes]:
    """Return two gray shots of 60 and 36 frames."""
    return [*pan(rng, 60, (60, 60, 60)), *pan(rng, 36, (60, 60, 60))]


def test_shots_are_those_of_the_film_pipeline(two_shots: list[Bytes]) -> None:
    thumbnails = [Thumbnail(shrink(rgb[..., 0]), lambda: NOTHING_LEFT) for rgb in two_shots]
    records = list(segments(thumbnails, count=100 * len(two_shots)))
    for shot, record in zip(shots(two_shots), records, strict=True):
        assert shot.numbers == range(record.first, record.first + record.count)
        segment = shot.segment
        assert segment.numbers == shot.numbers
        assert (segment.shot, segment.number) == (record.shot, record.number)
        assert len(segment.after) == 0
        # The gray copy of a gray film is byte-identical.
        np.testing.assert_array_equal(segment.frames, [two_shots[i][..., 0] for i in shot.numbers])


def test_a_shot_too_long_for_memory_counts_as_several(
    two_shots: list[Bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_films, "LONGEST", 50)
    found = [(shot.numbers, shot.shot) for shot in shots(two_shots)]
    assert found == [(range(50), 0), (range(50, 60), 1), (range(60, 96), 2)]


def test_steady_colors_are_measured_steadier(rng: np.random.Generator) -> None:
    noise = np.random.default_rng(0)

    def flickering_network(planes: Floats, palette: Floats, temperature: float) -> Floats:
        tints = noise.normal(0, 10, (len(planes), 2, 1, 1)).astype(np.float32)
        shape = (len(planes), 3, planes.shape[2] // 4, planes.shape[3] // 4)
        chroma = np.hypot(tints[:, :1], tints[:, 1:])
        return np.broadcast_to(np.concatenate([tints, chroma], axis=1), shape)

    film = [cv2.resize(rgb, (128, 96)) for rgb in pan(rng, 48, (20, 60, 90))]
    methods = [GRAY] + [Method(flickering_network, 64, steady=steady) for steady in (0, 1)]
    colorizers = [partial(colorize_shot, method) for method in methods]
    (_, gray, jumping, steady), _ = measure_film(colorizers, film)
    assert gray.warp_error == 0
    assert gray.colorfulness < 0.1 < 5 < jumping.colorfulness
    assert jumping.warp_error > 5 * steady.warp_error
    assert jumping.warp_error_8 > 3 * steady.warp_error_8
    assert steady.ms_per_frame > 0


@pytest.fixture
def film(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Write twelve frames, 64x48, of a tinted texture that moves one pixel per frame."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, SIZE[::-1])
    for bgr in pan(rng, 12, (20, 60, 90)):
        writer.write(bgr)
    writer.release()
    return path


def test_frames_come_at_the_wanted_size_and_in_rgb(film: Path) -> None:
    frames = list(read_frames(film, short_px=96))
    assert len(frames) == 12
    assert {frame.shape for frame in frames} == {(96, 128, 3)}
    assert frames[0][..., 0].mean() > frames[0][..., 2].mean() + 40  # written as blue 20, red 90
    assert len(list(read_frames(film, short_px=96, limit=5))) == 5


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "film.mp4"
    broken.write_bytes(b"not a film at all")
    for path in (broken, tmp_path / "absent.mp4"):
        with pytest.raises(ValueError, match="cannot be opened as a film"):
            list(read_frames(path, short_px=96))
    with pytest.raises(ValueError, match="no frame"):
        measure_film([], [])


def test_a_strip_is_spread_over_the_first_shot_that_is_long_enough(
    rng: np.random.Generator,
) -> None:
    film = [*pan(rng, 12, (90, 60, 20)), *pan(rng, 36, (20, 60, 90)), *pan(rng, 40, (60, 60, 60))]
    _, strip = measure_film([truth], film)
    assert strip is not None
    assert strip.shape == (2 * SIZE[0] + 4, 8 * SIZE[1] + 7 * 4, 3)
    last = strip[SIZE[0] + 4 :]
    for i in range(8):
        shown = last[:, i * (SIZE[1] + 4) :][:, : SIZE[1]]
        np.testing.assert_array_equal(shown, film[12 + 5 * i])
    assert measure_film([truth], film[:40])[1] is None


def test_hints_on_the_first_frame_follow_the_motion(rng: np.random.Generator) -> None:
    film = [cv2.resize(rgb, (128, 96)) for rgb in pan(rng, 24, (20, 60, 90))]
    (shot,) = shots(film)
    guided = hinted(shot, 6, seed=0)
    assert guided.guidance is not None
    assert list(np.flatnonzero(guided.guidance.hinted)) == [0]
    first, later = guided.guidance.hints[0], guided.guidance.hints[10]
    assert first.shape == (6, 4)
    for x, y, *ab in later:
        color = rgb2lab(film[10][round(y), round(x)])[1:]
        np.testing.assert_allclose(ab, color, atol=8)
    assert len(guided.guidance.hints) == 24


def test_a_reference_is_the_first_frame_in_color_and_leaves_hints(rng: np.random.Generator) -> None:
    film = pan(rng, 12, (20, 60, 90))
    (shot,) = shots(film)
    alone, both = referenced(shot).guidance, referenced(hinted(shot, 6, seed=0)).guidance
    assert alone is not None
    assert both is not None
    for guidance, points in ((alone, 0), (both, 6)):
        assert guidance.reference is shot.own[0].rgb
        assert [len(guidance.hints), len(guidance.hints[0])] == [12, points]
        assert guidance.hinted.any() == (points > 0)


def test_a_film_near_its_truth_at_first_is_told_from_one_later(rng: np.random.Generator) -> None:
    def ever_grayer(shot: Shot) -> Floats:
        share = np.linspace(1, 0, len(shot.own), dtype=np.float32)
        return truth(shot) * share[:, None, None, None]

    film = pan(rng, 40, (20, 60, 90))
    (_, found), _ = measure_film([ever_grayer], film)
    one, eight, thirty_two, never = found.psnr_into_shot
    assert one > eight > thirty_two
    assert np.isnan(never)
    (row,) = records(["x"], [{}], [found])
    assert row["psnr_into_shot"][3] is None
