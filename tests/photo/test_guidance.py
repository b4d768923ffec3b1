"""Tests hints and references read from files."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import landscape, swapped_profile
from PIL import Image, ImageDraw
from rare_photos import rare_photos

from color.guidance import Hint, read_hint
from color.options import GuidanceOptions
from model.photo_colors import point_of
from photo.guidance import (
    has_color,
    read_colored,
    read_guidance,
    read_hints,
    read_reference,
    read_strokes,
)
from photo.options import Span
from prior.lab import rgb2lab


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_colors_become_hue_and_chroma(tmp_path: Path) -> None:
    hints = read_hints(write(tmp_path / "h.json", [[10, 20, "#c83c28"], [1, 2, "#C83C28", 7]]))
    points = [point_of(hint, (60, 90)) for hint in hints]
    ab = rgb2lab(np.array([0xC8, 0x3C, 0x28], np.uint8))[1:]
    np.testing.assert_allclose(points[0], [10, 20, *ab], atol=1e-4)
    np.testing.assert_allclose(points[1], [1, 2, *ab, 7], atol=1e-4)


def test_numbers_are_taken_as_they_are(tmp_path: Path) -> None:
    assert read_hints(write(tmp_path / "h.json", [[1, 2.5, -30, 40, 3]])) == [
        Hint(1, 2.5, (-30, 40), radius=3)
    ]


def test_json_takes_what_the_option_takes(tmp_path: Path) -> None:
    written = [["60%", 20, "navy"], ["2.5", "0%", "月白", 3], ["60%", 20, -3, 40], "60%,20,#000080"]
    hints = read_hints(write(tmp_path / "h.json", written))
    navy, white = (
        rgb2lab(np.array(rgb, np.uint8))[1:].tolist() for rgb in ((0, 0, 128), (214, 236, 240))
    )
    assert hints[0] == Hint(60, 20, tuple(navy), x_percent=True)
    assert hints[1] == Hint(2.5, 0, tuple(white), y_percent=True, radius=3)
    assert hints[2] == Hint(60, 20, (-3, 40), x_percent=True)
    assert hints[3] == read_hint("60%,20,navy")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ([], "is not a list of points"),
        ({"x": 1}, "is not a list of points"),
        ([[1, 2]], "invalid point"),
        ([[1, 2, "navvy"]], r'invalid point \[1, 2, "navvy"\]: .*the nearest is navy; write'),
        ([["60 %", 2, "red"]], "invalid length '60 %': expected pixels or percent"),
        ([[1, 2, 3, 4, 5, 6]], "invalid point"),
        ([["月", 2, 3, 4]], r'invalid point \["月"'),
        (["0:01,1,2,red"], "a hint at 0:01 is for a film"),
        ([[1, 2, True, 3]], "invalid point"),
        (["#c83c28"], "invalid point"),
        ("[[1, 2, 3, " + "9" * 400 + "]]", "invalid point"),
        ("[[1, 2, 3, NaN]]", "invalid point"),
        ("[" * 100_000, "is not JSON"),
        ("", "is empty"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_hints(write(tmp_path / "h.json", content))


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "h.json"
    path.write_text('[[1, 2, "navy"]]', encoding="utf-8-sig")
    assert len(read_hints(path)) == 1


def test_a_reference_s_profile_is_honored(tmp_path: Path) -> None:
    picture = Image.new("RGB", (90, 60), (200, 60, 20))
    picture.save(tmp_path / "r.png", icc_profile=swapped_profile())
    tifffile.imwrite(
        tmp_path / "r.tif", np.asarray(picture, np.uint16) * 257, iccprofile=swapped_profile()
    )
    for name in ("r.png", "r.tif"):
        for read in (read_reference(tmp_path / name), read_colored(tmp_path / name)[..., :3]):
            assert np.abs(read.astype(int) - (20, 60, 200)).max() <= 2


def test_references_are_read_small(tmp_path: Path) -> None:
    Image.new("RGB", (900, 300), (200, 60, 40)).save(tmp_path / "r.png")
    reference = read_reference(tmp_path / "r.png")
    assert reference.shape == (171, 512, 3)
    assert (reference == (200, 60, 40)).all()


def test_a_copy_keeps_detail_to_be_registered(tmp_path: Path) -> None:
    path = tmp_path / "copy.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    Image.new("RGB", (3000, 1500), (200, 60, 40)).save(path, exif=exif)
    guidance = read_guidance(GuidanceOptions(reference=path))
    assert guidance.reference_large is not None
    assert guidance.reference_large.shape == (2048, 1024, 3)
    assert max(guidance.reference.shape) == 512
    guidance = read_guidance(GuidanceOptions(reference=path, reference_by="content"))
    assert guidance.reference_large is None


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_reference_without_color_is_refused(tmp_path: Path, suffix: str) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (60, 90), np.uint8)
    path = tmp_path / f"gray{suffix}"
    Image.fromarray(np.repeat(gray[..., None], 3, -1)).save(path, quality=30)
    with pytest.raises(ValueError, match=r"gray\.\w+ has no color: name a picture in color"):
        read_reference(path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such hints file"):
        read_hints(tmp_path / "none.json")
    with pytest.raises(FileNotFoundError, match="no such reference picture"):
        read_reference(tmp_path / "none.png")
    with pytest.raises(ValueError, match="is not a picture"):
        read_reference(write(tmp_path / "text.png", "words"))


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        for read in (read_hints, read_reference):
            with pytest.raises(ValueError, match="is a pipe or device"):
                read(path)


def test_references_have_the_formats_of_photos(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(ValueError, match="is not a picture"):
        read_reference(tmp_path / "a.png")
    large = Image.new("P", (10_000, 9_000))  # more than Pillow's own limit of 89 megapixels
    large.putpalette((20, 90, 200))
    large.save(tmp_path / "large.png")
    assert read_reference(tmp_path / "large.png").shape == (461, 512, 3)


def test_guidance_is_what_was_given_and_nothing_else(tmp_path: Path, photo: Path) -> None:
    hints, reference = write(tmp_path / "h.json", [[1, 2, -30, 40]]), tmp_path / "r.png"
    Image.new("RGB", (9, 9), (20, 90, 200)).save(reference)
    assert not read_guidance(GuidanceOptions())
    assert read_guidance(GuidanceOptions(hints=hints), photo).hints == (Hint(1, 2, (-30, 40)),)
    guidance = read_guidance(GuidanceOptions(hints=hints, reference=reference), photo)
    assert guidance.strokes is None
    assert (guidance.reference == (20, 90, 200)).all()


RED = rgb2lab(np.array([0xC8, 0x3C, 0x28], np.uint8))[1:]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Write a photo of 90 x 60 pixels, stored rotated as 60 x 90."""
    picture = Image.fromarray(np.tile(np.arange(60, dtype=np.uint8), (90, 1)) + 90)
    exif = Image.Exif()
    exif[274] = 6
    picture.save(tmp_path / "photo.jpg", exif=exif, quality=80)
    return tmp_path / "photo.jpg"


def test_hints_and_points_of_a_file_are_one_list(photo: Path, tmp_path: Path) -> None:
    points = write(tmp_path / "h.json", [[1, 2, -30, 40]])
    hints = (Hint(0, 59, "#c83c28"), Hint(100, 50, "#c83c28", True, True))
    guidance = read_guidance(GuidanceOptions(hint=hints, hints=points), photo)
    assert guidance.hints == (*hints, Hint(1, 2, (-30, 40)))
    assert guidance.strokes is guidance.reference is None
    points = [point_of(hint, (60, 90)) for hint in guidance.hints]
    expected = [(0, 59, *RED), (89, 29.5, *RED), (1, 2, -30, 40)]
    np.testing.assert_allclose(points, expected, atol=1e-4)


@pytest.mark.parametrize("hint", [Hint(90, 0, "#c83c28"), Hint(0, 60, "#c83c28")])
def test_a_hint_outside_the_photo_is_named(photo: Path, hint: Hint) -> None:
    with pytest.raises(ValueError, match=r"is outside .*photo.jpg, which has 90 x 60 pixels"):
        read_guidance(GuidanceOptions(hint=(hint,)), photo)


def test_a_point_of_a_file_outside_the_photo_is_named(photo: Path, tmp_path: Path) -> None:
    points = write(tmp_path / "h.json", [[200, 2, -30, 40]])
    with pytest.raises(ValueError, match="a hint at 200,2 is outside"):
        read_guidance(GuidanceOptions(hints=points), photo)


def test_strokes_are_what_is_not_transparent(photo: Path, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (90, 60))
    ImageDraw.Draw(picture).rectangle((10, 20, 29, 39), fill="#c83c28")
    picture.save(tmp_path / "strokes.png")
    strokes = read_guidance(GuidanceOptions(hints=tmp_path / "strokes.png"), photo).strokes
    assert strokes.shape == (60, 90, 4)
    assert (strokes[20:40, 10:30] == (0xC8, 0x3C, 0x28, 255)).all()
    assert (strokes[..., 3] > 0).sum() == 20 * 20


@pytest.mark.parametrize("color", ["#c83c28", "#404040"])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_strokes_are_what_differs_from_the_photo(
    photo: Path, tmp_path: Path, suffix: str, color: str
) -> None:
    with Image.open(photo) as image:
        copy = image.transpose(Image.Transpose.ROTATE_270).convert("RGB")
    ImageDraw.Draw(copy).rectangle((10, 20, 29, 39), fill=color)
    copy.save((tmp_path / "copy").with_suffix(suffix))
    strokes = read_strokes((tmp_path / "copy").with_suffix(suffix), photo)
    painted = strokes[..., 3] > 0
    assert painted[22:38, 12:28].all()
    assert painted.sum() < 24 * 24
    wanted = rgb2lab(np.frombuffer(bytes.fromhex(color[1:]), np.uint8))[1:]
    assert np.abs(rgb2lab(strokes[22:38, 12:28, :3])[..., 1:] - wanted).mean() < 4


def test_strokes_on_a_deep_scan(tmp_path: Path) -> None:
    gray = np.tile(np.linspace(20_000, 50_000, 90).astype(np.uint16), (60, 1))
    tifffile.imwrite(tmp_path / "scan.tif", gray)
    copy = np.repeat((gray >> 8).astype(np.uint8)[..., None], 3, axis=-1)
    copy[20:40, 10:30] = (0xC8, 0x3C, 0x28)
    Image.fromarray(copy).save(tmp_path / "copy.png")
    strokes = read_strokes(tmp_path / "copy.png", tmp_path / "scan.tif")
    assert (strokes[..., 3] > 0).sum() == 20 * 20


@pytest.mark.parametrize(
    ("size", "says"),
    [((60, 90), "has 60 x 90 pixels, .* 90 x 60: paint on"), ((90, 60), "has no strokes")],
)
def test_other_strokes_are_refused(
    photo: Path, tmp_path: Path, size: tuple[int, int], says: str
) -> None:
    Image.new("RGBA", size).save(tmp_path / "strokes.png")
    with pytest.raises(ValueError, match=says):
        read_strokes(tmp_path / "strokes.png", photo)


def painted(path: Path, *, color: str = "#c83c28", alpha: int = 255, mode: str = "RGBA") -> Path:
    """Write a gray picture of 60 x 40 pixels whose left third has a color."""
    picture = Image.new("RGBA", (60, 40), "#808080")
    picture.paste((*bytes.fromhex(color[1:]), alpha), (0, 0, 20, 40))
    picture.convert(mode).save(path)
    return path


def test_a_picture_with_a_stroke_has_color(tmp_path: Path) -> None:
    gray = np.repeat(landscape(480, 640)[..., None], 3, -1)
    gray[100:104, 200:203] = (30, 160, 40)
    Image.fromarray(gray).save(tmp_path / "a.png")
    assert has_color(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_gray_picture_has_no_color(tmp_path: Path, mode: str) -> None:
    assert not has_color(painted(tmp_path / "gray.png", color="#303030", mode=mode))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_picture_that_is_colored_in_part_has_color(tmp_path: Path, mode: str) -> None:
    assert has_color(painted(tmp_path / "colored.png", mode=mode))


@pytest.mark.parametrize(("alpha", "shown"), [(0, False), (100, False), (200, True), (255, True)])
def test_color_of_transparent_places_does_not_count(
    tmp_path: Path, alpha: int, shown: bool
) -> None:
    assert has_color(painted(tmp_path / "colored.png", alpha=alpha)) == shown
    Image.new("RGBA", (60, 40), (200, 60, 40, alpha)).save(tmp_path / "all.png")
    assert has_color(tmp_path / "all.png") == shown


def test_a_colored_copy_is_read_with_its_transparency(tmp_path: Path) -> None:
    for mode, alpha in (("RGB", 255), ("RGBA", 0), ("RGBA", 90)):
        rgba = read_colored(painted(tmp_path / "copy.png", alpha=alpha, mode=mode))
        assert rgba.shape == (40, 60, 4)
        assert (rgba[:, :20, 3] == alpha).all()
        assert (rgba[:, 20:] == (128, 128, 128, 255)).all()
        assert alpha == 0 or (rgba[:, :20, :3] == (0xC8, 0x3C, 0x28)).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_colored_copy_is_read_upright_and_reduced(tmp_path: Path, suffix: str) -> None:
    path, exif = tmp_path / f"copy{suffix}", Image.Exif()
    exif[0x0112] = 6  # stored on its side: its left is above
    stored = Image.new("RGB", (3000, 1500), "#808080")
    stored.paste((200, 60, 40), (0, 0, 1500, 1500))
    stored.save(path, exif=exif)
    rgba = read_colored(path)
    assert rgba.shape == (2048, 1024, 4)
    assert (rgba[..., 3] == 255).all()
    above, below = rgba[:1000, :, :3].astype(int), rgba[1048:, :, :3].astype(int)
    assert np.abs(above - (200, 60, 40)).max() < 6
    assert np.abs(below - (128, 128, 128)).max() < 6


def test_a_colored_copy_that_is_no_picture_is_named(tmp_path: Path) -> None:
    text = write(tmp_path / "text.png", "words")
    for read in (has_color, read_colored):
        with pytest.raises(FileNotFoundError, match=r"none\.png: no such picture"):
            read(tmp_path / "none.png")
        with pytest.raises(ValueError, match=r"text\.png is not a picture"):
            read(text)


def test_references_and_strokes_may_be_deep_or_of_a_rarer_format(tmp_path: Path) -> None:
    rgb = np.full((40, 56, 3), (20, 90, 200), np.uint16) * 257
    made = rare_photos(rgb)
    for name in ("a.heic", "deep.avif", "deep.jp2", "a.j2k"):
        (tmp_path / name).write_bytes(made[name])
        reference = read_reference(tmp_path / name)
        assert reference.shape == (40, 56, 3)
        assert np.abs(reference.astype(int) - (20, 90, 200)).max() < 6, name
    photo, painted = tmp_path / "photo.tif", rgb // 2 + 9000
    tifffile.imwrite(photo, painted, photometric="rgb", compression="zstd")
    painted[10:20, 10:20] = 65535, 0, 0
    tifffile.imwrite(tmp_path / "strokes.tif", painted, photometric="rgb")
    strokes = read_strokes(tmp_path / "strokes.tif", photo)
    assert (strokes[..., 3] > 0).sum() == 100


@pytest.fixture
def album(tmp_path: Path) -> Path:
    with tifffile.TiffWriter(tmp_path / "album.tif") as tiff:
        for height in (20, 30, 40):
            tiff.write(landscape(height, 50, seed=height), metadata=None)
    return tmp_path / "album.tif"


def test_hints_need_one_page(album: Path, tmp_path: Path) -> None:
    options = GuidanceOptions(hint=(read_hint("10,35,navy"),))
    for pages in ((), (Span(2, 3),)):
        with pytest.raises(
            ValueError, match=r"hints are for one picture, but .*album\.tif has 3 pages"
        ):
            read_guidance(options, album, pages=pages)
    with pytest.raises(ValueError, match=r"is outside .*album\.tif, which has 50 x 30 pixels"):
        read_guidance(options, album, pages=(Span(2, 2),))
    assert len(read_guidance(options, album, pages=(Span(3, 3),)).hints) == 1
    assert read_guidance(GuidanceOptions(), album).hints == ()


def test_strokes_are_painted_on_the_chosen_page(album: Path, tmp_path: Path) -> None:
    copy = np.dstack([landscape(40, 50, seed=40)] * 3)
    copy[10:20, 10:20] = (200, 30, 30)
    Image.fromarray(copy).save(tmp_path / "strokes.png")
    strokes = read_strokes(tmp_path / "strokes.png", album, 2)
    assert strokes[12:18, 12:18, 3].all()
    assert not strokes[25:, :, 3].any()
    with pytest.raises(ValueError, match="paint on a copy of the photo"):
        read_strokes(tmp_path / "strokes.png", album, 1)
