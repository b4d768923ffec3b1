"""Uploaded photos stay in the server's own folder, whatever they are called."""

import json
from pathlib import Path

import pytest
from web_visitor import Visitor


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
    for to in ("/photos", "/references"):
        answer = visitor.upload(photo, to=to, name=name or "?")
        assert {path for path in home.rglob("*") if "uploads" not in path.parts} == before
    answer = visitor.upload(photo, name=name or "?")
    assert "/" not in answer["name"]
    assert len(answer["name"]) <= 200
    assert {path for path in home.rglob("*") if "uploads" not in path.parts} == before
