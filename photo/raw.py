"""Reads camera raw files: the developed picture of 16 bits, never the thumbnail that is stored beside it."""

from pathlib import Path

from PIL import Image

from photo.decoder import Raster, check_memory, loaded
from photo.formats import optional
from prior.dataset import PictureError

RAW = (
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"IIU\0",
    b"FUJIFILMCCD-RAW",
    b"\0MRM",
    b"FOVb",
    b"II\x1a\0\0\0HEAPCCDR",
)  # fmt: skip; the first bytes of raw files that are no TIFFs
SRGB_GAMMA = (2.4, 12.92)  # power and slope of the sRGB curve
FIRST_PRIVATE = 50000  # from here on, tags describe the sensor and the camera's own data
OF_SENSOR = (33421, 33422, 34852, 37398)  # as do these
TIFF_HEADS = (b"II*\0", b"MM\0*")


def read_raw(path: Path) -> Raster:
    """Develop a raw file with LibRaw: the camera's white balance, brightness by the histogram, sRGB."""
    rawpy = optional("rawpy", path, "camera raw")
    try:
        with rawpy.imread(str(path)) as raw:
            check_memory(path, raw.sizes.iwidth, raw.sizes.iheight, sample_bytes=2)
            rgb = raw.postprocess(output_bps=16, use_camera_wb=True, gamma=SRGB_GAMMA)
    except (rawpy.LibRawFileUnsupportedError, rawpy.NotSupportedError):
        raise PictureError(
            f"{path} is camera raw that LibRaw cannot develop: convert it to TIFF with 16 bits"
        ) from None
    except rawpy.LibRawError as error:
        raise ValueError(error) from None
    exif = _exif_of(path)
    left = () if len(exif) else ("its EXIF data left out",)
    return Raster(rgb, exif, {}, turned=True, notes=("developed by LibRaw", *left))


def _exif_of(path: Path) -> Image.Exif:
    """Read the EXIF data of the raw formats that are TIFFs, without what describes the sensor."""
    exif = Image.Exif()
    with path.open("rb") as file:
        if file.read(4) not in TIFF_HEADS:
            return exif
        file.seek(0)
        exif.load_from_fp(file)
        loaded(exif)
    for tag in list(exif):
        if tag >= FIRST_PRIVATE or tag in OF_SENSOR:
            del exif[tag]
    return exif
