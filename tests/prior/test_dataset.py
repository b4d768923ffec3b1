"""Listing of folders and shards, and reading of all kinds of pictures."""

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from prior.dataset import Picture, PictureError, Rgb, list_all, list_pictures, read_bytes, read_rgb


def scene(height: int = 60, width: int = 80) -> Rgb:
    """Return a smooth color picture with different left, right, top and bottom."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    return (np.stack([x, y, 1 - x], axis=-1) * 255).astype(np.uint8)


def encoded(rgb: Any, suffix: str = "jpg", **options: Any) -> bytes:
    image = rgb if isinstance(rgb, Image.Image) else Image.fromarray(rgb)
    stream = io.BytesIO()
    image.save(stream, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()), **options)
    return stream.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def tar_of(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def read(path: Path, **options: int) -> Rgb:
    return read_rgb(Picture(str(path), path.name), **options)


def names(root: Path) -> list[str]:
    return [picture.name for picture in list_pictures(root)]


def test_listing_is_sorted_whole_and_only_of_pictures(tmp_path: Path) -> None:
    for name in ("b/2.JPEG", "b/1.jpg", "a.png", "c/d/e.webp", "notes.txt", ".hidden.jpg"):
        put(tmp_path / name, b"x")
    assert names(tmp_path) == ["a.png", "b/1.jpg", "b/2.JPEG", "c/d/e.webp"]


def test_awkward_names_are_kept_and_read(tmp_path: Path) -> None:
    awkward = ['it\'s "so".jpg', "two words.jpg", "黑白 照片.jpg"]
    for name in awkward:
        put(tmp_path / "un dossier" / name, encoded(scene()))
    found = list_pictures(tmp_path)
    assert [picture.name for picture in found] == [f"un dossier/{name}" for name in awkward]
    assert all(read_rgb(picture).shape == (60, 80, 3) for picture in found)


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "x.jpg", b"x")
    root = tmp_path / "root"
    put(root / "class" / "y.jpg", b"y")
    (root / "class" / "up").symlink_to(root)
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "self.jpg").symlink_to(root / "self.jpg")
    assert names(root) == ["class/y.jpg", "linked/x.jpg", "self.jpg"]
    with pytest.raises(PictureError, match="cannot be read"):
        read(root / "self.jpg")


def test_a_shard_reads_like_the_folder_it_was_made_of(tmp_path: Path) -> None:
    members = {f"c{i % 2}/{i}.jpg": encoded(scene(40 + i, 50)) for i in range(4)}
    for name, data in members.items():
        put(tmp_path / "folder" / name, data)
    shard = tar_of(tmp_path / "shard.tar", members | {"notes.txt": b"no"})
    inside = {picture.name: read_rgb(picture) for picture in list_pictures(shard)}
    assert inside.keys() == members.keys()
    for picture in list_pictures(tmp_path / "folder"):
        assert np.array_equal(inside[picture.name], read_rgb(picture))
    assert names(tmp_path)[-1].startswith("shard.tar/c")


def test_members_cannot_lead_outside_and_the_later_of_two_counts(tmp_path: Path) -> None:
    shard = tar_of(tmp_path / "s.tar", {"../../etc/x.jpg": b"1", "/y.jpg": b"2", "./z.jpg": b"3"})
    assert names(shard) == ["etc/x.jpg", "y.jpg", "z.jpg"]
    with tarfile.open(shard, "a") as tar:
        info = tarfile.TarInfo("z.jpg")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"later"))
    assert [read_bytes(p) for p in list_pictures(shard)] == [b"1", b"2", b"later"]


def test_several_roots_keep_their_names_apart(tmp_path: Path) -> None:
    one = tar_of(tmp_path / "one.tar", {"x.jpg": b"1"})
    two = tar_of(tmp_path / "two.tar", {"x.jpg": b"2"})
    assert [p.name for p in list_all([one, two])] == ["one.tar/x.jpg", "two.tar/x.jpg"]
    with pytest.raises(PictureError, match="same name"):
        list_all([one, one])


def test_roots_without_a_name_of_their_own_are_called_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "here" / "a.jpg", b"x")
    put(tmp_path / "more" / "b.jpg", b"x")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "more")
    monkeypatch.chdir(tmp_path / "here")
    found = list_all([Path(), Path("../more")])
    assert [p.name for p in found] == ["here/a.jpg", "here/link/b.jpg", "more/b.jpg"]
    assert list_all([Path("link/.."), Path("link")])[0].name.startswith(f"{tmp_path.name}/")
    assert [p.name for p in list_all([Path("link")], named=True)] == ["link/b.jpg"]
    with pytest.raises(PictureError, match="same name"):
        list_all([Path(), Path("../here")])
    with pytest.raises(PictureError, match="/ cannot be used, because"):
        list_all([Path("/"), Path("link")])


def test_sources_that_are_none(tmp_path: Path) -> None:
    file = put(tmp_path / "file.jpg", encoded(scene()))
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = put(tmp_path / "broken.tar", b"not a tar" * 99)
    for root, wrong in (
        (tmp_path / "missing", "does not exist"),
        (file, "is a file"),
        (empty, "no pictures"),
        (broken, "not a complete"),
    ):
        with pytest.raises(PictureError, match=wrong):
            list_pictures(root)


def test_jpeg_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to view
    for suffix in ("jpg", "png"):
        path = put(tmp_path / f"x.{suffix}", encoded(scene(), suffix, exif=exif))
        wanted = np.rot90(scene(), -1)
        assert np.abs(read(path).astype(int) - wanted).mean() < 3


@pytest.mark.parametrize(
    ("image", "suffix"),
    [
        (Image.fromarray(scene()).convert("CMYK"), "jpg"),
        (Image.fromarray(scene()).convert("CMYK"), "tif"),
        (Image.fromarray(scene()).quantize(256), "png"),
        (Image.fromarray(scene()), "webp"),
        (Image.fromarray(scene()), "bmp"),
    ],
)
def test_other_modes_look_the_same(tmp_path: Path, image: Image.Image, suffix: str) -> None:
    rgb = read(put(tmp_path / f"x.{suffix}", encoded(image, suffix)))
    assert rgb.dtype == np.uint8
    assert np.abs(rgb.astype(int) - scene()).mean() < 6


def test_16_bit_is_scaled(tmp_path: Path) -> None:
    gray = np.linspace(0, 65535, 4800).reshape(60, 80).astype(np.uint16)
    rgb = read(put(tmp_path / "x.png", encoded(Image.fromarray(gray), "png")))
    assert np.abs(rgb.astype(int) - np.rint(gray / 257)[..., None]).max() <= 1
    tifffile.imwrite(tmp_path / "y.tif", gray)
    assert np.array_equal(read(tmp_path / "y.tif"), rgb)


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    rgba = np.dstack([scene(), np.zeros((60, 80), np.uint8)])
    rgba[:30, :, 3] = 255
    rgb = read(put(tmp_path / "x.png", encoded(rgba, "png")))
    assert np.array_equal(rgb[:30], scene()[:30])
    assert (rgb[30:] == 255).all()
    palette = Image.fromarray(scene()).quantize(16)
    data = encoded(palette, "png", transparency=int(np.asarray(palette)[0, 0]))
    assert (read(put(tmp_path / "p.png", data))[0, 0] == 255).all()


def test_large_jpegs_may_come_smaller_but_never_too_small(tmp_path: Path) -> None:
    path = put(tmp_path / "x.jpg", encoded(scene(600, 800), quality=95))
    assert read(path).shape == (600, 800, 3)
    assert read(path, at_least_px=151).shape == (300, 400, 3)
    small = read(path, at_least_px=150)
    assert small.shape == (150, 200, 3)
    assert np.abs(small.astype(int) - scene(150, 200)).mean() < 3
    assert read(path, at_least_px=700).shape == (600, 800, 3)


@pytest.mark.slow
def test_a_picture_of_100_megapixels_is_read(tmp_path: Path) -> None:
    path = put(tmp_path / "x.jpg", encoded(np.full((10_000, 10_000, 3), 99, np.uint8)))
    assert read(path).shape == (10_000, 10_000, 3)
    assert read(path, at_least_px=256).shape == (1250, 1250, 3)
    path = put(tmp_path / "x.png", encoded(np.full((10_000, 10_000, 3), 99, np.uint8), "png"))
    assert read(path).shape == (10_000, 10_000, 3)


def huge_jpeg() -> bytes:
    """Return a JPEG whose header claims 65000x65000 pixels."""
    data = bytearray(encoded(scene()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = (65000).to_bytes(2) * 2
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "data", "wrong"),
    [
        ("empty.jpg", b"", "empty file"),
        ("text.jpg", b"this is not a picture\n", "not a picture"),
        ("half.jpg", encoded(scene())[:-900], "truncated"),
        ("tail.jpg", encoded(scene())[:-2], "truncated"),
        ("head.jpg", encoded(scene())[:30], "truncated"),
        ("noise.jpg", b"\xff\xd8" + bytes(range(256)) * 4, "corrupt"),
        ("half.png", encoded(scene(), "png")[:-50], "corrupt or truncated"),
        ("half.webp", encoded(scene(), "webp")[:-50], "corrupt or truncated"),
        ("huge.jpg", huge_jpeg(), "megapixels"),
        ("float.tif", encoded(Image.fromarray(np.ones((4, 4), np.float32)), "tif"), "no defined"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, name: str, data: bytes, wrong: str) -> None:
    path = put(tmp_path / name, data)
    with pytest.raises(PictureError, match=wrong) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_missing_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="cannot be read"):
        read(tmp_path / "gone.jpg")


def test_a_preview_inside_does_not_hide_a_truncation(tmp_path: Path) -> None:
    data = encoded(scene())
    preview = b"\xff\xe1" + (2 + len(data)).to_bytes(2) + data
    whole = data[:2] + preview + data[2:]
    assert read(put(tmp_path / "whole.jpg", whole)).shape == (60, 80, 3)
    with pytest.raises(PictureError, match="truncated"):
        read(put(tmp_path / "cut.jpg", whole[:-20]))
