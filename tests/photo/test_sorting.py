"""Inputs without an option are told apart by what they are."""

import os
import shutil
from pathlib import Path

import pytest

from film.sequence import is_pattern
from photo.sorting import sorted_inputs

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders with photos, with films, with both and with neither, two of them below another."""
    monkeypatch.chdir(tmp_path)
    places = {
        "photos": ("a.jpg",),
        "films": ("f.mp4",),
        "both": ("b.png", "g.mkv"),
        "deep/in": ("c.tif",),
        "none": ("x.doc",),
    }
    for folder, names in places.items():
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("photos", "photo"),
        ("films", "film"),
        ("both", "photo film"),
        ("both/*", "photo film"),
        ("both/*.png", "photo"),
        ("*/*.mkv", "film"),
        ("none", "photo"),
        ("deep", "photo"),
        ("none/x.doc", "photo"),
        ("both/g.mkv", "film"),
        ("missing.mp4", "film"),
        ("missing.jpg", "photo"),
        ("scan_%06d.dpx", "film"),
        ("a**", "photo"),
        ("x" * 400, "photo"),
    ],
)
def test_an_input_is_what_it_looks_like(mixed: Path, text: str, groups: str) -> None:
    photos, films = sorted_inputs([text], is_one_film=is_pattern, recursive=False)
    found = ["photo"] * (photos == [text]) + ["film"] * (films == [text])
    assert " ".join(found) == groups


def test_what_is_no_file_is_one_input(mixed: Path) -> None:
    for name in ("gone.jpg", "gone.mp4"):
        Path(name).symlink_to("nowhere")
    os.mkfifo("pipe.jpg")
    inputs = ["gone.jpg", "gone.mp4", "pipe.jpg", "/dev/null"]
    assert sorted_inputs(inputs, is_one_film=is_pattern, recursive=False) == (
        ["gone.jpg", "pipe.jpg", "/dev/null"],
        ["gone.mp4"],
    )


def test_subfolders_count_where_they_are_searched(mixed: Path) -> None:
    assert sorted_inputs(["deep", "."], is_one_film=is_pattern, recursive=True) == (
        ["deep", "."],
        ["."],
    )


def test_a_film_is_known_by_its_first_bytes(mixed: Path) -> None:
    shutil.copy(SAMPLES / "film.mp4", "named.jpg")
    shutil.copy(SAMPLES / "rocket.jpg", "no_suffix")
    assert sorted_inputs(["named.jpg", "no_suffix"], is_one_film=is_pattern, recursive=False) == (
        ["no_suffix"],
        ["named.jpg"],
    )
