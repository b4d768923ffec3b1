"""What a file is by its suffix, and that the advice for one that is no input is true."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from film import FilmError
from film.probe import probe
from photo import suffixes
from photo.read import read_photo
from photo.suffixes import (
    FILMS,
    OTHERS,
    PHOTOS,
    READ,
    SIDECARS,
    formats,
    is_ignored,
    is_input,
    kind_of,
    why_passed,
)
from photo.write import SUFFIXES

ROOT = Path(__file__).resolve().parents[2]


def test_each_suffix_has_one_kind() -> None:
    listed = " ".join([FILMS, SIDECARS, *PHOTOS.values(), *OTHERS.values()]).split()
    assert [suffix for suffix, count in Counter(listed).items() if count > 1] == []
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in listed)


def test_what_is_written_is_read_and_every_format_that_is_read_has_a_name() -> None:
    assert all(is_input(Path(f"a{suffix}"), group="photo") for suffix in SUFFIXES)
    assert all(name in formats() for name in READ)
    assert PHOTOS.keys() >= READ


@pytest.mark.parametrize("name", ["a.JFIF", "a.jpe", "a.TIF"])
def test_photos_of_rarer_suffixes_are_inputs(name: str) -> None:
    assert is_input(Path(name), group="photo")
    assert not is_input(Path(name), group="film")


@pytest.mark.parametrize("name", ["a.vob", "a.MTS", "a.m2ts", "a.3gp", "a.dv", "a.mxf", "a.y4m"])
def test_films_of_rarer_suffixes_are_inputs(name: str) -> None:
    assert is_input(Path(name), group="film")
    assert why_passed(Path(name), wanted="photo") == ("film", "use -movie_in")


@pytest.mark.parametrize(
    ("name", "wanted", "counted_as", "why"),
    [
        ("a.sgi", "photo", "SGI", "not supported, convert to TIFF"),
        ("a.exr", "film", "EXR", "not supported, convert to TIFF"),
        ("a.jpg", "film", "photo", "use -img_in"),
        ("a.zip", "photo", "archive", "not a photo"),
        ("a.XYZ", "film", ".xyz file", "not a film"),
        ("IMG_0001", "photo", "no-suffix file", "name one to try it"),
    ],
)
def test_what_is_passed_over_is_counted_by_kind(
    name: str, wanted: str, counted_as: str, why: str
) -> None:
    assert why_passed(Path(name), wanted=wanted) == (counted_as, why)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["Thumbs.db", "a.jpg.xmp", ".a.jpg", "notes.txt", "@eaDir/a.jpg", ".cache/a.jpg"]
)
def test_sidecars_and_hidden_files_are_ignored(name: str) -> None:
    assert is_ignored(Path(name))
    assert not is_ignored(Path("a.jpg"))


def test_no_advice_leads_there_and_back(tmp_path: Path) -> None:
    """What a command sends to the other one is accepted there."""
    film, photo = tmp_path / "film.jpg", tmp_path / "photo.mp4"
    shutil.copy(ROOT / "data" / "samples" / "film.mp4", film)
    shutil.copy(ROOT / "data" / "samples" / "chelsea.jpg", photo)
    with pytest.raises(ValueError, match=r"film\.jpg is not a picture but a film: .* -movie_in$"):
        read_photo(film)
    assert probe(film).frames > 1
    with pytest.raises(FilmError, match=r"photo\.mp4 is a picture, not a film: use -img_in$"):
        probe(photo)
    assert read_photo(photo).gray.ndim == 2


def test_a_format_whose_package_is_missing_is_counted_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suffixes, "_can_read", lambda name: name not in suffixes.NEEDS)
    assert not is_input(Path("a.heic"), group="photo")
    told = why_passed(Path("a.heic"), wanted="photo")
    assert told == ("HEIC", "pip install -r requirements-formats.txt")


@pytest.mark.parametrize(("name", "kind"), [("a.sgi", "SGI"), ("a.dds", "DDS")])
def test_a_picture_that_neither_command_reads_is_sent_to_neither(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / name
    Image.new("RGB", (64, 64), "red").save(path)
    with pytest.raises(ValueError, match=rf"\({kind} is not supported, convert to TIFF\)$"):
        read_photo(path)
    with pytest.raises(
        FilmError, match=rf"is a picture \({kind}\), not a film, and -img_in cannot"
    ):
        probe(path)
    assert kind_of(path).name == kind
