"""Films of field pictures, which no encoder here makes: H.264 (PAFF) of I_PCM macroblocks, and flat MPEG-2 pictures."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes

MB = 16  # px, side of a macroblock
TICKS = 90_000  # a second, in MPEG streams
IDR_EVERY = 3  # frames
FIELD_S = Fraction(1, 50)


class Bits:
    """A bitstream under construction."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def u(self, value: int, count: int) -> "Bits":
        """Append a number of `count` bits."""
        self._bits.append(f"{value:0{count}b}" if count else "")
        return self

    def ue(self, *values: int) -> "Bits":
        """Append Exp-Golomb codes (ITU-T H.264, 9.1)."""
        for value in values:
            text = f"{value + 1:b}"
            self._bits.append("0" * (len(text) - 1) + text)
        return self

    def aligned(self, data: bytes = b"") -> "Bits":
        """Append zeros up to a whole byte, then bytes."""
        size = sum(map(len, self._bits))
        self._bits.append("0" * (-size % 8) + "".join(f"{byte:08b}" for byte in data))
        return self

    def trailing(self) -> bytes:
        """Return the bytes with a stop bit."""
        return self.u(1, 1).aligned().whole()

    def whole(self) -> bytes:
        """Return the bytes of whole bits."""
        text = "".join(self._bits)
        return int(text, 2).to_bytes(len(text) // 8, "big")


def nal(kind: int, payload: bytes, *, reference: int = 3) -> bytes:
    """Return a NAL unit with its start code; bytes that look like one are escaped (7.4.1)."""
    out, zeros = bytearray(), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\0\0\0\1" + bytes([reference << 5 | kind]) + bytes(out)


def parameter_sets(width: int, height: int) -> bytes:
    """Return the parameter sets of an interlaced H.264 stream of Main profile, 25 frames a second."""
    sps = Bits().u(77, 8).u(0, 8).u(30, 8).ue(0, 0, 0, 4, 1).u(0, 1)  # order of display: 8 bits
    sps.ue(width // MB - 1, height // MB // 2 - 1).u(0, 1).u(0, 1).u(1, 1).u(0, 1)
    # VUI: only timing, 50 fields a second.
    sps.u(1, 1).u(0, 4).u(1, 1).u(1, 32).u(50, 32).u(1, 1).u(0, 3).u(0, 1)
    pps = Bits().ue(0, 0).u(0, 2).ue(0, 0, 0).u(0, 3).ue(0, 0, 0).u(0b100, 3)
    return nal(7, sps.trailing()) + nal(8, pps.trailing())


def field_slice(
    field: Bytes, *, frame_num: int, place: int, bottom: bool, idr: int | None
) -> bytes:
    """Return a field (H, W) as one slice of I_PCM macroblocks, its chroma neutral.

    place : 0 for the first field of its frame, 1 for the second
    idr : identifies an IDR picture; None for others
    """
    bits = Bits().ue(0, 7, 0).u(frame_num % 16, 4).u(1, 1).u(bottom, 1)
    if idr is not None:
        bits.ue(idr)
    bits.u(2 * frame_num + place, 8).u(0, 1 if idr is None else 2)
    bits.ue(0, 1)  # quantizer's difference; no deblocking
    height, width = field.shape
    for top in range(0, height, MB):
        for left in range(0, width, MB):
            luma = field[top : top + MB, left : left + MB].tobytes()
            bits.ue(25).aligned(luma + bytes([128]) * (MB * MB // 2))
    return nal(1 if idr is None else 5, bits.trailing())


def paff(frames: Sequence[Bytes], *, top_first: bool = True) -> list[tuple[bytes, bytes]]:
    """Return frames (H, W) as pairs of H.264 field pictures; every few frames, an IDR picture with parameter sets."""
    found = []
    for number, frame in enumerate(frames):
        whole = number % IDR_EVERY == 0
        order = (0, 1) if top_first else (1, 0)
        frame_num = number % IDR_EVERY
        first, second = (
            field_slice(
                np.ascontiguousarray(frame[parity::2]), frame_num=frame_num, place=place, bottom=bool(parity),
                idr=number // IDR_EVERY % 2 if whole and place == 0 else None,
            )
            for place, parity in enumerate(order)
        )  # fmt: skip
        head = nal(9, b"\x10", reference=0)
        sets = parameter_sets(frame.shape[1], frame.shape[0]) if whole else b""
        found.append((head + sets + first, nal(9, b"\x10", reference=0) + second))
    return found


DC_SIZES = (
    "100",
    "00",
    "01",
    "101",
    "110",
    "1110",
    "11110",
    "111110",
    "1111110",
)  # luma, table B.12
DC_CHROMA_0 = "00"  # table B.13: no difference
END_OF_BLOCK = "10"


def mpeg2_field(level: int, *, width: int, height: int, bottom: bool, first: bool) -> bytes:
    """Return a flat gray field as an intra picture of MPEG-2 (ITU-T H.262).

    width, height : of the field, px
    first : it begins a frame, and a group of pictures
    """
    head = b""
    if first:
        sequence = Bits().u(width, 12).u(2 * height, 12).u(1, 4).u(3, 4).u(10_000, 18).u(1, 1)
        sequence.u(112, 10).u(0, 3).aligned()
        extension = Bits().u(1, 4).u(0x48, 8).u(0, 1).u(1, 2).u(0, 4).u(0, 12).u(1, 1).u(0, 8)
        extension.u(0, 1).u(0, 2).u(0, 5)
        group = Bits().u(0, 25).u(0b10, 2).aligned()
        head = b"\0\0\1\xb3" + sequence.whole() + b"\0\0\1\xb5" + extension.whole()
        head += b"\0\0\1\xb8" + group.whole()
    picture = Bits().u(0, 10).u(1, 3).u(0xFFFF, 16).u(0, 1).aligned()
    coding = Bits().u(8, 4).u(0xFFFF, 16).u(0, 2).u(2 if bottom else 1, 2).u(0, 9).u(0, 1).aligned()
    data = head + b"\0\0\1\0" + picture.whole() + b"\0\0\1\xb5" + coding.whole()
    for row in range(height // MB):
        data += bytes([0, 0, 1, row + 1]) + _flat_slice(level, width // MB)
    return data


def _flat_slice(level: int, macroblocks: int) -> bytes:
    bits = Bits().u(2, 5).u(0, 1)
    for number in range(macroblocks):
        bits.u(0b11, 2)  # the next macroblock, intra
        for block in range(4):
            # Predicted from the block before, at the slice's start from 128.
            difference = level - 128 if number == block == 0 else 0
            size = abs(difference).bit_length()
            code = DC_SIZES[size]
            bits.u(int(code, 2), len(code))
            bits.u(difference if difference > 0 else difference + (1 << size) - 1, size)
            bits.u(int(END_OF_BLOCK, 2), 2)
        for _ in range(2):
            bits.u(int(DC_CHROMA_0 + END_OF_BLOCK, 2), 4)
    return bits.aligned().whole()


def mpeg2_fields(
    levels: Sequence[int], *, width: int = 64, height: int = 64
) -> list[tuple[bytes, bytes]]:
    """Return flat frames of MPEG-2, each as two field pictures."""
    size = {"width": width, "height": height // 2}
    return [
        (
            mpeg2_field(level, **size, bottom=False, first=True),
            mpeg2_field(level, **size, bottom=True, first=False),
        )
        for level in levels
    ]


def mux_fields(
    path: Path,
    pairs: Sequence[tuple[bytes, bytes]],
    *,
    codec: str,
    whole: bool,
    size: tuple[int, int],
) -> Path:
    """Write field pictures to a container, each field a packet of its own, or the two of a frame in one.

    size : (width, height)
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, TICKS)
        for number, pair in enumerate(pairs):
            for place, data in enumerate([b"".join(pair)] if whole else pair):
                packet = av.Packet(data)
                packet.stream, packet.time_base = stream, Fraction(1, TICKS)
                packet.pts = packet.dts = round((2 * number + place + 50) * FIELD_S * TICKS)
                packet.duration = round(FIELD_S * TICKS * (2 if whole else 1))
                packet.is_keyframe = place == 0 and number % IDR_EVERY == 0
                container.mux_one(packet)
    return path


def moving(count: int, *, height: int = 64, width: int = 64) -> list[NDArray[np.uint8]]:
    """Return frames that move and of which each line tells its number."""
    down, across = np.mgrid[:height, :width]
    return [np.asarray(16 + (3 * down + 2 * across + 7 * n) % 200, np.uint8) for n in range(count)]
