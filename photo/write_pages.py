"""Writes several colorized pictures as one file, one at a time: pages of a TIFF, and a multi-picture JPEG (MPO)."""

import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from photo.decoder import Pixels
from photo.exif import add_groups
from photo.mpo import fill_index, index_segment
from photo.read import Photo
from photo.write import (
    Picture,
    bands_of,
    check_longest,
    fitting,
    image_of,
    save_settings,
)
from photo.write_deep import TIFF_ROWS, tiff_settings
from runtime.files import folder_of, open_for_library, whole_file

PAGE_NUMBER = 297  # the tag for a page's number and their total
PAGE = 2  # bit of NewSubfileType
BIG_BYTES = (1 << 32) - (1 << 25)  # from which a TIFF needs offsets of 64 bits
DEFLATE_LEVEL = 2  # of 9, as in PNGs

# Writes a page and returns the metadata that does not fit and was dropped, as text.
WritePage: TypeAlias = Callable[[Picture, Photo], list[str]]


@contextmanager
def tiff_pages(
    path: Path, *, total: int, size: int, packed: bool, alpha: bool
) -> Iterator[WritePage]:
    """Yield a function that adds a page to a TIFF, which gets its name when it is complete.

    total : number of pages; size : of all their samples, in bytes, about
    packed : whether pages are compressed, without loss
    alpha : whether the transparency of pages is kept
    """
    import tifffile  # slow to import, with imagecodecs behind it

    groups: dict[int, Image.Exif] = {}
    with folder_of(path), whole_file(path) as part:
        with (
            open_for_library(part) as file,
            tifffile.TiffWriter(file, bigtiff=size >= BIG_BYTES) as tiff,
        ):

            def write(picture: Picture, like: Photo) -> list[str]:
                like, dropped = fitting(like, "TIFF")
                number = len(groups)
                groups[number] = like.exif
                shape = (*picture.shape[:2], 3 if like.alpha is None or not alpha else 4)
                settings = tiff_settings(
                    like, shape=shape, dtype=picture.dtype, without=(PAGE_NUMBER,)
                )
                settings["extratags"].append((PAGE_NUMBER, 3, 2, (number, total), True))
                bands = bands_of(picture, like.alpha if alpha else None, TIFF_ROWS)
                strips: Iterator[Any] = bands
                if packed:
                    settings |= {"compression": "zlib", "predictor": True}
                    strips = map(_deflated, bands)
                tiff.write(strips, subfiletype=PAGE, **settings)
                return dropped

            yield write
        add_groups(part, groups)


def _deflated(band: Pixels) -> bytes:
    """Compress rows (n, W, C) as a strip of differences between neighbors (TIFF 6.0, section 14)."""
    differences = band.copy()
    differences[:, 1:] -= band[:, :-1]
    return zlib.compress(differences.tobytes(), DEFLATE_LEVEL)


@contextmanager
def mpo_pictures(path: Path, *, kinds: Sequence[str], quality: int) -> Iterator[WritePage]:
    """Yield a function that adds a picture to a multi-picture JPEG, which gets its name when it is complete.

    kinds : of all its pictures, see `photo.mpo.kinds_of`
    """
    sizes: list[int] = []
    with folder_of(path), whole_file(path) as part:
        with part.open("wb") as file:

            def write(picture: Picture, like: Photo) -> list[str]:
                check_longest(path, picture, "JPEG")
                transparent = like.alpha is not None
                like, dropped = fitting(like, "JPEG")
                settings = save_settings(like, form="JPEG", quality=quality)
                if not sizes:
                    settings["extra"] = settings.get("extra", b"") + index_segment(len(kinds))
                jpeg = io.BytesIO()
                image_of(picture, None).save(jpeg, "JPEG", **settings)
                sizes.append(file.write(jpeg.getvalue()))
                return [*dropped, "the transparency"] if transparent else dropped

            yield write
        fill_index(part, sizes, kinds)
