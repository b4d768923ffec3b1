"""Reads a film from a pipe: decodes its frames into a spool as they come, and keeps the packets of other streams."""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.container
import av.video.frame

from film import FilmError
from film.decode import alpha_plane, planes, sized
from film.ffmpeg import is_still, reason_of
from film.frame_info import stream_info, video_info
from film.info import Film, Video, can_hold, kind_of
from film.spool import ENDLESS, Spool
from runtime.console import counted

log = logging.getLogger(__name__)

COPIED = ("audio", "subtitle")
NAME = Path("standard input")


class _Pipe:
    """A pipe as PyAV reads one: without seeking."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read


class PipeInput:
    """A film that is being read.

    film : its info; the number of its frames is not known
    times : presentation times of its frames from number `begin` on, in units of the video's clock
    packets : of the other streams, in the order of the pipe
    """

    def __init__(self, source: BinaryIO | Path, spool: Spool) -> None:
        pipe: Any = _Pipe(source) if not isinstance(source, Path) else str(source.resolve())
        try:
            self.container: av.container.InputContainer = av.open(pipe, metadata_errors="replace")
        except (av.FFmpegError, UnicodeError) as error:
            raise _unreadable(source, error) from error
        self.spool = spool
        self.times: deque[int] = deque()
        self.packets: deque[Any] = deque()
        self.error: Exception | None = None
        self._damaged = 0
        self._last: int | None = None  # time of the latest frame
        self._stream = self._film_stream(_named(source))
        self._frames = self._decoded()
        try:
            first = next(self._frames, None)
        except av.FFmpegError as error:  # an MP4 whose index is at its end
            raise _unreadable(source, error) from error
        if first is None:
            raise FilmError(f"{_named(source)}: no frame of its video can be decoded")
        self._first = first
        self.film = self._film(video_info(self._stream, first), _named(source))
        self._thread = threading.Thread(target=self._read, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self.spool.closed.set()
        if self._thread.is_alive():
            self._thread.join(1)  # it may wait for a pipe that stays silent

    def check(self) -> None:
        """Raise what ended the reading, if it was an error."""
        if self.error is not None:
            raise self.error
        if self._damaged:
            log.warning("%s of the film could not be decoded", counted(self._damaged, "packet"))

    def _film_stream(self, name: Path) -> av.VideoStream:
        found = next((one for one in self.container.streams.video if not is_still(one)), None)
        if found is None or found.codec_context is None:
            raise FilmError(f"{name} has no video that FFmpeg can decode")
        found.codec_context.thread_type = "AUTO"
        return found

    def _film(self, video: Video, name: Path) -> Film:
        streams = [
            one for one in self.container.streams if kind_of(one) in COPIED and can_hold("mkv", one)
        ]
        left = [
            one for one in self.container.streams if one not in streams and one is not self._stream
        ]
        if left:
            named = "; ".join(str(stream_info(one, Fraction(0))) for one in left)
            log.warning("a pipe carries only video, sound and subtitles, without: %s", named)
        step = round(1 / (video.rate * video.time_base))
        return Film(
            path=name, container=self.container.format.name, video=video,
            streams=tuple(stream_info(one, Fraction(0)) for one in streams), chapters=(),
            metadata=dict(self.container.metadata), pts=range(ENDLESS), keys=(),
            last_duration=max(1, step), missing_s=0.0, size_bytes=0, spool=self.spool.folder,
        )  # fmt: skip

    def _decoded(self) -> Iterator[av.video.frame.VideoFrame]:
        """Decode the film's frames and keep other packets."""
        ours = {one.index for one in self.container.streams if kind_of(one) in COPIED}
        wanted = [one for one in self.container.streams if one is self._stream or one.index in ours]
        for packet in self.container.demux(wanted):
            if packet.stream is not self._stream:
                if packet.size:
                    self.packets.append(packet)
                continue
            try:
                yield from self._stream.decode(packet)
            except av.EOFError:
                return
            except av.FFmpegError:
                self._damaged += 1

    def _read(self) -> None:
        try:
            if self._spooled(self._first):
                for frame in self._frames:
                    if not self._spooled(frame):
                        break
        except av.FFmpegError as error:
            # Like a truncated file: what has come is colorized.
            log.warning("the film cannot be read to its end: %s", reason_of(error))
        except (OSError, ValueError) as error:
            self.error = error
        finally:
            self.spool.end()

    def _spooled(self, frame: av.video.frame.VideoFrame) -> bool:
        """Note a frame's time and write it to the spool; return whether to continue."""
        last, step = self._last, self.film.last_duration
        time = frame.pts if frame.pts is not None else (0 if last is None else last + step)
        self._last = time if last is None else max(time, last + 1)  # broken films repeat times
        self.times.append(self._last)
        frame, video = sized(frame, self.film), self.film.video
        alpha = alpha_plane(frame, video)
        return self.spool.add([*planes(frame, video), *([] if alpha is None else [alpha])])


def _unreadable(source: BinaryIO | Path, error: Exception) -> FilmError:
    line = f"{_named(source)} is not a film that FFmpeg can read from a pipe: {reason_of(error)}"
    return FilmError(line)


def _named(source: BinaryIO | Path) -> Path:
    return source if isinstance(source, Path) else NAME
