"""Hints and references for films: checked, assigned to their shots; a new hint affects only its shot."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from films import SIZE
from guided import guidance_of, guided

from color.guidance import ColoredFrame, Guidance
from conversion import color_film
from film.guidance import frame_hints, shots_guidance
from film.guidance_files import GuidanceError
from film.job import SegmentRecord
from film.options import FilmOptions
from film.preview import preview
from film.probe import probe

RED = np.zeros((4, 4, 3), np.uint8) + np.array([200, 20, 20], np.uint8)


@pytest.mark.parametrize(
    ("at", "frame"),
    [("0", 0), ("12f", 12), ("0.48", 12), ("0.479", 11), ("0:00:06.7", 167), ("169f", 169)],
)
def test_a_hint_is_of_the_frame_that_is_shown_then(gray_film: Path, at: str, frame: int) -> None:
    (hint,) = frame_hints(probe(gray_film), guidance_of(f"{at},64,48,#d02010"))
    assert hint.frame == frame
    assert hint.point(SIZE)[:2] == pytest.approx((64, 48))
    assert hint.ab[0] > 50


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        ("170f,1,1,#d02010", "a hint at 170f lies outside .* which has 170 frames"),
        ("6.81,1,1,#d02010", "a hint at 6.81 lies outside"),
        ("0,128,1,#d02010", "a hint at 128,1 lies outside .* which has 128 x 96 pixels"),
        ("0,1,110%,#d02010", "lies outside"),
    ],
)
def test_a_hint_outside_the_film_is_refused(gray_film: Path, hint: str, message: str) -> None:
    with pytest.raises(GuidanceError, match=message):
        frame_hints(probe(gray_film), guidance_of(hint))


def test_a_hint_outside_the_frames_to_be_done_is_refused_before_any_work(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    part, wanted = replace(options, start=0.4, duration=2.0), guided(guidance_of("5f,1,1,#d02010"))
    message = (
        r"a hint at 5f lies outside -start and -duration, .* frames 10 to 59 .*\(0.400 to 2.400 s\)"
    )
    for work in (color_film, preview):
        with pytest.raises(GuidanceError, match=message):
            work(gray_film, tmp_path / "out.mkv", colorization=wanted, options=part)  # type: ignore[operator]
    with pytest.raises(GuidanceError, match="a hint at 5f lies outside"):
        shots_guidance(probe(gray_film), wanted.guidance, records(), first=10)
    assert not options.cache.exists()


def test_a_shot_is_colorized_or_left_not_both(gray_film: Path) -> None:
    wanted = Guidance(colorize=("1-2", "3"), leave=("0:00-0:06", "3"))
    with pytest.raises(GuidanceError, match="-colorize and -leave both name shot 1, 2, 3 of"):
        shots_guidance(probe(gray_film), wanted, records(), first=0)


def test_percent_reach_the_corners(gray_film: Path) -> None:
    (hint,) = frame_hints(probe(gray_film), guidance_of("0,100%,100%,#d02010"))
    assert hint.point(SIZE)[:2] == pytest.approx((127, 95))
    assert hint.point((48, 64))[:2] == (63, 47)


def records() -> list[SegmentRecord]:
    """List the film's segments: the second shot has two, the third returns to the first."""
    return [
        SegmentRecord(0, 0, 0, 0, 12),
        SegmentRecord(1, 1, 0, 12, 100, ends_shot=False),
        SegmentRecord(2, 1, 1, 112, 50),
        SegmentRecord(3, 2, 0, 162, 8, returns_to=0),
    ]


def test_hints_and_references_find_their_shots(gray_film: Path) -> None:
    film, blue = probe(gray_film), RED[..., ::-1].copy()
    wanted = guidance_of("0,1,1,#d02010", "130f,1,1,#d02010", **{"2": RED, "0:06.4-0:07": blue})
    found = shots_guidance(film, wanted, records(), first=0)
    assert [(g.first, g.last, len(g.hints)) for g in found.values()] == [
        (0, 12, 1), (12, 162, 1), (162, 170, 0),
    ]  # fmt: skip
    assert [g.reference is None for g in found.values()] == [True, False, False]
    assert found[1].reference is RED
    assert found[2].reference is blue
    for where in ("4", "2-9", "0:08-0:09"):
        with pytest.raises(GuidanceError, match="there is no shot"):
            shots_guidance(film, guidance_of(**{where: RED}), records(), first=0)


def test_a_reference_of_the_film_is_for_the_shots_without_their_own(gray_film: Path) -> None:
    blue = RED[..., ::-1].copy()
    wanted = replace(guidance_of(**{"2": RED}), reference=blue)
    found = shots_guidance(probe(gray_film), wanted, records(), first=0)
    assert [g.reference is blue for g in found.values()] == [True, False, True]


def test_a_shot_depends_on_the_guidance_of_the_one_it_returns_to(gray_film: Path) -> None:
    def digests(*hints: str) -> dict[int, str]:
        found = shots_guidance(probe(gray_film), guidance_of(*hints), records(), first=0)
        return {shot: guidance.digest for shot, guidance in found.items()}

    one, other = digests("0,1,1,#d02010"), digests("0,1,1,#d02011")
    assert set(one) == set(other) == {0, 2}
    assert one[0] != other[0]
    assert one[2] != other[2]
    assert one == digests("0,1,1,#d02010")
    assert set(digests("20f,1,1,#d02010")) == {1}


def test_a_shot_that_is_not_there_is_refused_before_any_color(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    with pytest.raises(GuidanceError, match=r"there is no shot 4 in .*: it has 3 shots"):
        color_film(
            gray_film,
            tmp_path / "out.mkv",
            colorization=guided(guidance_of(**{"4": RED})),
            options=options,
        )
    assert not (tmp_path / "out.mkv").exists()


def test_a_shot_without_keyframes_has_those_of_its_scene(gray_film: Path) -> None:
    def frames(*numbers: int) -> dict[int, tuple[list[int], list[int]]]:
        wanted = Guidance(
            keyframes=tuple(ColoredFrame(f"{n}f", Path(f"{n}.png"), str(n)) for n in numbers)
        )
        found = shots_guidance(probe(gray_film), wanted, records(), first=0)
        return {
            shot: (
                [one.frame for one in guidance.keyframes],
                [one.frame for one in guidance.own_keyframes],
            )
            for shot, guidance in found.items()
        }

    assert frames(165) == {0: ([165], []), 2: ([165], [165])}  # shot 2 returns to shot 0
    assert frames(3, 165) == {0: ([3], [3]), 2: ([165], [165])}
    assert frames(50, 20) == {1: ([20, 50], [20, 50])}
