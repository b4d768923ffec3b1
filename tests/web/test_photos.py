"""Uploaded photos stay in the server's own folder, whatever they are called."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from helpers import landscape
from PIL import Image
from web_visitor import Visitor

from prior.lab import gray2lightness, rgb2lab
from web.photos import Photos


def test_a_photo_that_is_none_is_named_as_the_visitor_knows_it(visitor: Visitor) -> None:
    status, _, content = visitor.ask("POST", "/photos?name=holiday.jpg", b"no picture")
    assert status == 400
    assert json.loads(content)["error"].startswith("holiday.jpg is not a picture")


def test_a_deleted_photo_is_gone(visitor: Visitor, photo: Path, home: Path) -> None:
    id = visitor.upload(photo)["id"]
    assert visitor.ask("DELETE", f"/photos/{id}")[0] == 204
    assert visitor.ask("GET", f"/photos/{id}/gray")[0] == 404
    assert not (home / "uploads" / id).exists()


@pytest.mark.parametrize(
    "name", ["../../evil.png", "..\\evil.png", "/etc/evil.png", "a\0b.png", "x" * 5000, ""]
)
def test_no_name_leads_out_of_the_uploads(
    visitor: Visitor, photo: Path, home: Path, name: str
) -> None:
    before = {path for path in home.rglob("*") if "uploads" not in path.parts}
    colored = home / "colored.png"
    Image.new("RGB", (30, 20), "#c03020").save(colored)
    before.add(colored)
    for file, to in ((photo, "/photos"), (colored, "/references")):
        answer = visitor.upload(file, to=to, name=name or "?")
        assert {path for path in home.rglob("*") if "uploads" not in path.parts} == before
    answer = visitor.upload(photo, name=name or "?")
    assert "/" not in answer["name"]
    assert len(answer["name"]) <= 200
    assert {path for path in home.rglob("*") if "uploads" not in path.parts} == before


def test_of_several_pages_the_first_is_colorized_and_the_page_says_so(
    visitor: Visitor, tmp_path: Path
) -> None:
    grays = [landscape(40, 60, seed=seed) for seed in range(3)]
    first, *others = map(Image.fromarray, grays)
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    sent = visitor.upload(tmp_path / "a.tif")
    assert (sent["pages"], sent["width"], sent["height"]) == (3, 60, 40)
    visitor.post(f"/photos/{sent['id']}/file", {"hints": ["5,5,#c83232"]})
    _, _, content = visitor.ask("GET", f"/photos/{sent['id']}/file")
    with Image.open(io.BytesIO(content)) as image:
        assert (image.n_frames, image.size) == (1, (60, 40))
        lightness = rgb2lab(np.asarray(image))[..., 0]
    assert np.abs(lightness - gray2lightness(grays[0])).max() < 0.25


def test_beyond_the_limit_the_oldest_photos_are_deleted(tmp_path: Path) -> None:
    photos = Photos(tmp_path, most=2)
    tokens = []
    for seed in range(3):
        token, source = photos.place_for("a.png")
        Image.fromarray(landscape(20, 30, seed=seed)).save(source)
        tokens.append(photos.add(token, "a.png", source).id)
    assert [token in photos for token in tokens] == [False, True, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(tokens[1:])
