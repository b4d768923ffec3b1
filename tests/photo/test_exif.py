"""Tests EXIF: maker notes stay readable at their offsets, groups are kept in deep TIFFs, damaged parts are named."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import landscape
from PIL import Image

from photo.exif import MAKER_NOTE, moves, note_place
from photo.opened import size_of
from photo.read import read_photo
from photo.write import write_photo

GRAY = landscape(20, 30)
EXIF_GROUP, GPS_GROUP, DATE = 0x8769, 0x8825, 36867
OWNER = b"Ida Sample\0\0"


def note_at(at: int, order: str) -> bytes:
    """Make a maker note as Canon's: a directory whose text is at an offset of the whole block of EXIF."""
    head = struct.pack(f"{order}H", 2)
    entries = struct.pack(f"{order}HHII", 1, 3, 1, 7) + struct.pack(
        f"{order}HHII", 9, 2, len(OWNER), at + 2 + 24 + 4
    )
    return head + entries + bytes(4) + OWNER


def block(order: str) -> bytes:
    """Make a block of EXIF with such a note."""
    exif = Image.Exif()
    exif.endian = order
    exif[271], exif[270] = "Sample cameras", "Aunt Ida, 1931"
    group = exif.get_ifd(EXIF_GROUP)
    group[DATE], group[MAKER_NOTE] = "1931:05:01 12:00:00", note_at(0, order)
    group[41986] = 1
    at = note_place(exif.tobytes())
    assert at
    group[MAKER_NOTE] = note_at(at, order)
    return exif.tobytes()


def owner_in(data: bytes, order: str) -> bytes:
    """Follow the offsets from the head of a block to the text in the note, as its maker does."""
    data = data.removeprefix(b"Exif\0\0")
    assert data[:2] == (b"II" if order == "<" else b"MM")

    def entries(at: int) -> dict[int, tuple[int, int]]:
        (count,) = struct.unpack_from(f"{order}H", data, at)
        rows = (struct.unpack_from(f"{order}HHII", data, at + 2 + 12 * i) for i in range(count))
        return {tag: (size, place) for tag, _, size, place in rows}

    main = entries(struct.unpack_from(f"{order}I", data, 4)[0])
    size, place = entries(main[EXIF_GROUP][1])[MAKER_NOTE]
    assert size == len(note_at(0, order))
    size, place = entries(place)[9]
    return data[place : place + size]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_maker_note_stays_readable(tmp_path: Path, suffix: str, deep: bool, order: str) -> None:
    Image.fromarray(GRAY).save(tmp_path / "in.jpg", exif=block(order))
    assert owner_in(block(order), order) == OWNER
    photo = read_photo(tmp_path / "in.jpg")
    rgb = np.repeat(photo.gray[..., None], 3, -1)
    path = tmp_path / f"out{suffix}"
    assert write_photo(path, rgb.astype(np.uint16) * 257 if deep else rgb, like=photo) == []
    with Image.open(path) as image:
        data, exif = image.info["exif"], image.getexif()
    assert owner_in(data, order) == OWNER
    assert exif[270] == "Aunt Ida, 1931"
    assert exif.get_ifd(EXIF_GROUP)[DATE] == "1931:05:01 12:00:00"


@pytest.mark.parametrize("deep", [False, True])
def test_a_maker_note_that_would_not_be_readable_is_named(tmp_path: Path, deep: bool) -> None:
    Image.fromarray(GRAY).save(tmp_path / "in.jpg", exif=block("<"))
    photo = read_photo(tmp_path / "in.jpg")
    rgb = np.repeat(photo.gray[..., None], 3, -1)
    rgb = rgb.astype(np.uint16) * 257 if deep else rgb
    assert write_photo(tmp_path / "out.tif", rgb, like=photo) == ["EXIF MakerNote"]
    with Image.open(tmp_path / "out.tif") as image:
        group = image.getexif().get_ifd(EXIF_GROUP)
        assert group[DATE] == "1931:05:01 12:00:00"
        assert MAKER_NOTE not in group


def test_notes_that_may_be_anywhere_are_told_apart() -> None:
    assert moves(b"Nikon\0\x02\x10\0\0" + note_at(0, "<"))
    assert moves(b"FUJIFILM\x0c\0\0\0" + note_at(0, "<"))
    assert moves(b"settings in words")
    assert moves(bytes(1000))
    assert moves(struct.pack("<HHHII", 1, 1, 3, 1, 7) + bytes(4))  # every value is in its entry
    for order in "<>":
        assert not moves(note_at(500, order))
        assert not moves(b"SONY DSC \0\0\0" + note_at(500, order))


def test_a_block_without_a_note_has_no_place_for_it() -> None:
    exif = Image.Exif()
    exif[270] = "Aunt Ida, 1931"
    assert note_place(exif.tobytes()) == 0
    assert note_place(b"") == 0
    assert note_place(b"Exif\0\0II*\0\xff\xff\xff\xff") == 0


@pytest.mark.parametrize("source", [".jpg", ".tif"])
def test_deep_tiffs_keep_all_groups(tmp_path: Path, source: str) -> None:
    exif = Image.Exif()
    exif[270], exif[316], exif[0x4746] = "Aunt Ida, 1931", "a computer", 5
    exif.get_ifd(EXIF_GROUP)[DATE] = "1931:05:01 12:00:00"
    exif.get_ifd(EXIF_GROUP)[33434] = 0.008
    exif.get_ifd(GPS_GROUP)[1], exif.get_ifd(GPS_GROUP)[2] = "N", (48.0, 8.0, 14.5)
    exif.load(exif.tobytes())  # adds the pointers to the groups
    Image.fromarray(GRAY).save(tmp_path / f"in{source}", exif=exif)
    photo = read_photo(tmp_path / f"in{source}")
    rgb = np.repeat(photo.gray[..., None], 3, -1).astype(np.uint16) * 257
    assert write_photo(tmp_path / "out.tif", rgb, like=photo) == []
    with Image.open(tmp_path / "out.tif") as image:
        kept = image.getexif()
        assert kept[270], kept[316] == ("Aunt Ida, 1931", "a computer")
        assert kept.get_ifd(EXIF_GROUP)[DATE] == "1931:05:01 12:00:00"
        assert kept.get_ifd(GPS_GROUP)[2] == (48.0, 8.0, 14.5)
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        tags = tiff.pages.first.tags
        assert tags[0x4746].value == 5
        assert tags[EXIF_GROUP].value["DateTimeOriginal"] == "1931:05:01 12:00:00"
        assert tags[GPS_GROUP].value["GPSLatitudeRef"] == "N"
        np.testing.assert_array_equal(tiff.pages.first.asarray(), rgb)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_texts_that_are_not_ascii_are_kept(
    tmp_path: Path, suffix: str, deep: bool, encoding: str
) -> None:
    words = "Großmutter".encode(encoding)
    exif = Image.Exif()
    exif[270] = words
    Image.fromarray(GRAY).save(tmp_path / "in.jpg", exif=exif)
    photo = read_photo(tmp_path / "in.jpg")
    rgb = np.repeat(photo.gray[..., None], 3, -1)
    path = tmp_path / f"out{suffix}"
    assert write_photo(path, rgb.astype(np.uint16) * 257 if deep else rgb, like=photo) == []
    with Image.open(path) as image:
        assert image.getexif()[270].encode("latin-1") == words


def jpeg(exif: bytes) -> bytes:
    file = io.BytesIO()
    Image.fromarray(GRAY).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_damaged_exif_costs_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(b"Exif\0\0no EXIF at all"))
    photo = read_photo(path)
    assert photo.dropped == ("the EXIF data, which are damaged",)
    assert photo.gray.shape == size_of(path) == GRAY.shape
    assert write_photo(tmp_path / "out.jpg", np.dstack([GRAY] * 3), like=photo) == [
        "the EXIF data, which are damaged"
    ]
    path.write_bytes(jpeg(block("<")[:60]))
    assert read_photo(path).dropped == ("a part of the EXIF data, which is damaged",)


def test_damaged_exif_as_text_costs_no_picture(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Raw profile type exif", "\nexif\n      8\n4578zz\n")
    Image.fromarray(GRAY).save(tmp_path / "a.png", pnginfo=info)
    photo = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.gray, GRAY)
    assert photo.dropped == ("the EXIF data, which are damaged",)


def test_what_is_readable_of_damaged_exif_is_kept(tmp_path: Path) -> None:
    data = bytearray(block("<"))
    body = bytes(data).removeprefix(b"Exif\0\0")
    at = 6 + body.index(struct.pack("<HHI", EXIF_GROUP, 4, 1)) + 8
    struct.pack_into("<I", data, at, 1 << 30)
    (tmp_path / "a.jpg").write_bytes(jpeg(bytes(data)))
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.exif[270] == "Aunt Ida, 1931"
    assert photo.dropped != ()
