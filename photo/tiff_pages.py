"""Reads the pages of a TIFF one after another, with the file opened once, as each opening walks through all of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from photo.decoder import Raster, check_memory
from photo.metadata import Captions, iptc_in_tags
from photo.read import from_pillow
from photo.tiff import exif_of_page, is_for_pillow, own_pages, raster_of_page, tags_of


def tiff_pages(path: Path, numbers: Iterable[int]) -> Iterator[Raster]:
    """Yield pages, by their ascending numbers from 0 without reduced copies and masks, each with all its bits and own tags.

    Errors are those of decoders: see `photo.decoder.decoding`.
    """
    with tifffile.TiffFile(path) as tiff, path.open("rb") as file:
        pages = own_pages(tiff)
        image: Image.Image | None = None
        for page in (pages[number] for number in numbers):
            exif, dropped = exif_of_page(path, page)
            if is_for_pillow(tiff, page):
                check_memory(path, page.imagewidth, page.imagelength)
                image = image or Image.open(file, formats=("TIFF",))
                image.info.clear()  # what Pillow would keep from page to page
                image.seek(page.index)
                # Pillow's own EXIF would become that of the next page.
                raster = replace(from_pillow(path, image), exif=exif, dropped=dropped)
            else:
                raster = raster_of_page(path, page, tags_of(page), (exif, dropped))
            iptc = iptc_in_tags(page.tags, tiff.byteorder)
            yield (
                replace(raster, captions=Captions(iptc, raster.captions.texts)) if iptc else raster
            )


def stored_pages(path: Path, numbers: Sequence[int]) -> tuple[int, bool]:
    """Return how many bytes pages take as RGB, and whether one of them is compressed."""
    size, packed = 0, False
    with tifffile.TiffFile(path) as tiff:
        pages = own_pages(tiff) or [tiff.pages.first]
        for page in (pages[number] for number in numbers):
            channels = 3 + (page.samplesperpixel in {2, 4})
            deep = max(np.ravel(page.bitspersample).tolist()) > 8
            size += page.imagewidth * page.imagelength * channels * (1 + deep)
            packed |= page.compression != tifffile.COMPRESSION.NONE
    return size, packed
