"""Reads image sequences as films: their info, with what is wrong with them, and their frames."""

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import av
import av.video.frame
import numpy as np
from numpy.typing import NDArray

from film import FilmError
from film.color_tags import LUMA_WEIGHTS
from film.ffmpeg import first_times, open_film
from film.frame_info import stream_info, video_info
from film.info import Film, Stream, Video
from film.options import USUAL_FPS, FilmOptions
from film.sequence import PictureSequence, runs_of
from runtime.console import counted

DPX_MAGIC = {b"SDPX": ">", b"XPDS": "<"}  # SMPTE 268M
DPX_SIZE, DPX_TRANSFER = 772, 801  # offsets of width and height, and of the transfer characteristic
LOG_TRANSFERS = {1: "printing density", 3: "logarithmic"}
EXR_WINDOW = b"dataWindow\0box2i\0\x10\0\0\0"
EXR_HEADER = 1 << 16  # bytes in which it must be found
OUT_OF_STEP_S = 1.0  # difference of sound and picture from which it is named
FLOATS = {"gbrpf32le", "gbrapf32le", "grayf32le"}  # pixel formats of EXR
Size = tuple[int, int]


def probe_pictures(path: Path, sequence: PictureSequence, options: FilmOptions) -> Film:
    """Read the info of an image sequence; only the headers of its pictures are read, and the first one is decoded.

    A missing picture is replaced by the one before it, so that the film keeps its length. The size is that of most
    pictures.
    """
    sizes = _sizes(tuple(sequence.paths))
    known = Counter(size for size in sizes if size)
    if not known:
        raise FilmError(f"{path}: none of its {len(sizes)} pictures can be read")
    size = known.most_common(1)[0][0]
    rate = options.fps or USUAL_FPS
    video = _video(path, sequence, [own == size for own in sizes], 1 / rate)
    missing = set(sequence.gaps())
    last = sequence.first + len(sequence.names) + len(missing)
    found = [sequence.names.get(number, "") for number in range(sequence.first, last)]
    pictures = tuple(accumulate(found, _repeated))
    sound = options.audio and _sound(options.audio)
    notes = [*_notes(sequence, sizes, size, options)]
    if sound and (note := _out_of_step(options, len(pictures) / rate)):
        notes.append(note)
    return Film(
        path=path, container="image sequence", video=video, streams=sound or (), chapters=(),
        metadata={}, pts=tuple(range(len(pictures))), keys=tuple(range(len(pictures))),
        last_duration=1, missing_s=0.0,
        size_bytes=sum(one.stat().st_size for one in sequence.paths),
        pictures=pictures, first_number=sequence.first, audio=options.audio, notes=tuple(notes),
    )  # fmt: skip


def _repeated(before: str, name: str) -> str:
    """Return a picture's name, or the one before it if it is missing."""
    return name or before


def _video(
    path: Path, sequence: PictureSequence, usual: Sequence[bool], time_base: Fraction
) -> Video:
    """Return the video of the first picture of the usual size."""
    for picture, fits in zip(sequence.paths, usual, strict=True):
        if not fits:
            continue
        with _opened(picture) as container:
            frame = _first_frame(container)
            if frame is not None:
                video = video_info(container.streams.video[0], frame)
                # RGB: luma of all codes is computed, so that gray pictures keep theirs. EXR is encoded like sRGB.
                full = video.full_range or not video.has_luma
                linear = frame.format.name in FLOATS
                return replace(
                    video, index=-1, time_base=time_base, rate=1 / time_base, full_range=full,
                    matrix=video.matrix if video.has_luma and video.chroma != (0, 0) else "bt709",
                    transfer="" if linear else video.transfer,
                )  # fmt: skip
    raise FilmError(f"{path}: none of its pictures can be decoded")


def _notes(
    sequence: PictureSequence, sizes: Sequence[Size | None], usual: Size, options: FilmOptions
) -> Iterator[str]:
    """Yield what is wrong with a sequence, before any work."""
    numbers = list(sequence.names)
    if gaps := sequence.gaps():
        yield (
            f"{counted(len(gaps), 'picture')} of {numbers[0]} to {numbers[-1]} missing: {runs_of(gaps)}; "
            "each is replaced by the one before it"
        )
    if bad := [number for number, size in zip(numbers, sizes, strict=True) if size is None]:
        yield f"{counted(len(bad), 'picture')} cannot be read: {runs_of(bad)}; replaced by the neighboring ones"
    for other in sorted({size for size in sizes if size} - {usual}):
        own = [number for number, size in zip(numbers, sizes, strict=True) if size == other]
        yield (
            f"{counted(len(own), 'picture')} of {other[0]}x{other[1]}: {runs_of(own)}; "
            f"scaled to {usual[0]}x{usual[1]}, the size of most"
        )
    if options.fps is None and not options.encoder.pictures:
        yield f"{USUAL_FPS} pictures per second are assumed: -fps sets another rate"
    if transfer := _log_transfer(sequence.paths[0]):
        yield (
            f"the pictures' values are {transfer}, which is treated as video: colors may be too pale"
        )


def _out_of_step(options: FilmOptions, shown_s: Fraction) -> str:
    """Return a note if the sound lasts much longer or shorter than the pictures."""
    assert options.audio is not None
    with open_film(options.audio) as container:
        duration_s = (container.duration or 0) / av.time_base
    if not duration_s or abs(duration_s - shown_s) <= OUT_OF_STEP_S:
        return ""
    return (
        f"{options.audio} lasts {duration_s:.1f} s, the pictures {float(shown_s):.1f} s: check -fps"
    )


@lru_cache(maxsize=8)
def _sound(path: Path) -> tuple[Stream, ...]:
    """Return the sound tracks of a file."""
    with open_film(path) as container:
        tracks = list(container.streams.audio)
        starts = first_times(path, [track.index for track in tracks])
        found = tuple(stream_info(s, starts.get(s.index, Fraction(0))) for s in tracks)
    if not found:
        raise FilmError(f"{path} has no sound: name a sound file with -audio, or omit it")
    return found


@lru_cache(maxsize=4)  # a command asks several times
def _sizes(paths: tuple[Path, ...]) -> tuple[Size | None, ...]:
    return tuple(map(picture_size, paths))


def picture_size(path: Path) -> Size | None:
    """Read a picture's (width, height) from its header; None if it cannot be read."""
    readers = {".dpx": _dpx_size, ".exr": _exr_size, ".tif": _tiff_size, ".tiff": _tiff_size}
    try:
        width, height = readers.get(path.suffix.lower(), _pillow_size)(path)
    except (OSError, ValueError, LookupError, struct.error):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _pillow_size(path: Path) -> Size:
    from PIL import Image  # films in one file do without

    try:
        with Image.open(path, formats=("JPEG", "PNG")) as image:
            return image.size
    except SyntaxError as error:
        raise ValueError(str(error)) from error


def _tiff_size(path: Path) -> Size:
    import tifffile  # films in one file do without

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            return page.imagewidth, page.imagelength
    except tifffile.TiffFileError as error:
        raise ValueError(str(error)) from error


def _dpx_size(path: Path) -> Size:
    with path.open("rb") as file:
        order = DPX_MAGIC[file.read(4)]
        file.seek(DPX_SIZE)
        width, height = struct.unpack(f"{order}II", file.read(8))
    return width, height


def _exr_size(path: Path) -> Size:
    with path.open("rb") as file:
        header = file.read(EXR_HEADER)
    place = header.index(EXR_WINDOW) + len(EXR_WINDOW)
    left, top, right, bottom = struct.unpack_from("<4i", header, place)
    return right - left + 1, bottom - top + 1


def _log_transfer(path: Path) -> str:
    """Return the name of a DPX picture's logarithmic transfer, "" for others."""
    if path.suffix.lower() != ".dpx":
        return ""
    with path.open("rb") as file:
        file.seek(DPX_TRANSFER)
        return LOG_TRANSFERS.get(int.from_bytes(file.read(1)), "")


def _opened(path: Path) -> av.container.InputContainer:
    # By its name, which is no pattern: that of a folder may look like one.
    return av.open(str(path.resolve()), format="image2", options={"pattern_type": "none"})


def _first_frame(container: av.container.InputContainer) -> av.video.frame.VideoFrame | None:
    try:
        context = container.streams.video[0].codec_context
        context.thread_count = 1  # every core already has a process
        if context.name == "mjpeg":  # else half a JPEG is a picture, black below
            context.options = {"err_detect": "explode"}
        return next(container.decode(video=0), None)
    except av.FFmpegError:
        return None


def read_picture(film: Film, number: int) -> av.video.frame.VideoFrame | None:
    """Decode the picture of a frame; None if it cannot be decoded."""
    try:
        with _opened(film.picture_path(number)) as container:
            return _first_frame(container)
    except (av.FFmpegError, OSError, IndexError):
        return None


def numbered_pictures(
    film: Film, first: int, last: int
) -> Iterator[tuple[int, av.video.frame.VideoFrame]]:
    """Yield the frames of [first, last) that can be decoded, and one before them if the first one cannot."""
    for number in range(first, last):
        frame = read_picture(film, number)
        if frame is not None:
            yield number, frame
        elif number == first:
            earlier = ((one, read_picture(film, one)) for one in range(first - 1, -1, -1))
            for one, found in earlier:
                if found is not None:
                    yield one, found
                    break


def luma_and_chroma(frame: av.video.frame.VideoFrame, depth: int) -> list[NDArray[np.uint16]]:
    """Convert an RGB picture to full-range luma and two chroma planes, BT.709, at a depth; gray stays exactly gray."""
    kind = np.uint8 if depth == 8 else np.uint16
    white, middle = (1 << depth) - 1, 1 << (depth - 1)
    red, green, blue = _rgb(frame, depth)
    k_r, k_b = (np.float32(weight) for weight in LUMA_WEIGHTS["bt709"])
    luma = k_r * red + (1 - k_r - k_b) * green + k_b * blue
    chroma = ((blue - luma) / (2 * (1 - k_b)) + middle, (red - luma) / (2 * (1 - k_r)) + middle)
    return [np.clip(np.rint(plane), 0, white).astype(kind) for plane in (luma, *chroma)]


def _rgb(frame: av.video.frame.VideoFrame, depth: int) -> list[NDArray[np.float32]]:
    """Return red, green and blue (H, W) in codes of a depth."""
    white = np.float32((1 << depth) - 1)
    if frame.format.name in FLOATS:  # EXR, whose values are linear light
        green, blue, red = (
            np.frombuffer(memoryview(plane), "<f4").reshape(plane.height, -1)[:, : plane.width]
            for plane in frame.reformat(format="gbrpf32le").planes
        )
        return [_encoded(plane) * white for plane in (red, green, blue)]
    wanted = "gbrp" if depth == 8 else f"gbrp{depth}le"
    if frame.format.name != wanted:
        frame = frame.reformat(format=wanted)
    green, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8 if depth == 8 else "<u2")
        .reshape(plane.height, -1)[:, : plane.width]
        .astype(np.float32)
        for plane in frame.planes
    )
    return [red, green, blue]


def _encoded(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encode linear light with the transfer of sRGB (IEC 61966-2-1), clipped to 0..1."""
    linear = np.clip(np.nan_to_num(linear), 0, 1)
    curved = np.float32(1.055) * linear ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curved).astype(np.float32)
