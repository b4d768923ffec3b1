"""The interface to FFmpeg: opens films with PyAV, runs the ffmpeg program, turns its errors into FilmError."""

import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path
from typing import IO, Any

import av
import av.container
import av.filter
import av.video.frame
import ffmpeg
from av.stream import Disposition

from film import FilmError

log = logging.getLogger(__name__)

# Demuxers that open further files, chosen by the film's author; allowed only with these suffixes.
PLAYLISTS = {
    "hls": (".m3u8", ".m3u"),
    "concat": (".ffconcat",),
    "dash": (".mpd",),
    "imf": (".xml",),
}
NEARLY = 0.9  # of the greatest amount of picture
FIRST_PACKETS = 2000  # packets read to find when each stream starts
# Ctrl-C must reach only this process, which then ends ffmpeg; otherwise ffmpeg would fail first.
WINDOWS = sys.platform == "win32"
NEW_PROCESS_GROUP = 0x200  # CREATE_NEW_PROCESS_GROUP
OWN_GROUP: dict[str, Any] = (
    {"creationflags": NEW_PROCESS_GROUP} if WINDOWS else {"process_group": 0}
)
VARIABLE = "COLORIZER_FFMPEG"  # environment: the ffmpeg to run
# The oldest version that the tests have passed with, imageio-ffmpeg 0.8's; 7.0 shifts times in Matroska, and some of
# its builds lack SVT-AV1.
MINIMUM = (9, 0)
NUMBER = re.compile(r"n?(\d+)\.(\d+)")
PIPE_BYTES = 1 << 19  # half of what a user may ask for; more is no faster
LAST_LINES = 5  # of ffmpeg's messages, shown when it fails
ECHOES = (
    *("Terminating thread", "Task finished", "before EOF", "Nothing was written"),
    *("Error while opening encoder", "Error sending frames"),
)
BANNERS = ("Svt[info]", "Svt[warn]", "libva info")  # printed whatever the log level
SPEAKER = re.compile(r"^(\[[^]]*\] *)*")  # prefix that names the component of FFmpeg


class FFmpegFailure(FilmError):
    """The ffmpeg program ended with an error.

    cause : its first message, usually the cause of the others
    """

    def __init__(self, text: str, cause: str = "") -> None:  # unpickling passes only one argument
        super().__init__(text)
        self.cause = cause


@contextmanager
def open_film(path: Path, *, decoding: bool = True) -> Iterator[av.container.InputContainer]:
    """Open a film for reading; raise FilmError if FFmpeg cannot.

    decoding : determine all properties of streams, for which FFmpeg decodes the first frames of H.264; not needed to read packets
    """
    if not path.is_file():
        raise FilmError(f"{path}: no such film")
    if path.stat().st_size == 0:
        raise FilmError(f"{path} is empty (0 bytes)")
    try:
        # An absolute path cannot be mistaken for a protocol or an option.
        options = {} if decoding else {"skip_frame": "all"}
        container = av.open(str(path.resolve()), metadata_errors="replace", options=options)
    except (av.FFmpegError, UnicodeError) as error:
        raise FilmError(f"{path} is not a film that FFmpeg can open: {reason_of(error)}") from error
    with container:
        endings = PLAYLISTS.get(container.format.name)
        if endings and path.suffix.lower() not in endings:
            raise FilmError(
                f"{path} is a playlist that refers to other files: "
                f"rename it to *{endings[0]} to allow opening them"
            )
        yield container


def reason_of(error: Exception) -> str:
    """Return an FFmpeg error's description, with the library's last log line."""
    log = getattr(error, "log", None)
    words = str(getattr(error, "strerror", None) or error)
    return f"{words} ({log[2].strip()})" if log else words


def film_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """Return the film's video stream: of those that are not cover art, the one with most picture, size times frames.

    Of streams that differ by less than a tenth, such as views of one scene, it is the first.
    """
    candidates = [stream for stream in container.streams.video if not is_still(stream)]
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    frames = {stream.index: stream.frames for stream in candidates}
    if not all(frames.values()):  # only some headers count them
        frames = _packet_counts(Path(container.name), list(frames))
    amounts = [frames[stream.index] * _pixels(stream) for stream in candidates]
    enough = NEARLY * max(amounts)
    return next(s for s, amount in zip(candidates, amounts, strict=True) if amount >= enough)


def is_still(stream: av.VideoStream) -> bool:
    """Return whether a video stream holds cover art or thumbnails."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def _pixels(stream: av.VideoStream) -> int:
    context = stream.codec_context
    return context.width * context.height if context is not None else 0


def _packet_counts(path: Path, indices: list[int]) -> dict[int, int]:
    """Count the packets of some streams, reading the whole file."""
    counts = dict.fromkeys(indices, 0)
    with (
        open_film(path) as container,
        suppress(av.FFmpegError),
    ):  # a read error is treated as the end
        for packet in container.demux([container.streams[index] for index in indices]):
            counts[packet.stream_index] += packet.size > 0
    return counts


def first_times(path: Path, indices: list[int]) -> dict[int, Fraction]:
    """Return the time of each stream's first packet, in seconds; streams without packets are omitted."""
    found: dict[int, Fraction] = {}
    with open_film(path) as container:
        for packet in islice(
            container.demux([container.streams[i] for i in indices]), FIRST_PACKETS
        ):
            # Not the header's time: an edit list can start sound before 0, which no header field shows.
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None and packet.time_base:
                found.setdefault(packet.stream_index, time * packet.time_base)
            if len(found) == len(indices):
                break
    return found


def is_top_field_first(frame: av.video.frame.VideoFrame) -> bool:
    """Return whether an interlaced frame's top field is shown first."""
    # PyAV does not expose this flag of a frame; the filter passes only frames that have it.
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


def use_ffmpeg(program: Path | None) -> None:
    """Let this process and those that it starts run another ffmpeg than the one in the packages; None changes nothing.

    Raise FilmError if it does not run or is too old.
    """
    if program is not None:
        os.environ[VARIABLE] = str(program)
    ffmpeg_path()


def chosen_ffmpeg() -> str:
    """Return the ffmpeg that the environment names, "" for the one in the packages."""
    return os.environ.get(VARIABLE, "")


def ffmpeg_path() -> str:
    """Return the ffmpeg to run: the one that the environment names, else the one in the packages.

    A system's own is never taken unasked: its version and encoders are unknown.
    """
    if chosen := chosen_ffmpeg():
        return _checked(chosen)
    import imageio_ffmpeg

    try:
        found = str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise FilmError(
            f"imageio-ffmpeg has no ffmpeg for this system: name one with -ffmpeg or {VARIABLE}"
        ) from error
    own = Path(found).is_relative_to(Path(imageio_ffmpeg.__file__).parent)
    return found if own else _checked(found)


@cache
def _checked(program: str) -> str:
    """Return an ffmpeg's path; raise FilmError if it does not run or is too old."""
    path = shutil.which(program)
    advice = f"name another with -ffmpeg or {VARIABLE}, or neither to use the one in the packages"
    if path is None:
        raise FilmError(f"{program} is no program that can be run: {advice}")
    version = ffmpeg_version(path)
    if not version:
        raise FilmError(f"{program} is not ffmpeg: {advice}")
    number = NUMBER.match(version)  # builds between two releases have none
    if number and (int(number[1]), int(number[2])) < MINIMUM:
        needed = ".".join(map(str, MINIMUM))
        raise FilmError(f"{program} is ffmpeg {version}, but {needed} or later is needed: {advice}")
    return path


def ffmpeg_version(path: str) -> str:
    """Return the version that an ffmpeg states, "" for another program."""
    try:
        done = subprocess.run(
            [path, "-version"], capture_output=True, text=True, errors="replace", timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = done.stdout.split(maxsplit=3)
    return words[2] if words[:2] == ["ffmpeg", "version"] and len(words) > 2 else ""


def command_of(output: ffmpeg.Stream, *arguments: str) -> list[str]:
    """Return the command that writes an output, overwriting an older one, without prompts; it logs only errors."""
    output = output.global_args("-hide_banner", "-nostdin", "-loglevel", "error", *arguments)
    return list(ffmpeg.compile(output, cmd=ffmpeg_path(), overwrite_output=True))


@contextmanager
def running(command: list[str]) -> Iterator[IO[bytes]]:
    """Run ffmpeg and yield its standard input; if it fails, raise FFmpegFailure with its last messages."""
    log.debug("%s", shlex.join(command))
    # A file, because an unread pipe would fill up and block ffmpeg.
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=messages,
            **OWN_GROUP,
        )
        assert process.stdin is not None
        _widen(process.stdin)
        try:
            yield process.stdin
            process.stdin.close()
            if process.wait() != 0:
                raise _failure(process.returncode, messages)
        except BrokenPipeError as error:
            raise _failure(process.wait(), messages) from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            with suppress(BrokenPipeError):  # flushes its buffer although the reader has ended
                process.stdin.close()


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold about a frame where the system can: with its usual 64 KiB, a frame needs dozens of turns."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):  # the user's pipes already hold all that they may
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _failure(code: int, messages: IO[bytes]) -> FFmpegFailure:
    messages.seek(0)
    lines = [line.strip() for line in messages.read().decode(errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith(BANNERS)]
    own = [line for line in lines if not any(echo in line for echo in ECHOES)]
    said = own or lines or ["it gave no reason"]
    text = f"ffmpeg failed (exit {code}): " + " | ".join(said[-LAST_LINES:])
    return FFmpegFailure(text, cause=SPEAKER.sub("", said[0]))


def run(command: list[str]) -> None:
    """Run ffmpeg to its end with empty standard input."""
    with running(command):
        pass
