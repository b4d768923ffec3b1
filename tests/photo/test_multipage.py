"""Every page of a file is in its result, with its lightness, size, depth and tags; other readers are asked for them."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
import tifffile
from animations import ball_frames, write_animation
from helpers import colorful, gray_twice, landscape
from PIL import Image, ImageSequence

from color.guidance import Guidance
from image.resize import color_field
from photo.batch import PHOTOS, colorize_photos
from photo.compose import Composition
from photo.decoder import Several
from photo.inputs import Plan, Result, Task, plan
from photo.ledger import Ledger
from photo.multipage import checked_pages, rehearsed
from photo.options import PhotoOptions, read_span
from photo.read import Photo
from photo.standing import Standing
from photo.write_pages import tiff_pages
from prior.lab import gray2lightness, rgb2lab

GRAYS = [landscape(300, 60), landscape(50, 30, np.uint16, seed=1), landscape(20, 20, seed=2)]
KEPT = [(270, "Aunt Ida"), (270, "the house"), (270, "the dog")]


def write_album(path: Path, **settings: object) -> Path:
    with tifffile.TiffWriter(path) as tiff:
        for number, gray in enumerate(GRAYS):
            tags = [(700, 1, 10, b"<x:xmp%d/>" % number, True)]
            tiff.write(gray, description=KEPT[number][1], resolution=(100 + number, 100), resolutionunit="INCH",
                       metadata=None, extratags=tags, **settings)  # fmt: skip
            tiff.write(gray[::2, ::2], subfiletype=1, metadata=None)
    return path


def orange(gray: np.ndarray) -> Composition:
    ab = np.full((6, 4, 2), 30, np.float32)
    return Composition(gray, color_field(ab, gray, to_lightness=gray2lightness), confidence=0.5)


def colorized(source: Path, target: Path, *pages: str, **options: bool) -> Result:
    chosen = PhotoOptions(pages=tuple(map(read_span, pages)), **options)
    (result,) = colorize_photos([Task(source, target)], lambda: orange, options=chosen)
    return result


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_all_pages_of_a_tiff_are_colorized(tmp_path: Path, compression: str | None) -> None:
    result = colorized(write_album(tmp_path / "a.tif", compression=compression), tmp_path / "b.tif")
    assert (result.error, result.notes) == (None, ())
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert len(tiff.pages) == 3
        for number, gray in enumerate(GRAYS):
            page = tiff.pages[number].aspage()
            rgb = page.asarray()
            assert (rgb.shape, rgb.dtype) == ((*gray.shape, 3), gray.dtype)
            error = np.abs(rgb2lab(rgb)[..., 0] - gray2lightness(gray)).max()
            assert error < (0.25 if gray.dtype == np.uint8 else 0.01)
            assert np.abs(rgb2lab(rgb)[..., 1:]).mean() > 5
            assert page.tags[270].value == KEPT[number][1]
            assert page.tags[282].value == (100 + number, 1)
            assert page.tags[700].value == b"<x:xmp%d/>" % number
            assert page.tags[297].value == (number, 3)
            assert page.tags[305].value == PHOTOS.mark_of(tmp_path / "a.tif")
            assert page.compression == (8 if compression else 1)
            assert 34675 in page.tags, "the profile"
    with Image.open(tmp_path / "b.tif") as image:
        shapes = [page.size[::-1] for page in ImageSequence.Iterator(image)]
    assert shapes == [gray.shape for gray in GRAYS]
    facts = result.facts
    assert facts is not None
    assert (facts.pages, facts.width, facts.height, facts.depth) == (3, 60, 300, 8)
    assert (facts.kept, facts.confidence) == (("EXIF", "XMP", "resolution"), 0.5)


def test_exif_and_gps_of_each_page_are_kept(tmp_path: Path) -> None:
    first, second = Image.Exif(), Image.Exif()
    first.get_ifd(0x8769)[0x9003] = "1931:05:01 12:00:00"
    second.get_ifd(0x8825)[1] = "N"
    source = tmp_path / "a.tif"
    with tiff_pages(source, total=2, size=0, packed=False, alpha=True) as write:
        for gray, exif in zip(GRAYS, (first, second), strict=False):
            write(gray_twice(gray), Photo(gray, exif=exif))
    assert colorized(tmp_path / "a.tif", tmp_path / "b.tif").error is None
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        tags = [page.aspage().tags for page in tiff.pages]
        assert tags[0][0x8769].value["DateTimeOriginal"] == "1931:05:01 12:00:00"
        assert tags[1][0x8825].value["GPSLatitudeRef"] == "N"
        assert 0x8825 not in tags[0]


def test_chosen_pages_are_a_file_of_their_own(tmp_path: Path) -> None:
    source = write_album(tmp_path / "a.tif")
    result = colorized(source, tmp_path / "b.tif", "1", "3")
    assert result.facts is not None
    assert result.facts.pages == 2
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert [page.shape[:2] for page in tiff.pages] == [GRAYS[0].shape, GRAYS[2].shape]
    assert colorized(source, tmp_path / "b.jpg", "2").error is None
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.size == GRAYS[1].shape[::-1]


def test_a_page_in_color_is_left_and_named(tmp_path: Path) -> None:
    rgb = colorful(3, 200, 300)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for page in (GRAYS[0], rgb, GRAYS[2]):
            tiff.write(page, metadata=None)
    result = colorized(tmp_path / "a.tif", tmp_path / "b.tif")
    said = "page 2 has color and was left: -recolor colorizes it"
    assert result.notes == (f"{tmp_path / 'b.tif'}: {said}",)
    assert result.facts is not None
    assert not result.facts.in_color
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif", key=1), rgb)
    again = colorized(tmp_path / "a.tif", tmp_path / "c.tif", recolor=True)
    assert again.notes == ()
    assert np.abs(tifffile.imread(tmp_path / "c.tif", key=1).astype(int) - rgb).mean() > 5


def test_transparency_and_comparison_are_for_each_page(tmp_path: Path) -> None:
    alpha = landscape(300, 60, seed=9)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(np.dstack([GRAYS[0], alpha]), photometric="minisblack", extrasamples=[2])
        tiff.write(GRAYS[2])
    assert colorized(tmp_path / "a.tif", tmp_path / "b.tif").error is None
    first, second = (tifffile.imread(tmp_path / "b.tif", key=key) for key in (0, 1))
    np.testing.assert_array_equal(first[..., 3], alpha)
    assert second.shape == (20, 20, 3)
    assert colorized(tmp_path / "a.tif", tmp_path / "c.tif", compare=True).error is None
    first, second = (tifffile.imread(tmp_path / "c.tif", key=key) for key in (0, 1))
    assert (first.shape, second.shape) == ((300, 120, 3), (20, 40, 3))
    np.testing.assert_array_equal(second[:, :20], gray_twice(GRAYS[2]))


def test_a_pdf_of_several_pages_becomes_a_tiff(tmp_path: Path) -> None:
    images = [
        Image.fromarray(np.kron(gray, np.ones((4, 4), np.uint8))) for gray in (GRAYS[0], GRAYS[2])
    ]
    images[0].save(tmp_path / "a.pdf", save_all=True, append_images=images[1:], resolution=144)
    (task,) = plan([str(tmp_path / "a.pdf")], kind=PHOTOS, save=f"{tmp_path}/out/").tasks
    result = colorized(task.source, task.target)
    assert result.notes == (f"{task.target}: written as TIFF, since .pdf is not written",)
    with tifffile.TiffFile(tmp_path / "out" / "a.tif") as tiff:
        for page, image in zip(tiff.pages, images, strict=True):
            assert page.shape[:2] == np.asarray(image).shape
            assert page.aspage().get_resolution("INCH") == pytest.approx((144, 144), rel=0.01)
    document = pypdfium2.PdfDocument(tmp_path / "a.pdf")
    assert len(document) == 2
    document.close()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_a_format_of_one_picture_is_refused(tmp_path: Path, suffix: str) -> None:
    source, target = write_album(tmp_path / "a.tif"), tmp_path / f"b{suffix}"
    assert colorized(source, target).error == (
        f"{target}: {suffix} holds one picture, but {source} has 3 pages: name the result .tif, "
        "or choose one of them with -pages 1"
    )
    assert not target.exists()


def test_what_is_refused_leaves_nothing(tmp_path: Path) -> None:
    source = write_album(tmp_path / "a.tif")
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tiff:
        place = tiff.pages[4].offset
    source.write_bytes(data[: place + 4])
    result = colorized(source, tmp_path / "out" / "b.tif")
    assert result.error is not None
    assert list(tmp_path.iterdir()) == [source]


def test_a_list_of_pages_that_breaks_off_is_named(tmp_path: Path) -> None:
    images = [Image.fromarray(landscape(60, 80, seed=seed)) for seed in range(4)]
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    whole = (tmp_path / "a.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        places = [page.offset for page in tiff.pages]
    for pages in (2, 1):
        (tmp_path / "a.tif").write_bytes(whole[: places[pages]])
        result = colorized(tmp_path / "a.tif", tmp_path / "b.tif")
        said = f"the file's list of pages breaks off after page {pages}"
        assert (result.error, result.notes) == (None, (f"{tmp_path / 'b.tif'}: {said}",))


def test_many_pages_are_read_as_fast_as_a_few(tmp_path: Path) -> None:
    """Each page costs the same: the file is not walked through anew for each of them."""
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for number in range(300):
            tiff.write(GRAYS[number % 2][:20, :20], metadata=None, description=f"{number}")
    walks = 0
    own = tifffile.TiffFile.__init__

    def opened(*args: Any, **options: Any) -> None:
        nonlocal walks
        walks += 1
        own(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tifffile.TiffFile, "__init__", opened)
        result = colorized(tmp_path / "a.tif", tmp_path / "b.tif")
    assert result.facts is not None
    assert result.facts.pages == 300
    assert walks < 15
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert [page.aspage().description for page in tiff.pages] == [str(n) for n in range(300)]


def test_candidates_are_of_one_page(tmp_path: Path) -> None:
    task = Task(write_album(tmp_path / "a.tif"), tmp_path / "b.tif")
    with pytest.raises(ValueError, match=r"-candidates are of one picture, but .* has 3 pages"):
        checked_pages(task, Several(3, "page"), PhotoOptions(candidates=3))
    one = PhotoOptions(candidates=3, pages=(read_span("2"),))
    assert checked_pages(task, Several(3, "page"), one).numbers == [1]


def test_a_dry_run_counts_pages(tmp_path: Path) -> None:
    task = Task(write_album(tmp_path / "a.tif"), tmp_path / "b.tif")
    assert rehearsed(task, PhotoOptions(), Guidance()) == "3 pages"
    assert rehearsed(task, PhotoOptions(pages=(read_span("2"),)), Guidance()) == ""
    account = Ledger(Plan([task]), Standing([task]), dry_run=True)
    (result,) = account.rehearse(lambda one: rehearsed(one, PhotoOptions(), Guidance()))
    assert result.output == (f"{task.source} -> {task.target}, 3 pages",)
    with pytest.raises(ValueError, match="holds one picture"):
        rehearsed(Task(task.source, tmp_path / "b.jpg"), PhotoOptions(), Guidance())


def test_a_dry_run_foresees_what_an_animation_refuses(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "a.gif", ball_frames(), duration=50)
    wanted = Guidance(reference=np.zeros((4, 4, 3), np.uint8), reference_by="histogram")
    task, one = Task(source, tmp_path / "b.png"), PhotoOptions(pages=(read_span("2"),))
    with pytest.raises(ValueError, match="-reference_by is for single pictures"):
        rehearsed(task, PhotoOptions(), wanted)
    assert rehearsed(task, one, wanted) == ""
    assert rehearsed(task, PhotoOptions(), replace(wanted, reference_by="auto")) == "5 frames"


PEAK = """if True:
    import resource, sys
    from pathlib import Path
    import numpy as np, tifffile
    from photo.batch import colorize_photos
    from photo.inputs import Task
    folder, pages = Path(sys.argv[1]), int(sys.argv[2])
    with tifffile.TiffWriter(folder / "a.tif") as tiff:
        for number in range(pages):
            tiff.write(np.full((1500, 1500), number, np.uint8), metadata=None)
    def rgb(gray):
        return np.repeat(gray[..., None], 3, axis=-1)
    (result,) = colorize_photos([Task(folder / "a.tif", folder / "b.tif")], lambda: rgb)
    assert result.error is None and result.facts.pages == pages
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of the peak is Linux's")
def test_many_pages_need_the_memory_of_a_few(tmp_path: Path) -> None:
    peaks = []
    for pages in (4, 44):
        words = [sys.executable, "-c", PEAK, tmp_path, str(pages)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 40, "MB; the further pages are 270 MB as RGB"
