"""Converts pictures that are not plain gray or RGB: palettes, bits, transparent colors, printing colors, masked BMPs."""

from pathlib import Path
from typing import Any

from PIL import Image

from photo.decoder import PNG
from photo.depth import separated

# Factors of the values of gray PNGs of few bits, by which Pillow scales the pixels, but not the transparent value.
FEW_BITS = {2: 85, 4: 17}
BMP_MASKED = (3, 6)  # compressions of BMPs that have masks of bits
BMP_ALPHA_MASK = 66  # its place, in headers that are long enough
HEAD_BYTES = BMP_ALPHA_MASK + 4

Lost = tuple[str, ...]  # what is left out, as text


def converted(
    path: Path, image: Image.Image, info: dict[Any, Any]
) -> tuple[Image.Image, dict[Any, Any], Lost]:
    """Convert a loaded picture to mode L, LA, RGB or RGBA; return also what is still true of it, and what is left out.

    Raises ValueError for other pixels.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    lost: Lost = ()
    if head[:2] == b"BM" and info.get("compression") in BMP_MASKED:
        image, lost = _as_declared(image, head)
    if "transparency" in info or image.mode in {"LA", "La", "PA", "RGBA", "RGBa"}:
        image = _with_alpha(image, info.get("transparency"), head)
    elif image.mode in {"P", "YCbCr", "HSV"}:
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode in {"CMYK", "LAB"}:
        image, lost = separated(image, info.get("icc_profile"))
        info = {key: value for key, value in info.items() if key != "icc_profile"}
    if image.mode not in {"L", "LA", "RGB", "RGBA"}:
        raise ValueError(
            f"pixels of mode {image.mode} are not supported: save the picture as gray or RGB with 8 or 16 bits"
        )
    return image, info, lost


def _with_alpha(image: Image.Image, transparent: object, head: bytes) -> Image.Image:
    if head.startswith(PNG) and image.mode == "L" and isinstance(transparent, int):
        image.info["transparency"] = transparent * FEW_BITS.get(head[24], 1)
    return image.convert("LA" if image.mode in {"L", "1", "LA", "La"} else "RGBA")


def _as_declared(image: Image.Image, head: bytes) -> tuple[Image.Image, Lost]:
    """Give a BMP alpha only if its header has a mask for it, which Pillow supposes where there are no masks at all."""
    size = int.from_bytes(head[14:18], "little")
    if size >= HEAD_BYTES - 14 and any(head[BMP_ALPHA_MASK:]):
        return image, () if image.mode == "RGBA" else ("the transparency, of fewer than 8 bits",)
    return image.convert("RGB") if image.mode == "RGBA" else image, ()
