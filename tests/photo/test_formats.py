"""Tests which suffixes photos have, and in which format their results are written."""

import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from helpers import colored, landscape
from PIL import Image

from photo.batch import PHOTOS as KIND
from photo.formats import RESULTS, USUAL, check_held, note_of_format, result_suffix
from photo.inputs import plan
from photo.suffixes import PHOTOS, READ
from photo.write import SUFFIXES

OPTIONAL = ("imagecodecs", "rawpy", "pillow_heif", "pillow_jxl", "pypdfium2", "tifffile")


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("a.JPG", ".JPG"), ("a.jfif", ".jfif"), ("a.tga", ".tga"), ("a.avif", ".avif"), ("a.gif", ".png"), ("a.HEIC", ".png"),
        ("a.nef", ".tif"), ("a.pgm", ".ppm"), ("a.ppm", ".ppm"), ("a.j2k", ".jp2"), ("a.unknown", ".png"),
    ],
)  # fmt: skip
def test_results_have_the_format_of_the_photo_or_one_as_deep(
    tmp_path: Path, name: str, result: str
) -> None:
    (tmp_path / name).write_bytes(b"not read for this")
    (task,) = plan([str(tmp_path / name)], kind=KIND).tasks
    assert task.target.name == f"a.color{result}"


def test_deep_avif_becomes_png(tmp_path: Path) -> None:
    rgb = colored(landscape(40, 50, np.uint16)) >> 6
    (tmp_path / "a.avif").write_bytes(imagecodecs.avif_encode(rgb, bitspersample=10))
    Image.fromarray(colored(landscape(40, 50))).save(tmp_path / "b.avif")
    assert result_suffix(tmp_path / "a.avif") == ".png"
    assert result_suffix(tmp_path / "b.avif") is None
    note = note_of_format(tmp_path / "a.avif", Path("a.png"))
    assert note == "written as PNG, since .avif is not written with more than 8 bits"


def test_another_format_is_said_unless_it_was_asked_for() -> None:
    assert (
        note_of_format(Path("a.gif"), Path("a.png")) == "written as PNG, since .gif is not written"
    )
    assert not note_of_format(Path("a.gif"), Path("a.jpg"))
    assert not note_of_format(Path("a.jpg"), Path("a.png"))


def test_each_suffix_has_one_place() -> None:
    others = [suffix for suffixes, _ in RESULTS for suffix in suffixes]
    places = [*SUFFIXES, *USUAL, *others]
    read = [suffix for name in READ for suffix in PHOTOS[name].split()]
    assert sorted(places) == sorted({*read, *SUFFIXES})


def test_nothing_optional_is_imported_for_an_ordinary_photo(tmp_path: Path) -> None:
    Image.fromarray(landscape(20, 30)).save(tmp_path / "a.jpg")
    code = f"""if True:
        import sys
        from pathlib import Path
        from photo.read import read_photo
        from photo.write import write_photo
        import numpy as np
        photo = read_photo(Path(sys.argv[1]))
        write_photo(Path(sys.argv[1] + ".png"), np.dstack([photo.gray] * 3), like=photo)
        sys.exit(",".join(set({OPTIONAL}) & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.jpg"], capture_output=True, text=True
    )
    assert done.stderr.strip() == ""


def test_a_heic_of_several_pictures_becomes_a_tiff(tmp_path: Path) -> None:
    image = Image.fromarray(colored(landscape(40, 50)))
    burst = pillow_heif.from_pillow(image)
    burst.save(tmp_path / "one.heic")
    burst.add_from_pillow(image)
    burst.save(tmp_path / "two.heic")
    assert result_suffix(tmp_path / "one.heic") == ".png"
    assert result_suffix(tmp_path / "two.heic") == ".tif"
    assert result_suffix(tmp_path / "two.heic", alone=True) == ".png"
    assert note_of_format(tmp_path / "two.heic", Path("a.tif"), pages=2) == (
        "written as TIFF, since .heic is not written"
    )


def test_what_holds_several_pictures_is_told_from_what_does_not(tmp_path: Path) -> None:
    jpeg, other = tmp_path / "a.mpo", tmp_path / "a.heic"
    jpeg.write_bytes(b"\xff\xd8\xff")
    other.write_bytes(b"no JPEG")
    check_held(jpeg, Path("b.jpg"), 2, "picture")
    check_held(other, Path("b.tif"), 2, "picture")
    check_held(other, Path("b.webp"), 2, "frame")
    check_held(other, Path("b.jpg"), 1, "page")
    for source, target, what, advice in (
        (other, "b.jpg", "picture", ".tif"), (jpeg, "b.png", "picture", ".tif"),
        (other, "b.webp", "page", ".tif"), (other, "b.jpg", "frame", ".webp"),
    ):  # fmt: skip
        says = (
            rf"{target}: .* holds one picture, but .* has 2 {what}s: name the result {advice}, or"
        )
        with pytest.raises(ValueError, match=says):
            check_held(source, Path(target), 2, what)
