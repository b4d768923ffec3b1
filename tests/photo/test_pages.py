"""The pages of a file: counted without copies, chosen by number, and each read as it is."""

import io
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import tifffile
from helpers import landscape
from PIL import Image

from photo.decoder import Several
from photo.options import Span, read_span
from photo.pages import choose, is_tiff, read_chosen, read_page, several_in
from photo.read import mark_of, read_photo

PAGES = [landscape(40, 60), landscape(50, 30, np.uint16, seed=1), landscape(20, 20, seed=2)]


def write_tiff(path: Path) -> Path:
    """Write three pages of different kinds, with their tags, among reduced copies and a mask."""
    with tifffile.TiffWriter(path) as tiff:
        for number, page in enumerate(PAGES):
            tiff.write(
                page, description=f"page {number + 1}", resolution=(100 + number, 200), resolutionunit="INCH",
                metadata=None, subifds=1, subfiletype=2, extratags=[(274, 3, 1, 6 if number == 2 else 1, True)],
                compression="zlib" if number == 2 else None,
            )  # fmt: skip
            tiff.write(page[::2, ::2], subfiletype=1, metadata=None)  # in a subdirectory
            tiff.write(page[::2, ::2], subfiletype=1, metadata=None)  # in the file's list
            tiff.write(page > 0, subfiletype=4, metadata=None)
    return path


def test_each_page_of_a_tiff_has_its_own_size_depth_and_tags(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif")
    several = several_in(path)
    assert several == read_photo(path).several == Several(3, "page")
    for number, page in enumerate(PAGES):
        photo = read_page(path, number, several)
        upright = np.rot90(page, -1) if number == 2 else page
        np.testing.assert_array_equal(photo.gray, upright)
        assert photo.gray.dtype == page.dtype
        assert photo.exif[270] == f"page {number + 1}"
        dpi = (100 + number, 200)
        assert photo.dpi == pytest.approx(dpi[::-1] if number == 2 else dpi)
        assert photo.notes == ()


def test_a_later_page_has_nothing_of_the_first(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tags = [(274, 3, 1, 8, True), (700, 1, 12, b"<x:xmpmeta/>", True)]
        tiff.write(PAGES[0], description="first", resolution=(300, 300), resolutionunit=2,
                   metadata=None, extratags=tags, iccprofile=b"damaged")  # fmt: skip
        tiff.write(PAGES[0], metadata=None, resolution=(0, 0))
        tiff.write(PAGES[1], metadata=None, resolution=(0, 0))
    for number, page in ((1, PAGES[0]), (2, PAGES[1])):
        photo = read_page(tmp_path / "a.tif", number, Several(3, "page"))
        np.testing.assert_array_equal(photo.gray, page)
        assert 270 not in photo.exif
        assert (photo.xmp, photo.profile) == (b"", None)
        assert photo.dpi is None or photo.dpi[0] != 300


def test_pictures_of_heic_and_pages_of_pdf_are_read(tmp_path: Path) -> None:
    images = [Image.fromarray(page) for page in (PAGES[0], PAGES[2])]
    file = pillow_heif.from_pillow(images[0].convert("RGB"))
    file.add_from_pillow(images[1].convert("RGB"))
    file.save(tmp_path / "a.heic", quality=90)
    images[0].save(tmp_path / "a.pdf", save_all=True, append_images=images[1:], resolution=72)
    for name, what in (("a.heic", "picture"), ("a.pdf", "page")):
        path = tmp_path / name
        assert several_in(path) == Several(2, what)
        for number, image in enumerate(images):
            gray = read_page(path, number, several_in(path)).gray
            assert gray.shape == np.asarray(image).shape
            assert np.abs(gray.astype(int) - np.asarray(image)).mean() < 8


def test_a_frame_is_composited(tmp_path: Path) -> None:
    black, dot = Image.new("L", (8, 8), 0), Image.new("L", (8, 8), 0)
    dot.putpixel((3, 4), 255)
    both = dot.copy()
    both.putpixel((6, 1), 255)
    for name in ("a.gif", "a.png", "a.webp"):
        black.save(
            tmp_path / name, save_all=True, append_images=[dot, both], duration=100, lossless=True
        )
        photo = read_page(tmp_path / name, 2, several_in(tmp_path / name))
        np.testing.assert_array_equal(photo.gray, np.asarray(both))


def test_what_is_no_animation_has_one_picture(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.bmp", "a.tif", "a.webp"):
        Image.fromarray(PAGES[0]).save(tmp_path / name)
        assert several_in(tmp_path / name).total == 1
    (tmp_path / "none.png").write_bytes(b"none")
    assert several_in(tmp_path / "none.png").total == 1
    with pytest.raises(FileNotFoundError, match="no such file"):
        several_in(tmp_path / "missing.png")


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [([], [0, 1, 2, 3]), (["1"], [0]), (["4", "1-2"], [0, 1, 3]), (["3-"], [2, 3]), (["2-3", "3-4"], [1, 2, 3])],
)  # fmt: skip
def test_pages_are_chosen(texts: list[str], numbers: list[int]) -> None:
    spans = [read_span(text) for text in texts]
    assert list(choose(Path("a.tif"), Several(4, "page"), spans).numbers) == numbers


@pytest.mark.parametrize("text", ["5", "3-5", "5-", "1-9"])
def test_pages_that_a_file_has_not_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=rf"a\.tif has 4 pages, but -pages {text} asks for others"):
        choose(Path("a.tif"), Several(4, "page"), [read_span(text)])


def test_the_first_chosen_page_has_the_mark_of_the_file(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif")
    alone, first = read_chosen(path, [Span(2, 2)]), read_chosen(path, [Span(2, 3)])
    np.testing.assert_array_equal(alone.gray, PAGES[1])
    assert (alone.several.total, first.several.total) == (1, 3)
    assert alone.mark == first.mark == mark_of(path)


def test_a_page_that_cannot_be_read_says_how_to_leave_it_out(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[6].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[place : place + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"^page 3 of 3: .*a\.tif .*; -pages 1-2 leaves it out$"):
        read_page(path, 2, several_in(path))


def test_tiffs_are_told_by_content(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(PAGES[0]).save(file, "TIFF")
    (tmp_path / "a.jpg").write_bytes(file.getvalue())
    Image.fromarray(PAGES[0]).save(tmp_path / "b.png")
    assert is_tiff(tmp_path / "a.jpg")
    assert not is_tiff(tmp_path / "b.png")
