"""Confidence maps: where they are written, and what they show."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import main
from photo.confidence import map_paths, write_map
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


def test_a_map_has_the_name_that_was_given_or_its_photo_s() -> None:
    one, other = (Task(Path(f"more/{name}.jpg"), Path("out.png")) for name in ("one", "other"))
    assert map_paths([one], Path("m.png")) == {one: Path("m.png")}
    assert map_paths([one, other], Path("maps")) == {
        one: Path("maps/one.confidence.png"),
        other: Path("maps/other.confidence.png"),
    }
    Path("folder.png").mkdir()
    assert map_paths([one], Path("folder.png")) == {one: Path("folder.png/one.confidence.png")}
