"""Image sequences are found by their names: a pattern, or a folder of numbered pictures with one name."""

from pathlib import Path

import pytest

from film import FilmError
from film.sequence import Numbering, is_pattern, numbering_of, runs_of, sequence_of


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("name", "digits", "picture"),
    [
        ("scan_%06d.dpx", 6, "scan_000012.dpx"),
        ("scan_%d.tif", 1, "scan_12.tif"),
        ("s.####.png", 4, "s.0012.png"),
        ("%04d.exr", 4, "0012.exr"),
    ],
)
def test_a_pattern_names_its_pictures(name: str, digits: int, picture: str, tmp_path: Path) -> None:
    numbering = numbering_of(tmp_path / name)
    assert numbering is not None
    assert (numbering.digits, numbering.name(12)) == (digits, picture)
    assert numbering.number_of(picture) == 12


@pytest.mark.parametrize(
    "name", ["film.mp4", "100% %d.mp4", "50%.tif", "a%04d_%02d.tif", "scan_0001.dpx"]
)
def test_other_names_are_no_patterns(name: str, tmp_path: Path) -> None:
    assert not is_pattern(tmp_path / name)


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    assert not is_pattern(touch(tmp_path, "a%d.mp4") / "a%d.mp4")


def test_only_names_that_the_pattern_would_write_belong_to_it() -> None:
    numbering = Numbering("s", 3, ".tif")
    names = ("s001.tif", "s1000.tif", "s01.tif", "s0001.tif", "s-01.tif", "s.tif", "s0x1.tif")
    assert [numbering.number_of(name) for name in names] == [1, 1000, *[None] * 5]


def test_a_folder_of_numbered_pictures_is_a_sequence(tmp_path: Path) -> None:
    touch(tmp_path, "a2_0009.dpx", "a2_0010.dpx", "a2_0012.dpx", ".a2_0013.dpx", "sound.wav")
    sequence = sequence_of(tmp_path)
    assert sequence is not None
    assert sequence.names == {9: "a2_0009.dpx", 10: "a2_0010.dpx", 12: "a2_0012.dpx"}
    assert (sequence.title, sequence.first, sequence.gaps()) == ("a2", 9, [11])
    assert sequence_of(tmp_path / "a2_%04d.dpx") == sequence


def test_numbers_without_leading_zeros_are_ordered_as_numbers(tmp_path: Path) -> None:
    sequence = sequence_of(touch(tmp_path, "10.png", "9.png", "11.png"))
    assert sequence is not None
    assert [*sequence.names] == [9, 10, 11]
    assert sequence.title == tmp_path.name


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("film.mp4", "a_01.png", "a_02.png"),
        ("a_01.png",),
        ("a_01.png", "a_02.png", "cover.png"),
        ("a_01.txt", "a_02.txt"),
    ],
)
def test_any_other_folder_is_none(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert sequence_of(touch(tmp_path, *names)) is None


def test_a_folder_of_two_sequences_asks_for_one(tmp_path: Path) -> None:
    touch(tmp_path, "a_01.png", "a_02.png", "b_01.png")
    with pytest.raises(
        FilmError, match=r"holds 2 image sequences: name one, such as .*a_%02d\.png"
    ):
        sequence_of(tmp_path)
    found = sequence_of(tmp_path / "b_%02d.png")
    assert found is not None
    assert [*found.names] == [1]


def test_a_pattern_without_pictures_says_what_is_there(tmp_path: Path) -> None:
    touch(tmp_path, "a_0001.dpx")
    with pytest.raises(FilmError, match=r"no picture has such a name; there is a_0001\.dpx"):
        sequence_of(tmp_path / "a_##.dpx")
    with pytest.raises(FilmError, match=r"no picture has such a name$"):
        sequence_of(tmp_path / "a_%04d.tif")
    with pytest.raises(FilmError, match=r"are read as \.dpx"):
        sequence_of(tmp_path / "a_%04d.gif")


def test_numbers_far_apart_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a_1.png", "a_99999999.png")
    with pytest.raises(FilmError, match="2 pictures with numbers from 1 to 99999999"):
        sequence_of(tmp_path)


def test_runs() -> None:
    assert runs_of([3, 7, 8, 9, 20]) == "3, 7-9, 20"
    assert runs_of(range(0, 20, 2)) == "0, 2, 4, 6, 8, ..."
