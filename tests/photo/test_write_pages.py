"""Files of several pictures are whole, or not there; each picture is as it would be alone."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import colored, landscape
from PIL import Image

from photo import write_pages
from photo.marks import mark_in
from photo.mpo import MAIN
from photo.read import Photo, read_photo
from photo.write_pages import mpo_pictures, tiff_pages

MARK = "colorizer 1.2.3: of 0123456789abcdef, with 01234567"
STEREO = "Multi-Frame Image: (Disparity)"
GRAYS = [landscape(40, 60), landscape(50, 30, seed=1)]


def exif(text: str) -> Image.Exif:
    tags = Image.Exif()
    tags[270] = text
    tags.get_ifd(0x8769)[0x9003] = text
    return tags


def photos() -> list[Photo]:
    return [
        Photo(gray, exif=exif(f"page {number}"), xmp=b"<x:x%d/>" % number, dpi=(100 + number, 100), mark=MARK)
        for number, gray in enumerate(GRAYS)
    ]  # fmt: skip


def test_large_tiffs_have_offsets_of_64_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_pages, "BIG_BYTES", 1000)
    for name, size in (("big.tif", 1000), ("small.tif", 999)):
        with tiff_pages(tmp_path / name, total=2, size=size, packed=False, alpha=True) as write:
            for photo in photos():
                assert write(colored(photo.gray), photo) == []
        with tifffile.TiffFile(tmp_path / name) as tiff:
            assert tiff.is_bigtiff == (name == "big.tif")
            for number, page in enumerate(tiff.pages):
                np.testing.assert_array_equal(page.asarray(), colored(GRAYS[number]))
                tags = page.aspage().tags
                assert tags[0x8769].value["DateTimeOriginal"] == f"page {number}"
        assert mark_in(tmp_path / name) == MARK


def test_a_multi_picture_jpeg_has_every_picture_with_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with mpo_pictures(path, kinds=[MAIN, STEREO], quality=95) as write:
        for photo in photos():
            assert write(colored(photo.gray), photo) == []
    assert mark_in(path) == MARK
    with Image.open(path) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
        entries = image.mpinfo[0xB002]
        assert [entry["Attribute"]["MPType"] for entry in entries] == [MAIN, STEREO]
        assert [entry["Attribute"]["RepresentativeImageFlag"] for entry in entries] == [True, False]
        for number, gray in enumerate(GRAYS):
            image.seek(number)
            assert image.size == gray.shape[::-1]
            assert np.abs(np.asarray(image).astype(int) - colored(gray)).mean() < 3
            assert image.getexif()[270] == f"page {number}"
            assert image.info["xmp"] == b"<x:x%d/>" % number
            assert "icc_profile" in image.info
    parts = path.read_bytes().split(b"\xff\xd9\xff\xd8")
    assert len(parts) == 2, "each is a whole JPEG"
    assert read_photo(path).gray.shape == GRAYS[0].shape


def test_what_a_multi_picture_jpeg_does_not_hold_is_named(tmp_path: Path) -> None:
    photo = Photo(GRAYS[0], GRAYS[0])
    with mpo_pictures(tmp_path / "a.jpg", kinds=[MAIN], quality=95) as write:
        assert write(colored(GRAYS[0]), photo) == ["the transparency"]


@pytest.mark.parametrize("name", ["a.tif", "a.jpg"])
def test_an_interrupted_file_is_not_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / name
    writer = (
        tiff_pages(path, total=2, size=0, packed=True, alpha=True)
        if name == "a.tif"
        else mpo_pictures(path, kinds=[MAIN, STEREO], quality=95)
    )
    with contextlib.suppress(KeyboardInterrupt), writer as write:
        write(colored(GRAYS[0]), photos()[0])
        raise KeyboardInterrupt
    assert not path.parent.exists()
