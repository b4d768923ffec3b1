"""Writes a finished film as an image sequence: RGB with the film's exact luma, at its depth, marked as a result."""

import re
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from film import FilmError
from film.chroma import coded_to_upright, luma_range
from film.color_tags import LUMA_WEIGHTS
from film.decode import planes
from film.encode import encoding_of
from film.ffmpeg import film_stream, open_film
from film.info import Film
from film.job import Rendered
from film.options import EncoderOptions
from film.sequence import WRITTEN, Numbering, numbering_of
from photo.standing import same_part
from runtime.files import open_for_library, whole_file
from runtime.workers import cores

Rgb = NDArray[Any]  # (H, W, 3), uint8 or uint16
JPEG_QUALITY, PNG_LEVEL = 95, 2
JPEG_START = 2  # bytes before the first segment
PNG_END = 12  # bytes of the last chunk
DPX_FORMATS = {8: "rgb24", 10: "gbrp10be", 12: "gbrp12be", 16: "rgb48be"}  # by depth
DPX_PROJECT, PROJECT_BYTES = 260, 200  # the header's field for the project's name, with the mark
DPX_TRANSFER, BT709 = slice(801, 803), bytes([6, 6])  # transfer and colorimetry
EDGE_BYTES = 4096  # at a picture's start and at its end, where its mark is
# In each picture; the semicolon ends it where other bytes follow.
PICTURE_MARK = re.compile(
    rb"(colorizer(?: [\w.+]{1,20})?: of [ -:<-~]*), frames ([0-9]+)-([0-9]+);"
)


@dataclass(frozen=True)
class PictureWriter:
    """Writes the pictures of a film in the format of their names.

    mark : in each of them
    """

    film: Film
    numbering: Numbering
    folder: Path
    options: EncoderOptions
    mark: str

    def write(self, number: int, samples: Sequence[NDArray[Any]]) -> int:
        """Write a frame's planes as a picture; return its size in bytes."""
        path = self.folder / self.numbering.name(number)
        suffix = path.suffix.lower()
        depth = next(d for d in DPX_FORMATS if d >= self.film.video.depth)
        if suffix != ".dpx":
            depth = 8 if depth == 8 or suffix in {".jpg", ".jpeg"} else 16
        rgb = coded_to_upright(self._rgb(samples, depth), self.film.video)
        # Not flushed one by one: after a power cut, the job is still there and writes them again.
        with whole_file(path, durable=False, use="result") as part:
            if suffix in {".tif", ".tiff"}:
                _write_tiff(part, rgb, self.mark)
            elif suffix == ".png":
                part.write_bytes(_png(rgb, self.mark))
            elif suffix == ".dpx":
                part.write_bytes(_dpx(rgb, depth, self.film, self.mark))
            else:
                part.write_bytes(_jpeg(rgb, self.mark))
            return part.stat().st_size

    def _rgb(self, samples: Sequence[NDArray[Any]], depth: int) -> Rgb:
        """Convert Y'CbCr to R'G'B' of a depth."""
        encoding = encoding_of(self.film, self.options)
        low, span = luma_range(encoding.depth, full=encoding.full_range)
        middle = np.float32(1 << (encoding.depth - 1))
        chroma_span = span if encoding.full_range else span * 224 / 219
        luma = (samples[0].astype(np.float32) - np.float32(low)) / np.float32(span)
        c_b, c_r = (
            (plane.astype(np.float32) - middle) / np.float32(chroma_span) for plane in samples[1:]
        )
        k_r, k_b = (np.float32(weight) for weight in LUMA_WEIGHTS[encoding.matrix])
        red, blue = luma + 2 * (1 - k_r) * c_r, luma + 2 * (1 - k_b) * c_b
        green = (luma - k_r * red - k_b * blue) / (1 - k_r - k_b)
        rgb = in_gamut(np.stack([red, green, blue], axis=-1), luma)
        codes: Rgb = np.rint(rgb * np.float32((1 << depth) - 1))
        return codes.astype(np.uint8 if depth == 8 else np.uint16)


def write_pictures(
    film: Film,
    segments: Sequence[Rendered],
    target: Path,
    *,
    first: int,
    mark: str,
    options: EncoderOptions,
    advance: Callable[[int], object],
) -> tuple[int, int]:
    """Write the segments' frames, of which `first` is the first, as pictures; return their number and bytes.

    A frame of an image sequence keeps its number; those of other films are counted from 1.
    """
    numbering = numbering_of(target)
    assert numbering is not None, target
    count = sum(segment.frames for segment in segments)
    begin = film.first_number + first
    whole = f"{mark}, frames {begin}-{begin + count - 1};"
    writer = PictureWriter(film, numbering, target.parent, options, whole)
    target.parent.mkdir(parents=True, exist_ok=True)
    total = 0
    with ThreadPoolExecutor(options.threads if options.threads > 1 else cores()) as pool:
        waiting: deque[Future[int]] = deque()
        for number, samples in enumerate(_frames(film, segments, options), begin):
            waiting.append(pool.submit(writer.write, number, samples))
            if len(waiting) > 2 * cores():  # bounds memory
                total += waiting.popleft().result()
                advance(1)
        for one in waiting:
            total += one.result()
            advance(1)
    return count, total


def _frames(
    film: Film, segments: Sequence[Rendered], options: EncoderOptions
) -> Iterator[list[NDArray[Any]]]:
    """Decode the segments' frames to their planes."""
    encoding = encoding_of(film, options)
    video = replace(film.video, depth=encoding.depth, chroma=encoding.chroma, has_luma=True)
    for segment in segments:
        with open_film(segment.path) as container:
            stream = film_stream(container)
            assert stream is not None, segment.path
            stream.codec_context.thread_type = "AUTO"
            try:
                for frame in container.decode(stream):
                    assert frame.format.name == encoding.pixel_format, frame.format
                    # Copied: the decoder reuses its memory while threads write.
                    yield [plane.copy() for plane in planes(frame, video)]
            except av.FFmpegError as error:
                raise FilmError(
                    f"{segment.path} cannot be read: run the same command again"
                ) from error


def _write_tiff(path: Path, rgb: Rgb, mark: str) -> None:
    import tifffile  # films in one file do without

    with open_for_library(path) as file:
        tifffile.imwrite(file, rgb, photometric="rgb", software=mark, metadata=None)


def in_gamut(rgb: NDArray[np.float32], luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring rgb (H, W, 3) into 0..1 by less chroma: clipping would change its luma (H, W)."""
    luma = np.clip(luma, 0, 1)
    outside = (rgb.min(axis=-1) < 0) | (rgb.max(axis=-1) > 1)
    gray = luma[outside][:, None]
    colors = rgb[outside] - gray
    # The share of the chroma that the channel nearest to the limit has room for.
    room = np.where(colors > 0, 1 - gray, gray) / np.maximum(np.abs(colors), np.float32(1e-6))
    rgb[outside] = gray + colors * np.minimum(room.min(axis=-1, keepdims=True), 1)
    return np.asarray(np.clip(rgb, 0, 1), np.float32)


def _png(rgb: Rgb, mark: str) -> bytes:
    done, data = cv2.imencode(".png", rgb[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
    assert done, rgb.shape
    body = b"tEXtSoftware\0" + mark.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    png = data.tobytes()
    return png[:-PNG_END] + chunk + png[-PNG_END:]


def _jpeg(rgb: Rgb, mark: str) -> bytes:
    settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), settings)
    assert done, rgb.shape
    comment = b"\xff\xfe" + struct.pack(">H", len(mark) + 2) + mark.encode()
    jpeg = data.tobytes()
    return jpeg[:JPEG_START] + comment + jpeg[JPEG_START:]


def _dpx(rgb: Rgb, depth: int, film: Film, mark: str) -> bytes:
    """Encode a picture as DPX; its transfer is that of the film's own DPX pictures, else BT.709's."""
    name = DPX_FORMATS[depth]
    encoder = av.CodecContext.create("dpx", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = rgb.shape[1], rgb.shape[0], name
    encoder.time_base = film.video.time_base
    frame = av.VideoFrame.from_ndarray(rgb, format=name)
    data = bytearray(b"".join(bytes(packet) for packet in encoder.encode(frame)))
    field = slice(DPX_PROJECT, DPX_PROJECT + PROJECT_BYTES)
    data[field] = mark.encode().ljust(PROJECT_BYTES, b"\0")
    data[DPX_TRANSFER] = _transfer_of(film)
    return bytes(data)


def _transfer_of(film: Film) -> bytes:
    if not film.pictures or film.picture_path(0).suffix.lower() != ".dpx":
        return BT709
    with film.picture_path(0).open("rb") as file:
        return file.read(DPX_TRANSFER.stop)[DPX_TRANSFER]


def picture_mark(path: Path) -> tuple[str, range] | None:
    """Return the mark in a picture and the numbers of its whole result; None if it has none."""
    with path.open("rb") as file:
        head = file.read(EDGE_BYTES)
        file.seek(max(0, path.stat().st_size - EDGE_BYTES))
        found = PICTURE_MARK.search(head) or PICTURE_MARK.search(file.read())
    return (found[1].decode(), range(int(found[2]), int(found[3]) + 1)) if found else None


def check_pictures(target: Path, mark: str, *, inputs: Iterable[Path], overwrite: bool) -> bool:
    """Return whether an image sequence is the complete result with a mark.

    Raises FilmError if it would replace an input, or, without `overwrite`, other files than those of an earlier run.
    """
    numbering = numbering_of(target)
    if numbering is None or Path(target.name).suffix.lower() not in WRITTEN:
        raise FilmError(f"{target}: pictures are written as {', '.join(WRITTEN)}")
    if target.parent.exists() and not target.parent.is_dir():
        raise FilmError(f"{target.parent} is no folder: choose another path with -save")
    files = list(target.parent.iterdir()) if target.parent.exists() else []
    numbers = {path: numbering.number_of(path.name) for path in files}
    there = {number: path for path, number in numbers.items() if number is not None}
    if {path.resolve() for path in there.values()} & {path.resolve() for path in inputs}:
        raise FilmError(f"{target} names the input's pictures: choose another path with -save")
    if overwrite or not there:
        return False
    marks = {picture_mark(path) for path in there.values()}
    if not all(found and same_part(found[0], mark) for found in marks):
        raise FilmError(
            f"{min(there.values())} exists already and is not of the result of this film: "
            "add -overwrite, or choose another path with -save"
        )
    (whole, *others) = marks
    return not others and whole is not None and whole[0] == mark and there.keys() >= {*whole[1]}
