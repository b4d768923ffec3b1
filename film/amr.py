"""AMR sound of telephones (3GPP TS 26.101): splits packets of several frames, which QuickTime's muxer refuses."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

FRAME_S = Fraction(1, 50)
# Bytes of a frame with its header, by the header's mode; 0 for modes that are not in use.
FRAME_BYTES = (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1)


def frame_sizes(data: bytes) -> list[int]:
    """Return the sizes of the frames in a packet; of a damaged one, the whole packet's."""
    sizes: list[int] = []
    place = 0
    while place < len(data):
        size = FRAME_BYTES[data[place] >> 3 & 15]
        place += size
        if not size or place > len(data):
            return [len(data)]
        sizes.append(size)
    return sizes


def single_frames(packet: Any) -> Iterator[Any]:
    """Yield a packet's frames as packets of their own, each at its own time."""
    data = bytes(packet)
    sizes = frame_sizes(data)
    if len(sizes) == 1:
        yield packet
        return
    place = 0
    for index, size in enumerate(sizes):
        one: Any = av.Packet(data[place : place + size])
        one.stream, one.time_base = packet.stream, packet.time_base
        late = round(index * FRAME_S / packet.time_base)
        one.pts, one.dts = (None if t is None else t + late for t in (packet.pts, packet.dts))
        one.duration = round(FRAME_S / packet.time_base)
        place += size
        yield one
