"""What a command on films refuses: one clear line, and no file is touched."""

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from films import HARDWARE, colorization, run_ffmpeg
from helpers import files_and_folders

from conversion import color_film
from film import FilmError
from film.encode import try_encoder
from film.options import EncoderOptions, FilmOptions
from film.probe import probe

Make = Callable[[str], Path]


def bad_inputs(folder: Path) -> dict[str, Path]:
    """Make files that are not films, by the expected message."""
    empty, text, sound, still = (folder / n for n in ("0.mp4", "text.mp4", "sound.m4a", "a.png"))
    empty.touch()
    text.write_text("no film\n" * 1000)
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=1", sound)
    cv2.imwrite(str(still), np.zeros((40, 60), np.uint8))
    return {
        "0 bytes": empty,
        "not a film": text,
        "only sound": sound,
        "picture": still,
        "no such file": folder / "absent.mp4",
    }


@pytest.mark.parametrize(
    "complaint", ["0 bytes", "not a film", "only sound", "picture", "no such file"]
)
def test_what_is_no_film_gets_one_clear_line(
    run_main: Callable[..., tuple[int, str, str]], tmp_path: Path, complaint: str
) -> None:
    path = bad_inputs(tmp_path)[complaint]
    code, out, errors = run_main(path, "-save", tmp_path / "out.mkv")
    assert (code, out) == (1, "")
    assert errors.count("\n") == 1, errors
    assert complaint in errors
    assert path.name in errors
    assert not (tmp_path / "out.mkv").exists()


def test_one_bad_film_stops_no_other(
    run_main: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    bad = bad_inputs(tmp_path)
    code, out, errors = run_main(bad["0 bytes"], bad["only sound"], film("plain.mp4"), "-probe")
    assert code == 1
    assert "25 frames" in out
    assert "\n2 failed:\n" in errors


def test_whatever_a_film_brings_about_is_its_own_failure(
    run_main: Callable[..., tuple[int, str, str]], film: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def film_info(source: Path, target: Path, *, options: FilmOptions, network: object) -> Any:
        if source.name == "silent.mp4":
            raise ZeroDivisionError("in a demuxer")
        return source.name, {}

    monkeypatch.setattr("film.command.film_info", film_info)
    code, out, errors = run_main(film("silent.mp4"), film("plain.mp4"), "-probe")
    assert (code, out) == (1, "plain.mp4\n")
    assert errors == f"{film('silent.mp4')}: ZeroDivisionError (in a demuxer)\n"


@pytest.mark.parametrize("codec", HARDWARE)
def test_a_hardware_encoder_that_is_not_there_is_refused_once_before_the_work(
    run_main: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path, codec: str
) -> None:
    options = FilmOptions(encoder=EncoderOptions(codec), cache=tmp_path / "cache", workers=1)
    with suppress(FilmError):
        try_encoder(options)
        pytest.skip("this machine has it")
    words = (film("one.mp4"), film("plain.mp4"), "-codec", codec, "-save", tmp_path / "new")
    code, out, errors = run_main(*words)
    assert (code, out) == (2, "")
    assert re.fullmatch(
        rf"main\.py: -codec {codec} cannot encode 256x256 yuv420p on this machine "
        r"\(ffmpeg: \w.+\): choose h26[45], which needs no hardware encoder\n",
        errors,
    )
    with pytest.raises(FilmError, match="cannot encode 64x48 yuv420p"):
        color_film(
            film("plain.mp4"), tmp_path / "o.mkv", colorization=colorization(), options=options
        )
    assert list(tmp_path.iterdir()) == []
    code, out, _ = run_main(*words, "-probe")
    assert (code, out.count(f"({codec})")) == (0, 2)


def test_a_result_that_its_codec_cannot_be_in_is_refused_by_the_codec_s_name(
    run_main: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    code, _, errors = run_main(film("plain.mp4"), "-codec", "ffv1", "-save", out)
    assert code == 2
    assert errors == (
        f"main.py: -save {out} ends in .mp4: with -codec ffv1, name a file with .mkv, or a folder/\n"
    )


def test_an_interlaced_film_is_refused_before_the_work_where_its_fields_would_be_lost(
    run_main: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    words = (film("interlaced.mkv"), "-codec", "av1", "-save", tmp_path / "out.mkv")
    code, out, errors = run_main(*words)
    assert (code, out, errors.count("\n")) == (1, "", 1), errors
    assert (
        "interlaced, which av1 does not support: add -deinterlace, or choose one of h264" in errors
    )
    assert list(tmp_path.iterdir()) == []
    code, out, _ = run_main(*words, "-probe")
    assert (code, out.count("add -deinterlace"), out.count("stays interlaced")) == (0, 1, 0)
    code, _, errors = run_main(*words, "-deinterlace")
    assert code == 0, errors
    assert not probe(tmp_path / "out.mkv").video.interlaced


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-crf", "99"], "99"),
        (["-crf", "x"], "not a whole number"),
        (["-start", "1:2:3:4"], "not a valid time"),
        (["-duration", "-5"], "-duration"),
        (["-codec", "vp9"], "vp9"),
        (["-workers", "0"], "not a whole number from 1"),
        (["-workers", "2.9"], "not a whole number from 1"),
        (["-img_in", "photo.jpg"], "separate commands"),
    ],
)
def test_wrong_words_are_usage_errors(
    run_main: Callable[..., tuple[int, str, str]], words: list[str], complaint: str
) -> None:
    code, _, errors = run_main("film.mp4", *words)
    assert code == 2
    assert errors.count("\n") == 1
    assert complaint in errors


def test_no_films_and_one_file_for_several_are_usage_errors(
    run_main: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    code, _, errors = run_main(tmp_path)
    assert (code, errors.count("\n")) == (1, 1)
    assert f"{tmp_path}: no films in this folder" in errors
    code, _, errors = run_main(film("plain.mp4"), film("silent.mp4"), "-save", tmp_path / "out.mp4")
    assert (code, errors.count("\n")) == (2, 1)
    assert "out.mp4 is a file, but several inputs need a folder" in errors


@pytest.mark.parametrize("option", ["-report", "-preview", "-save"])
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("film.mp4", "is an input"),
        ("again.mp4", "is an input"),
        ("small.npz", "is an input"),
        ("notes.mp4", "exists already"),
        ("folder.mp4", "is a folder"),
        ("notes.mp4/x.mp4", "notes.mp4"),
    ],
)
def test_no_file_is_written_that_must_not_be(
    run_main: Callable[..., tuple[int, str, str]],
    film: Make,
    small_weights: Path,
    tmp_path: Path,
    option: str,
    name: str,
    complaint: str,
) -> None:
    if (option, name) in {("-save", "folder.mp4"), ("-save", "small.npz")}:
        return  # filled, and refused because of its name
    shutil.copy(film("plain.mp4"), tmp_path / "film.mp4")
    shutil.copy(small_weights, tmp_path / "small.npz")
    (tmp_path / "again.mp4").symlink_to(tmp_path / "film.mp4")
    (tmp_path / "notes.mp4").write_text("the user's")
    (tmp_path / "folder.mp4").mkdir()
    if option == "-report":  # which must be JSON or CSV
        for path in list(tmp_path.iterdir()):
            path.with_suffix(".json").symlink_to(path)
        name = name.replace(".mp4", ".json").replace(".npz", ".json")
        complaint = complaint.replace(".mp4", ".json")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    words = [tmp_path / "film.mp4", option, tmp_path / name, "-weights", tmp_path / "small.npz"]
    more = [] if option == "-save" else ["-save", tmp_path / "out.mkv"]
    for overwrite in [[], ["-overwrite"]] if "input" in complaint else [[]]:
        code, out, errors = run_main(*words, *more, *overwrite)
        alone = (option, name) == ("-save", "notes.mp4")  # the film fails, not the command
        assert (code, out, errors.count("\n")) == (1 if alone else 2, "", 1), errors
        assert "exists already" in errors if alone else complaint in errors
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert not (tmp_path / "cache").exists()


def test_no_two_outputs_of_a_command_are_one_file(
    run_main: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    films = [film("gray.mkv"), film("silent.mp4"), tmp_path / "gray.mp4"]
    shutil.copy(film("silent.mp4"), films[-1])
    before = files_and_folders(tmp_path)
    for option in ("-preview", "-keyframes"):
        code, _, errors = run_main(*films, "-save", tmp_path / "done", option, tmp_path / "told")
        assert (code, errors.count("\n")) == (2, 1)
        assert "would both become" in errors
    assert files_and_folders(tmp_path) == before
