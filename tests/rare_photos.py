"""Makes photos of the rarer formats: files that Pillow alone does not write."""

import io
import struct
import tempfile
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from numpy.typing import NDArray
from PIL import Image

DNG_SIZE = (120, 160)
SHORT, LONG, RATIONAL, SIGNED = 3, 4, 5, 10


def write_dng(path: Path, *, turn: int = 1) -> np.ndarray:
    """Write a DNG of a gray scene with a thumbnail of another size; return the scene's light 0..1."""
    light = np.linspace(0.02, 1, DNG_SIZE[1]) * np.ones(DNG_SIZE)
    matrix = [
        (int(v * 10000), 10000)
        for v in (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)
    ]
    flat = [n for pair in matrix for n in pair]
    camera = [
        (50706, 1, 4, b"\1\4\0\0", True), (50708, 2, 0, "Some Camera", True), (274, SHORT, 1, turn, True),
        (50721, SIGNED, 9, flat, True), (50728, RATIONAL, 3, [1, 1] * 3, True), (50778, SHORT, 1, 21, True),
        (270, 2, 0, "Aunt Ida", True), (271, 2, 0, "Somebody", True),
    ]  # fmt: skip
    sensor = [
        (33421, SHORT, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True),
        (50714, SHORT, 1, 0, True), (50717, SHORT, 1, 65535, True),
    ]  # fmt: skip
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(np.full((32, 48, 3), 200, np.uint8), photometric="rgb", subfiletype=1, subifds=1, extratags=camera, metadata=None)  # fmt: skip
        tiff.write(np.rint(light * 65535).astype(np.uint16), photometric="cfa", subfiletype=0, extratags=sensor, metadata=None)  # fmt: skip
    return light


def dng() -> bytes:
    """Make a DNG as `write_dng` does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.dng")
        write_dng(path)
        return path.read_bytes()


def photoshop(gray: NDArray[np.generic]) -> bytes:
    """Make a flat gray document of 8 or 16 bits."""
    bits, (height, width) = gray.dtype.itemsize * 8, gray.shape
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 1, height, width, bits, 1)
    return head + bytes(12) + b"\0\0" + gray.astype(gray.dtype.newbyteorder(">")).tobytes()


def dpx(rgb: NDArray[np.uint16]) -> bytes:
    """Make a DPX of 10 bits in words of 32."""
    height, width = rgb.shape[:2]
    head = bytearray(2048)
    struct.pack_into(">4sI", head, 0, b"SDPX", len(head))
    struct.pack_into(">HHII", head, 768, 0, 1, width, height)
    struct.pack_into(">BBBBHHI", head, 800, 50, 2, 2, 10, 1, 0, len(head))
    tens = (rgb >> 6).astype(np.uint32)
    words = tens[..., 0] << 22 | tens[..., 1] << 12 | tens[..., 2] << 2
    return bytes(head) + words.astype(">u4").tobytes()


def rare_photos(rgb: NDArray[np.uint16]) -> dict[str, bytes]:
    """Make a file of each rarer format from rgb (H, W, 3): name -> content."""
    shallow = np.asarray(rgb >> 8, np.uint8)
    height, width = rgb.shape[:2]
    heic, page, icon = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(shallow)).save(heic, quality=60)
    Image.fromarray(shallow).save(page, "PDF")
    Image.fromarray(shallow).save(icon, "ICO", sizes=[(32, 32)])
    head = f"{width} {height} 65535\n".encode()
    made = {
        "a.heic": heic.getvalue(), "a.pdf": page.getvalue(), "a.ico": icon.getvalue(), "a.dng": dng(), "a.dpx": dpx(rgb),
        "a.jxl": imagecodecs.jpegxl_encode(shallow), "deep.jxl": imagecodecs.jpegxl_encode(rgb, lossless=True),
        "deep.avif": imagecodecs.avif_encode(rgb >> 6, bitspersample=10, speed=9),
        "deep.jp2": imagecodecs.jpeg2k_encode(rgb, level=0), "a.j2k": imagecodecs.jpeg2k_encode(shallow, codecformat="j2k"),
        "12.jpg": imagecodecs.jpeg_encode(rgb[..., 0] >> 4, bitspersample=12),
        "a.psd": photoshop(shallow[..., 0]), "deep.psd": photoshop(rgb[..., 0]),
        "deep.pgm": b"P5\n" + head + rgb[..., 0].astype(">u2").tobytes(),
        "text.ppm": b"P3\n" + head + " ".join(map(str, rgb.ravel().tolist())).encode(),
    }  # fmt: skip
    for form in ("AVIF", "GIF", "PPM", "PCX", "TGA"):
        file = io.BytesIO()
        Image.fromarray(shallow).save(file, form)
        made[f"b.{form.lower()}"] = file.getvalue()
    return made
