"""Opens a film and walks through it: packets with their times, frames in the order they are shown."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import av.container
import av.filter
import av.stream
import av.video.frame
from av.codec.context import Flags

FIRST_PACKETS = 2000  # read to see when each stream starts
# Demuxers that go on to other files, which the film's author chooses; a name that ends so asks for one.
PLAYLISTS = {
    "hls": (".m3u8", ".m3u"),
    "concat": (".ffconcat",),
    "dash": (".mpd",),
    "imf": (".xml",),
}
LOOK_AHEAD = 24  # frames decoded to see whether the container's timestamps can be trusted


class FilmError(ValueError):
    """A film cannot be read, painted or written: one line that says what to do about it."""


def printable(text: str) -> str:
    """Return a text as one line that does nothing to a terminal: newlines and control bytes of names are escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def ffmpeg_path() -> str:
    """Return the ffmpeg to run: the one on the PATH, else the one imageio-ffmpeg brings."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@contextmanager
def open_film(path: Path) -> Iterator[av.container.InputContainer]:
    """Open a film for reading; FFmpeg's complaints become FilmError."""
    if not path.is_file():
        raise FilmError(f"no such film: {path}")
    if path.stat().st_size == 0:
        raise FilmError(f"{path} is empty (0 bytes)")
    try:
        # An absolute path, so that no name is taken for a protocol or an option.
        container = av.open(str(path.resolve()), metadata_errors="replace")
    except (av.FFmpegError, UnicodeError) as error:
        raise FilmError(f"{path} is not a film that FFmpeg can open: {reason_of(error)}") from error
    with container:
        endings = PLAYLISTS.get(container.format.name)
        if endings and path.suffix.lower() not in endings:
            raise FilmError(
                f"{path} is a playlist, which names other files: "
                f"name it *{endings[0]} if these are to be opened"
            )
        yield container


def temporary_of(path: Path, use: str = "") -> Path:
    """Return the temporary name of an unfinished file, the same in every run and short whatever its own name."""
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".{digest}{use}.part")


def publish(temporary: Path, path: Path) -> None:
    """Give a finished file its name; what has a name is on the disk, also after a power cut."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def reason_of(error: Exception) -> str:
    """The plain words of an FFmpeg error."""
    log = getattr(error, "log", None)
    words = str(getattr(error, "strerror", None) or error)
    return f"{words} ({log[2].strip()})" if log else words


def film_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """Return the stream that is the film's picture: the first video that is no cover art."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None


def first_frames(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> tuple[av.video.frame.VideoFrame, bool]:
    """Return the first frame, and whether the first frames' timestamps ascend as they should."""
    frames = list(islice(marked_frames(container, stream), LOOK_AHEAD))
    if not frames:
        raise FilmError(f"{path}: no frame of its video can be decoded")
    times = [frame.pts for frame in frames]
    known = [time for time in times if time is not None]
    ascending = all(a < b for a, b in pairwise(known))
    return frames[0], ascending and len(known) == len(times)


def is_top_field_first(frame: av.video.frame.VideoFrame) -> bool:
    """Tell whether an interlaced frame's top field is shown first; PyAV has no name for that flag, a filter has."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
    )
    graph.link_nodes(
        source, graph.add("select", "eq(interlace_type,TOPFIRST)"), graph.add("buffersink")
    ).configure()
    graph.push(frame)
    graph.push(None)
    try:
        graph.pull()
    except av.EOFError:
        return False
    return True


def first_times(path: Path, indices: list[int]) -> dict[int, Fraction]:
    """Return the time of each stream's first packet, in seconds; streams without one are left out."""
    found: dict[int, Fraction] = {}
    with open_film(path) as container:
        for packet in islice(
            container.demux([container.streams[i] for i in indices]), FIRST_PACKETS
        ):
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None and packet.time_base:
                found.setdefault(packet.stream_index, time * packet.time_base)
            if len(found) == len(indices):
                break
    return found


def timing(
    path: Path, *, first: int | None, trusted: bool, rate: Fraction
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return (pts, marks, duration of the last frame), see Film."""
    with open_film(path) as container:
        stream = film_stream(container)
        assert stream is not None
        packets = [(p.pts, p.dts, p.duration) for p in _packets(container, stream)]
        step = max(1, round(1 / (rate * (stream.time_base or Fraction(1)))))
    times = sorted(pts for pts, _, _ in packets if pts is not None)
    decode_times = {dts for _, dts, _ in packets if dts is not None}
    if trusted and len(times) == len(set(times)) == len(packets):
        # Pictures before the first that can be decoded (a film cut out of a stream) are not shown.
        shown = tuple(time for time in times if first is None or time >= first)
        durations = {pts: duration for pts, _, duration in packets}
        return shown, shown, durations[shown[-1]] or _last_step(shown, step)
    if len(times) == len(set(times)) == len(decode_times) == len(packets):
        marks = _decoded_marks(path)
        pts = tuple(times[: len(marks)])
        return pts, marks, _last_step(pts, step)
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
            if packet.size and not packet.is_discard:
                yield packet
    except av.FFmpegError:
        return


def _decoded_marks(path: Path) -> tuple[int, ...]:
    """Decode the film once for the decode time of each frame's packet, in presentation order."""
    with open_film(path) as container:
        stream = film_stream(container)
        assert stream is not None
        return tuple(int(str(frame.opaque)) for frame in marked_frames(container, stream))


def _decoded_times(path: Path) -> list[int | None]:
    with open_film(path) as container:
        stream = film_stream(container)
        assert stream is not None
        return [frame.pts for frame in marked_frames(container, stream)]


def marked_frames(
    container: av.container.InputContainer, stream: av.VideoStream, *, needed: int | None = None
) -> Iterator[av.video.frame.VideoFrame]:
    """Decode on from where the container stands; each frame carries its packet's dts as `opaque`.

    Of packets shown before the time `needed`, only those that others lean on are decoded. Frame threads and slice threads both, as many as the stream's codec context says. Packets that cannot be decoded are passed over, as players do.
    """
    stream.codec_context.flags |= Flags.copy_opaque
    stream.codec_context.thread_type = "AUTO"
    packets = container.demux(stream)
    ended = False
    while not ended:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            packet = None
        ended = packet is None or (packet.size == 0 and packet.dts is None)
        if packet is not None:
            packet.opaque = packet.dts
            early = needed is not None and packet.pts is not None and packet.pts < needed
            stream.codec_context.skip_frame = "NONREF" if early else "DEFAULT"
        try:
            yield from stream.decode(None if ended else packet)
        except av.EOFError:
            return
        except av.FFmpegError:
            continue
