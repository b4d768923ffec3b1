"""The pictures of a multi-picture JPEG are told from previews, gain maps and entries that point to nothing."""

import struct
from pathlib import Path

import numpy as np
import pytest
from helpers import landscape
from PIL import Image

from photo.batch import colorize_photos
from photo.decoder import Several
from photo.inputs import Task
from photo.mpo import pictures_of
from photo.pages import several_in
from photo.read import read_photo

STEREO, PREVIEW, UNDECLARED = 0x020002, 0x010001, 0
ENTRY = struct.Struct("<IIIHH")


def write_mpo(path: Path, second: Image.Image, kind: int, *, xmp: bytes = b"") -> Path:
    """Write two pictures as one file, the second of some kind."""
    first = Image.fromarray(landscape(48, 64))
    second.encoderinfo = {"xmp": xmp, "quality": 90}
    first.save(path, "MPO", save_all=True, append_images=[second], quality=90)
    data = bytearray(path.read_bytes())
    with Image.open(path) as image:
        size = image.mpinfo[0xB002][1]["Size"]
    at = data.index(ENTRY.pack(UNDECLARED, size, *struct.unpack_from("<I", data, data.index(struct.pack("<II", 0, size)) + 8), 0, 0))  # fmt: skip
    struct.pack_into("<I", data, at, kind)
    path.write_bytes(data)
    return path


FULL, SMALL = (Image.fromarray(landscape(*size, seed=1)) for size in ((48, 64), (24, 32)))
GAIN = b'<x:xmpmeta xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'


@pytest.mark.parametrize(
    ("second", "kind", "xmp", "pictures"),
    [
        (FULL, UNDECLARED, b"", 2), (FULL, STEREO, b"", 2), (SMALL, STEREO, b"", 2), (SMALL, UNDECLARED, b"", 1),
        (FULL, PREVIEW, b"", 1), (FULL, UNDECLARED, GAIN, 1),
    ],
)  # fmt: skip
def test_previews_and_gain_maps_are_no_pictures(
    tmp_path: Path, second: Image.Image, kind: int, xmp: bytes, pictures: int
) -> None:
    path = write_mpo(tmp_path / "a.jpg", second.copy(), kind, xmp=xmp)
    assert len(pictures_of(path)) == pictures
    assert several_in(path) == read_photo(path).several == Several(pictures)


def test_an_entry_that_points_to_nothing_is_no_picture(tmp_path: Path) -> None:
    path = write_mpo(tmp_path / "a.jpg", FULL.copy(), UNDECLARED)
    with Image.open(path) as image:
        size = image.mpinfo[0xB002][0]["Size"]
    path.write_bytes(path.read_bytes()[:size])
    assert pictures_of(path) == [0]
    assert read_photo(path).notes == ()


@pytest.mark.parametrize("name", ["a.jpg", "a.mpo"])
def test_stereo_pictures_stay_together(tmp_path: Path, name: str) -> None:
    source = write_mpo(tmp_path / name, FULL.copy(), STEREO)
    target = tmp_path / "b.jpg"
    (result,) = colorize_photos([Task(source, target)], lambda: lambda gray: np.dstack([gray] * 3))
    assert (result.error, result.notes) == (None, ())
    with Image.open(source) as image, Image.open(target) as other:
        assert other.n_frames == 2
        assert other.mpinfo[0xB002][1]["Attribute"]["MPType"] == "Multi-Frame Image: (Disparity)"
        for number in range(2):
            image.seek(number)
            other.seek(number)
            difference = np.asarray(image.convert("L")).astype(int) - np.asarray(other.convert("L"))
            assert np.abs(difference).mean() < 2
