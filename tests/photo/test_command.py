"""Tests the photo command's maps, suggested points and JSON, and its one-line errors."""

import json
import re
import uuid
from pathlib import Path

import numpy as np
import pytest
from helpers import texture, tree
from PIL import Image

import main
from photo import command
from photo.read import Photo, read_photo
from runtime import files


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder with photo.png, other.png and a subfolder with another photo.png."""
    monkeypatch.chdir(tmp_path)
    Path("more").mkdir()
    for seed, name in enumerate(("photo.png", "other.png", "more/photo.png")):
        Image.fromarray(texture(np.random.default_rng(seed), 96, 128)).save(name)


def test_points_are_printed_and_nothing_is_colorized(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-img_in", "photo.png", "-suggest", "4", "-suggest_json", "points.json"]
    assert main.main([*words, *small]) == 0
    lines = capsys.readouterr().out.splitlines()
    form = re.compile(r"photo\.png: (\d+),(\d+)((?:  #[0-9a-f]{6} \d+%)+)")
    matches = [form.fullmatch(line) for line in lines]
    assert len(matches) == 4
    points = json.loads(Path("points.json").read_text())["photo.png"]
    for match, point in zip(matches, points, strict=True):
        assert match is not None
        assert (int(match[1]), int(match[2])) == (point["x"], point["y"])
        assert 0 <= point["x"] < 128
        assert 0 <= point["y"] < 96
        assert match[3].count("#") == len(point["colors"])
        assert sum(color["share"] for color in point["colors"]) <= 1.001
    assert sorted(path.name for path in Path().iterdir()) == [
        "more",
        "other.png",
        "photo.png",
        "points.json",
    ]


def test_the_folder_of_the_json_is_made(small: list[str]) -> None:
    words = ["-img_in", "photo.png", "-suggest", "1", "-suggest_json", "new/one/points.json"]
    assert main.main([*words, "-save", "out/", *small]) == 0
    assert len(json.loads(Path("new/one/points.json").read_text())["photo.png"]) == 1
    assert Path("out/photo.png").exists()


def test_a_folder_in_the_place_of_the_json_is_one_failure(
    small: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> Photo:
        Path("points.json").mkdir()
        return read_photo(path)

    monkeypatch.setattr(command, "read_photo", read)
    words = ["-img_in", "photo.png", "-suggest", "2", "-suggest_json", "points.json"]
    assert main.main([*words, "-save", "out.png", *small]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3, (
        "the points, and the photo, which is colorized all the same"
    )
    assert re.fullmatch(r".*Is a directory.*points\.json.*\n", said.err)
    left = {"more", "other.png", "out.png", "photo.png", "points.json"}
    assert {path.name for path in Path().iterdir()} == left


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_json_that_the_disk_has_no_room_for_is_one_failure(
    small: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = uuid.UUID(int=1)
    monkeypatch.setattr(files, "uuid4", lambda: number)
    Path(f".{number.hex}.part.json").symlink_to("/dev/full")
    words = ["-img_in", "photo.png", "-suggest", "2", "-suggest_json", "points.json"]
    assert main.main([*words, *small]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2
    assert said.err.startswith("points.json: the disk is full")
    assert said.err.count("\n") == 1
    assert not Path("points.json").exists()


def test_a_link_to_itself_is_one_failure(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("loop.png").symlink_to("loop.png")
    words = ["-img_in", "loop.png", "photo.png", "-confidence", "maps", "-suggest", "2"]
    assert main.main([*words, "-suggest_json", "points.json", *small]) == 1
    assert capsys.readouterr().err == "no file loop.png\n"
    assert list(json.loads(Path("points.json").read_text())) == ["photo.png"]


def test_a_suggestion_is_a_hint(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["-img_in", "photo.png", "-suggest", "1", *small]) == 0
    place, color = capsys.readouterr().out.removeprefix("photo.png: ").split()[:2]
    words = ["-img_in", "photo.png", "-save", "out.png", "-hint", f"{place},{color}"]
    assert main.main([*words, *small]) == 0


def test_a_map_has_the_photos_size(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-img_in", "photo.png", "-confidence", "map.png", "-save", "out.png"]
    assert main.main([*words, *small]) == 0
    assert capsys.readouterr().out == "map.png\nout.png\n"
    with Image.open("map.png") as image:
        assert (image.mode, image.size) == ("L", (128, 96))
        assert len(np.unique(np.asarray(image))) > 3


def test_several_photos_have_their_maps_in_a_folder(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.png").write_text("no picture")
    words = ["-img_in", "photo.png", "bad.png", "other.png", "-confidence", "maps"]
    assert main.main([*words, *small]) == 1
    said = capsys.readouterr()
    assert said.out == "maps/photo.confidence.png\nmaps/other.confidence.png\n"
    assert said.err.startswith("bad.png is not a picture")
    assert len(list(Path("maps").iterdir())) == 2


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
        (["photo.png", "-confidence", "other.png"], "other.png exists already: add -overwrite"),
        (
            ["photo.png", "more/photo.png", "-confidence", "maps"],
            "would both become maps/photo.confidence.png: run them one by one, each with its own -confidence",
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
