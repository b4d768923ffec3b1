"""Keyframes of a film: each colors its frame exactly and its shot along the motion, and no other shot."""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from films import ShotMean, Tint
from helpers import texture

from color.arrays import Bytes
from color.guidance import Guidance
from color.options import GuidanceOptions
from color.segment import Colorization
from conversion import color_film
from film.finished import left_in
from film.guidance_files import GuidanceError, read_guidance
from film.options import EncoderOptions, FilmCommand, FilmOptions
from film.preview import preview
from model.keyframes import carry_segment, keyframe, overlays
from photo.guidance import read_reference
from prior.lab import lab2rgb, rgb2lab

SHOT = 30  # frames of each of two shots
SIZE = (192, 256)
WANTED = (30, -25)


class Carrier:
    """Carries keyframes without a network."""

    keyframe = staticmethod(keyframe)
    carry_segment = staticmethod(carry_segment)
    overlays = staticmethod(overlays)

    def open_programs(self) -> None:
        """Open nothing."""


class Carrying(Carrier, Tint):
    """A colorizer of single segments with keyframes, without a network."""


class CarryingShots(Carrier, ShotMean):
    """A colorizer of whole shots with keyframes, without a network."""


@pytest.fixture(scope="module")
def frames() -> list[Bytes]:
    """Two shots, each a slow pan."""
    scenes = [texture(np.random.default_rng(seed), SIZE[0], 2 * SIZE[1]) for seed in (1, 2)]
    scenes[1] = 255 - scenes[1] // 2
    return [
        np.ascontiguousarray(scene[:, i : i + SIZE[1]]) for scene in scenes for i in range(SHOT)
    ]


@pytest.fixture(scope="module")
def two_shots(frames: list[Bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "two.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "gray"
        for gray in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(gray, format="gray")))
        container.mux(stream.encode())
    return path


def in_color(gray: Bytes, ab: tuple[int, int] = WANTED) -> Bytes:
    lab = rgb2lab(np.repeat(gray[..., None], 3, axis=-1))
    lab[..., 1:] = ab
    return lab2rgb(lab)


def write(path: Path, rgb: Bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    order = [2, 1, 0, 3][: rgb.shape[2]]
    assert cv2.imwrite(str(path), rgb[..., order])
    return path


def guidance_of(references: Path) -> Guidance:
    command = FilmCommand(references=references)
    return read_guidance(GuidanceOptions(), command, read=read_reference)


@pytest.fixture
def colorized(two_shots: Path, tmp_path: Path) -> Callable[..., list[Bytes]]:
    """Return a function that colorizes the film with references and returns its frames."""

    def colorize(
        references: Path | None = None, *, kind: type = Carrying, **options: object
    ) -> list[Bytes]:
        guidance = guidance_of(references) if references else Guidance()
        colorization = Colorization(
            functools.partial(kind), weights="f" * 64, whole_shots=kind is CarryingShots,
            guidance=guidance,
        )  # fmt: skip
        chosen = FilmOptions(
            encoder=EncoderOptions(codec="ffv1"), cache=tmp_path / "jobs", workers=1,
            overwrite=True, **options,  # type: ignore[arg-type]
        )  # fmt: skip
        out = tmp_path / "out.mkv"
        color_film(two_shots, out, colorization=colorization, options=chosen)
        with av.open(str(out)) as container:
            return [one.to_ndarray(format="rgb24") for one in container.decode(video=0)]

    return colorize


def ab_of(rgb: Bytes) -> np.ndarray:
    return rgb2lab(np.ascontiguousarray(rgb))[..., 1:]


@pytest.mark.parametrize("kind", [Carrying, CarryingShots])
def test_a_keyframe_colors_its_shot_and_no_other(
    colorized: Callable[..., list[Bytes]], frames: list[Bytes], tmp_path: Path, kind: type
) -> None:
    at = 10
    write(tmp_path / "keys/shot001.frame000010.png", in_color(frames[at]))
    free, guided = colorized(kind=kind), colorized(tmp_path / "keys", kind=kind)
    assert np.median(np.abs(ab_of(guided[at]) - WANTED)) < 1
    for number in (0, 9, 11, SHOT - 1):
        seen = np.s_[16:-16, 32:-32]
        assert np.median(np.abs(ab_of(guided[number]) - WANTED)[seen]) < 1.5
    for one, other in zip(free[SHOT:], guided[SHOT:], strict=True):
        assert np.array_equal(one, other)


def test_every_frame_has_the_keyframe_between_two(
    colorized: Callable[..., list[Bytes]], frames: list[Bytes], tmp_path: Path
) -> None:
    write(tmp_path / "keys/shot001.frame000000.png", in_color(frames[0], (30, 0)))
    write(tmp_path / "keys/shot001.frame000029.png", in_color(frames[29], (-30, 0)))
    a = [float(np.median(ab_of(rgb)[16:-16, 48:-48, 0])) for rgb in colorized(tmp_path / "keys")]
    passing = a[:SHOT]
    assert passing[0] > 28
    assert passing[SHOT - 1] < -28
    assert max(np.diff(passing)) < 0.5  # from one to the other, without a step
    assert min(np.diff(passing)) > -8


def test_a_partial_keyframe_leaves_the_rest(
    colorized: Callable[..., list[Bytes]], frames: list[Bytes], tmp_path: Path
) -> None:
    alpha = np.zeros(SIZE, np.uint8)
    alpha[60:130, 80:180] = 255
    write(tmp_path / "keys/frame5.png", np.dstack([in_color(frames[5]), alpha]))
    free, guided = colorized(), colorized(tmp_path / "keys")
    inside, outside = np.s_[66:124, 86:174], np.s_[:52]
    assert np.median(np.abs(ab_of(guided[5])[inside] - WANTED)) < 1
    assert np.abs(ab_of(guided[5]) - ab_of(free[5]))[outside].max() < 0.3
    assert np.array_equal(guided[20][:40], free[20][:40])


def test_json_names_frames_and_times(
    colorized: Callable[..., list[Bytes]], frames: list[Bytes], tmp_path: Path
) -> None:
    write(tmp_path / "a.png", in_color(frames[3]))
    write(tmp_path / "b.png", in_color(frames[40], (-30, 20)))
    listed = tmp_path / "keys.json"
    listed.write_text(json.dumps({"3f": "a.png", "0:01.6": "b.png"}))
    guided = colorized(listed)
    assert np.median(np.abs(ab_of(guided[3]) - WANTED)) < 1
    assert np.median(np.abs(ab_of(guided[40]) - (-30, 20))) < 1


def test_a_picture_of_something_else_is_a_reference(
    colorized: Callable[..., list[Bytes]],
    frames: list[Bytes],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write(tmp_path / "keys/frame4.png", in_color(frames[SHOT + 4]))
    colorized(tmp_path / "keys")
    assert f"{path} does not show frame 4 of two.mkv: used as a reference" in caplog.text


def test_an_interrupted_film_is_as_an_uninterrupted_one(
    colorized: Callable[..., list[Bytes]],
    frames: list[Bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path / "keys/frame10.png", in_color(frames[10]))
    whole = colorized(tmp_path / "keys")
    for file in left_in(tmp_path / "jobs"):
        file.unlink()  # else the next job takes its shots from the result

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("conversion.join", crash)
        with pytest.raises(KeyboardInterrupt):
            colorized(tmp_path / "keys")
    (job,) = (tmp_path / "jobs").iterdir()
    first, second = sorted((job / "shots").glob("*.mkv"))
    first.unlink()
    kept = second.stat().st_mtime_ns
    again = colorized(tmp_path / "keys", keep_cache=True)
    assert all(map(np.array_equal, again, whole))
    assert second.stat().st_mtime_ns == kept


def test_another_keyframe_repaints_only_its_shot(
    colorized: Callable[..., list[Bytes]], frames: list[Bytes], tmp_path: Path
) -> None:
    write(tmp_path / "keys/frame10.png", in_color(frames[10]))
    colorized(tmp_path / "keys", keep_cache=True)
    shots = sorted((tmp_path / "jobs").glob("*/shots/*.mkv"))
    before = [path.stat().st_mtime_ns for path in shots]
    write(tmp_path / "keys/frame10.png", in_color(frames[10], (-30, 10)))
    guided = colorized(tmp_path / "keys", keep_cache=True)
    after = [path.stat().st_mtime_ns for path in shots]
    assert before[0] != after[0]
    assert before[1] == after[1]
    assert np.median(np.abs(ab_of(guided[10]) - (-30, 10))) < 1


def test_a_keyframe_outside_the_film_is_refused_before_any_work(
    colorized: Callable[..., list[Bytes]], frames: list[Bytes], tmp_path: Path
) -> None:
    write(tmp_path / "keys/frame60.png", in_color(frames[10]))
    with pytest.raises(
        GuidanceError, match=r"keyframe frame60\.png at 60f lies outside .*two\.mkv"
    ):
        colorized(tmp_path / "keys")
    write(tmp_path / "keys/frame59.png", in_color(frames[59]))
    (tmp_path / "keys/frame60.png").unlink()
    with pytest.raises(GuidanceError, match="lies outside -start and -duration"):
        colorized(tmp_path / "keys", duration=1)
    assert not (tmp_path / "jobs").exists()


def test_two_pictures_for_one_frame_are_refused(
    colorized: Callable[..., list[Bytes]], frames: list[Bytes], tmp_path: Path
) -> None:
    for name in ("frame10.png", "shot001.frame000010.jpg"):
        write(tmp_path / "keys" / name, in_color(frames[10]))
    with pytest.raises(GuidanceError, match=r"frame10.png and .* are two pictures for one place"):
        colorized(tmp_path / "keys")
    listed = tmp_path / "keys.json"
    listed.write_text(json.dumps({"10f": "keys/frame10.png", "0:00.4": "keys/frame10.png"}))
    with pytest.raises(GuidanceError, match="two pictures for frame 10"):
        colorized(listed)


def test_an_edited_copy_replaces_the_start_and_the_gray_frame_is_no_keyframe(
    frames: list[Bytes], tmp_path: Path
) -> None:
    gray = np.repeat(frames[10][..., None], 3, axis=-1)
    write(tmp_path / "shot001.frame000010.png", gray)
    write(tmp_path / "shot001.frame000010.color.png", in_color(frames[10]))
    (one,) = guidance_of(tmp_path).keyframes
    assert one.path.name == "shot001.frame000010.color.png"
    edited = write(tmp_path / "shot001.frame000010.edited.png", in_color(frames[10], (5, 40)))
    (one,) = guidance_of(tmp_path).keyframes
    assert (one.at, one.path) == ("10f", edited)


def test_a_folder_without_colored_pictures_is_refused(frames: list[Bytes], tmp_path: Path) -> None:
    with pytest.raises(GuidanceError, match="has no colored picture"):
        guidance_of(tmp_path)
    write(tmp_path / "frame3.png", np.repeat(frames[3][..., None], 3, axis=-1))
    with pytest.raises(GuidanceError, match="has no colored picture"):
        guidance_of(tmp_path)
    write(tmp_path / "sea.png", in_color(frames[3]))
    with pytest.raises(GuidanceError, match=r"sea\.png does not say its shot or frame"):
        guidance_of(tmp_path)


def test_pictures_named_after_shots_only_are_references(
    frames: list[Bytes], tmp_path: Path
) -> None:
    write(tmp_path / "shot2.png", in_color(frames[3]))
    guidance = guidance_of(tmp_path)
    assert [one.where for one in guidance.references] == ["2"]
    assert not guidance.keyframes


def test_comparison_keeps_the_left_half_gray(
    colorized: Callable[..., list[Bytes]], frames: list[Bytes], tmp_path: Path
) -> None:
    write(tmp_path / "keys/frame10.png", in_color(frames[10]))
    (shown,) = colorized(tmp_path / "keys", compare=True)[10:11]
    assert np.abs(ab_of(shown)[:, :120]).max() < 2
    assert np.median(np.abs(ab_of(shown)[:, 140:] - WANTED)) < 1


def test_the_preview_shows_keyframes_and_what_they_reach(
    two_shots: Path, frames: list[Bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "keys/frame10.png", in_color(frames[10]))
    shown: list[str] = []

    def sheet(pictures: list[Bytes], captions: list[str]) -> Bytes:
        shown.extend(captions)
        return np.concatenate([one[:64, :64] for one in pictures])

    monkeypatch.setattr("film.preview.contact_sheet", sheet)
    colorization = Colorization(
        functools.partial(Carrying), weights="f" * 64, guidance=guidance_of(tmp_path / "keys")
    )
    count = preview(two_shots, tmp_path / "s.png", colorization=colorization, options=FilmOptions())
    assert count == 2
    assert shown[0].endswith("frame 10")
    assert "reached 9" in shown[1] or "reached 8" in shown[1]
    assert shown[2].startswith("2 ")
    picture = cv2.imread(str(tmp_path / "s.png"))[..., ::-1]
    assert np.median(np.abs(ab_of(picture[:64]) - WANTED)) < 1
