"""Routes of photos: what a visitor sees and downloads is what the command makes."""

import io
import json
import re
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import landscape
from PIL import Image
from web_visitor import COLOR, Json, Visitor

from color.guidance import UNGUIDED, read_hint
from color.options import GuidanceOptions
from gray2color import colorize_photo_files
from model.chosen_network import photo_settings
from model.options import ColorOptions, RunOptions
from photo.command import marked
from photo.guidance import read_guidance
from photo.inputs import Task
from photo.options import PhotoOptions
from prior.lab import color2ab, gray2lightness, rgb2lab


def test_a_hint_changes_the_picture_where_it_is(visitor: Visitor, photo: Path) -> None:
    id = visitor.upload(photo)["id"]
    plain, hinted = (
        np.asarray(Image.open(io.BytesIO(visitor.post(f"/photos/{id}/color", edits))), int)
        for edits in ({}, {"hints": ["40,30,#d02010"]})
    )
    assert plain.shape == (60, 80, 3)
    difference = np.abs(hinted - plain).max(axis=-1)
    assert difference[20:40, 30:50].mean() > 3


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.tif"])
def test_the_download_equals_the_command_s_file(
    visitor: Visitor, run: RunOptions, tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    gray = landscape(60, 80, np.uint16 if name.endswith("tif") else np.uint8)
    if gray.dtype == np.uint16:
        tifffile.imwrite(source, gray)
    else:
        Image.fromarray(gray).save(source, exif=_exif())
    texts = ["40,30,#d02010", "10,50,#2040c0"]
    id = visitor.upload(source)["id"]
    answer = json.loads(visitor.post(f"/photos/{id}/file", {"hints": texts, "saturation": 1.2}))
    assert answer["name"] == f"photo.color{source.suffix}"
    hints = tuple(map(read_hint, texts))
    guidance = read_guidance(GuidanceOptions(hint=hints), source)
    color = ColorOptions(working_size=64, saturation=1.2)
    task = Task(source, tmp_path / f"out{source.suffix}")
    options = marked(PhotoOptions(), photo_settings(color, run), guidance)
    (result,) = colorize_photo_files([task], options, color=color, run=run, guidance=guidance)
    assert result.error is None
    assert visitor.get(answer["href"]) == task.target.read_bytes()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = "a photo"
    exif[0x0112] = 6
    return exif


STROKE = {"color": "#d02010", "radius": 5, "points": [[10, 10], [60, 40]]}


def test_strokes_and_temperature_change_the_colors(visitor: Visitor, photo: Path) -> None:
    id = visitor.upload(photo)["id"]
    ways: list[Json] = [{}, {"strokes": [STROKE]}, {"temperature": 0.1}]
    plain, *others = (visitor.post(f"/photos/{id}/color", way) for way in ways)
    assert all(other != plain for other in others)


@pytest.mark.slow
def test_references_moods_and_palettes_change_the_colors(
    visitor: Visitor, photo: Path, home: Path
) -> None:
    reference = home / "reference.png"
    Image.new("RGB", (9, 9), (20, 90, 200)).save(reference)
    id = visitor.upload(photo)["id"]
    _, _, content = visitor.ask("POST", "/references?name=../../r.png", reference.read_bytes())
    ways: list[Json] = [{}, {"mood": "sepia"}, {"palette": ["#2040c0"]}]
    ways += [{"reference": json.loads(content)["id"]}, {"mood": "sepia", "guidance": 0.1}]
    plain, *others = (visitor.post(f"/photos/{id}/color", way) for way in ways)
    assert all(other != plain for other in others)
    assert len(set(others)) == 4


@pytest.mark.slow
def test_what_the_network_knows_of_a_photo_is_told(visitor: Visitor, photo: Path) -> None:
    id = visitor.upload(photo)["id"]
    colors = json.loads(visitor.get(f"/photos/{id}/likely?x=0.5&y=1"))
    assert colors
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)
    places = json.loads(visitor.post(f"/photos/{id}/suggestions", {"hints": ["40,30,#d02010"]}))
    assert places
    assert all(0 <= one["x"] < 80 and 0 <= one["y"] < 60 and one["colors"] for one in places)
    overlay = Image.open(io.BytesIO(visitor.post(f"/photos/{id}/overlay")))
    assert (overlay.size, overlay.mode) == ((80, 60), "RGBA")
    for place in ("x=2&y=0", "x=nan&y=0", "x=a&y=0", "y=0"):
        assert visitor.ask("GET", f"/photos/{id}/likely?{place}")[0] == 400


def test_colors_are_shown_as_they_come_out_at_a_place(visitor: Visitor, tmp_path: Path) -> None:
    """On black, light gray and white, which have other chroma in gamut."""
    stripes = np.repeat(np.repeat(np.array([[20, 180, 255]], np.uint8), 30, 0), 30, 1)
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    id = visitor.upload(tmp_path / "stripes.png")["id"]

    def shown(x: float, *colors: str) -> list[Json]:
        asked = urllib.parse.urlencode([("x", x), ("y", 0.5), *(("color", one) for one in colors)])
        found: list[Json] = json.loads(visitor.get(f"/photos/{id}/shown?{asked}"))
        return found

    dark, light, white = (shown(x, "#5060a0", "月白@0.5", "gray") for x in (0.1, 0.5, 0.9))
    assert [one["color"] for one in dark] == ["#5060a0", "#d6ecf0@0.5", "#808080"]
    assert {one["shown"] for one in white} == {"#ffffff"}
    assert [one[2]["shown"] for one in (dark, light)] == ["#141414", "#b4b4b4"]
    asked_ab = color2ab("#5060a0")
    lab = rgb2lab(
        np.array([list(bytes.fromhex(one[0]["shown"][1:])) for one in (dark, light)], np.uint8)
    )
    np.testing.assert_allclose(lab[:, 0], gray2lightness(np.array([20, 180], np.uint8)), atol=1)
    np.testing.assert_allclose(lab[1, 1:], asked_ab, atol=1)
    assert np.hypot(*lab[0, 1:]) < np.hypot(*asked_ab)  # not in gamut so dark
    (wrong,) = shown(0.1, "navvy")
    assert "the nearest is navy" in wrong["error"]


@pytest.mark.slow
def test_a_candidate_s_download_equals_the_command_s_file(
    visitor: Visitor, run: RunOptions, photo: Path, tmp_path: Path
) -> None:
    task = Task(photo, tmp_path / "out.png")
    how = {"color": COLOR, "run": run}
    (result,) = colorize_photo_files([task], PhotoOptions(candidates=5), **how, guidance=UNGUIDED)
    assert len(result.output) > 2, "the small network finds others, too"
    chosen = read_guidance(GuidanceOptions(hints=tmp_path / "out.2.json"), photo)
    options = marked(PhotoOptions(), photo_settings(COLOR, run), chosen)
    again = Task(photo, tmp_path / "again.png")
    (_,) = colorize_photo_files([again], options, **how, guidance=chosen)
    id = visitor.upload(photo)["id"]
    shown = json.loads(visitor.post(f"/photos/{id}/candidates"))
    assert len(shown) == len(result.output) - 1  # without the sheet
    assert shown[0]["regions"] == []
    candidate = {"regions": shown[1]["regions"]}
    answer = json.loads(visitor.post(f"/photos/{id}/file", {"candidate": candidate}))
    assert visitor.get(answer["href"]) == again.target.read_bytes()
    one, two = (np.asarray(Image.open(path)) for path in (again.target, tmp_path / "out.2.png"))
    np.testing.assert_array_equal(one, two)
    colors = [visitor.post(f"/photos/{id}/color", {"candidate": c}) for c in (None, candidate)]
    assert colors[0] != colors[1]
