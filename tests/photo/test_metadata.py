"""Tests that captions survive from each format to each, as other readers find them, or are named as left out."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import colored, landscape
from PIL import Image, IptcImagePlugin
from PIL.PngImagePlugin import PngInfo

from photo.metadata import Captions
from photo.read import Photo, read_photo
from photo.write import write_photo

GRAY = landscape(20, 30)
IPTC = b"\x1c\x02x\x00\x1aGrandmother at the harbour\x1c\x02P\x00\tJ. Sample"
RECORDS = {(2, 120): b"Grandmother at the harbour", (2, 80): b"J. Sample"}
COMMENT = "A comment: Großmutter"
TEXTS = {
    "Title": "Grandmother at the harbour",
    "Author": "J. Sample",
    "Description": "祖母",
    "Comment": COMMENT,
}


def resources(iptc: bytes) -> bytes:
    """Wrap IPTC as Photoshop does, between resources of other kinds, one of them with a name."""
    other = b"8BIM" + struct.pack(">H", 0x0BB7) + b"\x04name\0" + struct.pack(">I", 3) + b"abc\0"
    own = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    return other + own + other


def jpeg() -> bytes:
    file = io.BytesIO()
    block = b"Photoshop 3.0\0" + resources(IPTC)
    segment = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    Image.fromarray(GRAY).save(file, "JPEG", extra=segment, comment=COMMENT.encode())
    return file.getvalue()


def tiff(dtype: type, kind: int) -> bytes:
    """Make a TIFF with IPTC as bytes (kind 7), as numbers of four bytes (4), or in a Photoshop resource (34377)."""
    file = io.BytesIO()
    padded = IPTC + bytes(-len(IPTC) % 4)
    tag = {
        7: (33723, 7, len(IPTC), IPTC, True),
        4: (33723, 4, len(padded) // 4, struct.unpack(f"<{len(padded) // 4}I", padded), True),
        34377: (34377, 7, len(resources(IPTC)), resources(IPTC), True),
    }[kind]
    tifffile.imwrite(file, GRAY.astype(dtype) * np.array(257 if dtype == np.uint16 else 1, dtype),
                     extratags=[tag])  # fmt: skip
    return file.getvalue()


def png(*, deep: bool = False) -> bytes:
    file, info = io.BytesIO(), PngInfo()
    info.add_text("Title", TEXTS["Title"])
    info.add_text("Author", TEXTS["Author"], zip=True)
    info.add_itxt("Description", TEXTS["Description"], zip=True)
    info.add_itxt("Comment", TEXTS["Comment"])
    block = resources(IPTC)
    info.add_text("Raw profile type iptc", f"\niptc\n{len(block):8}\n{block.hex()}\n", zip=True)
    gray = GRAY.astype(np.uint16) * 257 if deep else GRAY
    Image.fromarray(gray).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def iptc_in(path: Path) -> dict[tuple[int, int], bytes]:
    """Read IPTC as others do: Pillow in JPEG and TIFF, tifffile in TIFF, a parser of chunks in PNG."""
    with Image.open(path) as image:
        if image.format == "PNG":
            lines = text_chunks(path)["Raw profile type iptc"].split("\n")
            block = bytes.fromhex("".join(lines[3:]))
            assert int(lines[2]) == len(block)
            file = io.BytesIO()
            segment = b"\xff\xed" + struct.pack(">H", len(block) + 16) + b"Photoshop 3.0\0" + block
            Image.new("L", (8, 8)).save(file, "JPEG", extra=segment)
            return dict(IptcImagePlugin.getiptcinfo(Image.open(file)) or {})
        found = dict(IptcImagePlugin.getiptcinfo(image) or {})
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            assert file.pages.first.tags[33723].value[: len(IPTC)] == IPTC
    return found


def text_chunks(path: Path) -> dict[str, str]:
    """Read the texts of a PNG chunk by chunk."""
    data, at, texts = path.read_bytes(), 8, {}
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        keyword, _, rest = data[at + 8 : at + 8 + size].partition(b"\0")
        assert zlib.crc32(data[at + 4 : at + 8 + size]) == int.from_bytes(
            data[at + 8 + size : at + 12 + size]
        )
        at += 12 + size
        if name == b"tEXt":
            texts[keyword.decode("latin-1")] = rest.decode("latin-1")
        elif name == b"zTXt":
            texts[keyword.decode("latin-1")] = zlib.decompress(rest[1:]).decode("latin-1")
        elif name == b"iTXt":
            assert rest[:2] == b"\0\0"
            texts[keyword.decode("latin-1")] = rest[2:].split(b"\0", 2)[2].decode()
    return texts


def written(folder: Path, source: bytes, suffix: str) -> tuple[Path, list[str]]:
    """Write a result of a file in another format."""
    (folder / "in").write_bytes(source)
    photo = read_photo(folder / "in")
    path = folder / f"out{suffix}"
    return path, write_photo(path, np.repeat(photo.gray[..., None], 3, -1), like=photo)


SOURCES = {
    "jpeg": jpeg(),
    "png": png(),
    "deep png": png(deep=True),
    "tiff": tiff(np.uint8, 7),
    "tiff of numbers": tiff(np.uint8, 4),
    "tiff of Photoshop": tiff(np.uint8, 34377),
    "deep tiff": tiff(np.uint16, 7),
    "deep tiff of numbers": tiff(np.uint16, 4),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_iptc_is_kept(tmp_path: Path, source: str, suffix: str) -> None:
    path, dropped = written(tmp_path, SOURCES[source], suffix)
    assert iptc_in(path) == RECORDS
    assert "IPTC" not in dropped


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("suffix", [".webp", ".bmp"])
def test_iptc_is_named_where_it_is_lost(tmp_path: Path, source: str, suffix: str) -> None:
    assert "IPTC" in written(tmp_path, SOURCES[source], suffix)[1]


def test_a_comment_is_kept_or_named(tmp_path: Path) -> None:
    with Image.open(written(tmp_path, jpeg(), ".jpg")[0]) as image:
        assert image.info["comment"] == COMMENT.encode()
    assert text_chunks(written(tmp_path, jpeg(), ".png")[0])["Comment"] == COMMENT
    for suffix in (".tif", ".webp"):
        path, dropped = written(tmp_path, jpeg(), suffix)
        with Image.open(path) as image:
            assert image.getexif()[270].encode("latin-1") == COMMENT.encode()
        assert "the comment" not in dropped
    assert "the comment" in written(tmp_path, jpeg(), ".bmp")[1]


def test_all_comments_are_kept_byte_for_byte(tmp_path: Path) -> None:
    bodies = [b"first", "Großmutter".encode("latin-1"), b"last"]
    segments = b"".join(b"\xff\xfe" + struct.pack(">H", len(body) + 2) + body for body in bodies)
    file = io.BytesIO()
    Image.fromarray(GRAY).save(file, "JPEG", extra=segments)
    with Image.open(written(tmp_path, file.getvalue(), ".jpg")[0]) as image:
        assert [body for name, body in image.applist if name == "COM"] == bodies


@pytest.mark.parametrize("deep", [False, True])
def test_texts_of_a_png_are_kept(tmp_path: Path, deep: bool) -> None:
    path, dropped = written(tmp_path, png(deep=deep), ".png")
    found = text_chunks(path)
    assert {name: found[name] for name in TEXTS} == TEXTS
    assert dropped == []


def test_texts_go_where_other_formats_have_them(tmp_path: Path) -> None:
    for suffix in (".jpg", ".tif", ".webp"):
        path, dropped = written(tmp_path, png(), suffix)
        with Image.open(path) as image:
            exif = image.getexif()
            assert exif[315] == TEXTS["Author"]
            assert exif[270].encode("latin-1").decode() == TEXTS["Description"]
            if suffix == ".jpg":
                said = [body.decode() for name, body in image.applist if name == "COM"]
                assert said == ["Title: Grandmother at the harbour", COMMENT]
                assert dropped == []
            else:
                left = {'the text "Title"', "the comment"}
                assert left <= set(dropped)
    names = {
        'the text "Title"',
        'the text "Author"',
        'the text "Description"',
        "the comment",
        "IPTC",
    }
    assert names <= set(written(tmp_path, png(), ".bmp")[1])


def test_what_is_too_long_for_a_jpeg_is_named(tmp_path: Path) -> None:
    photo = Photo(GRAY, captions=Captions(b"\x1c" * 70_000, (("Title", "x" * 70_000),)))
    dropped = write_photo(tmp_path / "a.jpg", colored(GRAY), like=photo)
    assert dropped == ["IPTC of 70026 bytes", 'the text "Title" of 70007 bytes']
    with Image.open(tmp_path / "a.jpg") as image:
        assert "comment" not in image.info
        assert "photoshop" not in image.info


def test_pictures_without_captions_get_none(tmp_path: Path) -> None:
    assert read_photo_of(tmp_path, GRAY).captions == Captions()


def read_photo_of(folder: Path, gray: np.ndarray) -> Photo:
    Image.fromarray(gray).save(folder / "a.png")
    return read_photo(folder / "a.png")


def test_a_raw_profile_that_is_none_is_ignored(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Raw profile type iptc", "\niptc\n 5\nno hex\n")
    Image.fromarray(GRAY).save(tmp_path / "a.png", pnginfo=info)
    assert read_photo(tmp_path / "a.png").captions == Captions()
