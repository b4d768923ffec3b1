"""Folders and globs: what is an input, what is passed over and said, what is neither."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from photo.folders import Passed, folders_below, found_in, told_apart, why_none

PHOTO, FILM, EXR = ("use -img_in", "use -movie_in", "not supported, convert to TIFF")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    names = "a.jpg a.jpg.xmp b.jfif c.exr d.mp4 e.xyz Thumbs.db .hidden.jpg ours.png more/f.jpg"
    for name in names.split():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    return tmp_path


def is_result(path: Path) -> bool:
    return path.name == "ours.png"


@pytest.mark.parametrize(
    ("text", "advice"), [("{}", "add -recursive"), ("{}/*", "give it as an input of its own")]
)
def test_nothing_is_passed_over_in_silence_but_sidecars_and_results(
    album: Path, text: str, advice: str
) -> None:
    files, passed, unread = found_in(text.format(album), group="photo", is_result=is_result)
    assert files == [(album / name, Path(name)) for name in ("a.jpg", "b.jfif")]
    assert passed == [
        Passed(album / "c.exr", "EXR", EXR),
        Passed(album / "d.mp4", "film", FILM),
        Passed(album / "e.xyz", ".xyz file", "not a photo"),
        Passed(album / "gone.jpg", "broken link", "not a file"),
        Passed(album / "more", "folder", advice),
    ]
    assert unread == []


def test_the_same_folder_has_films_and_photos(album: Path) -> None:
    files, passed, _ = found_in(str(album), group="film", is_result=is_result)
    assert files == [(album / "d.mp4", Path("d.mp4"))]
    assert [one.path.name for one in passed if one.why == PHOTO] == ["a.jpg", "b.jfif", "ours.png"]


def test_subfolders_are_looked_into_or_named(album: Path) -> None:
    files, passed, _ = found_in(str(album), group="photo", is_result=is_result, recursive=True)
    assert (album / "more" / "f.jpg", Path("more/f.jpg")) in files
    assert "folder" not in {one.name for one in passed}
    files, passed, _ = found_in(f"{album}/**", group="photo", is_result=is_result)
    assert (album / "more" / "f.jpg", Path("f.jpg")) in files
    assert "folder" not in {one.name for one in passed}


@pytest.mark.parametrize("recursive", [True, False])
def test_a_link_to_a_folder_is_named_and_not_followed(album: Path, recursive: bool) -> None:
    (album / "linked").symlink_to("more")
    (album / "more" / "up").symlink_to(album)
    _, passed, _ = found_in(str(album), group="photo", is_result=is_result, recursive=recursive)
    links = [one.path for one in passed if one.name == "linked folder"]
    assert links == [album / "linked", album / "more" / "up"][: 1 + recursive]
    assert {one.why for one in passed if one.path in links} == {"give it as an input of its own"}


def test_what_cannot_be_read_is_told_and_leaves_the_others(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name in {"locked", ".git"}:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    def stat(path: Path, **following: bool) -> os.stat_result:
        if path.parent.name == "unseen":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, **following)

    scan, look = os.scandir, Path.stat
    for folder in ("locked", ".git", "unseen"):
        (album / folder).mkdir()
    (album / "unseen" / "g.jpg").touch()
    monkeypatch.setattr(os, "scandir", scandir)  # root may read all, so permissions do not tell
    monkeypatch.setattr(Path, "stat", stat)
    found = found_in(str(album), group="photo", is_result=is_result, recursive=True)
    assert found.unread == [
        (album / "locked", "Permission denied"),
        (album / "unseen" / "g.jpg", "Permission denied"),
    ]
    assert [place.name for _, place in found.inputs] == ["a.jpg", "b.jfif", "f.jpg"]
    alone = found_in(str(album / "locked"), group="photo", is_result=is_result)
    assert alone == ([], [], [(album / "locked", "Permission denied")])


def test_a_path_that_must_not_be_looked_at_is_not_said_to_be_missing(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_none(str(album / "none.jpg"), "photo").endswith("none.jpg: no such file")

    def lstat(path: str) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "lstat", lstat)
    assert why_none("x/a.jpg", "photo") == "x/a.jpg cannot be read (Permission denied)"


def test_a_folder_of_numbered_pictures_may_be_one_input(album: Path) -> None:
    files, passed, _ = found_in(
        str(album), group="film", is_result=is_result, as_one="a.jpg", recursive=True
    )
    assert files == [(album, Path("a.jpg"))]
    assert "a.jpg" not in {one.path.name for one in passed}
    assert Passed(album / "c.exr", "EXR", EXR) in passed
    assert Passed(album / "more", "folder", "give it as an input of its own") in passed
    pattern = str(album / "scan_%06d.jpg")
    assert found_in(pattern, group="film", is_result=is_result, as_one="scan.jpg") == (
        [(Path(pattern), Path("scan.jpg"))],
        [],
        [],
    )


def test_a_named_file_is_an_input_whatever_its_name(album: Path) -> None:
    for name in ("e.xyz", "d.mp4", "gone.jpg", "ours.png"):
        named = [(album / name, Path(name))]
        assert found_in(str(album / name), group="photo", is_result=is_result) == (named, [], [])


def test_paths_below_the_folder_of_results(tmp_path: Path) -> None:
    one, two = tmp_path / "1931" / "in", tmp_path / "1932" / "in"
    for folder in (one, two):
        folder.mkdir(parents=True)
    assert folders_below([str(one), "x.jpg"]) == {}
    assert folders_below([str(one), str(two)]) == {
        str(one): Path("1931/in"),
        str(two): Path("1932/in"),
    }
    assert told_apart(two / "x.png", Path("x.png"), one / "x.png") == Path("1932/in/x.png")
    assert told_apart(two, Path("scan.tif"), one) == Path("in.tif")  # folders of numbered pictures
    assert told_apart(one / "x.avi", Path("x.avi"), one / "x.wmv") == Path("x.avi.avi")
