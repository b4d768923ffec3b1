"""Tests reading TIFFs of every depth and kind that archives have, compared with a second decoder where there is one."""

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from helpers import colored, landscape
from PIL import Image

from photo.formats import INSTALL
from photo.opened import size_of
from photo.read import read_photo
from prior.lab import gray2lightness, rgb2lab

GRAY = landscape(30, 41, np.uint16)
RGB = colored(GRAY)


def written(path: Path, data: np.ndarray, **settings: Any) -> Path:
    tifffile.imwrite(path, data, **settings)
    return path


def test_deep_gray_is_read_to_the_last_bit(tmp_path: Path) -> None:
    gray = landscape(30, 41, np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", gray)
    tifffile.imwrite(tmp_path / "zip.tif", gray, compression="zlib")
    tifffile.imwrite(tmp_path / "white.tif", np.invert(gray), photometric="miniswhite")
    tifffile.imwrite(tmp_path / "big.tif", gray, bigtiff=True, byteorder=">")
    tifffile.imwrite(tmp_path / "zstd.tif", gray, compression="zstd", predictor=2)
    tifffile.imwrite(tmp_path / "tiles.tif", gray, tile=(16, 32), compression="lzw")
    cv2.imwrite(str(tmp_path / "lzw.tif"), gray, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    names = ("a.tif", "zip.tif", "white.tif", "big.tif", "lzw.tif", "zstd.tif", "tiles.tif")
    for name in names:
        np.testing.assert_array_equal(read_photo(tmp_path / name).gray, gray, err_msg=name)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_color_planes_are_read_as_pixels_are(
    tmp_path: Path, compression: str | None, order: str, dtype: type
) -> None:
    rgb = colored(landscape(30, 41, dtype))
    settings: dict[str, Any] = {"photometric": "rgb", "compression": compression}
    settings |= {"byteorder": order, "predictor": compression == "lzw"}
    together = written(tmp_path / "a.tif", rgb, **settings)
    apart = written(
        tmp_path / "b.tif", np.moveaxis(rgb, -1, 0), planarconfig="separate", **settings
    )
    np.testing.assert_array_equal(read_photo(apart).gray, read_photo(together).gray)
    assert np.abs(gray2lightness(read_photo(apart).gray) - rgb2lab(rgb)[..., 0]).max() < 0.25


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_samples_are_scaled_to_16_bits(tmp_path: Path, bits: int) -> None:
    codes, most = GRAY >> (16 - bits), (1 << bits) - 1
    path = written(tmp_path / "a.tif", codes, bitspersample=bits, photometric="minisblack")
    gray = read_photo(path).gray
    np.testing.assert_array_equal(gray, np.rint(codes / most * 65535))
    np.testing.assert_array_equal(cv2.imread(str(path), -1) >> (16 - bits), codes)
    white = written(tmp_path / "w.tif", codes, bitspersample=bits, photometric="miniswhite")
    np.testing.assert_array_equal(read_photo(white).gray, 65535 - gray)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_few_bits_are_scaled_to_8(tmp_path: Path, bits: int, photometric: str) -> None:
    codes, most = (landscape(30, 41) >> (8 - bits)), (1 << bits) - 1
    data = codes.astype(bool) if bits == 1 else codes
    path = written(tmp_path / "a.tif", data, bitspersample=bits, photometric=photometric)
    gray = codes * np.uint8(255 // most)
    expected = gray if photometric == "minisblack" else 255 - gray
    np.testing.assert_array_equal(read_photo(path).gray, expected)
    np.testing.assert_array_equal(Image.open(path).convert("L"), expected)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax_codes_are_read(tmp_path: Path, compression: str) -> None:
    bits = landscape(30, 41) > 128
    Image.fromarray(bits).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").gray, bits * np.uint8(255))
    read = tifffile.imread(tmp_path / "a.tif")
    np.testing.assert_array_equal(read > 0, bits)


def test_floats_within_0_and_1_are_as_they_are(tmp_path: Path) -> None:
    shares = GRAY / np.float32(65535) * np.float32(0.8)
    for dtype, name in ((np.float32, "32-bit"), (np.float64, "64-bit"), (np.float16, "16-bit")):
        photo = read_photo(written(tmp_path / "a.tif", shares.astype(dtype), predictor=False))
        assert np.abs(photo.gray / 65535 - shares).max() < (1e-3 if dtype == np.float16 else 1e-5)
        assert photo.notes == (f"its {name} floating-point samples became 16 bits",)


@pytest.mark.parametrize("dtype", [np.float32, np.uint32, np.int32, np.int16, np.int8])
def test_other_samples_fill_the_range_between_their_own_ends(tmp_path: Path, dtype: type) -> None:
    lowest = 0 if dtype == np.uint32 else -100
    values = (lowest + GRAY / GRAY.max() * 200).astype(dtype)
    photo = read_photo(written(tmp_path / "a.tif", values, photometric="minisblack"))
    low, high = float(values.min()), float(values.max())
    expected = (values.astype(float) - low) / (high - low) * 65535
    assert np.abs(photo.gray - expected).max() < 1
    assert f"black is {low:g} and white {high:g}" in photo.notes[0]


def test_what_is_no_number_is_black(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8).copy()
    values[0, :2] = np.nan, -np.inf
    gray = read_photo(written(tmp_path / "a.tif", values)).gray
    assert gray[0, :2].tolist() == [0, 0]
    assert gray[-1, -1] == 65535


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_colors_multiplied_with_alpha_are_divided_by_it(
    tmp_path: Path, dtype: type, channels: int
) -> None:
    top = np.iinfo(dtype).max
    gray = landscape(30, 41, dtype, seed=1)
    color = np.repeat(gray[..., None], channels, -1)
    alpha = np.broadcast_to(np.linspace(top // 4, top, 41).astype(dtype), gray.shape)
    multiplied = np.rint(color * (alpha / top)[..., None]).astype(dtype)
    kind = "minisblack" if channels == 1 else "rgb"
    path = written(
        tmp_path / "a.tif",
        np.dstack([multiplied, alpha]),
        photometric=kind,
        extrasamples=["assocalpha"],
    )
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.alpha, alpha)
    assert np.abs(photo.gray.astype(int) - gray).max() <= 3


def test_further_channels_are_named(tmp_path: Path) -> None:
    data = np.dstack([RGB, GRAY, GRAY])
    kinds = ["unspecified", "unassalpha"]
    photo = read_photo(written(tmp_path / "a.tif", data, photometric="rgb", extrasamples=kinds))
    np.testing.assert_array_equal(photo.alpha, GRAY)
    assert photo.notes == ("1 further channel of the file left out",)


def test_bigtiff_of_both_orders_and_8_bits(tmp_path: Path) -> None:
    gray = landscape(30, 41)
    for order in "<>":
        path = written(tmp_path / "a.tif", gray, bigtiff=True, byteorder=order)
        np.testing.assert_array_equal(read_photo(path).gray, gray)
        assert size_of(path) == (30, 41)


@pytest.mark.parametrize("kind", ["cielab", "icclab"])
def test_the_lightness_of_deep_lab_is_kept(tmp_path: Path, kind: str) -> None:
    lightness = np.linspace(0, 100, 30 * 41).reshape(30, 41)
    top = 65535 if kind == "cielab" else 65280
    data = np.dstack([np.rint(lightness / 100 * top), GRAY, GRAY]).astype(np.uint16)
    gray = read_photo(written(tmp_path / "a.tif", data, photometric=kind)).gray
    assert np.abs(gray2lightness(gray) - lightness).max() < 0.03


def test_deep_inks_without_a_profile_mix_as_those_of_8_bits_do(tmp_path: Path) -> None:
    inks = np.stack([landscape(30, 41, seed=seed) for seed in range(4)], axis=-1)
    shallow = written(tmp_path / "8.tif", inks, photometric="separated")
    deep = written(tmp_path / "16.tif", inks.astype(np.uint16) * 257, photometric="separated")
    difference = read_photo(deep).gray / 257 - read_photo(shallow).gray
    assert np.abs(difference).max() < 4
    assert np.abs(difference).mean() < 1


def ink_profile() -> bytes:
    """Build a CMYK profile of tables of 2 values for each ink, whose lightness is the share of the missing inks."""
    grid = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij"), -1).reshape(-1, 4)
    light = (1 - grid[:, :3].mean(-1)) * (1 - grid[:, 3])
    lab = np.stack([light * 255, np.full(16, 128), np.full(16, 128)], -1)
    identity = np.arange(256, dtype=np.uint8).tobytes()
    head = struct.pack(">4sIBBBx9i", b"mft1", 0, 4, 3, 2, *(65536 * (i % 4 == 0) for i in range(9)))
    table = head + identity * 4 + np.rint(lab).astype(np.uint8).tobytes() + identity * 3
    white = struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061)
    first = 128 + 4 + 2 * 12
    tags = struct.pack(">I4sII4sII", 2, b"A2B0", first, len(table), b"wtpt", first + len(table), 20)
    fields = bytearray(128)
    fields[8:12], fields[12:24], fields[36:40] = b"\2\x40\0\0", b"prtrCMYKLab ", b"acsp"
    struct.pack_into(">3i", fields, 68, 63190, 65536, 54061)
    profile = bytes(fields) + tags + table + white
    return struct.pack(">I", len(profile)) + profile[4:]


def test_deep_inks_are_read_through_their_profile(tmp_path: Path) -> None:
    profile = ink_profile()
    inks = np.stack([landscape(30, 41, seed=seed) // 2 for seed in range(4)], axis=-1)
    settings: dict[str, Any] = {"photometric": "separated", "iccprofile": profile}
    shallow = read_photo(written(tmp_path / "8.tif", inks, **settings)).gray
    deep = read_photo(written(tmp_path / "16.tif", inks.astype(np.uint16) * 257, **settings)).gray
    plain = read_photo(written(tmp_path / "p.tif", inks, photometric="separated")).gray
    assert np.abs(deep / 257 - shallow).max() < 4
    assert np.abs(plain.astype(int) - shallow).mean() > 10, "the profile has an effect"


def test_reduced_copies_and_masks_are_not_the_picture(tmp_path: Path) -> None:
    small = np.full((8, 8, 3), 99, np.uint8)
    with tifffile.TiffWriter(tmp_path / "after.tif") as tiff:
        tiff.write(small, photometric="rgb", subfiletype=1)
        tiff.write(GRAY, photometric="minisblack")
    with tifffile.TiffWriter(tmp_path / "below.tif") as tiff:
        tiff.write(small, photometric="rgb", subfiletype=1, subifds=1)
        tiff.write(GRAY, photometric="minisblack", subfiletype=0)
    with tifffile.TiffWriter(tmp_path / "pyramid.tif") as tiff:
        tiff.write(GRAY, photometric="minisblack", subifds=1)
        tiff.write(GRAY[::2, ::2], photometric="minisblack", subfiletype=1)
        tiff.write(GRAY > 0, photometric="minisblack", subfiletype=4)
    for name in ("after.tif", "below.tif", "pyramid.tif"):
        np.testing.assert_array_equal(read_photo(tmp_path / name).gray, GRAY, err_msg=name)
        assert size_of(tmp_path / name) == GRAY.shape


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (np.dstack([GRAY] * 3), {"photometric": "ycbcr"}),
        (np.stack([GRAY] * 4), {"photometric": "minisblack", "volumetric": True, "tile": (4, 16, 16)}),
    ],
)  # fmt: skip
def test_other_kinds_are_refused_in_words(
    tmp_path: Path, data: np.ndarray, settings: dict[str, Any]
) -> None:
    path = written(tmp_path / "a.tif", data, **settings)
    with pytest.raises(ValueError, match=r"a\.tif: [A-Z]+ .*of 16 bits is not supported: save"):
        read_photo(path)


def test_without_imagecodecs_common_kinds_are_read_and_others_name_it(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "lzw.tif"), GRAY, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    tifffile.imwrite(tmp_path / "12.tif", GRAY >> 4, bitspersample=12, photometric="minisblack")
    tifffile.imwrite(tmp_path / "zstd.tif", RGB, photometric="rgb", compression="zstd")
    np.save(tmp_path / "gray.npy", GRAY)
    code = """if True:
        import sys; sys.modules["imagecodecs"] = None
        from pathlib import Path
        import numpy as np
        from photo.read import read_photo
        folder = Path(sys.argv[1]); gray = np.load(folder / "gray.npy")
        assert (read_photo(folder / "lzw.tif").gray == gray).all()
        assert (read_photo(folder / "12.tif").gray == np.rint((gray >> 4) / 4095 * 65535)).all()
        try:
            read_photo(folder / "zstd.tif")
        except ValueError as error:
            sys.exit(str(error))
    """
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert done.stderr == f"{tmp_path / 'zstd.tif'} has compression ZSTD of 16 bits: {INSTALL}\n"


def test_the_exif_of_a_bigtiff_is_kept(tmp_path: Path) -> None:
    settings = {"bigtiff": True, "byteorder": "<", "description": "Aunt Ida", "metadata": None}
    photo = read_photo(written(tmp_path / "a.tif", GRAY, **settings))
    assert photo.exif[270] == "Aunt Ida"
