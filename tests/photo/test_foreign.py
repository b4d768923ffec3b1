"""Tests that formats are told by content, and that those which Pillow reads are read as a second decoder does."""

from pathlib import Path

import numpy as np
import pytest
from helpers import by_ffmpeg, colored, landscape
from PIL import Image
from rare_photos import photoshop, rare_photos

from photo.foreign import reader_of
from photo.marks import mark_in
from photo.read import read_photo
from photo.write import write_photo
from prior.lab import gray2lightness, rgb2lab

RGB = colored(landscape(40, 56))


@pytest.mark.parametrize(
    "suffix", [".tga", ".pcx", ".ppm", ".gif", ".avif", ".bmp", ".png", ".webp", ".tif", ".jpg"]
)
def test_each_format_is_read_as_ffmpeg_reads_it(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(RGB).save(tmp_path / f"a{suffix}")
    gray = read_photo(tmp_path / f"a{suffix}").gray
    second = by_ffmpeg(tmp_path / f"a{suffix}", RGB.shape, pixels="rgb24")
    error = np.abs(gray2lightness(gray) - rgb2lab(second)[..., 0])
    lossy = {".avif", ".jpg", ".webp"}  # of which decoders round and enlarge the chroma differently
    assert error.mean() < (1 if suffix in lossy else 0.15)


def test_the_largest_picture_of_an_icon_is_read(tmp_path: Path) -> None:
    square = landscape(48, 48)
    Image.fromarray(square).convert("RGB").save(tmp_path / "a.ico", sizes=[(16, 16), (48, 48)])
    np.testing.assert_array_equal(read_photo(tmp_path / "a.ico").gray, square)


@pytest.mark.parametrize(("kind", "top"), [(1, 1), (4, 1), (2, 255), (5, 100)])
def test_netpbm_of_few_bits(tmp_path: Path, kind: int, top: int) -> None:
    codes = np.rint(landscape(12, 16) / 255 * top).astype(np.uint8)
    head = f"P{kind}\n# text\n16 12\n" + ("" if top == 1 else f"{top}\n")
    text = " ".join(map(str, codes.ravel())).encode()
    binary = np.packbits(codes, axis=-1).tobytes() if top == 1 else codes.tobytes()
    (tmp_path / "a.pnm").write_bytes(head.encode() + (text if kind < 4 else binary))
    gray = (1 - codes) * 255 if top == 1 else codes / top * 255
    assert np.abs(read_photo(tmp_path / "a.pnm").gray - gray).max() < 1


def test_photoshop_documents_of_8_bits_are_read_and_deeper_ones_named(tmp_path: Path) -> None:
    (tmp_path / "a.psd").write_bytes(photoshop(landscape(12, 16)))
    np.testing.assert_array_equal(read_photo(tmp_path / "a.psd").gray, landscape(12, 16))
    second = by_ffmpeg(tmp_path / "a.psd", (12, 16))
    np.testing.assert_array_equal(second, landscape(12, 16))
    (tmp_path / "b.psd").write_bytes(photoshop(landscape(12, 16, np.uint16)))
    with pytest.raises(ValueError, match=r"b\.psd is a Photoshop document of 16 bits: save it as"):
        read_photo(tmp_path / "b.psd")


@pytest.mark.parametrize("suffix", [".tga", ".avif", ".jfif", ".jpe"])
def test_new_results_carry_their_mark(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png")
    write_photo(tmp_path / f"b{suffix}", RGB, like=photo)
    assert mark_in(tmp_path / f"b{suffix}") == photo.mark
    again = read_photo(tmp_path / f"b{suffix}").gray.astype(int)
    assert np.abs(again - photo.gray).mean() < 4


def test_films_and_unknown_files_have_no_reader(tmp_path: Path) -> None:
    head = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
    (tmp_path / "a.mp4").write_bytes(head + bytes(100))
    assert reader_of(tmp_path / "a.mp4", head) is None
    with pytest.raises(ValueError, match=r"a\.mp4 is not a picture .*films need -movie_in"):
        read_photo(tmp_path / "a.mp4")


def test_formats_are_told_by_content_not_by_suffix(tmp_path: Path) -> None:
    made = rare_photos(colored(landscape(40, 56, np.uint16)))
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / "other.jpg").write_bytes(data)
        if name != "deep.psd" and not name.endswith(".tga"):
            right = read_photo(tmp_path / name).gray
            np.testing.assert_array_equal(read_photo(tmp_path / "other.jpg").gray, right, name)
