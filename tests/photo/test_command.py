"""Tests the photo command's maps, suggested points and JSON, and its one-line errors."""

import json
from pathlib import Path

import pytest
from helpers import tree
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
