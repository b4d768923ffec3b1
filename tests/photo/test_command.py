"""Tests the photo command's maps, suggested points and JSON, and its one-line errors."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import texture, tree, write_photos
from PIL import Image

import main

pytestmark = pytest.mark.usefixtures("photos")


def test_a_link_to_itself_is_one_failure(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("loop.png").symlink_to("loop.png")
    words = ["-img_in", "loop.png", "photo.png", "-confidence", "maps", "-suggest", "2"]
    assert main.main([*words, "-suggest_json", "points.json", *small]) == 1
    assert capsys.readouterr().err == "loop.png: no such file\n"
    assert list(json.loads(Path("points.json").read_text())) == ["photo.png"]


def test_a_guided_photo_is_analyzed(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (32, 32), "red").save("red.png")
    words = ["-img_in", "photo.png", "-suggest", "1", "-confidence", "map.png"]
    words += ["-hint", "9,9,#ff0000", "-reference", "red.png", "-reference_by", "histogram"]
    assert main.main([*words, *small]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["photo.png", "-candidates", "1"], "'1' is not a whole number from 2 to 9"),
        (["photo.png", "-candidates", "10"], "'10' is not a whole number from 2 to 9"),
        (["photo.png", "-candidates", "3", "-compare"], "-compare cannot be combined"),
        (["photo.png", "-suggest", "0"], "'0' is not a whole number from 1 to 50"),
        (["photo.png", "-suggest_json", "a.json"], "add -suggest N"),
        (["photo.png", "other.png", "-confidence", "m.png"], "is one file for 2 photos"),
        (["photo.png", "-confidence", "m.jpg"], "m.jpg is not a .png file: name one, or a folder"),
        (["photo.png", "-confidence", "photo.png"], "photo.png is an input"),
        (["photo.png", "-confidence", "photo.png", "-overwrite"], "photo.png is an input"),
        (
            ["photo.png", "-reference", "other.png", "-save", "other.png", "-overwrite"],
            "other.png is an input: choose another path with -save",
        ),
        (
            [
                "photo.png",
                "-hints",
                "h.json",
                "-suggest",
                "2",
                "-suggest_json",
                "h.json",
                "-overwrite",
            ],
            "h.json is an input: choose another path with -suggest_json",
        ),
        (
            ["photo.png", "-hints", "h.json", "-save", "x.png", "-report", "h.json", "-overwrite"],
            "h.json is an input: choose another path with -report",
        ),
        (
            ["photo.png", "-confidence", "m.png", "-suggest", "2", "-suggest_json", "m.png"],
            "m.png is the path of a map",
        ),
        (
            ["photo.png", "-suggest", "2", "-suggest_json", "other.png/points.json"],
            "other.png cannot be written to: name another place with -suggest_json",
        ),
        (
            ["photo.png", "-confidence", "m.png", "-save", "m.png"],
            "m.png is the path of the result",
        ),
        (
            ["photo.png", "-candidates", "2", "-confidence", "photo.color.1.png"],
            "photo.color.1.png is the path of the result: choose another with -confidence",
        ),
        (["photo.png", "-confidence", "other.png/m.png"], "another place with -confidence"),
        (["photo.png", "-confidence", "m.png", "-report", "told.csv"], "are about colorizing"),
        (["photo.png", "-suggest", "2", "-dry_run"], "are about colorizing"),
        (["photo.png", "-dry_run", "-report", "told.csv"], "-dry_run writes nothing: leave out"),
        (["photo.png", "-report", "told.txt"], "told.txt: name a file with .csv or .json"),
        (["photo.png", "-suggest", "2", "-suggest_json", "other.png"], "exists already"),
        (["photo.png", "-suggest", "2", "-suggest_json", "."], ". is a folder"),
    ],
)
def test_mistakes_get_one_line_before_any_work(
    small: list[str], capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    before = tree(Path())
    try:
        code = main.main(["-img_in", *words, *small])
    except SystemExit as stop:
        code = int(str(stop.code))
    said = capsys.readouterr()
    assert code == 2
    assert says in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert tree(Path()) == before


def album() -> None:
    """Write an album with odd files among its photos."""
    write_photos(Path("album"), 3)
    Path("album/empty.png").touch()
    Path("album/scan.exr").touch()
    Path("album/clip.mp4").touch()
    Path("album/0.png.xmp").touch()


def test_an_album_s_report_lists_every_file_and_a_rerun_completes_it(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    album()
    words = ["-img_in", "album", "-recursive", "-save", "out", "-report", "told.json", *small]
    assert main.main(words) == 1
    *_, passed, totals = capsys.readouterr().err.splitlines()
    assert passed.startswith("passed over: 1 film: use -movie_in; 1 EXR: ")
    assert totals == "3 colored, 0 already there, 1 failed, 2 passed over"
    first = {row["source"]: row for row in json.loads(Path("told.json").read_text())["inputs"]}
    assert {source: row["outcome"] for source, row in first.items()} == {
        "album/0.png": "colored", "album/1.png": "colored", "album/deeper/last.jpg": "colored",
        "album/empty.png": "failed", "album/scan.exr": "passed over", "album/clip.mp4": "passed over",
    }  # fmt: skip
    photo = first["album/0.png"]
    assert (photo["width"], photo["height"], photo["depth"]) == (50, 40, 8)
    assert 0 < photo["confidence"] < 1
    assert photo["settings"]["quality"] == 95
    Path("out/0.png").unlink()
    assert main.main(words) == 1
    assert "1 colored, 2 already there, 1 failed, 2 passed over" in capsys.readouterr().err
    second = {row["source"]: row for row in json.loads(Path("told.json").read_text())["inputs"]}
    assert second["album/1.png"] == first["album/1.png"] | {"outcome": "already there"}
    assert second["album/0.png"]["confidence"] == photo["confidence"]


def test_a_dry_run_writes_nothing_and_loads_no_network(
    small: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    album()
    monkeypatch.setattr("photo.batch.colorize_photos", None)
    before = tree(Path())
    words = ["-img_in", "album", "-save", "out", "-dry_run", *small]
    assert main.main(words) == 1
    assert tree(Path()) == before
    said = capsys.readouterr()
    assert said.out.splitlines() == ["album/0.png -> out/0.png", "album/1.png -> out/1.png"]
    assert said.err.splitlines()[0] == "album/empty.png is empty"
    assert said.err.splitlines()[-1] == "2 to be colored, 0 already there, 1 failed, 3 passed over"


def test_a_report_names_what_was_kept_and_left_out(small: list[str]) -> None:
    exif = Image.Exif()
    exif[270] = "Aunt Ida"
    Image.new("LA", (40, 30), (90, 128)).save("alpha.png", exif=exif, dpi=(300, 300))
    words = ["-img_in", "alpha.png", "-report", "told.json", *small]
    assert main.main([*words, "-save", "out.png"]) == 0
    assert main.main([*words, "-save", "out.jpg"]) == 0
    (row,) = json.loads(Path("told.json").read_text())["inputs"]
    assert (row["result"], row["kept"]) == ("out.jpg", ["EXIF", "resolution"])
    assert main.main([*words, "-save", "out.png", "-overwrite"]) == 0
    (row,) = json.loads(Path("told.json").read_text())["inputs"]
    assert row["kept"] == ["EXIF", "resolution", "transparency"]


@pytest.fixture
def scan(photos: None) -> str:
    with tifffile.TiffWriter("scan.tif") as tiff:
        for seed in range(3):
            tiff.write(texture(np.random.default_rng(seed), 96, 128 + seed), metadata=None)
    return "scan.tif"


def test_an_analysis_is_of_one_page_and_says_so(
    scan: str, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-img_in", scan, "-confidence", "map.png", "-suggest", "1"]
    assert main.main([*words, *small]) == 0
    assert capsys.readouterr().err == "scan.tif: page 1 of 3: the others left out\n"
    assert main.main([*words, "-overwrite", "-pages", "3", *small]) == 0
    assert capsys.readouterr().err == ""
    with Image.open("map.png") as image:
        assert image.size == (130, 96)


def test_pages_are_a_setting_of_a_result(scan: str, small: list[str]) -> None:
    words = ["-img_in", scan, "-save", "out.tif", "-report", "out.json", *small]
    assert main.main([*words, "-pages", "1", "3"]) == 0
    (row,) = json.loads(Path("out.json").read_text())["inputs"]
    assert (row["pages"], row["settings"]["pages"]) == (2, "1 3")
    outcomes = []
    for pages in (["-pages", "1", "3"], []):
        assert main.main([*words, *pages]) == 0
        (row,) = json.loads(Path("out.json").read_text())["inputs"]
        outcomes.append(row["outcome"])
    assert outcomes == ["already there", "colored"]
    assert row["pages"] == 3
    assert "pages" not in row["settings"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-pages", "0"], "'0' names no pages: write 3, 3-5 or 3-, counted from 1"),
        (["-pages", "2-1"], "'2-1' names no pages"),
        (["-pages", "4"], "scan.tif has 3 pages, but -pages 4 asks for others"),
        (["-hint", "3,3,navy"], "hints are for one picture, but scan.tif has 3 pages: choose one with -pages 1"),
        (["-candidates", "2"], "-candidates are of one picture, but scan.tif has 3 pages: choose one with -pages 1"),
        (["-save", "x.jpg"], "x.jpg: .jpg holds one picture, but scan.tif has 3 pages: name the result .tif, or choose"),
    ],
)  # fmt: skip
def test_wrong_pages_are_refused_in_one_line(
    scan: str, small: list[str], words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(Path())
    save = [] if "-save" in words else ["-save", "out.tif"]
    try:
        code = main.main(["-img_in", scan, *save, *words, *small])
    except SystemExit as error:
        code = int(error.code or 0)
    assert code != 0
    line = capsys.readouterr().err
    assert says in line
    assert line.count("\n") == 1
    assert tree(Path()) == before
