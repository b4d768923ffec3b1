"""Every frame is decoded once, is the right one, and has the source's own samples."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import av.filter
import av.video.format
import numpy as np
import pytest
from av.video.frame import VideoFrame
from films import RECIPES, picture, run_ffmpeg
from numpy.typing import NDArray

from film import FilmError
from film.decode import (
    NativeFrame,
    _warn_scaled,
    decode,
    decoded_frames,
    packet_time,
    planar_format,
    planes,
)
from film.ffmpeg import film_stream, open_film
from film.frame_info import plane_shape
from film.info import Film
from film.probe import probe

Make = Callable[[str], Path]
DERIVED = ["rotated.mp4", "cut.mp4", "negative.mkv", "midway.ts", "rich.mp4", "truncated.mkv"]


def luma_md5(frame: NativeFrame) -> str:
    return hashlib.md5(np.ascontiguousarray(frame.luma).tobytes()).hexdigest()


def reference_luma(film: Film) -> NDArray[Any]:
    """Decode with the ffmpeg program: luma (n, H, W), the film's own samples."""
    video = film.video
    pixels = planar_format(video.depth, video.chroma)
    raw = run_ffmpeg(
        *("-noautorotate", "-i", film.path, "-map", f"0:{video.index}", "-fps_mode", "passthrough"),
        *("-f", "rawvideo", "-pix_fmt", pixels, "-"),
    )
    across, down = video.chroma
    samples = video.width * video.height
    if across:
        samples += 2 * -(-video.width // across) * -(-video.height // down)
    frames = np.frombuffer(raw, np.uint8 if video.depth == 8 else "<u2").reshape(-1, samples)
    return frames[:, : video.width * video.height].reshape(-1, video.height, video.width)


@pytest.mark.parametrize("name", [n for n in [*RECIPES, *DERIVED] if n != "rgb.mkv"])
def test_luma_is_the_sources_own(film: Make, name: str) -> None:
    info = probe(film(name))
    frames = list(decode(info))
    assert [frame.number for frame in frames] == list(range(info.frames))
    reference = reference_luma(info)
    assert len(reference) == len(frames)
    for frame, luma in zip(frames, reference, strict=True):
        np.testing.assert_array_equal(frame.luma, luma)
        assert not frame.repeated


def test_frames_keep_their_packets_times_beside_another_decoder(film: Make) -> None:
    """PyAV keeps what packets carry in one table for the whole process."""
    path = film("h264.avi")
    with open_film(path) as one, open_film(path) as other:
        pairs = zip(*(decoded_frames(c, c.streams.video[0]) for c in (one, other)), strict=True)
        times = [(packet_time(first), packet_time(second)) for first, second in pairs]
    assert sorted(times) == [(number, number) for number in range(25)]


def through(frame: VideoFrame, *filters: tuple[str, str]) -> VideoFrame:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
    )
    graph.link_nodes(source, *(graph.add(*one) for one in filters), graph.add("buffersink"))
    graph.configure()
    graph.push(frame)
    out = graph.pull()
    assert isinstance(out, VideoFrame)
    return out


def upside_down(frame: VideoFrame, pixels: str) -> tuple[VideoFrame, VideoFrame] | None:
    """Return a frame in a pixel format, and flipped by pointing to its last row; None if FFmpeg cannot make them."""
    try:
        converted = through(frame, ("scale", "flags=accurate_rnd"), ("format", pixels))
        flipped = through(converted, ("vflip", ""))
    except (av.FFmpegError, ValueError):
        return None
    return (converted, flipped) if any(p.line_size < 0 for p in flipped.planes) else None


def test_rows_stored_bottom_up_are_upright(film: Make) -> None:
    """AMV and others are decoded so; the law holds for every pixel format that FFmpeg can store and read so."""
    with av.open(str(film("plain.mp4"))) as container:
        plain = next(container.decode(video=0))
    unread = {"bgr4", "rgb4"}  # FFmpeg cannot convert from them
    tried = [pair for p in av.video.format.names - unread if (pair := upside_down(plain, p))]
    assert len(tried) > 150
    for upright, flipped in tried:
        shape = plane_shape(upright.format)
        video: Any = SimpleNamespace(
            full_range=False, depth=shape.depth, chroma=shape.chroma, has_luma=shape.has_luma
        )
        for before, after in zip(planes(upright, video), planes(flipped, video), strict=True):
            assert np.array_equal(after, before[::-1]), upright.format.name


@pytest.mark.parametrize("name", [*RECIPES, *DERIVED])
def test_a_range_is_a_slice_of_the_whole(film: Make, name: str) -> None:
    info = probe(film(name))
    whole = [luma_md5(frame) for frame in decode(info)]
    last = info.frames
    for begin, end in [
        (0, 1),
        (1, 3),
        (7, 12),
        (9, 11),
        (10, 11),
        (last - 2, last),
        (last - 1, None),
    ]:
        begin = max(0, begin)
        part = [luma_md5(frame) for frame in decode(info, begin, end)]
        assert part == whole[begin:end], (begin, end)
    assert list(decode(info, last, last)) == []


@pytest.mark.parametrize("name", ["growing.ts", "shrinking.ts"])
def test_frames_of_another_size_are_scaled_to_the_first_and_that_is_said(
    film: Make, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    _warn_scaled.cache_clear()  # another test may have caused the warning
    info = probe(film(name))
    size = (info.video.width, info.video.height)
    frames = list(decode(info)) + list(decode(info, 40, 45, deinterlace=True))
    assert {frame.luma.shape[::-1] for frame in frames} == {size}
    # The second half shows the same picture as the first, in another size.
    for frame in frames[26:50]:
        pair = np.stack([frame.luma, frames[frame.number - 25].luma]).reshape(2, -1)
        assert np.corrcoef(pair)[0, 1] > 0.8
    (record,) = caplog.records
    assert f"are scaled to the film's {size[0]}x{size[1]}" in record.message


@pytest.mark.parametrize(
    ("name", "shape"),
    [("plain.mp4", (24, 32)), ("422.mkv", (48, 32)), ("444.mkv", (48, 64))],
)
def test_chroma_has_its_own_size(film: Make, name: str, shape: tuple[int, int]) -> None:
    frame = next(iter(decode(probe(film(name)), 0, 1)))
    assert frame.chroma is not None
    assert [plane.shape for plane in frame.chroma] == [shape, shape]


def test_gray_films_have_no_chroma(film: Make) -> None:
    assert next(iter(decode(probe(film("gray.mkv")), 0, 1))).chroma is None


def test_rgb_films_get_bt709_luma(film: Make) -> None:
    info = probe(film("rgb.mkv"))
    raw = run_ffmpeg("-i", info.path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-frames:v", "1", "-")
    rgb = np.frombuffer(raw, np.uint8).reshape(48, 64, 3).astype(float)
    expected = 16 + 219 / 255 * (rgb @ [0.2126, 0.7152, 0.0722])
    luma = next(iter(decode(info, 0, 1))).luma
    assert np.abs(luma - expected).max() < 1.5


@pytest.mark.parametrize("start", [0.3, 0.5])
def test_damage_leaves_numbers_and_order_alone(film: Make, tmp_path: Path, start: float) -> None:
    data = bytearray(film("silent.mp4").read_bytes())
    begin = int(len(data) * start)
    data[begin : begin + 2000] = bytes(2000)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    info = probe(path)
    assert info.frames >= 15
    assert [frame.number for frame in decode(info)] == list(range(info.frames))
    assert len(list(decode(info, 9, 14))) == 5


def test_a_gap_in_the_data_stays_a_gap_in_time(film: Make, tmp_path: Path) -> None:
    data = bytearray(film("422.mkv").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 6000] = bytes(6000)  # whole packets: Matroska finds none there
    path = tmp_path / "gap.mkv"
    path.write_bytes(data)
    info = probe(path)
    assert info.frames == len(list(decode(info))) < 25
    assert info.pts[-1] == probe(film("422.mkv")).pts[-1]


def test_a_hole_is_filled_with_its_neighbor(film: Make) -> None:
    whole = probe(film("gray.mkv"))
    with_holes = sorted([*whole.pts, 130, 131])  # two frames that the decoder never outputs
    info = replace(whole, pts=tuple(with_holes), keys=tuple(with_holes))
    frames = list(decode(info))
    assert [frame.number for frame in frames if frame.repeated] == [4, 5]
    np.testing.assert_array_equal(frames[5].luma, frames[3].luma)
    part = list(decode(info, 5, 7))
    assert [frame.repeated for frame in part] == [True, False]
    np.testing.assert_array_equal(part[0].luma, frames[3].luma)


def test_nothing_decodable_is_an_error(film: Make) -> None:
    info = probe(film("gray.mkv"))
    with pytest.raises(FilmError, match="can be decoded"):
        list(decode(replace(info, pts=(7, 8), keys=(7, 8))))


def test_deinterlacing_keeps_every_frame_and_takes_the_combs_off(tmp_path: Path) -> None:
    path = tmp_path / "comb.mkv"
    bar = "color=gray:s=128x96:r=50:d=1,drawbox=x=40:w=8:c=white:t=fill,scroll=h=0.03"
    codec = ("-c:v", "ffv1", "-pix_fmt", "gray", "-flags", "+ildct")
    run_ffmpeg("-f", "lavfi", "-i", bar, "-vf", "interlace=scan=tff:lowpass=0", *codec, path)
    info = probe(path)
    assert info.video.interlaced
    interlaced = list(decode(info))
    smooth = list(decode(info, deinterlace=True))
    assert [frame.number for frame in smooth] == [frame.number for frame in interlaced]

    def comb(frames: list[NativeFrame]) -> float:
        lumas = [frame.luma.astype(int) for frame in frames]
        return float(np.mean([np.abs(2 * y[1:-1] - y[:-2] - y[2:]).mean() for y in lumas]))

    assert comb(smooth) < comb(interlaced) / 3
    part = list(decode(info, 5, 8, deinterlace=True))
    for frame in part:
        np.testing.assert_array_equal(frame.luma, smooth[frame.number].luma)


SCROLL = "scroll=h=0.03"
MOVING = f"color=gray:s=128x96:r=50:d=1,drawbox=x=40:w=8:c=white:t=fill,{SCROLL}"


@pytest.mark.parametrize("scan", ["tff", "bff"])
@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("ffv1", "mkv"),  # the container says tb or bt
        ("prores_ks", "mov"),
        ("mpeg2video", "mkv"),
        ("utvideo", "mkv"),  # only the container stores it
    ],
)
def test_deinterlacing_takes_the_field_that_is_shown_first(
    tmp_path: Path, codec: str, suffix: str, scan: str
) -> None:
    """An interlaced frame's first field is the even frame of the 50 it is made of, the second the odd one."""
    path = tmp_path / f"interlaced.{suffix}"
    weave = f"interlace=scan={scan}:lowpass=0,format=yuv422p10le,format=yuv422p"
    words = ("-c:v", codec, "-flags", "+ildct+ilme", "-q:v", "2")
    if codec == "mpeg2video":
        weave += ",format=yuv420p"
    run_ffmpeg("-f", "lavfi", "-i", MOVING, "-vf", weave, *words, path)
    raw = run_ffmpeg("-f", "lavfi", "-i", MOVING, "-f", "rawvideo", "-pix_fmt", "gray", "-")
    whole = np.frombuffer(raw, np.uint8).reshape(-1, 96, 128).astype(float)
    info = probe(path)
    assert info.video.field_order == {"tff": "tt", "bff": "bb"}[scan]
    for frame in decode(info, 3, 9, deinterlace=True):
        luma = (frame.luma / 2 ** (info.video.depth - 8) - 16) * 255 / 219
        first, second = (np.abs(luma - whole[2 * frame.number + n]).mean() for n in (0, 1))
        assert first < second / 2


@pytest.mark.slow
def test_on_the_way_to_a_frame_non_reference_frames_are_not_decoded(film: Make) -> None:
    source = probe(film("plain.mp4"))

    def decoded(needed: int | None) -> dict[int | None, bytes]:
        with open_film(source.path) as container:
            stream = film_stream(container)
            assert stream is not None
            frames = decoded_frames(container, stream, needed=needed)
            return {frame.pts: frame.to_ndarray().tobytes() for frame in frames}

    every, few = decoded(None), decoded(source.pts[20])
    assert few.items() <= every.items()
    assert set(source.pts[20:]) <= few.keys()
    assert len(few) < len(every) - 5


def test_long_films_are_reached_by_seeking(tmp_path: Path) -> None:
    path = tmp_path / "long.mkv"
    run_ffmpeg(*picture("64x48", seconds=120), "-c:v", "libx264", "-preset", "ultrafast", path)
    info = probe(path)
    late = [luma_md5(frame) for frame in decode(info, 2900, 2910)]
    assert late == [luma_md5(frame) for frame in decode(info)][2900:2910]
