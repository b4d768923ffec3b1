"""Folders and globs: what is an input, what is passed over and said, what is neither."""

from pathlib import Path

import pytest

from photo.folders import Passed, folders_below, found_in, told_apart

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


@pytest.mark.parametrize("text", ["{}", "{}/*"])
def test_nothing_is_passed_over_in_silence_but_sidecars_and_results(album: Path, text: str) -> None:
    files, passed = found_in(text.format(album), group="photo", is_result=is_result)
    assert files == [(album / name, Path(name)) for name in ("a.jpg", "b.jfif")]
    assert passed == [
        Passed(album / "c.exr", "EXR", EXR),
        Passed(album / "d.mp4", "film", FILM),
        Passed(album / "e.xyz", ".xyz file", "not a photo"),
        Passed(album / "gone.jpg", "broken link", "not a file"),
        Passed(album / "more", "folder", "add -recursive"),
    ]


def test_the_same_folder_has_films_and_photos(album: Path) -> None:
    files, passed = found_in(str(album), group="film", is_result=is_result)
    assert files == [(album / "d.mp4", Path("d.mp4"))]
    assert [one.path.name for one in passed if one.why == PHOTO] == ["a.jpg", "b.jfif", "ours.png"]


def test_subfolders_are_looked_into_or_named(album: Path) -> None:
    files, passed = found_in(str(album), group="photo", is_result=is_result, recursive=True)
    assert (album / "more" / "f.jpg", Path("more/f.jpg")) in files
    assert "folder" not in {one.name for one in passed}
    files, passed = found_in(f"{album}/**", group="photo", is_result=is_result)
    assert (album / "more" / "f.jpg", Path("f.jpg")) in files
    assert "folder" not in {one.name for one in passed}


def test_a_folder_of_numbered_pictures_may_be_one_input(album: Path) -> None:
    files, passed = found_in(
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
    )


def test_a_named_file_is_an_input_whatever_its_name(album: Path) -> None:
    for name in ("e.xyz", "d.mp4", "gone.jpg", "ours.png"):
        named = [(album / name, Path(name))]
        assert found_in(str(album / name), group="photo", is_result=is_result) == (named, [])


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
