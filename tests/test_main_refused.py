"""Mistakes on the command line get one line, cost no network and change no file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import main

ROOT = Path(main.__file__).parent


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        ([], "nothing to color", 2),
        (["-img_in"], "expected at least one argument", 2),
        (["-img_in", "photo.png", "-colour"], "unrecognized arguments: -colour", 2),
        (["-img_in", "photo.png", "-save", "name"], "has no extension", 2),
        (["-img_in", "photo.png", "-save", "a.xyz"], "ends in .xyz", 2),
        (["-img_in", "photo.png", "-save", "photo.png"], "photo.png is an input", 2),
        (["-img_in", "photo.png", "-save", "photo.png/x/"], "cannot be written to", 2),
        (["-img_in", "photo.png", "x.png", "-save", "a.png"], "several inputs need a folder", 2),
        (["-img_in", "photo.png", "-temperature", "9"], "'9' is not a number from 0.05 to 2", 2),
        (["-img_in", "photo.png", "-working_size", "x"], "'x' is not a whole number", 2),
        (["-img_in", "photo.png", "-working_size", "99.5"], "'99.5' is not a whole number", 2),
        (["-img_in", "photo.png", "-threads", "2.9"], "'2.9' is not a whole number", 2),
        (["-img_in", ""], "name of the file or folder is empty", 2),
        (["-movie_in", ""], "name of the file or folder is empty", 2),
        (["-img_in", "photo.png", "-save", ""], "name of the file or folder is empty", 2),
        (["-img_in", "photo.png", "-hints", ""], "name of the file or folder is empty", 2),
        (["-img_in", "photo.png", "-probe"], "-probe is for films", 2),
        (["-img_in", "photo.png", "-start", "1"], "-start is for films", 2),
        (["-img_in", "photo.png", "-pages", "x"], "'x' names no pages: write 3, 3-5 or 3-", 2),
        (["-movie_in", "film.mp4", "-pages", "2"], "-pages is for photos", 2),
        (["-web", "-pages", "2"], "-pages is for the command, not the page", 2),
        (["-img_in", "photo.png", "-cache", "x"], "-cache is for films", 2),
        (["-movie_in", "film.mp4", "-hints", "h.json"], "h.json is not a file: create it with", 2),
        (["-movie_in", "film.mp4", "-hint", "1,2,#d02010"], "a hint at 1,2 has no time", 2),
        (
            ["-movie_in", "film.mp4", "-hint", "x,1,2,#d02010"],
            "'x' is not a valid time for a hint",
            2,
        ),
        (["-img_in", "photo.png", "-hint", "1.5,1,2,#d02010"], "a hint at 1.5 is for a film", 2),
        (["-img_in", "photo.png", "-references", "r.json"], "-references is for films", 2),
        (
            ["-img_in", "photo.png", "-hint", "1,2,redd"],
            "invalid hint '1,2,redd': invalid color 'redd'",
            2,
        ),
        (
            ["-img_in", "photo.png", "-palette", "#d02010,navvy"],
            "the nearest is navy",
            2,
        ),
        (["-img_in", "photo.png", "-palette", ""], "invalid color ''", 2),
        (["-img_in", "photo.png", "-mood", "happy"], "'happy' (choose from", 2),
        (["-img_in", "photo.png", "-guidance", "1.1"], "'1.1' is not a number from 0 to 1", 2),
        (["-movie_in", "film.mp4", "-guidance", "x"], "'x' is not a number from 0 to 1", 2),
        (["-img_in", "photo.png", "-reference_by", "content"], "add -reference", 2),
        (["-img_in", "photo.png", "-reference_by", "x"], "'x' (choose from", 2),
        (["-movie_in", "film.mp4", "-reference_by", "content"], "-reference_by is for photos", 2),
        (["-img_in", "photo.png", "-reference", "photo.png"], "photo.png has no color", 2),
        (["-img_in", "photo.png", "-hint", "80,2,#d02010"], "a hint at 80,2 is outside", 2),
        (["-img_in", "photo.png", "-hint", "60%,140%,red"], "a hint at 60%,140% is outside", 2),
        (["-movie_in", "film.mp4", "-quality", "90"], "-quality is for photos", 2),
        (["-img_in", "photo.png", "-keyframes", "x"], "-keyframes is for films", 2),
        (["-movie_in", "film.mp4", "-keyframes_per_shot", "x"], "neither auto nor a number", 2),
        (["-movie_in", "film.mp4", "-keyframes_per_shot", "51"], "number from 1 to 50", 2),
        (["-movie_in", "film.mp4", "-keyframes_per_shot", "2"], "is for -keyframes: add a fo", 2),
        (
            ["-movie_in", "film.mp4", "-keyframes", "x", "-preview", "y.png"],
            "-keyframes and -preview are two commands",
            2,
        ),
        (["-movie_in", "film.mp4", "-preset", "typo"], "'typo' (choose from", 2),
        (
            ["-movie_in", "film.mp4", "-codec", "ffv1", "-crf", "20"],
            "-crf is for h264, h265, av1",
            2,
        ),
        (
            ["-movie_in", "film.mp4", "-codec", "prores", "-preset", "fast"],
            "-preset is for h264",
            2,
        ),
        (
            ["-movie_in", "film.mp4", "-codec", "h264_nvenc", "-preset", "fast"],
            "-preset is for h264, h265, av1: leave it out with -codec h264_nvenc",
            2,
        ),
        (["-movie_in", "x" * 300], "no such file", 1),
        (["-movie_in", "x/**.mp4"], "no file matches", 1),
        (["-img_in", "no/a**"], "no file matches", 1),
        (["-img_in", "photo.png", "-a\nb\x1b[2J"], r"unrecognized arguments: -a\nb\x1b[2J", 2),
        (["-img_in", "none\n\x1b2J.png"], r"none\n\x1b2J.png: no such file", 1),
        (["-img_in", "photo.png", "-quality", "101"], "101", 2),
        (["-img_in", "photo.png", "-weights", "w.npz"], "w.npz: no such weights file", 2),
        (["-img_in", "photo.png", "-weights", "photo.png"], "not a readable weights file", 2),
        (["-img_in", "photo.png", "-hints", "h.json"], "h.json: no such hints file", 2),
        (["-img_in", "photo.png", "-hints", "text.jpg"], "text.jpg is not JSON", 2),
        (["-img_in", "photo.png", "-reference", "text.jpg"], "text.jpg is not a picture", 2),
        (["-img_in", "x.png"], "x.png: no such file", 1),
        (["-img_in", "*.webp"], "*.webp: no file matches", 1),
        (["-img_in", "folder"], "folder: no pictures in this folder", 1),
        (["-img_in", "text.jpg"], "text.jpg is not a picture", 1),
        (["-img_in", "film.mp4"], "films need -movie_in", 1),
    ],
)
def test_mistakes_get_one_line(
    small: list[str],
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    says: str,
    code: int,
) -> None:
    monkeypatch.chdir(photo.parent)
    Path("folder").mkdir()
    Path("text.jpg").write_text("words")
    Path("film.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    before = sorted(Path().iterdir())
    options = [] if "-weights" in words or "-working_size" in words else small
    try:
        got = main.main([*words, *options])
    except SystemExit as stop:
        got = int(str(stop.code))
    said = capsys.readouterr()
    assert got == code
    assert says in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert sorted(Path().iterdir()) == before


@pytest.mark.slow
def test_names_of_any_bytes_are_printed_in_one_line(
    small: list[str], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = photo.with_name(os.fsdecode(b"a\n\x1b[31m\xff.png"))
    photo.rename(odd)
    assert main.main(["-img_in", str(odd), *small]) == 0
    odd.write_text("no picture")
    assert main.main(["-img_in", str(odd), "-overwrite", *small]) == 1
    out, errors = (
        capsys.readouterr()
    )  # not what Paddle writes past Python, after the tests of its training
    assert out == f"{odd.parent}/" + r"a\n\x1b[31m\udcff.color.png" + "\n"
    assert errors.startswith(f"{odd.parent}/" + r"a\n\x1b[31m\udcff.png is not a picture")
    assert errors.count("\n") == 1


def test_mistakes_cost_no_paddle(photo: Path) -> None:
    code = (
        "import sys, main\n"
        "for words in sys.argv[1:]:\n"
        "    try: main.main(words.split())\n"
        "    except SystemExit: pass\n"
        "sys.exit('paddle' in sys.modules)"
    )
    mistakes = ["-img_in none.jpg", f"-img_in {photo} -save x", "-img_in README.md", "-foo"]
    subprocess.run([sys.executable, "-c", code, *mistakes], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("train/train.py -init none.npz", "none.npz: no such weights file"),
        ("train/evaluate.py -weights none.npz", "none.npz: no such weights file"),
        ("model/onnx_file.py -weights none.npz -out {}/x.onnx", "none.npz: no such weights file"),
        ("conversion.py data/samples/film.mp4 -join data/samples/film.mp4", "is an input"),
        ("prior/getWeight.py -lambda 7", "is not a number from 0 to 1"),
    ],
)
def test_scripts_refuse_mistakes_with_the_command_s_exit_code(
    words: str, says: str, tmp_path: Path
) -> None:
    script, *others = words.format(tmp_path).split()
    argv = [sys.executable, ROOT / script, *others]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr
