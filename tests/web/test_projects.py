"""A project is what the page shows, as one file: opened again it is the same, and any other file is refused."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import landscape
from PIL import Image
from web_visitor import COLOR, Json, Visitor

from color.options import GuidanceOptions
from gray2color import colorize_photo_files
from model.chosen_network import photo_settings
from model.options import RunOptions
from photo.command import marked
from photo.guidance import read_guidance
from photo.inputs import Task
from photo.options import PhotoOptions
from web.archive import PROJECT

STROKE = {"color": "#d02010", "radius": 6, "points": [[20, 30], [60, 30]]}


def saved(visitor: Visitor, photos: list[Json]) -> bytes:
    answer = json.loads(visitor.post("/projects/saved", {"photos": photos}))
    assert answer["name"].endswith(".zip")
    return visitor.get(answer["href"])


def opened(visitor: Visitor, data: bytes) -> dict[str, Any]:
    status, _, content = visitor.ask("POST", "/projects?name=p.zip", data)
    assert status == 200, content
    return dict(json.loads(content))


def test_a_project_is_opened_as_it_was_saved(visitor: Visitor, tmp_path: Path) -> None:
    Image.fromarray(landscape(60, 80)).save(tmp_path / "a photo.png")
    Image.new("RGB", (9, 9), (20, 90, 200)).save(tmp_path / "reference.png")
    id = visitor.upload(tmp_path / "a photo.png")["id"]
    _, _, content = visitor.ask(
        "POST", "/references?name=r.png", (tmp_path / "reference.png").read_bytes()
    )
    reference = json.loads(content)["id"]
    edits = {"hints": ["30,20,#d02010"], "reference": reference, "mood": "warm"}
    kept = {
        "now": {**edits, "hints": [{"x": 30, "y": 20, "color": "#d02010"}]},
        "past": [{"reference": reference}, {}],
    }
    data = saved(visitor, [{"id": id, "edits": edits, "kept": kept}])
    found = opened(visitor, data)
    assert found["failed"] == []
    (photo,) = found["photos"]
    assert (photo["name"], photo["width"], photo["height"]) == ("a photo.png", 80, 60)
    assert photo["id"] != id
    new = photo["edits"]["now"]["reference"]
    assert new not in {None, reference}
    assert photo["edits"]["past"] == [{"reference": new}, {}]
    before = visitor.post(f"/photos/{id}/color", edits)
    after = visitor.post(f"/photos/{photo['id']}/color", {**edits, "reference": new})
    assert before == after


def test_a_project_of_much_painting_is_saved_and_opened(visitor: Visitor, photo: Path) -> None:
    strokes = [
        {"color": "#d02010", "radius": 84, "points": [[x * 11, y * 17] for x in range(100)]}
        for y in range(70)
    ]
    past = [{"hints": [], "strokes": strokes[:count]} for count in range(20, 70)]
    kept = {"now": {"hints": [], "strokes": strokes}, "past": past}
    request = {"id": visitor.upload(photo)["id"], "edits": {"strokes": strokes}, "kept": kept}
    data = saved(visitor, [request])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo(PROJECT).file_size
    assert 2_000_000 < size < len(json.dumps({"photos": [request]}))
    assert opened(visitor, data)["photos"][0]["edits"] == kept


@pytest.mark.parametrize(
    ("candidate", "look"),
    [
        (None, {}),
        (None, {"mood": "warm", "palette": ["#b06030", "#2050c0"], "guidance": 0.4}),
        (
            {
                "regions": [{"ab": [40, 5], "points": [[30, 40]]}],
                "hints": ["30,20,#d02010"],
                "strokes": 1,
            },
            {"mood": "cold"},
        ),
    ],
)
def test_the_command_reads_a_project_s_hints(
    visitor: Visitor,
    run: RunOptions,
    photo: Path,
    tmp_path: Path,
    candidate: Json | None,
    look: Json,
) -> None:
    id = visitor.upload(photo)["id"]
    edits = {
        "hints": ["30,20,#d02010", "50%,40%,navy@0.5"],
        "strokes": [STROKE],
        "candidate": candidate,
        **look,
    }
    with zipfile.ZipFile(
        io.BytesIO(saved(visitor, [{"id": id, "edits": edits, "kept": {}}]))
    ) as archive:
        archive.extractall(tmp_path)
    (source,) = (tmp_path / "photos" / "1").glob("*.png")
    assert source.read_bytes() == photo.read_bytes()
    guidance = read_guidance(GuidanceOptions(hints=source.with_name("hints.json")), source)
    options = marked(PhotoOptions(), photo_settings(COLOR, run), guidance)
    task = Task(source, tmp_path / "out.png")
    (_,) = colorize_photo_files([task], options, color=COLOR, run=run, guidance=guidance)
    answer = json.loads(visitor.post(f"/photos/{id}/file", edits))
    ours, theirs = (
        np.asarray(Image.open(io.BytesIO(data)))
        for data in (visitor.get(answer["href"]), task.target.read_bytes())
    )
    np.testing.assert_array_equal(ours, theirs)


def packed(*, told: object = None, method: int = zipfile.ZIP_STORED, **files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        if told is not None:
            archive.writestr(PROJECT, told if isinstance(told, str) else json.dumps(told))
    return data.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"no zip", packed(one=b"x"), packed(told="{"), packed(told=[]), packed(told={"photos": 3, "references": {}}),
        packed(told={"photos": []}), packed(told={"photos": [{}] * 501, "references": {}}), packed(told="[" * 100_000),
        packed(told={"photos": [], "references": {str(n): "x" for n in range(101)}}),
        packed(told={"photos": [], "references": {}})[:-10],
    ],
)  # fmt: skip
def test_other_files_are_refused_in_one_line(visitor: Visitor, data: bytes) -> None:
    status, _, content = visitor.ask("POST", "/projects?name=p.zip", data)
    assert status == 400
    assert json.loads(content)["error"].count("\n") == 0


def test_damaged_photos_are_named_and_no_path_is_followed(
    visitor: Visitor, photo: Path, home: Path
) -> None:
    before = sorted(path for path in home.rglob("*") if path.name == "evil.png")
    told = {
        "references": {"a": "../../evil.png", "b": "none.png"},
        "photos": [
            {"file": "../../evil.png", "name": "../../evil.png", "edits": {"now": {"reference": "b"}}},
            {"file": "none.png", "name": "none.png"},
            {"file": "bad.png", "name": "bad.png"},
            7,
        ],
    }  # fmt: skip
    files = {"../../evil.png": photo.read_bytes(), "bad.png": b"no picture"}
    found = opened(visitor, packed(told=told, **files))
    assert [one["name"] for one in found["photos"]] == ["evil.png"]
    assert found["photos"][0]["edits"]["now"]["reference"] is None
    assert len(found["failed"]) == 5  # of the references, one is gray and one is not there
    assert sorted(path for path in home.rglob("*") if path.name == "evil.png") == before


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_damaged_packing_is_the_failure_of_its_photo(
    visitor: Visitor, photo: Path, method: int
) -> None:
    told = {"references": {}, "photos": [{"file": "a.png", "name": "a.png"}]}
    content = bytearray(packed(told=told, method=method, **{"a.png": photo.read_bytes() * 20}))
    content[45:200] = bytes(155)
    found = opened(visitor, bytes(content))
    assert (found["photos"], len(found["failed"])) == ([], 1)


def test_a_bomb_is_not_unpacked(visitor: Visitor) -> None:
    """A small file that declares little and holds much ends at what it declares."""
    content = packed(told={"references": {}, "photos": [{"file": "a.png", "name": "a.png"}]}, method=zipfile.ZIP_DEFLATED, **{"a.png": bytes(50_000_000)})  # fmt: skip
    size = (50_000_000).to_bytes(4, "little")
    assert content.count(size) >= 2
    found = opened(visitor, content.replace(size, (1000).to_bytes(4, "little")))
    assert found["photos"] == []
    assert len(found["failed"]) == 1
