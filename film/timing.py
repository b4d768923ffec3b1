"""Reads when things happen in a film: the times of its packets and frames, whether the container has them or not."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import av.container

from film.decode import decoded_frames
from film.ffmpeg import film_stream, open_film

FIRST_PACKETS = 2000  # read to see when each stream starts


def first_times(path: Path, indices: list[int]) -> dict[int, Fraction]:
    """Return the time of each stream's first packet, in seconds; streams without one are left out."""
    found: dict[int, Fraction] = {}
    with open_film(path) as container:
        for packet in islice(
            container.demux([container.streams[i] for i in indices]), FIRST_PACKETS
        ):
            # Of the packet, not the header: an edit list gives sound a start before 0 that no header field has.
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None and packet.time_base:
                found.setdefault(packet.stream_index, time * packet.time_base)
            if len(found) == len(indices):
                break
    return found


def timing(
    path: Path, *, first: int | None, trusted: bool, rate: Fraction
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return (pts, keys, duration of the last frame), see Film."""
    with open_film(path) as container:
        stream = film_stream(container)
        assert stream is not None
        packets = [(p.pts, p.dts, p.duration) for p in _packets(container, stream)]
        step = max(1, round(1 / (rate * (stream.time_base or Fraction(1)))))
    # Three cases: every packet has its presentation time, and decoding keeps them (all good files); the times are
    # there, but the decoder brings others or none (H.264 in AVI), so its frames are found by their packets' decode
    # times; neither (bare streams), and frames can only be counted from the start.
    times = sorted(pts for pts, _, _ in packets if pts is not None)
    decode_times = {dts for _, dts, _ in packets if dts is not None}
    if trusted and len(times) == len(set(times)) == len(packets):
        # Pictures before the first that can be decoded (a film cut out of a stream) are not shown.
        shown = tuple(time for time in times if first is None or time >= first)
        durations = {pts: duration for pts, _, duration in packets}
        return shown, shown, durations[shown[-1]] or _last_step(shown, step)
    if len(times) == len(set(times)) == len(decode_times) == len(packets):
        keys = _decoded_keys(path)
        pts = tuple(times[: len(keys)])
        return pts, keys, _last_step(pts, step)
    filled = _filled(_decoded_times(path), step, start=times[0] if times else 0)
    return filled, (), step


def _filled(times: list[int | None], step: int, *, start: int) -> tuple[int, ...]:
    """Give frames without a time the one `step` from their neighbor's; none if the known ones are mixed up."""
    known = [(number, time) for number, time in enumerate(times) if time is not None]
    steady = all(b - a >= j - i for (i, a), (j, b) in pairwise(known))
    if not known or not steady:
        return tuple(range(start, start + len(times) * step, step))
    first, time = known[0]
    filled = [time - (first - number) * step for number in range(first)]
    for number in range(first, len(times)):
        own = times[number]
        filled.append(filled[-1] + step if own is None else own)
    ascending = all(a < b for a, b in pairwise(filled))
    return tuple(filled) if ascending else tuple(range(start, start + len(times) * step, step))


def _last_step(pts: tuple[int, ...], step: int) -> int:
    return pts[-1] - pts[-2] if len(pts) > 1 else step


def _packets(
    container: av.container.InputContainer, stream: av.VideoStream
) -> "Iterator[av.Packet[av.VideoStream]]":
    """Yield the packets that are shown; a broken end is the end."""
    try:
        for packet in container.demux(stream):
            # Discarded ones are those an edit list hides: they are decoded for others and never shown.
            if packet.size and not packet.is_discard:
                yield packet
    except av.FFmpegError:
        return


def _decoded_keys(path: Path) -> tuple[int, ...]:
    """Decode the film once for the decode time of each frame's packet, in presentation order."""
    with open_film(path) as container:
        stream = film_stream(container)
        assert stream is not None
        return tuple(int(str(frame.opaque)) for frame in decoded_frames(container, stream))


def _decoded_times(path: Path) -> list[int | None]:
    with open_film(path) as container:
        stream = film_stream(container)
        assert stream is not None
        return [frame.pts for frame in decoded_frames(container, stream)]
