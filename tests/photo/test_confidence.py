"""Confidence maps: where they are written, and what they show."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import tree
from PIL import Image

import main
from photo.confidence import map_tasks, write_map
from photo.inputs import Task

pytestmark = pytest.mark.usefixtures("photos")


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


def test_a_map_is_white_where_the_network_is_sure() -> None:
    confidence = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    write_map(Path("new/map.png"), confidence)
    with Image.open("new/map.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.arange(256).reshape(16, 16))


def test_a_map_has_the_name_that_was_given_or_its_photo_s_place() -> None:
    sources = [Path(f"more/{name}") for name in ("a.jpg", "a.png", "x/a.jpg", "y/a.jpg")]
    tasks = [Task(source, Path("out.png")) for source in sources]
    places = {source: source.relative_to("more") for source in sources}

    def paths(tasks: list[Task], named: str) -> list[str]:
        maps, failures = map_tasks(tasks, Path(named), places)
        assert [one.source for one in maps] == [one.source for one in tasks]
        assert failures == []
        return [str(one.target) for one in maps]

    assert paths(tasks[:1], "m.png") == ["m.png"]
    below = ["a.confidence.png", "a.png.confidence.png", "x/a.confidence.png", "y/a.confidence.png"]
    assert paths(tasks, "maps") == [f"maps/{name}" for name in below]
    places |= {source: Path(source.name) for source in sources}  # named one by one
    assert len(set(paths(tasks, "maps"))) == 4
    Path("folder.png").mkdir()
    assert paths(tasks[:1], "folder.png") == ["folder.png/a.confidence.png"]


def test_a_rerun_makes_only_the_maps_that_are_missing(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [".", "-recursive", "-save", "out/", "-confidence", "maps", *small]
    assert main.main(words) == 0
    maps = [
        "maps/more/photo.confidence.png",
        "maps/other.confidence.png",
        "maps/photo.confidence.png",
    ]
    assert capsys.readouterr().out.splitlines()[:3] == maps
    whole = tree(Path())
    Path(maps[0]).unlink()
    Path("out/photo.png").unlink()
    kept = Path(maps[1]).stat().st_mtime_ns
    assert main.main(words) == 0  # maps and results in the folder are no photos
    assert capsys.readouterr().out.splitlines()[:3] == maps
    assert tree(Path()) == whole
    assert Path(maps[1]).stat().st_mtime_ns == kept
    assert main.main([*words, "-mood", "warm"]) == 0
    assert Path(maps[1]).stat().st_mtime_ns != kept


def test_a_map_replaces_no_result_and_no_file_of_another(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["photo.png", "-save", "out.png", *small]) == 0
    assert main.main(["photo.png", "-confidence", "map.png", *small]) == 0
    before = tree(Path())
    for words in (["-confidence", "out.png"], ["-save", "map.png"], ["-confidence", "other.png"]):
        capsys.readouterr()
        assert main.main(["photo.png", *words, *small]) == 1
        said = capsys.readouterr().err
        assert f"{words[1]} exists already" in said
        assert said.splitlines()[-1].endswith(f"choose another path with {words[0]}")
    assert main.main(["other.png", "-confidence", "map.png", *small]) == 1
    assert tree(Path()) == before


def test_a_photo_that_cannot_be_analyzed_fails_once(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.png").write_text("no picture")
    words = ["bad.png", "photo.png", "-suggest", "1", "-save", "out/", "-report", "told.json"]
    assert main.main([*words, *small]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" (")[0] for line in said] == [
        "bad.png is not a picture",
        "1 colored, 0 already there, 1 failed, 0 passed over",
    ]
    rows = json.loads(Path("told.json").read_text())["inputs"]
    assert [(row["source"], row["outcome"]) for row in rows] == [
        ("bad.png", "failed"),
        ("photo.png", "colored"),
    ]
