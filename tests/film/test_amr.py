"""AMR packets of several frames become packets of one, at their own times, without a byte lost."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest
from encoded import packets_md5
from films import picture, run_ffmpeg

from film.amr import frame_sizes, single_frames
from film.encode import render
from film.job import read_rendered
from film.mux import join
from film.options import EncoderOptions
from film.probe import probe

Make = Callable[[str], Path]
TOGETHER = 5  # frames in a packet, as telephones write them


@pytest.fixture
def telephone(tmp_path: Path) -> Path:
    """A film with packets of five AMR frames."""
    path, packed = tmp_path / "film.3gp", tmp_path / "film.nut"
    sound = ("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "libopencore_amrnb", "-ar", "8000")
    run_ffmpeg(*picture("176x144"), *sound, "-ac", "1", "-c:v", "h263", path)
    with av.open(str(path)) as source, av.open(str(packed), "w") as target:
        copies = {s: target.add_stream_from_template(s, opaque=True) for s in source.streams}
        waiting: list[av.Packet] = []
        for packet in source.demux():
            if packet.stream.type == "audio" and packet.size:
                waiting.append(packet)
                if len(waiting) < TOGETHER:
                    continue
                first, data = waiting[0], b"".join(map(bytes, waiting))
                packet = av.Packet(data)
                packet.pts, packet.dts, packet.time_base = first.pts, first.dts, first.time_base
                packet.stream = first.stream
                waiting.clear()
            if packet.size:
                packet.stream = copies[packet.stream]
                target.mux(packet)
    return packed


def test_packets_of_several_frames_are_split(telephone: Path, tmp_path: Path) -> None:
    source, out = probe(telephone), tmp_path / "out.mov"
    render(source, None, tmp_path / "all.mkv", numbers=range(25), options=EncoderOptions())
    done = join(source, [read_rendered(tmp_path / "all.mkv")], out)
    assert done.streams == {"audio": 1}
    assert set(packets_md5(out).values()) == set(packets_md5(telephone).values())
    with av.open(str(out)) as container:
        times = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.size]
    assert times == pytest.approx([times[0] + number / 50 for number in range(len(times))])


@pytest.mark.parametrize(
    ("data", "sizes"),
    [
        (b"\x04" + bytes(12), [13]),
        (b"\x3c" + bytes(31) + b"\x44" + bytes(5) + b"\x7c", [32, 6, 1]),
        (b"\x3c" + bytes(10), [11]),  # ends too early
        (b"\x4c" + bytes(10), [11]),  # a mode that is not in use
        (b"", []),
    ],
)
def test_frame_sizes(data: bytes, sizes: list[int]) -> None:
    assert frame_sizes(data) == sizes


def test_a_packet_of_one_frame_stays_as_it_is() -> None:
    packet = av.Packet(b"\x04" + bytes(12))
    assert list(single_frames(packet)) == [packet]
