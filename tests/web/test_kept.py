"""Projects outlive the server, in a bounded folder whose damaged files are passed over."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from helpers import landscape
from PIL import Image

from runtime.files import lock
from web.kept import LOCK, PHOTOS, PROJECTS, UNUSED_S, KeptProjects, keeping, sweep
from web.options import WebOptions
from web.photos import Photos

DAY_S = 24 * 3600


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    sweep(tmp_path)
    return tmp_path


def opened(kept: Path) -> tuple[Photos, KeptProjects]:
    """Open the folder as a server that starts does."""
    sweep(kept)
    photos = Photos(kept / PHOTOS)
    photos.restore()
    return photos, KeptProjects(kept, photos)


def project_of(kept: Path, seed: int = 0, *, days: float = 0) -> tuple[str, str]:
    """Keep a project of one photo, last used some days ago; return its id and the photo's."""
    photos, projects = opened(kept)
    token, source = photos.place_for("a.png")
    Image.fromarray(landscape(20, 30, seed=seed)).save(source)
    photo = photos.add(token, "a.png", source)
    projects.write_edits(photo, {"now": {"hints": [{"x": 1, "y": 2, "color": "#123456"}]}})
    id = projects.write(None, [token], token)
    then = time.time() - days * DAY_S
    os.utime(kept / PROJECTS / f"{id}.json", (then, then))
    return id, token


def test_another_server_finds_photos_and_edits(kept: Path) -> None:
    id, token = project_of(kept)
    before = Photos(kept / PHOTOS)
    before.restore()
    gray = before[token].gray.copy()
    photos, projects = opened(kept)
    (project,) = projects.all()
    assert (project.id, project.photos, project.current) == (id, (token,), token)
    ((photo, edits),) = projects.photos(project)
    assert (photo.name, photo.size) == ("a.png", (20, 30))
    assert edits["now"]["hints"][0]["color"] == "#123456"
    assert not photo.source.with_name("full.npy").exists()  # it is made again
    assert (photos[token].gray == gray).all()
    assert photos[token].shown.shape == (20, 30)


def test_old_projects_and_photos_of_none_are_deleted(kept: Path) -> None:
    old, _ = project_of(kept, days=UNUSED_S / DAY_S + 1)
    new, token = project_of(kept, 1, days=UNUSED_S / DAY_S - 1)
    (kept / PHOTOS / ("x" * 22)).mkdir()
    _, projects = opened(kept)
    assert [project.id for project in projects.all()] == [new]
    assert old != new
    assert [path.name for path in (kept / PHOTOS).iterdir()] == [token]


def test_beyond_the_limit_the_least_recently_used_are_deleted(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects = [project_of(kept, seed, days=3 - seed)[0] for seed in range(3)]
    assert len(opened(kept)[1].all()) == 3
    monkeypatch.setattr("web.kept.LARGEST_BYTES", 0)
    assert [project.id for project in opened(kept)[1].all()] == [projects[-1]]


def test_a_reference_stays_with_the_photo_whose_edits_name_it(kept: Path) -> None:
    _, token = project_of(kept)
    photos, projects = opened(kept)
    reference, source = photos.place_for("b.png")
    Image.new("RGB", (9, 9), "red").save(source)
    photos.add_reference(reference, "b.png", source)
    projects.write_edits(photos[token], {"now": {}, "past": [{"reference": reference}]})
    photos, _ = opened(kept)
    assert list(photos.references) == [reference]
    projects.write_edits(photos[token], {"now": {"reference": "../../../etc"}})
    photos, _ = opened(kept)
    assert not photos.references


def test_deleting_a_project_keeps_photos_of_another(kept: Path) -> None:
    id, token = project_of(kept)
    photos, projects = opened(kept)
    other = projects.write(None, [token], token)
    projects.delete(id)
    assert token in photos
    projects.delete(other)
    assert token not in photos
    assert not list((kept / PHOTOS).iterdir())


def test_tabs_add_to_a_project_and_take_out_only_what_they_close(kept: Path) -> None:
    id, first = project_of(kept)
    photos, projects = opened(kept)
    second, source = photos.place_for("b.png")
    Image.fromarray(landscape(20, 30)).save(source)
    photos.add(second, "b.png", source)
    assert projects.write(id, [first, second], second) == id  # the tab that added it
    projects.write(id, [first], first)  # another tab, which does not know it
    assert projects[id].photos == (first, second)
    projects.write(id, [second], second, closed=[first])
    assert projects[id].photos == (second,)
    projects.write(id, [], "", closed=[second])
    assert not projects.all()
    assert not list((kept / PROJECTS).iterdir())


@pytest.mark.parametrize(
    "id", ["", "..", "../photos", "a" * 21, "a" * 23, "\0" * 22, "ä" * 22, "/" * 22]
)
def test_no_id_becomes_another_path(kept: Path, id: str) -> None:
    _, projects = opened(kept)
    for call in (projects.__getitem__, projects.delete):
        with pytest.raises(KeyError):
            call(id)
    if id:
        with pytest.raises(KeyError):
            projects.write(id, [], "")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"photos": 3}', '{"photos": [[], {}]}', "[" * 50_000, '{"photos": ["../.."]}', "\0"]
)  # fmt: skip
def test_damaged_files_are_passed_over(kept: Path, text: str) -> None:
    id, token = project_of(kept)
    (kept / PROJECTS / f"{'d' * 22}.json").write_text(text)
    damaged = kept / PHOTOS / ("e" * 22)
    shutil.copytree(kept / PHOTOS / token, damaged)
    (damaged / "about.json").write_text(text)
    (kept / PHOTOS / token / "edits.json").write_text(text)
    photos, projects = opened(kept)
    assert [project.id for project in projects.all()] == [id]
    assert list(photos.references) == []
    assert "e" * 22 not in photos
    assert len(projects.photos(projects[id])) == 1


@pytest.mark.parametrize("file", ["../../../secret.png", "/etc/passwd", "none.png"])
def test_no_file_outside_is_taken_for_a_photo(kept: Path, file: str) -> None:
    _, token = project_of(kept)
    (kept / "secret.png").write_bytes(b"x")
    about = kept / PHOTOS / token / "about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "file": file}))
    assert token not in opened(kept)[0]


def test_a_folder_belongs_to_one_server(tmp_path: Path) -> None:
    options = WebOptions(web_keep=tmp_path / "new")
    with keeping(options) as first, keeping(options) as second:
        assert first == tmp_path / "new"
        assert second is None
    with lock(tmp_path / "new" / LOCK):
        pass  # it was released


def test_what_visitors_share_is_not_kept(tmp_path: Path) -> None:
    with keeping(WebOptions(web_host="0.0.0.0")) as folder:
        assert folder is None
    with pytest.raises(ValueError, match="-web_keep is for 127"):
        WebOptions(web_host="0.0.0.0", web_keep=tmp_path)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="name another place with -web_keep"),
        keeping(WebOptions(web_keep=tmp_path / "file")),
    ):
        pass
