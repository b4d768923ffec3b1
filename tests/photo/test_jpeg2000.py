"""Tests reading and writing JPEG 2000."""

from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from helpers import colored, gray_profile, landscape
from PIL import Image

from photo.boxes import box
from photo.jpeg2000 import XMP_BOX
from photo.marks import mark_in
from photo.opened import size_of
from photo.read import Photo, read_photo
from photo.write import write_photo
from prior.lab import gray2lightness, rgb2lab

MARK = "colorizer: of 0123456789abcdef"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
def test_what_is_written_is_read_with_its_metadata(
    tmp_path: Path, dtype: type, alpha: bool
) -> None:
    gray = landscape(40, 50, dtype)
    exif = Image.Exif()
    exif[270] = "Aunt Ida"
    like = Photo(gray, gray if alpha else None, exif, b"<x:xmpmeta/>", mark=MARK)
    rgb = colored(gray)
    write_photo(tmp_path / "a.jp2", rgb, like=like)
    photo = read_photo(tmp_path / "a.jp2")
    assert (photo.exif[270], photo.xmp, mark_in(tmp_path / "a.jp2")) == ("Aunt Ida", like.xmp, MARK)
    assert np.abs(gray2lightness(photo.gray) - rgb2lab(rgb)[..., 0]).max() < 0.25
    assert (photo.alpha is None) != alpha
    second = imagecodecs.jpeg2k_decode((tmp_path / "a.jp2").read_bytes())
    np.testing.assert_array_equal(second, np.dstack([rgb, gray]) if alpha else rgb)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("codec", ["jp2", "j2k"])
def test_gray_of_any_depth_is_read(tmp_path: Path, bits: int, codec: str) -> None:
    dtype = np.uint8 if bits == 8 else np.uint16
    codes = landscape(40, 50, dtype) >> (np.dtype(dtype).itemsize * 8 - bits)
    path = tmp_path / f"a.{codec}"
    path.write_bytes(
        imagecodecs.jpeg2k_encode(codes, level=0, codecformat=codec, bitspersample=bits, reversible=True)
    )  # fmt: skip
    top = 255 if bits == 8 else 65535
    np.testing.assert_array_equal(read_photo(path).gray, np.rint(codes / (2**bits - 1) * top))
    np.testing.assert_array_equal(cv2.imread(str(path), -1), codes)
    assert size_of(path) == (40, 50)


def test_the_color_profile_is_read(tmp_path: Path) -> None:
    gray = landscape(40, 50)
    Image.fromarray(gray).save(tmp_path / "a.jp2")
    data = (tmp_path / "a.jp2").read_bytes()
    at = data.index(b"colr") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    profiled = box(b"colr", b"\2\0\0" + gray_profile(1.0))
    head = data.index(b"jp2h") - 4
    size = int.from_bytes(data[head : head + 4], "big") + len(profiled) - length
    data = data[:at] + profiled + data[at + length :]
    (tmp_path / "a.jp2").write_bytes(data[:head] + size.to_bytes(4, "big") + data[head + 4 :])
    assert read_photo(tmp_path / "a.jp2").gray.mean() > gray.mean() + 20


def test_small_deep_pictures_are_refused_in_words(tmp_path: Path) -> None:
    gray = landscape(20, 50, np.uint16)
    with pytest.raises(ValueError, match=r"needs 32 pixels a side: use \.tif"):
        write_photo(tmp_path / "a.jp2", colored(gray), like=Photo(gray))
    assert not list(tmp_path.iterdir())


def test_without_a_codestream_it_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.jp2").write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"uuid", XMP_BOX))
    with pytest.raises(ValueError, match=r"a\.jp2 cannot be read .*no JPEG 2000 codestream"):
        read_photo(tmp_path / "a.jp2")
