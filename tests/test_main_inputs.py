"""Tests inputs that are given without an option, and the names of results for scripts."""

import json
import shutil
from pathlib import Path

import pytest
from helpers import write_photos

import main

SAMPLES = Path(main.__file__).parent / "data" / "samples"


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two photos, a film and a document, as the current folder's "album"."""
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path / "album", 2)
    shutil.copy(SAMPLES / "film.mp4", tmp_path / "album" / "f.mp4")
    (tmp_path / "album" / "notes.doc").touch()
    return tmp_path / "album"


@pytest.mark.slow
def test_photos_and_films_of_a_folder_are_colored_by_one_command(
    small: list[str], album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = sorted(p.relative_to(album) for p in album.rglob("*.*g"))
    words = [
        "album",
        "missing.jpg",
        "-recursive",
        "-save",
        "out",
        "-report",
        "told.json",
        "-duration",
        "0.2",
        *small,
    ]
    for outcome in ("colored", "already there"):
        assert main.main(words) == 1
        said = capsys.readouterr()
        results = [*(str("out" / path) for path in photos), "out/f.color.mp4"]
        assert said.out.splitlines() == results
        assert said.err.count("missing.jpg: no such file") == 1
        counts = {"colored": 0, "already there": 0, outcome: 3}
        assert said.err.splitlines()[-2:] == [
            "passed over: 1 document: neither photo nor film",
            f"{counts['colored']} colored, {counts['already there']} already there, 1 failed, 1 passed over",
        ]
        rows = json.loads(Path("told.json").read_text())["inputs"]
        assert [row["outcome"] for row in rows].count(outcome) == 3
        assert len(rows) == 5


def test_one_photo_or_film_needs_no_folder_and_has_its_own_options(
    small: list[str], album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["-hint", "5,5,red", "album/f.mp4", "-probe"]) == 2
    capsys.readouterr()
    photo = next(album.rglob("*.png"))
    assert main.main(["-save", "one.png", "-hint", "5,5,red", str(photo), *small]) == 0
    assert capsys.readouterr().out == "one.png\n"
    assert main.main(["album/f.mp4", "-preview", "sheet.png", *small]) == 0
    assert capsys.readouterr().out == "sheet.png\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("album", "-save", "one.png"), "is a file, but several inputs need a folder"),
        (("album", "-candidates", "3"), "-candidates is for photos alone"),
        (("album", "-probe"), "-probe is for films alone"),
        (("album", "-hint", "5,5,red"), "-hint is for one photo or one film"),
        (("album/0.png", "-crf", "30"), "-crf is for films"),
        (("album/f.mp4", "-quality", "30"), "-quality is for photos"),
        (("album", "-img_in", "album"), "separate commands"),
        (("-", "album/f.mp4"), "a pipe carries one film"),
    ],
)
def test_options_of_the_other_kind_are_refused(
    album: Path, words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(album.parent.rglob("*"))
    try:
        code = main.main([*words, "-recursive"])
    except SystemExit as ended:
        code = ended.code
    errors = capsys.readouterr().err
    assert (code, errors.count("\n")) == (2, 1)
    assert says in errors
    assert sorted(album.parent.rglob("*")) == before


def test_names_after_two_dashes_are_no_options(
    small: list[str], album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = next(album.rglob("*.png"))
    for name in ("-save.png", "-quiet", "--"):
        shutil.copy(photo, name)
        assert main.main([*small, "-save", f"out/{name}.png", "--", name]) == 0
        assert capsys.readouterr().out == f"out/{name}.png\n"


def test_a_folder_without_inputs_is_said_to_have_none(
    small: list[str], album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("none").mkdir()
    assert main.main(["none", *small]) == 1
    assert capsys.readouterr().err.startswith("none: no pictures in this folder")


def test_names_for_scripts_end_in_nul_and_are_exact(
    small: list[str], album: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    photo = next(album.rglob("*.png"))
    strange = photo.with_name("a\nb \u6708.png")
    photo.rename(strange)
    words = ["-img_in", str(strange), "-save", "out/", "-print0", *small]
    for _ in range(2):
        assert main.main(words) == 0
        assert capfdbinary.readouterr().out == f"out/{strange.name}\0".encode()
