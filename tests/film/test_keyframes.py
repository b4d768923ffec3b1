"""Keyframes that are taken out of a film are its own frames at full size, with our colors and a list beside them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoded import planes
from films import FRAMES, SHOTS, colorization, film_of, run_ffmpeg
from helpers import files_and_folders, texture

from color.guidance import Guidance, Hint
from color.segment import Colorization, Segment
from film import FilmError
from film.chroma import coded_to_upright
from film.decode import NativeFrame, decode
from film.guidance_files import GuidanceError
from film.keyframes import LIST, write_keyframes
from film.options import FilmOptions
from film.preview import colorized_frame
from film.probe import probe
from film.segment import png_of, read_png
from prior.lab import gray2lightness, rgb2lab

Make = Callable[[str], Path]
Take = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def take(tmp_path: Path, options: FilmOptions) -> Take:
    """Take keyframes out of a film; return the list that lies in the folder."""

    def call(
        film: Path,
        *,
        per_shot: int | None = 1,
        colors: Colorization | None = None,
        **chosen: Any,
    ) -> list[dict[str, Any]]:
        write_keyframes(
            film, tmp_path / "keys", per_shot=per_shot, colorization=colors or colorization(),
            options=replace(options, **chosen),
        )  # fmt: skip
        written = json.loads((tmp_path / "keys" / LIST).read_text(encoding="utf-8"))
        assert written["film"] == film.name
        found: list[dict[str, Any]] = written["keyframes"]
        return found

    return call


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of one shot, in which the camera turns past all of a long picture; larger than the network's input."""
    path = tmp_path_factory.mktemp("pan") / "pan.mkv"
    parts = [texture(np.random.default_rng(seed), 400, 600) for seed in range(4)]
    (path.with_name("long.png")).write_bytes(png_of(np.hstack(parts)))
    still = ("-loop", "1", "-framerate", "25", "-i", path.with_name("long.png"))
    turning = ("-vf", "crop=600:400:x='36*n':y=0,format=yuv420p", "-frames:v", "50")
    run_ffmpeg(*still, *turning, "-c:v", "ffv1", path)
    return path


def luma_of(film: Path, number: int) -> np.ndarray:
    return next(luma for n, (_, luma, _) in enumerate(planes(film)) if n == number)


def test_each_shot_gives_its_own_frame_in_gray_with_exactly_the_film_s_light(
    take: Take, gray_film: Path, tmp_path: Path
) -> None:
    listed = take(gray_film)
    assert [one["shot"] for one in listed] == [1, 2, 3]
    names = {name for one in listed for name in (one["gray"], one["color"])}
    assert {path.name for path in (tmp_path / "keys").iterdir()} == {LIST, *names}
    first = 0
    for one, count in zip(listed, SHOTS, strict=True):
        assert first <= one["frame"] < first + count
        assert one["gray"] == f"shot{one['shot']:03d}.frame{one['frame']:06d}.png"
        assert one["color"] == f"shot{one['shot']:03d}.frame{one['frame']:06d}.color.png"
        assert one["time_s"] == pytest.approx(one["frame"] / 25)
        limited = luma_of(gray_film, one["frame"]).astype(float)
        full = np.clip(np.rint((limited - 16) * 255 / 219), 0, 255)
        assert np.array_equal(read_png(tmp_path / "keys" / one["gray"]), full)
        first += count
    assert first == FRAMES


def test_colors_are_those_of_the_frame_by_itself_and_keep_its_lightness(
    take: Take, gray_film: Path, tmp_path: Path
) -> None:
    colorizer = colorization().factory()
    for one in take(gray_film):
        gray, rgb = (read_png(tmp_path / "keys" / one[name]) for name in ("gray", "color"))
        # The film has the size of the colorizer's input, so that nothing is scaled.
        assert np.array_equal(rgb, colorized_frame(colorizer, gray, one["frame"], None))
        lab = rgb2lab(rgb)
        assert np.abs(lab[..., 0] - gray2lightness(gray)).max() < 0.5
        assert lab[..., 1:].std() > 5


def test_a_large_film_is_written_at_full_size(take: Take, pan: Path, tmp_path: Path) -> None:
    (first, *_) = take(pan, per_shot=2)
    gray, rgb = (read_png(tmp_path / "keys" / first[name]) for name in ("gray", "color"))
    assert gray.shape == (400, 600)
    assert rgb.shape == (400, 600, 3)
    lab = rgb2lab(rgb)
    assert np.abs(lab[..., 0] - gray2lightness(gray)).max() < 0.5
    bright = gray[100:300] > 90
    across = [
        lab[100:300, half, 1][bright[:, half]].mean() for half in (slice(0, 99), slice(500, None))
    ]
    assert across[0] < -10  # a rises to the right, see Tint
    assert across[1] > 10


def test_a_shot_that_shows_other_things_later_gives_several(take: Take, pan: Path) -> None:
    listed = take(pan, per_shot=None)
    assert 2 <= len(listed) <= 4
    assert {one["shot"] for one in listed} == {1}
    assert 0.5 < sum(one["reach"] for one in listed) <= 1
    assert listed[0]["reach"] == max(one["reach"] for one in listed)


def test_as_many_as_wanted_are_taken(take: Take, gray_film: Path) -> None:
    listed = take(gray_film, per_shot=3)
    assert [one["shot"] for one in listed] == [1] * 3 + [2] * 3 + [3] * 3
    assert len({one["frame"] for one in listed}) == 9


@pytest.mark.parametrize("name", ["rotated.mp4", "mirrored.mp4", "odd.mkv", "tiny.mkv", "one.mp4"])
def test_pictures_are_upright_and_whole(take: Take, film: Make, tmp_path: Path, name: str) -> None:
    (one, *_) = take(film(name), recolor=True)
    found = probe(film(name))
    gray, rgb = (read_png(tmp_path / "keys" / one[kind]) for kind in ("gray", "color"))
    assert gray.shape == found.upright_size == rgb.shape[:2]
    (frame,) = decode(found, one["frame"], one["frame"] + 1)
    upright = coded_to_upright(np.asarray(frame.luma), found.video)
    # Scaled to full range or not, the order of the samples is kept.
    assert np.corrcoef(gray.ravel(), upright.ravel())[0, 1] > 0.99


def test_interlaced_frames_become_whole_on_request(
    take: Take, film: Make, tmp_path: Path, options: FilmOptions
) -> None:
    encoder = replace(options.encoder, deinterlace=True)
    (one, *_) = take(film("interlaced.mkv"), recolor=True, encoder=encoder)
    gray = read_png(tmp_path / "keys" / one["gray"])
    found = probe(film("interlaced.mkv"))
    for deinterlace in (True, False):
        (frame,) = decode(found, one["frame"], one["frame"] + 1, deinterlace=deinterlace)
        full = np.clip(np.rint((frame.luma.astype(float) - 16) * 255 / 219), 0, 255)
        assert np.array_equal(gray, full) == deinterlace


def test_a_part_of_a_film_keeps_the_film_s_frame_numbers(
    take: Take, gray_film: Path, tmp_path: Path
) -> None:
    listed = take(gray_film, start=SHOTS[0] / 25, duration=1)
    assert [one["shot"] for one in listed] == [1]
    number = listed[0]["frame"]
    assert SHOTS[0] <= number < SHOTS[0] + 25
    limited = luma_of(gray_film, number).astype(float)
    full = np.clip(np.rint((limited - 16) * 255 / 219), 0, 255)
    assert np.array_equal(read_png(tmp_path / "keys" / listed[0]["gray"]), full)


def test_shots_that_are_left_or_have_color_are_left_out(
    take: Take, gray_film: Path, tmp_path: Path
) -> None:
    left = replace(colorization(), guidance=Guidance(leave=("1", "3")))
    assert [one["shot"] for one in take(gray_film, colors=left)] == [2]
    colored = film_of(tmp_path / "colored.mp4", color=True)
    with pytest.raises(FilmError, match="every shot has color or is left unchanged: add -reco"):
        take(colored, overwrite=True)
    named = replace(colorization(), guidance=Guidance(colorize=("2",)))
    assert [one["shot"] for one in take(colored, colors=named, overwrite=True)] == [2]
    every = take(colored, recolor=True, overwrite=True)
    assert [one["shot"] for one in every] == [1, 2, 3]


def test_hints_are_checked_before_the_work_and_reach_the_colorizer(
    take: Take, gray_film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Segment] = []
    colors = colorization()
    colorizer = colors.factory()

    class Watched:
        def colorize(self, segment: Segment) -> Any:
            seen.append(segment)
            return colorizer.colorize(segment)

    monkeypatch.setattr("film.keyframes.colorizer_of", lambda _: Watched())
    hints = tuple(Hint(9, 8, "#a03020", at=f"{number}f") for number in range(SHOTS[0]))
    take(gray_film, colors=replace(colors, guidance=Guidance(hints=hints)))
    with_hints, without, _ = seen
    assert with_hints.guidance is not None
    assert with_hints.guidance.hints[0].shape == (1, 4)
    assert without.guidance is None
    monkeypatch.setattr("film.keyframes.analyze", None)  # is not reached
    outside = Guidance(hints=(Hint(999, 8, "#a03020", at="3f"),))
    before = files_and_folders(tmp_path)
    with pytest.raises(GuidanceError, match="lies outside"):
        take(gray_film, colors=replace(colors, guidance=outside), overwrite=True)
    assert files_and_folders(tmp_path) == before


@pytest.mark.slow
def test_no_file_of_the_user_s_is_replaced(
    take: Take, gray_film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (first, *_) = take(gray_film)
    for name in (first["color"], LIST):
        for path in (tmp_path / "keys").iterdir():
            path.unlink()
        (tmp_path / "keys" / name).write_text("painted by hand")
        before = files_and_folders(tmp_path)
        with pytest.raises(ValueError, match=f"{name} exists already: add -overwrite"):
            take(gray_film)
        assert files_and_folders(tmp_path) == before
    assert len(take(gray_film, overwrite=True)) == 3
    (tmp_path / "keys" / "shot009.frame000009.png").write_bytes(b"of an earlier list")
    take(gray_film, overwrite=True)
    assert "keys has 1 picture of other frames, too" in caplog.text


def test_the_film_is_decoded_once_and_then_each_keyframe(
    take: Take, gray_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []

    def counted(*words: Any, **more: Any) -> Iterator[NativeFrame]:
        for frame in decode(*words, **more):
            decoded.append(frame.number)
            yield frame

    for module in ("film.shots.decode", "film.preview.decode"):
        monkeypatch.setattr(module, counted)
    listed = take(gray_film)
    assert decoded == [*range(FRAMES), *(one["frame"] for one in listed)]
