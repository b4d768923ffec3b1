"""Encodes with x264 in this process, through PyAV.

An ffmpeg process takes more processor time: frames pass through a pipe, and each segment's encoder gets new
memory from the system.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import av
import av.codec
import numpy as np

from film import FilmError
from film.chroma import Encoding
from film.decode import Plane
from film.ffmpeg import chosen_ffmpeg, reason_of
from film.info import Video
from runtime.memory import can_zero_memory, zeroed_memory

ENCODER = "libx264"
Write: TypeAlias = Callable[[Sequence[Plane]], None]
# With AVX-512, x264 (core 165) reads memory that it has not written: unless that is zero, a film gets other bytes each
# time. Where memory cannot be zeroed, this takes C instead, which is slower.
REPRODUCIBLE = "cpu-independent=1"
# Of ffmpeg's output options, those that are not the encoder's.
_OTHERS = ("c:v", "pix_fmt", "threads", "fflags", "f")


def encodes_here(encoder: str, encoding: Encoding) -> bool:
    """Tell whether an encoder, by FFmpeg's name, is run in this process.

    PyAV cannot mark frames as interlaced. Who names an ffmpeg wants its encoder.
    """
    if encoder != ENCODER or encoding.first_field or chosen_ffmpeg():
        return False
    return encoding.pixel_format in _pixel_formats()


@cache
def _pixel_formats() -> frozenset[str]:
    """Return the pixel formats that PyAV's x264 supports; none if PyAV was built without it."""
    try:
        formats = av.codec.Codec(ENCODER, "w").video_formats
    except av.codec.codec.UnknownCodecError:
        return frozenset()
    return frozenset(one.name for one in formats or ())


@contextmanager
def x264(
    path: Path, encoding: Encoding, video: Video, arguments: Mapping[str, object], *, comment: str
) -> Iterator[Write]:
    """Yield a function that encodes a frame's planes into a file (.mkv), which is complete after the block.

    arguments : ffmpeg's output options, see `film.encode.encoder_arguments`
    comment : written into the file's header
    """
    options = {name: str(value) for name, value in arguments.items() if name not in _OTHERS}
    if not can_zero_memory():
        options["x264-params"] = REPRODUCIBLE
    options["aspect"] = f"{video.sar.numerator}/{video.sar.denominator}"
    try:
        flags = {"fflags": str(arguments["fflags"])}
        with av.open(str(path), "w", format="matroska", container_options=flags) as target:
            target.metadata["comment"] = comment
            stream: Any = target.add_stream(ENCODER, rate=encoding.rate, options=options)
            stream.width, stream.height = encoding.width, encoding.height
            stream.pix_fmt = encoding.pixel_format
            context = stream.codec_context
            # Threads of frames, as in ffmpeg; PyAV's default, of slices, makes larger files.
            context.thread_type, context.thread_count = "AUTO", arguments["threads"]
            frames = _Frames(encoding)

            def write(planes: Sequence[Plane]) -> None:
                frame = frames.of(planes)
                with zeroed_memory():
                    packets = stream.encode(frame)
                target.mux(packets)

            yield write
            target.mux(stream.encode(None))
    except av.FFmpegError as error:
        if isinstance(error, OSError):  # a full disk, a missing folder
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise FilmError(f"x264 failed: {reason_of(error)}") from error


class _Frames:
    """Turns planes into PyAV's frames, numbered from 0."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding, self._count = encoding, 0

    def of(self, planes: Sequence[Plane]) -> av.VideoFrame:
        """Copy the planes of the next frame."""
        encoding = self._encoding
        frame = av.VideoFrame(encoding.width, encoding.height, encoding.pixel_format)
        frame.pts, frame.time_base = self._count, Fraction(1) / encoding.rate
        self._count += 1
        for own, plane in zip(frame.planes, planes, strict=True):
            rows = np.frombuffer(memoryview(own), plane.dtype).reshape(plane.shape[0], -1)
            rows[:, : plane.shape[1]] = plane
        return frame
