"""Photo files: lightness read right in every kind, and everything around it kept."""

import io
import os
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from helpers import landscape
from PIL import Image, ImageCms

from model.icc import luminance_of, srgb_profile
from model.photo import Photo, mark_in, read_photo
from model.photo_writer import write_photo
from model.picture import decoding
from model.wishes import read_points, read_reference
from prior.lab import gray2lightness, rgb2lab

LOSSLESS = [".png", ".tif", ".bmp"]
ORIENTATION, DESCRIPTION = 274, 270
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'


def colored(gray: np.ndarray) -> np.ndarray:
    """Make a sepia scan of a gray picture."""
    shares = np.array([1.0, 0.88, 0.7])
    return (gray[..., None] * shares).astype(gray.dtype)


def gray_profile(gamma: float) -> bytes:
    """Build a minimal gray ICC profile with one gamma."""
    curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256)) + b"\0\0"
    tags = struct.pack(">I4sII", 1, b"kTRC", 144, len(curve))
    header = bytearray(128)
    header[12:16], header[16:20], header[20:24], header[36:40] = b"scnr", b"GRAY", b"XYZ ", b"acsp"
    profile = bytes(header) + tags + curve
    return struct.pack(">I", len(profile)) + profile[4:]


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_gray_is_read_as_it_is(tmp_path: Path, suffix: str) -> None:
    gray = landscape(30, 41)
    Image.fromarray(gray).save(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read_photo(tmp_path / f"a{suffix}").gray, gray)


def test_jpeg_and_webp_are_read(tmp_path: Path) -> None:
    gray = cv2.GaussianBlur(landscape(64, 80), (0, 0), 3)
    for suffix in (".jpg", ".webp"):
        Image.fromarray(gray).convert("RGB").save(tmp_path / f"a{suffix}", quality=95)
        assert np.abs(read_photo(tmp_path / f"a{suffix}").gray.astype(int) - gray).max() <= 6


def test_deep_gray_is_read_to_the_last_bit(tmp_path: Path) -> None:
    gray = landscape(30, 41, np.uint16)
    Image.fromarray(gray).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", gray)
    tifffile.imwrite(tmp_path / "zip.tif", gray, compression="zlib")
    tifffile.imwrite(tmp_path / "white.tif", np.invert(gray), photometric="miniswhite")
    tifffile.imwrite(tmp_path / "big.tif", gray, bigtiff=True, byteorder=">")
    cv2.imwrite(str(tmp_path / "lzw.tif"), gray, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    for name in ("a.png", "a.tif", "zip.tif", "white.tif", "big.tif", "lzw.tif"):
        np.testing.assert_array_equal(read_photo(tmp_path / name).gray, gray, err_msg=name)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_color_scans_give_their_lightness(tmp_path: Path, dtype: type) -> None:
    rgb = colored(landscape(30, 41, dtype))
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb")
    tifffile.imwrite(
        tmp_path / "b.tif", np.moveaxis(rgb, -1, 0), photometric="rgb", planarconfig="separate"
    )
    cv2.imwrite(str(tmp_path / "a.png"), rgb[..., ::-1])
    cv2.imwrite(str(tmp_path / "lzw.tif"), rgb[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    for name in ("a.tif", "b.tif", "a.png", "lzw.tif"):
        gray = read_photo(tmp_path / name).gray
        assert gray.dtype == dtype
        error = np.abs(gray2lightness(gray) - rgb2lab(rgb)[..., 0]).max()
        assert error < (0.25 if dtype == np.uint8 else 0.01), name


def test_other_kinds_of_pixels(tmp_path: Path) -> None:
    gray = landscape(30, 41)
    whole = Image.fromarray(gray)
    whole.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=255).save(
        tmp_path / "palette.png"
    )
    whole.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100)
    whole.convert("1").save(tmp_path / "bits.tif")
    assert np.abs(read_photo(tmp_path / "palette.png").gray.astype(int) - gray).mean() < 3
    assert np.abs(read_photo(tmp_path / "cmyk.jpg").gray.astype(int) - gray).mean() < 3
    assert set(np.unique(read_photo(tmp_path / "bits.tif").gray)) == {0, 255}


def write_turned(path: Path, stored: np.ndarray, turn: int) -> None:
    """Write a picture whose orientation tag says how it was turned, by the kind its name begins with."""
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    tag = [(ORIENTATION, 3, 1, turn, True)]
    if path.suffix != ".tif":
        Image.fromarray(stored).save(path, exif=exif, lossless=True, quality=100, dpi=(200, 100))
    elif path.stem == "lzw":  # a compression that is left to OpenCV when it is deep
        Image.fromarray(stored).save(path, exif=exif, compression="tiff_lzw", dpi=(200, 100))
    else:
        tifffile.imwrite(path, stored, extratags=tag, resolution=(200, 100), resolutionunit="INCH")


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "lzw.tif", "a.webp"])
def test_orientation_is_applied_once(tmp_path: Path, turn: int, name: str, deep: bool) -> None:
    if deep and name in {"a.jpg", "a.webp"}:
        return
    stored = cv2.GaussianBlur(landscape(48, 32, np.uint16, seed=4), (0, 0), 2)
    stored = stored if deep else (stored // 256).astype(np.uint8)
    write_turned(tmp_path / name, stored, turn)
    marked = Image.fromarray((stored / (stored.max() / 255)).astype(np.uint8))
    marked.getexif()[ORIENTATION] = turn
    how = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
    how |= {6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}
    upright = marked if turn == 1 else marked.transpose(getattr(Image.Transpose, how[turn]))
    photo = read_photo(tmp_path / name)
    ours = photo.gray / (stored.max() / 255)
    assert np.abs(ours - np.asarray(upright)).max() < 6
    if name in {"a.jpg", "a.tif"} or (name == "a.png" and not deep):
        assert photo.dpi == pytest.approx((100, 200) if turn >= 5 else (200, 100), rel=1e-3)
    write_photo(tmp_path / f"out-{name}", np.repeat(photo.gray[..., None], 3, -1), like=photo)
    again = read_photo(tmp_path / f"out-{name}")
    assert again.gray.shape == photo.gray.shape
    assert np.abs(again.gray.astype(int) - photo.gray).max() <= (6 if name == "a.webp" else 3)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_alpha_is_kept(tmp_path: Path, suffix: str, deep: bool) -> None:
    dtype = np.uint16 if deep else np.uint8
    gray, alpha = landscape(20, 30, dtype), landscape(20, 30, dtype, seed=7)
    photo = Photo(gray, alpha)
    write_photo(tmp_path / f"a{suffix}", np.repeat(gray[..., None], 3, -1), like=photo, quality=100)
    again = read_photo(tmp_path / f"a{suffix}")
    assert again.alpha is not None
    kept = alpha if suffix != ".webp" or not deep else cv2.convertScaleAbs(alpha, alpha=255 / 65535)
    np.testing.assert_array_equal(again.alpha, kept)
    if suffix == ".png" and not deep:
        Image.fromarray(np.dstack([gray, alpha]), "LA").save(tmp_path / "la.png")
        np.testing.assert_array_equal(read_photo(tmp_path / "la.png").alpha, alpha)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("source", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_metadata_is_kept(tmp_path: Path, source: str, suffix: str, deep: bool) -> None:
    gray = landscape(20, 30)
    exif = Image.Exif()
    exif[DESCRIPTION], exif[ORIENTATION] = "Aunt Ida, 1931", 6
    exif.get_ifd(0x8769)[36867] = "1931:05:01 12:00:00"
    extra = {} if source == ".tif" else {"xmp": XMP}
    if source == ".tif":
        exif.load(exif.tobytes())  # gives the exif group its place among the tags
        exif[700] = XMP
    Image.fromarray(gray).save(tmp_path / f"in{source}", exif=exif, dpi=(600, 600), **extra)
    photo = read_photo(tmp_path / f"in{source}")
    rgb = np.repeat(photo.gray[..., None], 3, -1)
    out = tmp_path / f"out{suffix}"
    write_photo(out, rgb.astype(np.uint16) * 257 if deep else rgb, like=photo)
    if not deep or suffix not in {".tif"}:
        with Image.open(out) as image:
            kept = image.getexif()
            assert kept.get(ORIENTATION, 1) == 1
            assert kept[DESCRIPTION] == "Aunt Ida, 1931"
            assert kept.get_ifd(0x8769)[36867] == "1931:05:01 12:00:00"
            assert image.info["icc_profile"] == srgb_profile()
    again = read_photo(out)
    assert again.exif[DESCRIPTION] == "Aunt Ida, 1931"
    if source != ".png":
        assert again.xmp.replace(b'"1"', b'"6"') == XMP
    if suffix != ".webp":
        assert again.dpi == pytest.approx((600, 600), rel=1e-3)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp"])
@pytest.mark.parametrize(("up", "down"), [(0, 0), (4294967295, 1), (300, 0)])
def test_a_resolution_that_is_none_is_dropped(
    tmp_path: Path, suffix: str, deep: bool, up: int, down: int
) -> None:
    gray = landscape(20, 30, np.uint16 if deep else np.uint8)
    tifffile.imwrite(tmp_path / "in.tif", gray, resolution=(300, 300), resolutionunit="INCH")
    data = bytearray((tmp_path / "in.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "in.tif") as tiff:
        for name in ("XResolution", "YResolution"):
            struct.pack_into("<II", data, tiff.pages.first.tags[name].valueoffset, up, down)
    (tmp_path / "in.tif").write_bytes(data)
    photo = read_photo(tmp_path / "in.tif")
    assert photo.dpi is None
    dropped = write_photo(
        tmp_path / f"out{suffix}", np.repeat(photo.gray[..., None], 3, -1), like=photo
    )
    assert "resolution" in dropped[0]
    assert read_photo(tmp_path / f"out{suffix}").gray.shape == gray.shape


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_what_does_not_fit_is_named_and_the_rest_is_kept(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION] = "Aunt Ida, 1931"
    exif.get_ifd(0x8769)[37500] = bytes(70_000)  # the camera maker's note
    exif.get_ifd(0x8769)[36867] = "1931:05:01 12:00:00"
    photo = Photo(
        landscape(20, 30), exif=exif, xmp=b"x" * 70_000, mark="colorizer: of 0" + "0" * 15
    )
    dropped = write_photo(tmp_path / f"a{suffix}", colored(photo.gray), like=photo)
    assert dropped == (["EXIF MakerNote", "XMP of 70000 bytes"] if suffix == ".jpg" else [])
    again = read_photo(tmp_path / f"a{suffix}")
    assert again.exif[DESCRIPTION] == "Aunt Ida, 1931"
    assert again.exif.get_ifd(0x8769)[36867] == "1931:05:01 12:00:00"
    assert mark_in(tmp_path / f"a{suffix}") == photo.mark


def test_a_tag_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION], exif[271] = "kept", object()
    photo = Photo(landscape(20, 30), exif=exif)
    dropped = write_photo(tmp_path / "a.jpg", colored(photo.gray), like=photo)
    assert dropped == ["EXIF Make"]
    assert read_photo(tmp_path / "a.jpg").exif[DESCRIPTION] == "kept"


def test_texts_of_other_alphabets_are_kept_in_deep_tiffs(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION] = "Großmutter"
    photo = Photo(landscape(20, 30, np.uint16), exif=exif)
    assert write_photo(tmp_path / "a.tif", colored(photo.gray), like=photo) == []
    assert "Gro" in read_photo(tmp_path / "a.tif").exif[DESCRIPTION]


def test_deep_results_stay_deep_and_become_bytes_where_they_must(tmp_path: Path) -> None:
    rgb = colored(landscape(20, 30, np.uint16))
    photo = Photo(rgb[..., 0])
    for suffix in (".png", ".tif"):
        write_photo(tmp_path / f"a{suffix}", rgb, like=photo)
        read = cv2.imread(str(tmp_path / f"a{suffix}"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(read[..., ::-1], rgb)
    write_photo(tmp_path / "a.bmp", rgb, like=photo)
    with Image.open(tmp_path / "a.bmp") as image:
        assert np.abs(np.asarray(image) - rgb / 257).max() <= 0.5


def test_jpeg_keeps_color_resolution(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg", colored(landscape(20, 30)), like=Photo(landscape(20, 30)))
    with Image.open(tmp_path / "a.jpg") as image:
        assert all(layer[1:3] == (1, 1) for layer in image.layer)


# Profiles


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_profiles_are_honored(tmp_path: Path, dtype: type) -> None:
    gray = landscape(20, 30, dtype)
    if dtype == np.uint8:
        Image.fromarray(gray).save(tmp_path / "a.tif", icc_profile=gray_profile(1.8))
    else:
        tifffile.imwrite(tmp_path / "a.tif", gray, iccprofile=gray_profile(1.8))
    linear = (gray / np.iinfo(dtype).max) ** (round(1.8 * 256) / 256)
    f = np.where(linear > (6 / 29) ** 3, np.cbrt(linear), linear * (29 / 6) ** 2 / 3 + 4 / 29)
    error = np.abs(gray2lightness(read_photo(tmp_path / "a.tif").gray) - (116 * f - 16)).max()
    assert error < (0.3 if dtype == np.uint8 else 0.02)


def test_an_srgb_profile_means_srgb(tmp_path: Path) -> None:
    rgb = colored(landscape(20, 30))
    Image.fromarray(rgb).save(tmp_path / "a.png", icc_profile=srgb_profile())
    Image.fromarray(rgb).save(tmp_path / "b.png")
    first, second = (read_photo(tmp_path / name).gray for name in ("a.png", "b.png"))
    assert np.abs(first.astype(int) - second).max() <= 1


def test_profiles_agree_with_little_cms() -> None:
    profile = srgb_profile()
    meaning = luminance_of(profile, channels=3)
    assert meaning is not None
    linear = sum(table[[64, 128, 200]] for table in meaning.tables(np.uint8))
    expected = gray2lightness(np.array([64, 128, 200], np.uint8))
    np.testing.assert_allclose(116 * np.cbrt(linear) - 16, expected, atol=0.05)


def test_profiles_of_other_kinds_are_left_to_others() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert luminance_of(lab, channels=3) is None
    with pytest.raises(ValueError, match="damaged ICC profile"):
        luminance_of(flat_profile(), channels=1)
    with pytest.raises(ValueError, match="damaged ICC profile"):
        luminance_of(b"short", channels=1) or luminance_of(gray_profile(2)[:135], channels=1)


# Pixels that are not gray or RGB


@pytest.mark.parametrize(
    ("photometric", "samples"), [("separated", 4), ("cielab", 3), ("ycbcr", 3), ("icclab", 3)]
)
def test_deep_pixels_of_other_kinds_are_refused(
    tmp_path: Path, photometric: str, samples: int
) -> None:
    pixels = np.stack([landscape(30, 41, np.uint16)] * samples, axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=photometric)
    with pytest.raises(ValueError, match=rf"{photometric.upper()} of 16 bits: save it as gray or"):
        read_photo(tmp_path / "a.tif")


# Bad input


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("not a picture at all")


def truncated(path: Path) -> None:
    Image.fromarray(landscape(200, 300)).save(path.with_suffix(".jpg"))
    path.write_bytes(path.with_suffix(".jpg").read_bytes()[:3000])


def truncated_png(path: Path) -> None:
    Image.fromarray(landscape(200, 300)).save(path.with_suffix(".png"))
    path.write_bytes(path.with_suffix(".png").read_bytes()[:3000])


def truncated_deep(path: Path) -> None:
    tifffile.imwrite(path.with_suffix(".tif"), landscape(200, 300, np.uint16), compression="zlib")
    path.write_bytes(path.with_suffix(".tif").read_bytes()[:3000])


def truncated_deep_png(path: Path) -> None:
    Image.fromarray(landscape(200, 300, np.uint16)).save(path.with_suffix(".png"))
    path.write_bytes(path.with_suffix(".png").read_bytes()[:3000])


def floats(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((20, 20), np.float32))


def half_tiled(path: Path) -> None:
    """Write a TIFF that has a width of its tiles and no length."""
    data = bytearray(tiled(16, 16))
    at = data.index(struct.pack("<HHI", 323, 4, 1))
    struct.pack_into("<H", data, at, 65000)
    path.write_bytes(data)


def flat_profile() -> bytes:
    curve = struct.pack(">4sIHH3i", b"para", 0, 1, 0, 2 << 16, 0, 0)
    return gray_profile(2)[:132] + struct.pack(">4sII", b"kTRC", 144, len(curve)) + curve


def flat_curve(path: Path) -> None:
    """Write a picture whose profile divides by zero: (0 x + 0)^2 for x >= -0/0."""
    profile = flat_profile()
    Image.fromarray(landscape(20, 30)).save(path.with_suffix(".png"), icc_profile=profile)
    path.write_bytes(path.with_suffix(".png").read_bytes())


@pytest.mark.parametrize(
    "spoil",
    [
        *(empty, text, floats, half_tiled, flat_curve),
        *(truncated, truncated_png, truncated_deep, truncated_deep_png),
    ],
)
def test_bad_files_get_one_line(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = tmp_path / "bad.bin"
    spoil(path)
    with pytest.raises(ValueError, match=r"bad\.bin") as caught:
        read_photo(path)
    assert "\n" not in str(caught.value)


def bmp(
    width: int, height: int, *, bits: int = 8, compression: int = 0, data: bytes = b""
) -> bytes:
    """Build a BMP of any claims."""
    palette = bytes(4 << min(bits, 8))
    head = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 0, 0
    )
    start = 14 + len(head) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start) + head + palette + data


def png(width: int, height: int, *, bits: int = 8) -> bytes:
    """Build a PNG of any size that holds no pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    chunks = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunks + struct.pack(">I", 0) + b"IDAT5\xaf\x06\x1e"


def tiled(width: int, height: int) -> bytes:
    """Build a small TIFF of 16 bits whose one tile claims another size."""
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((32, 32), np.uint16), tile=(32, 32))
    data = bytearray(file.getvalue())
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        for name, value in (("TileWidth", width), ("TileLength", height)):
            tag = tiff.pages.first.tags[name]
            struct.pack_into("<HHII", data, tag.offset, tag.code, 4, 1, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "claim"),
    [
        (bmp(60, 2_000_000_000), "60 x 2000000000"),
        (png(1 << 20, 1 << 20), "1048576 x 1048576"),
        (png(1 << 20, 1 << 20, bits=16), "1048576 x 1048576"),
        (png(0xFFFFFFFE, 44, bits=1), "4294967294 x 44"),
        (tiled(1 << 20, 1 << 20), "1048576 x 1048576"),
    ],
)
def test_no_more_is_decoded_than_there_is_memory_for(
    tmp_path: Path, data: bytes, claim: str
) -> None:
    (tmp_path / "huge").write_bytes(data)
    with pytest.raises(ValueError, match=rf"declares {claim} pixels, which take .* GB are free"):
        read_photo(tmp_path / "huge")


def test_a_run_length_code_takes_no_longer_than_its_pixels(tmp_path: Path) -> None:
    """Pillow needs half a minute for this one."""
    runs = b"\xff\x07" * 4096 + b"\0\1"
    (tmp_path / "slow.bmp").write_bytes(bmp(1 << 23, 44, compression=1, data=runs))
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"slow\.bmp cannot be read"):
        read_photo(tmp_path / "slow.bmp")
    (tmp_path / "right.bmp").write_bytes(bmp(255, 4096, compression=1, data=runs))
    assert read_photo(tmp_path / "right.bmp").gray.shape == (4096, 255)
    assert time.perf_counter() - start < 5


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        for read in (read_photo, read_points, read_reference):
            with pytest.raises(ValueError, match="is a pipe or device"):
                read(path)


def test_references_have_the_formats_of_photos(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(ValueError, match="is not a picture"):
        read_reference(tmp_path / "a.png")
    Image.new("1", (10_000, 9_000)).save(
        tmp_path / "large.png"
    )  # Pillow's own limit: 89 megapixels
    assert read_reference(tmp_path / "large.png").shape == (230, 256, 3)


def test_decoders_do_not_speak_for_themselves(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    Image.fromarray(landscape(200, 300, np.uint16)).save(tmp_path / "a.png")
    with caplog.at_level("DEBUG", logger="model.picture"), decoding(tmp_path / "a.png"):
        os.write(2, b"libpng error: bad\nlibpng warning: worse\n")
        warnings.warn("something about a picture", UserWarning, stacklevel=1)
    os.write(2, b"ours")
    assert capfd.readouterr() == ("", "ours")
    assert [record.message.split(": ", 1)[1] for record in caplog.records] == [
        "libpng error: bad",
        "libpng warning: worse",
    ]


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        read_photo(tmp_path / "none.jpg")
    with pytest.raises(ValueError, match="is a folder"):
        read_photo(tmp_path)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    wide = np.zeros((1, 17000, 3), np.uint8)
    with pytest.raises(ValueError, match="WEBP holds at most 16383 pixels"):
        write_photo(tmp_path / "a.webp", wide, like=Photo(wide[..., 0]))
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OSError, match=r"folder\.png"):
        write_photo(tmp_path / "folder.png", wide, like=Photo(wide[..., 0]))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]
