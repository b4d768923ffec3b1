"""Opens photos of every format for other purposes than to colorize them: their size, references and strokes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from photo.damage import SIDEWAYS
from photo.decoder import ORIENTATION, Raster, check_file, decoding, exif_of, opened
from photo.pages import read_page, several_in
from photo.read import reader_of_photo, upright


@contextmanager
def opened_photo(path: Path, page: int = 0) -> Iterator[Image.Image]:
    """Open a picture of any format that photos may have, with 8 bits per sample, as its file declares it.

    page : of a file of several, from 0; others than the first are gray
    """
    check_file(path)
    if page:
        gray = read_page(path, page, several_in(path)).gray
        yield Image.fromarray(gray if gray.dtype == np.uint8 else (gray >> 8).astype(np.uint8))
        return
    with decoding(path):
        reader = reader_of_photo(path)
        image = _shallow(reader(path)) if reader else None
    if image:
        yield image
    else:
        with opened(path) as image:
            yield image


def _shallow(raster: Raster) -> Image.Image:
    pixels = (
        raster.pixels if raster.pixels.dtype == np.uint8 else (raster.pixels >> 8).astype(np.uint8)
    )
    turned = np.ascontiguousarray(upright(pixels, 1 if raster.turned else raster.turn))
    image = Image.fromarray(turned[..., 0] if turned.shape[2:] == (1,) else turned)
    image.info["icc_profile"] = raster.info.get("icc_profile")
    return image


def size_of(path: Path, page: int = 0) -> tuple[int, int]:
    """Return the size (H, W) of a photo, upright, without decoding it, or of another page of its file, from 0.

    Raises FileNotFoundError, or ValueError for a file that is empty, damaged or not a picture.
    """
    check_file(path)
    if page:
        height, width = read_page(path, page, several_in(path)).gray.shape
        return height, width
    with decoding(path):
        if reader := reader_of_photo(path):
            from photo.foreign import size_by

            return _turned(*size_by(reader, path))
    with opened(path) as image:
        # Pillow has swapped the sides of a TIFF when it opens it.
        turn = exif_of(image)[0].get(ORIENTATION, 1) if image.format != "TIFF" else 1
        return _turned(image.size[::-1], turn)


def _turned(size: tuple[int, int], turn: int) -> tuple[int, int]:
    return size[::-1] if turn in SIDEWAYS else size
