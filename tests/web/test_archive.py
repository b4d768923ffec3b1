"""All results as one zip: each file as the command writes it, failures by name and reason, sent while it is written."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from helpers import landscape
from PIL import Image
from web_visitor import Json, Visitor

from web.archive import FAILED, zipped
from web.edits import Edits
from web.photos import UploadedPhoto


def archive_of(visitor: Visitor, photos: list[Json]) -> zipfile.ZipFile:
    answer = json.loads(visitor.post("/archives", {"photos": photos}))
    assert answer["name"].endswith(".zip")
    return zipfile.ZipFile(io.BytesIO(visitor.get(answer["href"])))


def test_an_archive_has_the_file_of_each_photo(visitor: Visitor, tmp_path: Path) -> None:
    edits = [{}, {"hints": ["30,20,#d02010"]}, {"mood": "warm"}]
    chosen = []
    for number, one in enumerate(edits):
        path = tmp_path / str(number) / "a photo.png"  # all of one name
        path.parent.mkdir()
        Image.fromarray(landscape(60, 80, seed=number)).save(path)
        chosen.append({"id": visitor.upload(path)["id"], "edits": one})
    with archive_of(visitor, chosen) as archive:
        assert archive.testzip() is None
        names = ["a photo.color.png", "a photo.color (2).png", "a photo.color (3).png"]
        assert archive.namelist() == names
        for name, one in zip(names, chosen, strict=True):
            answer = json.loads(visitor.post(f"/photos/{one['id']}/file", one["edits"]))
            assert archive.read(name) == visitor.get(answer["href"])


def test_a_photo_that_fails_is_named_and_stops_no_other(tmp_path: Path) -> None:
    made = tmp_path / "made.png"
    made.write_bytes(b"x" * 3_000_000)
    photos = [
        cast(UploadedPhoto, SimpleNamespace(name=f"{name}.png", result_name=f"{name}.color.png"))
        for name in "abc"
    ]
    asked: list[str] = []

    async def write(photo: UploadedPhoto, edits: Edits) -> Path:
        asked.append(photo.name)
        if photo.name == "b.png":
            raise ValueError("b.png cannot be read")
        return made

    async def parts() -> list[bytes]:
        sent: AsyncIterator[bytes] = zipped([(photo, Edits()) for photo in photos], write)
        found = [await anext(sent)]
        assert asked == ["a.png"]  # the first file is sent before the others are made
        return found + [part async for part in sent]

    found = asyncio.run(parts())
    assert max(map(len, found)) < 2_100_000
    with zipfile.ZipFile(io.BytesIO(b"".join(found))) as archive:
        assert archive.namelist() == ["a.color.png", "c.color.png", FAILED]
        assert archive.read("c.color.png") == made.read_bytes()
        assert archive.read(FAILED).decode() == "b.png: b.png cannot be read\n"


@pytest.mark.parametrize(
    ("photos", "code"),
    [
        (None, 400), ([], 400), ("x", 400), ([7], 400), ([{}], 404), ([{"id": "../x", "edits": {}}], 404),
        ([{}] * 501, 400),
    ],
)  # fmt: skip
def test_other_requests_are_refused(visitor: Visitor, photos: object, code: int) -> None:
    body = json.dumps({"photos": photos}).encode()
    status, _, content = visitor.ask("POST", "/archives", body)
    assert status == code
    assert "error" in json.loads(content)


def test_edits_of_an_archive_are_checked(visitor: Visitor, photo: Path) -> None:
    id = visitor.upload(photo)["id"]
    for edits in (None, [], {"hints": ["no"]}):
        body = json.dumps({"photos": [{"id": id, "edits": edits}]}).encode()
        assert visitor.ask("POST", "/archives", body)[0] == 400
    assert visitor.ask("GET", "/archives/unknown")[0] == 404
