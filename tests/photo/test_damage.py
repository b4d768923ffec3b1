"""Tests that of truncated files all that is left is read, that the rest is gray, and that the remark says from where."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from helpers import colored, landscape
from PIL import Image

from photo.read import read_photo

ORIENTATION = 274
HEIGHT, WIDTH = 200, 150
GRAY = cv2.GaussianBlur(landscape(HEIGHT, WIDTH), (0, 0), 1)
RGB = colored(GRAY)
ALPHA = np.dstack([RGB, 255 - GRAY])
TEXTURE = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
DEEP = TEXTURE.astype(np.uint16) * 257
ROWS = re.compile(r"from row (\d+) of 200 on, it is gray")


def by_pillow(pixels: np.ndarray, form: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **settings)
    return file.getvalue()


def by_tifffile(pixels: np.ndarray, **settings: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, photometric="rgb", **settings)
    return file.getvalue()


def bits() -> bytes:
    file = io.BytesIO()
    Image.fromarray(GRAY).convert("1").save(file, "PNG")
    return file.getvalue()


def palette() -> bytes:
    file = io.BytesIO()
    Image.fromarray(RGB).quantize(64).save(file, "PNG")
    return file.getvalue()


KINDS: dict[str, Callable[[], bytes]] = {
    "gray.jpg": lambda: by_pillow(GRAY, "JPEG"),
    "rgb.jpg": lambda: by_pillow(RGB, "JPEG", quality=95),
    "restart.jpg": lambda: by_pillow(RGB, "JPEG", restart_marker_rows=1),
    "optimized.jpg": lambda: by_pillow(RGB, "JPEG", optimize=True),
    "gray.png": lambda: by_pillow(GRAY, "PNG"),
    "alpha.png": lambda: by_pillow(ALPHA, "PNG"),
    "bits.png": bits,
    "palette.png": palette,
    "deep.png": lambda: cv2.imencode(".png", DEEP[..., 0])[1].tobytes(),
    "deeprgb.png": lambda: cv2.imencode(".png", DEEP)[1].tobytes(),
    "lossless.webp": lambda: by_pillow(TEXTURE, "WEBP", lossless=True),
    "lossy.webp": lambda: by_pillow(TEXTURE, "WEBP", quality=95),
    "raw.tif": lambda: by_tifffile(TEXTURE),
    "strips.tif": lambda: by_tifffile(TEXTURE, rowsperstrip=16),
    "zip.tif": lambda: by_tifffile(TEXTURE, rowsperstrip=16, compression="zlib"),
    "tiles.tif": lambda: by_tifffile(TEXTURE, tile=(32, 32)),
    "ziptiles.tif": lambda: by_tifffile(TEXTURE, tile=(32, 32), compression="zlib"),
    "deepraw.tif": lambda: by_tifffile(DEEP),
    "deepzip.tif": lambda: by_tifffile(DEEP, rowsperstrip=16, compression="zlib"),
    "deeptiles.tif": lambda: by_tifffile(DEEP, tile=(32, 32)),
    "big.tif": lambda: by_tifffile(DEEP, bigtiff=True, byteorder=">"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_left_is_read_and_the_rest_is_gray(tmp_path: Path, name: str) -> None:
    data, path = KINDS[name](), tmp_path / name
    path.write_bytes(data)
    whole = read_photo(path)
    assert whole.notes == ()
    path.write_bytes(data[: len(data) * 3 // 5])
    part = read_photo(path)
    (remark,) = part.notes
    found = ROWS.search(remark)
    assert found, remark
    assert "truncated" in remark
    row = int(found[1]) - 1
    assert 0.3 * HEIGHT < row < 0.75 * HEIGHT
    # In a JPEG, chroma of two rows is shared, and the row of blocks in which the file ends is half gray.
    shared = 1 if name.endswith(".jpg") else 0
    np.testing.assert_array_equal(part.gray[: row - shared], whole.gray[: row - shared])
    middle = 128 if part.gray.dtype == np.uint8 else 128 * 257
    assert np.all(part.gray[row + 18 if shared else row :] == middle)
    if part.alpha is not None and whole.alpha is not None:
        np.testing.assert_array_equal(part.alpha[:row], whole.alpha[:row])
        assert np.all(part.alpha[row:] == 255)


@pytest.mark.parametrize(
    ("turn", "where"),
    [
        (1, r"from row (\d+) of 200 on"), (2, r"from row (\d+) of 200 on"),
        (3, r"up to row (\d+) of 200"), (4, r"up to row (\d+) of 200"),
        (5, r"from column (\d+) of 200 on"), (8, r"from column (\d+) of 200 on"),
        (6, r"up to column (\d+) of 200"), (7, r"up to column (\d+) of 200"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_the_remark_is_on_the_upright_picture(
    tmp_path: Path, name: str, turn: int, where: str
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    path = tmp_path / name
    if name == "a.tif":
        path.write_bytes(by_tifffile(DEEP, extratags=[(ORIENTATION, 3, 1, turn, True)]))
    else:
        Image.fromarray(RGB).save(path, exif=exif)
    whole = read_photo(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
    part = read_photo(path)
    found = re.search(where, part.notes[0])
    assert found, part.notes
    differs = part.gray != whole.gray
    lines = np.flatnonzero(differs.any(axis=1 if turn < 5 else 0))
    from_there = "from" in where
    edge = int(found[1]) - 1
    assert abs((lines[0] if from_there else lines[-1]) - edge) <= 1
    assert (lines[-1] == HEIGHT - 1) if from_there else (lines[0] == 0)


def test_a_bmp_lacks_its_first_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    Image.fromarray(GRAY).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
    part = read_photo(path)
    found = re.search(r"up to row (\d+) of 200", part.notes[0])
    assert found
    row = int(found[1])
    np.testing.assert_array_equal(part.gray[row:], GRAY[row:])
    assert np.all(part.gray[:row] == 128)


def test_only_the_end_marker_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(RGB).save(path)
    whole = read_photo(path)
    for lost in (1, 2):
        (tmp_path / "b.jpg").write_bytes(path.read_bytes()[:-lost])
        part = read_photo(tmp_path / "b.jpg")
        np.testing.assert_array_equal(part.gray, whole.gray)
        assert part.notes == (
            "the file lacks its end marker only: nothing of the picture is missing",
        )


def test_a_file_with_more_behind_its_end_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(RGB).save(path)
    whole, data = read_photo(path), path.read_bytes()
    for more in (bytes(1000), b"trailer", data[2:-2], b"\xff\xda\0\x04ab"):
        path.write_bytes(data + more)
        again = read_photo(path)
        assert again.notes == ()
        np.testing.assert_array_equal(again.gray, whole.gray)


def test_zeros_in_place_of_the_end_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2].ljust(len(data), b"\0"))
    assert ROWS.search(read_photo(path).notes[0])


def test_progressive_jpegs_lack_detail(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(RGB).save(path, progressive=True)
    whole = read_photo(path).gray
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    part = read_photo(path)
    assert part.notes == ("the file is truncated: the picture lacks detail",)
    assert 0 < np.abs(part.gray.astype(int) - whole).mean() < 10


def test_a_progressive_jpeg_that_ends_between_two_scans_is_whole_but_coarse(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(RGB).save(path, progressive=True)
    data = path.read_bytes()
    scans = [found.start() for found in re.finditer(b"\xff\xda", data)]
    assert len(scans) > 3
    for end in (scans[-1], scans[-1] + 6, scans[-1] + 10, scans[-1] + 11):
        path.write_bytes(data[:end])
        photo = read_photo(path)
        assert photo.lost is None
        assert "lack" in photo.notes[0]
        assert "detail" in photo.notes[0]
        assert photo.gray.std() > 10


def test_metadata_behind_the_pixels_of_a_webp_are_named(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[270] = "Aunt Ida, 1931"
    path = tmp_path / "a.webp"
    Image.fromarray(TEXTURE).save(path, exif=exif, lossless=True)
    whole = read_photo(path)
    path.write_bytes(path.read_bytes()[:-5])
    part = read_photo(path)
    np.testing.assert_array_equal(part.gray, whole.gray)
    assert part.notes == ()
    assert part.dropped == ("the EXIF data, which are truncated",)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_without_pixels_is_refused(tmp_path: Path, name: str) -> None:
    data = KINDS[name]()
    for size in (12, 40, 100):
        (tmp_path / name).write_bytes(data[:size])
        with pytest.raises(ValueError, match=name) as caught:
            read_photo(tmp_path / name)
        assert "\n" not in str(caught.value)
