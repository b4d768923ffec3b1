"""What a decoded frame tells about a film's picture: its planes, and how it is turned upright."""

from dataclasses import dataclass
from fractions import Fraction

import av
import av.filter
import av.video.frame
import numpy as np
from av.sidedata.sidedata import Type as SideDataType

DEPTHS = (8, 9, 10, 12, 14, 16)  # bit depths of FFmpeg's planar formats
SIDE_DATA_TYPES = 64  # more than FFmpeg has


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
