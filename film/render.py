"""The source's luma + small ab -> full-size frames -> encoder. Luma is passed through, chroma is made."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import ffmpeg
import numpy as np
from numpy.typing import NDArray

from film.chroma import Chroma, chroma_table, luma_range, painted_rgb
from film.encoder import (
    CODECS,
    CONTAINERS_OF,
    EncoderOptions,
    Encoding,
    encoder_notes,
    encoder_words,
    encoding_of,
    film_matrix,
    picture_words,
)
from film.facts import Film
from film.frames import NativeFrame, Plane, decode
from film.process import running
from film.source import FilmError, ffmpeg_path, film_stream, open_film, publish

__all__ = [
    "CODECS",
    "CONTAINERS_OF",
    "EncoderOptions",
    "chroma_table",
    "comments_and_frames",
    "encoder_command",
    "encoder_notes",
    "film_matrix",
    "painted_rgb",
    "render_piece",
]


def render_piece(
    film: Film,
    ab: NDArray[np.floating[Any]] | None,
    path: Path,
    *,
    first: int,
    last: int,
    table: NDArray[np.float32] | None,
    options: EncoderOptions,
    comment: str = "",
    told: Callable[[], object] | None = None,
) -> None:
    """Encode frames [first, last) with the colors of `ab` into `path` (.mkv), temporary name, then rename.

    ab : (last - first, h, w, 2), upright like the working gray; None keeps the source's own chroma (a
        shot that already has color; gray films stay gray), and needs no table
    table : from chroma_table
    comment : written into the file's header
    told : called after each frame
    """
    assert ab is None or (len(ab) == last - first and table is not None), (first, last)
    encoding = encoding_of(film, options)
    chroma = None if table is None else Chroma(film, encoding, table)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        command = encoder_command(film, encoding, temporary, options=options, comment=comment)
        frames = decode(film, first, last, deinterlace=options.deinterlace)
        with closing(frames), running(command) as pipe:
            for frame in frames:
                colors = None if ab is None else np.asarray(ab[frame.number - first], np.float32)
                for plane in _finished(frame, colors, film=film, encoding=encoding, chroma=chroma):
                    pipe.write(plane.data)
                if told:
                    told()
        _check_count(temporary, last - first)
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _finished(
    frame: NativeFrame,
    ab: NDArray[np.float32] | None,
    *,
    film: Film,
    encoding: Encoding,
    chroma: Chroma | None,
) -> Iterator[Plane]:
    """Yield the three planes the encoder gets."""
    luma = _fitted(_luma(frame.luma, film, encoding), encoding.height, encoding.width)
    yield luma
    if ab is not None and chroma is not None:
        yield from chroma(luma, ab)
    else:
        yield from _own_chroma(frame, film, encoding)


def _luma(luma: Plane, film: Film, encoding: Encoding) -> Plane:
    """Return luma at the encoding's depth: the same samples, unless the encoder has fewer or more bits."""
    depth = film.video.depth
    if (encoding.depth, encoding.full_range) == (depth, film.video.full_range):
        return luma
    kind = np.uint8 if encoding.depth == 8 else np.uint16
    if encoding.full_range == film.video.full_range and encoding.depth > depth:
        return np.asarray(np.left_shift(luma.astype(kind), encoding.depth - depth))
    low, span = luma_range(depth, full=film.video.full_range)
    new_low, new_span = luma_range(encoding.depth, full=encoding.full_range)
    codes = np.rint((luma.astype(np.float32) - low) * (new_span / span) + new_low)
    return np.asarray(np.clip(codes, 0, (1 << encoding.depth) - 1), kind)


def _own_chroma(frame: NativeFrame, film: Film, encoding: Encoding) -> Iterator[Plane]:
    """Yield the source's own chroma at the encoding's size and depth; gray films get gray."""
    height, width = encoding.chroma_size
    kind = np.uint8 if encoding.depth == 8 else np.uint16
    for plane in frame.chroma or (None, None):
        if plane is None:
            yield np.full((height, width), 1 << (encoding.depth - 1), kind)
            continue
        if film.video.chroma != encoding.chroma:
            plane = np.asarray(cv2.resize(np.ascontiguousarray(plane), (width, height)))
        shift = encoding.depth - film.video.depth
        more = np.left_shift(plane.astype(np.uint16), max(shift, 0))
        codes = np.right_shift(more, max(-shift, 0)).astype(kind)
        yield _fitted(codes, height, width)


def _fitted(plane: Plane, height: int, width: int) -> Plane:
    """Repeat the last row and column where the encoder needs a larger plane."""
    down, right = height - plane.shape[0], width - plane.shape[1]
    if not down and not right:
        return np.ascontiguousarray(plane)
    bordered = cv2.copyMakeBorder(
        np.ascontiguousarray(plane), 0, down, 0, right, cv2.BORDER_REPLICATE
    )
    return np.asarray(bordered)


def encoder_command(
    film: Film, encoding: Encoding, path: Path, *, options: EncoderOptions, comment: str = ""
) -> list[str]:
    """Build the ffmpeg command that encodes raw planes from its standard input."""
    source = ffmpeg.input(
        "pipe:",
        format="rawvideo",
        pixel_format=encoding.pixel_format,
        video_size=(encoding.width, encoding.height),
        framerate=str(encoding.rate),
        color_range="pc" if encoding.full_range else "tv",
    )
    for name, words in picture_words(encoding, film):
        source = source.filter(name, **words)
    words = encoder_words(encoding, film, options) | {"metadata": f"comment={comment}"}
    output = ffmpeg.output(source, str(path), **words)
    output = output.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    return list(ffmpeg.compile(output, cmd=ffmpeg_path(), overwrite_output=True))


def _check_count(path: Path, count: int) -> None:
    """See that the encoder wrote every frame: a piece that exists is a piece that is whole."""
    _, written = comments_and_frames(path)
    if written != count:
        raise FilmError(f"the encoder wrote {written} of {count} frames to {path.name}: run again")


def comments_and_frames(path: Path) -> tuple[set[str], int]:
    """Return what a rendered file's header says, and how many frames the file has."""
    with open_film(path) as container:
        stream = film_stream(container)
        frames = sum(1 for packet in container.demux(stream) if packet.size) if stream else 0
        return set(container.metadata.values()), frames
