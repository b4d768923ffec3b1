"""Films on the command line: every kind of film works, every mistake gets one clear line."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from films import HARDWARE, SOFTWARE, colorization, picture, run_ffmpeg
from helpers import files_and_folders, wait_for

import conversion
import gray2color
import main
from conversion import color_film
from film import FilmError
from film.encode import try_encoder
from film.options import EncoderOptions, FilmOptions, written_suffixes
from film.probe import probe
from model.weights_file import RELEASED
from runtime.console import printable

ROOT = Path(__file__).resolve().parent.parent.parent
Make = Callable[[str], Path]


@pytest.fixture
def run(
    small_weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run main.py on films; return exit code, stdout, stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        argv = ["-weights", str(small_weights), "-cache", str(tmp_path / "cache"), "-workers", "1"]
        argv += ["-movie_in", *map(str, words)]
        try:
            code = main.main(argv)
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capfd.readouterr()

    return call


def times_of(path: Path) -> list[float]:
    found = probe(path)
    return [float((pts - found.pts[0]) * found.video.time_base) for pts in found.pts]


QUICK_KINDS = ["422-10.mkv", "odd.mkv", "one.mp4", "vfr.mkv", "rotated.mp4"]
OTHER_KINDS = [
    "plain.mp4", "silent.mp4", "ntsc.mp4", "slow.mov", "closed.webm", "asp.avi", "h264.avi", "opengop.mpg",
    "late.ts", "bare.h264", "gray10.mkv", "444-12.mkv", "alpha.mkv", "rgb.mkv", "tiny.mkv", "full709.mkv",
    "growing.ts", "shrinking.ts", "wide.mp4", "interlaced.mkv", "gap.mkv", "eight.mkv", "cut.mp4", "negative.mkv", "rich.mkv",
]  # fmt: skip


@pytest.mark.parametrize(
    "name", [*QUICK_KINDS, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHER_KINDS)]
)
def test_every_kind_of_film_goes_through(film: Make, tmp_path: Path, name: str) -> None:
    options = FilmOptions(
        cache=tmp_path / "cache", encoder=EncoderOptions("ffv1"), workers=1, recolor=True
    )
    summary = color_film(
        film(name), tmp_path / "out.mkv", colorization=colorization(), options=options
    )
    assert summary.joined is not None
    assert summary.joined.frames == probe(film(name)).frames
    before, after = times_of(film(name)), times_of(tmp_path / "out.mkv")
    assert after == pytest.approx(before, abs=0.0011)  # Matroska's clock ticks in ms
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "suffix"),
    [(codec, suffix) for codec in SOFTWARE for suffix in written_suffixes(codec)],
)
def test_every_codec_in_every_container_that_holds_it(
    film: Make, tmp_path: Path, codec: str, suffix: str
) -> None:
    options = FilmOptions(
        cache=tmp_path / "c", encoder=EncoderOptions(codec, preset="ultrafast"), workers=1
    )
    target = tmp_path / f"out{suffix}"
    color_film(film("gray.mkv"), target, colorization=colorization(), options=options)
    with av.open(str(target)) as result:
        name = result.streams.video[0].codec_context.codec.canonical_name
        assert name == {"h265": "hevc"}.get(codec, codec)
        assert sum(1 for _ in result.decode(video=0)) == 25


def test_a_truncated_film_is_colorized_as_far_as_it_goes(
    film: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = FilmOptions(cache=tmp_path / "cache", workers=1)
    summary = color_film(
        film("truncated.mkv"), tmp_path / "out.mkv", colorization=colorization(), options=options
    )
    assert summary.joined is not None
    assert 0 < summary.joined.frames < 25
    assert any("is truncated" in record.message for record in caplog.records)


@pytest.mark.slow
def test_8k_goes_through(tmp_path: Path) -> None:
    run_ffmpeg(*picture("7680x4320", seconds=0.12), "-c:v", "ffv1", tmp_path / "8k.mkv")
    options = FilmOptions(
        cache=tmp_path / "cache", encoder=EncoderOptions("ffv1"), workers=1, recolor=True
    )
    summary = color_film(
        tmp_path / "8k.mkv", tmp_path / "out.mkv", colorization=colorization(), options=options
    )
    assert summary.joined is not None
    assert summary.joined.frames == 3


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [(b"auds", b"axds", "picture 1 unknown"), (b"strf\x1e", b"strx\x1e", "unknown 1 unknown")],
)
def test_a_stream_of_no_known_kind_is_left_out_and_named(
    film: Make, tmp_path: Path, old: bytes, new: bytes, lost: str
) -> None:
    path, data = tmp_path / "strange.avi", film("asp.avi").read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))
    options = FilmOptions(cache=tmp_path / "cache", workers=1)
    summary = color_film(path, tmp_path / "out.mkv", colorization=colorization(), options=options)
    assert any(f"cannot hold: {lost}" in warning for warning in summary.warnings)
    assert probe(tmp_path / "out.mkv").frames == 25


def test_what_is_said_of_a_film_is_printable_lines(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    name, said = "a\nb\x1b[31m\r\u202e\udcff", r"a\nb\x1b[31m\r\u202e\udcff"
    for path in (tmp_path / f"{name}.mp4", tmp_path / name):
        for make in (Path.touch, Path.unlink):  # an empty film, none
            make(path)
            code, out, errors = run(path)
            assert (code, out, errors.count("\n")) == (1, "", 1), errors
            assert errors[:-1].isprintable()
            assert said in errors
    path.mkdir()
    assert run(path)[2].startswith(f"{tmp_path}/{said}: no films in this folder")
    assert printable(name) == said
    words = [sys.executable, ROOT / "conversion.py", tmp_path / "a\nb\x1b.mp4", "-cache", tmp_path]
    errors = subprocess.run(words, capture_output=True, text=True).stderr
    assert errors[:-1].isprintable(), errors


AWKWARD = [
    "100% %d.mp4",
    "a\nb.mp4",
    'it\'s "x".mp4',
    "電影.mp4",
    "-save.mp4",
    "a:b;c&d.mp4",
    "x" * 240 + ".mp4",
]


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
@pytest.mark.parametrize("name", ["swf.flv", "ima.mov"])
def test_sound_that_matroska_cannot_hold_does_not_stop_its_film(
    film: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, suffix: str
) -> None:
    options = FilmOptions(cache=tmp_path / "cache", workers=1)
    target = tmp_path / f"out{suffix}"
    summary = color_film(film(name), target, colorization=colorization(), options=options)
    assert summary.joined is not None
    assert summary.joined.frames == 25
    kept = len(probe(target).streams)
    assert summary.joined.streams == {"audio": 1} if kept else summary.joined.streams == {}
    assert any("cannot hold: audio" in warning for warning in summary.warnings) == (not kept)
    assert any("sound track 1 cannot be copied" in record.message for record in caplog.records)
    assert kept == (suffix == ".mov" and name == "ima.mov")


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names(film: Make, tmp_path: Path, name: str) -> None:
    shutil.copy(film("plain.mp4"), tmp_path / name)
    options = FilmOptions(cache=tmp_path / "%d cache", workers=1)
    target = tmp_path / f"out {name}"
    color_film(tmp_path / name, target, colorization=colorization(), options=options)
    assert probe(target).frames == 25


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
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, complaint: str
) -> None:
    path = bad_inputs(tmp_path)[complaint]
    code, out, errors = run(path, "-save", tmp_path / "out.mkv")
    assert (code, out) == (1, "")
    assert errors.count("\n") == 1, errors
    assert complaint in errors
    assert path.name in errors
    assert not (tmp_path / "out.mkv").exists()


def test_one_bad_film_stops_no_other(
    run: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    bad = bad_inputs(tmp_path)
    code, out, errors = run(bad["0 bytes"], bad["only sound"], film("plain.mp4"), "-probe")
    assert code == 1
    assert "25 frames" in out
    assert "\n2 failed:\n" in errors


def test_whatever_a_film_brings_about_is_its_own_failure(
    run: Callable[..., tuple[int, str, str]], film: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def film_info(source: Path, target: Path, *, options: FilmOptions) -> Any:
        if source.name == "silent.mp4":
            raise ZeroDivisionError("in a demuxer")
        return source.name, {}

    monkeypatch.setattr("film.command.film_info", film_info)
    code, out, errors = run(film("silent.mp4"), film("plain.mp4"), "-probe")
    assert (code, out) == (1, "plain.mp4\n")
    assert errors == f"{film('silent.mp4')}: ZeroDivisionError (in a demuxer)\n"


@pytest.mark.parametrize("codec", HARDWARE)
def test_a_hardware_encoder_that_is_not_there_is_refused_once_before_the_work(
    run: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path, codec: str
) -> None:
    options = FilmOptions(encoder=EncoderOptions(codec), cache=tmp_path / "cache", workers=1)
    with suppress(FilmError):
        try_encoder(options)
        pytest.skip("this machine has it")
    words = (film("one.mp4"), film("plain.mp4"), "-codec", codec, "-save", tmp_path / "new")
    code, out, errors = run(*words)
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
    code, out, _ = run(*words, "-probe")
    assert (code, out.count(f"({codec})")) == (0, 2)


def test_the_encoders_of_a_cluster_are_not_tried_here() -> None:
    for codec in HARDWARE:
        try_encoder(FilmOptions(scheduler="tcp://a:1", encoder=EncoderOptions(codec)))


def test_an_interlaced_film_is_refused_before_the_work_where_its_fields_would_be_lost(
    run: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    words = (film("interlaced.mkv"), "-codec", "av1", "-save", tmp_path / "out.mkv")
    code, out, errors = run(*words)
    assert (code, out, errors.count("\n")) == (1, "", 1), errors
    assert (
        "interlaced, which av1 does not support: add -deinterlace, or choose one of h264" in errors
    )
    assert list(tmp_path.iterdir()) == []
    code, out, _ = run(*words, "-probe")
    assert (code, out.count("add -deinterlace"), out.count("stays interlaced")) == (0, 1, 0)
    code, _, errors = run(*words, "-deinterlace")
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
        (["-img_in", "photo.jpg"], "three commands"),
    ],
)
def test_wrong_words_are_usage_errors(
    run: Callable[..., tuple[int, str, str]], words: list[str], complaint: str
) -> None:
    code, _, errors = run("film.mp4", *words)
    assert code == 2
    assert errors.count("\n") == 1
    assert complaint in errors


def test_no_films_and_one_file_for_several_are_usage_errors(
    run: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    code, _, errors = run(tmp_path)
    assert (code, errors.count("\n")) == (1, 1)
    assert f"{tmp_path}: no films in this folder" in errors
    code, _, errors = run(film("plain.mp4"), film("silent.mp4"), "-save", tmp_path / "out.mp4")
    assert (code, errors.count("\n")) == (2, 1)
    assert "out.mp4 is a file, but several inputs need a folder" in errors


@pytest.mark.parametrize("option", ["-report", "-preview", "-save"])
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("film.mp4", "is an input"),
        ("again.mp4", "is an input"),
        ("small.npz", "is an input"),
        ("notes.mp4", "exists already: add -overwrite"),
        ("folder.mp4", "is a folder"),
        ("notes.mp4/x.mp4", "notes.mp4"),
    ],
)
def test_no_file_is_written_that_must_not_be(
    run: Callable[..., tuple[int, str, str]],
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
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    words = [tmp_path / "film.mp4", option, tmp_path / name, "-weights", tmp_path / "small.npz"]
    more = [] if option == "-save" else ["-save", tmp_path / "out.mkv"]
    for overwrite in [[], ["-overwrite"]] if "input" in complaint else [[]]:
        code, out, errors = run(*words, *more, *overwrite)
        alone = (option, name) == ("-save", "notes.mp4")  # the film fails, not the command
        assert (code, out, errors.count("\n")) == (1 if alone else 2, "", 1), errors
        assert "exists already" in errors if alone else complaint in errors
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert not (tmp_path / "cache").exists()


def test_no_two_outputs_of_a_command_are_one_file(
    run: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    code, _, errors = run(
        film("gray.mkv"), "-save", tmp_path / "o.mkv", "-report", tmp_path / "o.mkv"
    )
    assert (code, errors.count("\n")) == (2, 1)
    assert "o.mkv is the path of the result: choose another with -report" in errors
    films = [film("gray.mkv"), film("silent.mp4"), tmp_path / "gray.mp4"]
    shutil.copy(film("silent.mp4"), films[-1])
    before = files_and_folders(tmp_path)
    for option in ("-preview", "-report"):
        code, _, errors = run(*films, "-save", tmp_path / "done", option, tmp_path / "told")
        assert (code, errors.count("\n")) == (2, 1)
        assert "would both become" in errors
    assert files_and_folders(tmp_path) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Simulate a disk of 16 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only an administrator can make a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_a_disk_too_small_for_the_film_costs_only_the_joining(
    film: Make, run: Callable[..., tuple[int, str, str]], small_disk: Path, tmp_path: Path
) -> None:
    words = (film("gray.mkv"), "-codec", "ffv1", "-save")
    code, _, said = run(*words, small_disk / "out.mkv")
    assert code == 1
    assert said.splitlines()[-1].endswith("free some space and run the same command to continue")
    assert list(small_disk.iterdir()) == []
    (shot,) = (tmp_path / "cache").glob("*/shots/*.mkv")
    made = shot.stat().st_mtime_ns
    code, _, said = run(*words, tmp_path / "out.mkv", "-keep_cache")
    assert code == 0, said
    assert shot.stat().st_mtime_ns == made


@pytest.mark.slow
def test_ctrl_c_says_how_to_continue(small_weights: Path, tmp_path: Path) -> None:
    run_ffmpeg(*picture("64x48", seconds=60), "-c:v", "ffv1", tmp_path / "long.mkv")
    words = ["-movie_in", tmp_path / "long.mkv", "-save", tmp_path / "out.mkv", "-recolor", "-workers", "2",
             "-cache", tmp_path / "cache", "-weights", small_weights]  # fmt: skip
    command = [sys.executable, ROOT / "main.py", *words]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(lambda: list(tmp_path.glob("cache/*/shots/[!.]*.mkv")))
    os.killpg(first.pid, signal.SIGINT)
    errors = first.communicate(timeout=60)[1]
    assert (first.returncode, errors) == (130, "interrupted: run the same command to continue\n")
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, timeout=300)
    assert probe(tmp_path / "out.mkv").frames == 1500


def test_probe_tells_as_text_and_as_json(
    run: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    code, text, _ = run(film("rich.mkv"), "-probe", "-save", tmp_path / "out.mp4")
    assert code == 0
    for fact in ("25 frames", "audio", "subtitle", "chapter", "attachment", "mp4 cannot hold"):
        assert fact in text
    code, text, _ = run(film("rich.mkv"), "-probe", "json", "-save", tmp_path / "out.mkv")
    told = json.loads(text)
    assert told["film"]["frames"] == told["plan"]["frames"] == 25
    assert told["plan"]["warnings"] == []
    assert not list(tmp_path.glob("out*"))
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_the_working_size_is_what_films_are_decoded_at(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    run_ffmpeg(*picture("640x480", seconds=0.2), "-c:v", "ffv1", tmp_path / "large.mkv")
    words = [tmp_path / "large.mkv", "-save", tmp_path / "out.mkv", "-recolor", "-keep_cache"]
    assert run(*words, "-working_size", "384")[0] == 0
    frames = list((tmp_path / "cache").glob("*/input_img/*/*.png"))
    assert {cv2.imread(str(path)).shape for path in frames} == {(384, 512, 3)}


@pytest.mark.parametrize(
    ("device", "gpus", "workers"), [("auto", 2, 1), ("gpu", 1, 1), ("cpu", 1, 4), ("auto", 0, 4)]
)
def test_a_gpu_gets_one_network(
    monkeypatch: pytest.MonkeyPatch,
    small_weights: Path,
    tmp_path: Path,
    device: str,
    gpus: int,
    workers: int,
) -> None:
    started: list[int] = []
    monkeypatch.setattr(gray2color, "has_gpu_package", lambda: True)
    monkeypatch.setattr(gray2color, "gpu_count", lambda: gpus)
    monkeypatch.setattr(
        conversion, "color_films", lambda *_, options, **__: started.append(options.workers) or []
    )
    words = ["-movie_in", "x.mp4", "-device", device, "-workers", "4"]
    main.main([*words, "-weights", str(small_weights), "-save", str(tmp_path)])
    assert started == [workers]


def test_help_and_mistakes_cost_no_network(film: Make) -> None:
    code = (
        "import sys, main; code = main.main(sys.argv[1:]); "
        "sys.exit(10 if 'paddle' in sys.modules else code)"
    )
    words = [sys.executable, "-c", code, "-movie_in", str(film("plain.mp4")), "-probe"]
    subprocess.run(words, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=60)


@pytest.mark.slow
def test_a_film_with_the_released_network(film: Make, tmp_path: Path) -> None:
    """A user's whole workflow: two workers, the real network, a report."""
    assert RELEASED.exists()
    words = ["-movie_in", film("wide.mp4"), "-save", tmp_path / "out.mp4", "-recolor", "-workers", "2",
             "-cache", tmp_path / "cache", "-report", tmp_path / "report.json"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, ROOT / "main.py", *words], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'out.mp4'}\n"
    assert "25 frames in" in done.stderr
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["streams_kept"] == {"audio": 1}
    assert probe(tmp_path / "out.mp4").video.sar == probe(film("wide.mp4")).video.sar
    with av.open(str(tmp_path / "out.mp4")) as result:
        chroma = [frame.to_ndarray()[frame.height :] for frame in result.decode(video=0)]
    assert np.ptp(np.stack(chroma).astype(int)) > 10


@pytest.mark.slow
def test_the_same_film_by_hand_and_by_folder(
    run: Callable[..., tuple[int, str, str]], film: Make, tmp_path: Path
) -> None:
    """Small weights, several films at once: each result has the planned path."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("plain.mp4", "gray.mkv"):
        shutil.copy(film(name), folder / name)
    code, out, errors = run(folder, "-save", tmp_path / "done", "-duration", "0.4", "-recolor")
    assert code == 0, errors
    assert sorted(out.split()) == [
        str(tmp_path / "done" / name) for name in ("gray.color.mkv", "plain.color.mp4")
    ]
    assert probe(tmp_path / "done" / "plain.color.mp4").frames == 10
    words = (folder, "-save", tmp_path / "done", "-recolor", "-duration", "0.4")
    assert run(*words)[:2] == (0, "")
    code, _, errors = run(*words[:-2])  # the whole films now; the existing results are excerpts
    assert code == 1
    said = "exists already and is not the complete result"
    assert len({line.strip() for line in errors.splitlines() if said in line}) == 2
    code, out, errors = run(*words[:-2], "-overwrite")
    assert code == 0, errors
    assert probe(tmp_path / "done" / "plain.color.mp4").frames == 25
    assert run(*words[:-2])[:2] == (0, "")
