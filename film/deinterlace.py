"""Deinterlaces frames with FFmpeg's bwdif filter: one progressive frame for each."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.filter
import av.video.frame

from film.info import Video

Numbered = tuple[
    int, av.video.frame.VideoFrame, bool
]  # frame number, frame, whether it is repeated
FIRST_FIELD = {"tt": "tff", "bb": "bff"}


def deinterlaced(frames: Iterable[Numbered], video: Video) -> Iterator[Numbered]:
    """Deinterlace each frame to one progressive frame; the first and the last lack a neighbor."""
    graph: av.filter.Graph | None = None
    waiting: list[Numbered] = []
    for number, frame, repeated in frames:
        if graph is None:
            graph = _deinterlacer(frame, video)
        # The filter needs evenly ascending times; a repeated frame carries its neighbor's time.
        frame.pts, frame.time_base = number, Fraction(1, 1000)
        waiting.append((number, frame, repeated))
        graph.push(frame)
        yield from _pulled(graph, waiting)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph, waiting)


def _deinterlacer(frame: av.video.frame.VideoFrame, video: Video) -> av.filter.Graph:
    """Build FFmpeg's bwdif filter in the mode that outputs one frame per frame."""
    first_field = FIRST_FIELD.get(video.field_order, "auto")
    if frame.interlaced_frame:
        first_field = "auto"  # each frame has its own flag
    which = "all" if video.interlaced else "interlaced"
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=Fraction(1, 1000),
    )
    deinterlacer = graph.add("bwdif", f"mode=send_frame:parity={first_field}:deint={which}")
    sink = graph.add("buffersink")
    source.link_to(deinterlacer)
    deinterlacer.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: av.filter.Graph, waiting: list[Numbered]) -> Iterator[Numbered]:
    """Yield the frames that the filter has finished, in input order."""
    while waiting:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, av.video.frame.VideoFrame)
        number, _, repeated = waiting.pop(0)
        yield number, frame, repeated
