"""What a stream and its first decoded frame tell about a film's picture: its planes, its tags, how it is turned upright."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.filter
import av.stream
import av.video.frame
import numpy as np
from av.sidedata.sidedata import Type as SideDataType

from film.color_tags import MATRICES, PRIMARIES, TRANSFERS, tag_name
from film.ffmpeg import is_top_field_first
from film.info import FIELD_ORDERS, SWAPPED, Stream, Video, codec_of, kind_of

DEPTHS = (8, 9, 10, 12, 14, 16)  # bit depths of FFmpeg's planar formats
SIDE_DATA_TYPES = 64  # more than FFmpeg has
WIDEST_PIXEL = 32  # width / height; real films have 0.5 to 3


@dataclass(frozen=True)
class PlaneShape:
    """Depth and chroma size of a pixel format, as in film.info.Video."""

    depth: int
    chroma: tuple[int, int]
    has_luma: bool
    has_alpha: bool


def plane_shape(pixel: av.VideoFormat) -> PlaneShape:
    """Read depth and chroma size from FFmpeg's description of a pixel format."""
    parts = pixel.components
    colored = len([part for part in parts if not part.is_alpha]) >= 3
    rgb = pixel.is_rgb or pixel.has_palette or pixel.name.startswith("xyz")
    across = round(1 / (pixel.chroma_width(1 << 10) / (1 << 10))) if colored else 0
    down = round(1 / (pixel.chroma_height(1 << 10) / (1 << 10))) if colored else 0
    return PlaneShape(
        depth=next(d for d in DEPTHS if d >= min(16, max(part.bits for part in parts))),
        chroma=(1, 1) if rgb else (across, down),
        has_luma=not rgb,
        has_alpha=any(part.is_alpha for part in parts),
    )


def display_matrix(frame: av.video.frame.VideoFrame) -> tuple[int, ...]:
    """Return the nine numbers of a frame's display matrix, () if it has none."""
    try:
        side_data = frame.side_data
    except ValueError:  # PyAV does not know all kinds of FFmpeg's side data, and then reads none
        side_data = _with_known_side_data(frame).side_data
    display = side_data.get(SideDataType.DISPLAYMATRIX)  # type: ignore[call-overload]
    return tuple(int(v) for v in np.frombuffer(bytes(display), np.int32)) if display else ()


def _with_known_side_data(frame: av.video.frame.VideoFrame) -> av.video.frame.VideoFrame:
    """Return a frame without the side data that PyAV does not know."""
    known: set[int] = {int(str(kind.value)) for kind in SideDataType}
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
    )
    unknown = [kind for kind in range(SIDE_DATA_TYPES) if kind not in known]
    filters = [graph.add("sidedata", f"mode=delete:type={kind}") for kind in unknown]
    graph.link_nodes(source, *filters, graph.add("buffersink")).configure()
    graph.push(frame)
    cleaned = graph.pull()
    assert isinstance(cleaned, av.video.frame.VideoFrame)
    return cleaned


def orientation_of(nine: tuple[int, ...]) -> tuple[bool, bool, bool]:
    """Read (transpose, flip_x, flip_y) from a display matrix; other angles are treated as upright."""
    if not nine:
        return (False, False, False)
    xx, xy, _, yx, yy = nine[:5]  # column vectors: x' = xx x + yx y, y' = xy x + yy y
    if xx == yy == 0 and xy and yx:
        return (True, yx < 0, xy < 0)
    if xy == yx == 0 and xx and yy:
        return (False, xx < 0, yy < 0)
    return (False, False, False)


def video_info(stream: av.VideoStream, frame: av.video.frame.VideoFrame) -> Video:
    """Return the info of a video stream, given its first frame."""
    context = stream.codec_context
    shape = plane_shape(frame.format)
    name = frame.format.name
    full = name.startswith("yuvj") or frame.color_range == 2
    if frame.color_range == 0 and not name.startswith("yuvj"):
        full = shape.chroma == (0, 0)  # FFmpeg treats untagged gray as full range
    nine = display_matrix(frame)
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    return Video(
        index=stream.index,
        codec=context.name,
        width=frame.width,
        height=frame.height,
        sar=_pixel_aspect(stream.sample_aspect_ratio),
        orientation=orientation_of(nine),
        display_matrix=nine,
        pixel_format=name,
        depth=shape.depth,
        chroma=shape.chroma,
        has_luma=shape.has_luma,
        has_alpha=shape.has_alpha,
        hidden_alpha=stream.metadata.get("alpha_mode") == "1" and not shape.has_alpha,
        full_range=full and shape.has_luma,
        matrix=tag_name(MATRICES, frame.colorspace) if shape.has_luma else "",
        primaries=tag_name(PRIMARIES, frame.color_primaries),
        transfer=tag_name(TRANSFERS, frame.color_trc),
        field_order=_field_order(context.field_order, frame),
        time_base=stream.time_base or Fraction(1, 1000),
        rate=rate,
    )


def _pixel_aspect(ratio: Fraction | None) -> Fraction:
    """Return a pixel aspect ratio; 1 for an absurd one, as in damaged files, whose pictures would fill the memory."""
    plausible = ratio and 1 / WIDEST_PIXEL <= ratio <= WIDEST_PIXEL
    return ratio if ratio and plausible else Fraction(1)


def _field_order(order: int, frame: av.video.frame.VideoFrame) -> str:
    """Return the field order given by the decoder for the frame, else by the container."""
    if frame.interlaced_frame:
        return "tt" if is_top_field_first(frame) else "bb"
    return SWAPPED.get(order) or FIELD_ORDERS[order if 0 <= order < len(FIELD_ORDERS) else 0]


def stream_info(stream: Any, start: Fraction) -> Stream:
    """Return the info of a stream that starts at a time, in seconds."""
    tags: dict[str, str] = dict(stream.metadata)
    return Stream(
        index=stream.index,
        kind=kind_of(stream),
        codec=codec_of(stream),
        language=tags.get("language", ""),
        title=tags.get("title") or tags.get("filename") or "",
        dispositions=tuple(
            d.name for d in av.stream.Disposition if d.name and d & stream.disposition
        ),
        details=_details(stream),
        tags=tags,
        time_base=stream.time_base or Fraction(1),
        start_s=start,
    )


def _details(stream: Any) -> str:
    if stream.type == "audio" and stream.codec_context is not None:
        return f"{stream.codec_context.sample_rate} Hz {stream.codec_context.layout.name}"
    if stream.type == "video" and stream.codec_context is not None:
        return f"{stream.codec_context.width}x{stream.codec_context.height}"
    return str(stream.metadata.get("mimetype", ""))
