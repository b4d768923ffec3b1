"""Routes of kept projects: another server goes on where one has ended, and requests are checked."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_visitor import Visitor, served, settings_of

from model.options import RunOptions

EDITS = {"now": {"hints": [{"x": 40, "y": 30, "color": "#d02010"}]}, "past": [{"hints": []}]}


def test_an_ended_server_s_project_goes_on(tmp_path: Path, run: RunOptions, photo: Path) -> None:
    with served(tmp_path, settings_of(run, tmp_path), keeps=True) as visitor:
        tokens = [visitor.upload(photo, name=name)["id"] for name in ("a.png", "b.png")]
        id = json.loads(visitor.post("/kept", {"photos": tokens, "current": tokens[1]}))["id"]
        visitor.post_nothing(f"/kept/photos/{tokens[0]}", EDITS)
        before = visitor.post(f"/photos/{tokens[0]}/color", {"hints": ["40,30,#d02010"]})
        assert json.loads(visitor.get("/settings"))["keeps"]
    with served(tmp_path, settings_of(run, tmp_path), keeps=True) as visitor:
        (listed,) = json.loads(visitor.get("/kept"))
        colored, gray = (thumbnail(visitor, token) for token in tokens)
        assert colored.shape == gray.shape == (60, 80, 3)
        assert np.ptp(colored.astype(int), axis=-1).max() > 20  # the colors that were shown last
        assert np.ptp(gray, axis=-1).max() == 0
        assert (listed["id"], listed["count"], listed["names"]) == (id, 2, ["a", "b"])
        found = json.loads(visitor.get(f"/kept/{id}"))
        assert [one["id"] for one in found["photos"]] == tokens
        assert found["current"] == tokens[1]
        assert found["photos"][0]["edits"] == EDITS
        after = visitor.post(f"/photos/{tokens[0]}/color", {"hints": ["40,30,#d02010"]})
        assert before == after
        assert visitor.ask("DELETE", f"/kept/{id}")[0] == 204
        assert json.loads(visitor.get("/kept")) == []
        assert visitor.ask("GET", f"/photos/{tokens[0]}")[0] == 404


def thumbnail(visitor: Visitor, token: str) -> np.ndarray:
    data = visitor.get(f"/photos/{token}/thumbnail")
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture
def keeper(tmp_path: Path, run: RunOptions) -> Visitor:
    with served(tmp_path, settings_of(run, tmp_path), keeps=True) as visitor:
        yield visitor


def test_foreign_values_are_refused_and_leave_nothing(
    keeper: Visitor, photo: Path, tmp_path: Path
) -> None:
    token = keeper.upload(photo)["id"]
    before = sorted(tmp_path.rglob("*"))
    asked = [
        ("POST", "/kept", b"{"), ("POST", "/kept", b"[]"), ("POST", "/kept", b'{"photos": []}'),
        ("POST", "/kept", b'{"photos": 7}'), ("POST", "/kept/" + "c" * 22, b'{"closed": 7}'), ("POST", "/kept", json.dumps({"photos": ["x"] * 501}).encode()),
        ("POST", "/kept/..%2f..%2fevil", json.dumps({"photos": [token]}).encode()),
        ("POST", "/kept/" + "a" * 23, json.dumps({"photos": [token]}).encode()),
        ("POST", "/kept/photos/none", b"{}"), ("POST", f"/kept/photos/{token}", b"3"),
        ("POST", f"/kept/photos/{token}", b" " * 20_000_001), ("GET", "/kept/" + "b" * 22, b""),
        ("DELETE", "/kept/" + "b" * 22, b""), ("DELETE", "/kept/..%2fphotos", b""),
    ]  # fmt: skip
    for method, path, body in asked:
        status, _, content = keeper.ask(method, path, body)
        assert status in {400, 404, 405, 413}, (method, path, status, content)
    assert sorted(tmp_path.rglob("*")) == before


def test_photos_of_others_are_not_taken_into_a_project(keeper: Visitor, photo: Path) -> None:
    token = keeper.upload(photo)["id"]
    values = {"photos": ["../../etc", token, None, 7], "current": {"a": 1}}
    id = json.loads(keeper.post("/kept", values))["id"]
    assert [one["id"] for one in json.loads(keeper.get(f"/kept/{id}"))["photos"]] == [token]


def test_where_visitors_share_a_server_no_project_is_listed(outside: Visitor) -> None:
    """Signed in or not, as nobody could tell whose it is."""
    _, headers, _ = outside.ask("GET", "/?token=open%20sesame")
    cookie = headers["set-cookie"].partition(";")[0]
    for method, path in (("GET", "/kept"), ("POST", "/kept"), ("GET", "/kept/" + "a" * 22)):
        assert outside.ask(method, path, b"")[0] == 401
        assert outside.ask(method, path, b"", Cookie=cookie)[0] == 404
    assert json.loads(outside.ask("GET", "/settings", Cookie=cookie)[2])["keeps"] == ""
