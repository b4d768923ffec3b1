"""Decodes an intact film from its start by a thread for each core, as one thread would, up to the first damage.

Threads that each decode a frame replace damaged parts by what others have decoded so far, which is not the same each
time; the frames before the damage are.
"""

from collections import deque
from collections.abc import Iterator

import av
import av.video.frame

from film.ffmpeg import open_film
from film.info import Film
from runtime.workers import own_cores

LARGE = 1280 * 720  # pixels; smaller frames are decoded faster than they are colorized
WAITING = 8  # frames; those that refer to a damaged one may be shown, and decoded, before it
CODEC = "h264"  # its decoder reports damage; that of HEVC does not


class DamageError(Exception):
    """From here on, one thread must decode."""


def can_be_threaded(film: Film) -> bool:
    """Tell whether a film's frames are large and told apart by their own times, and this process has several cores.

    Without times, PyAV keeps what a frame carries under the interpreter's lock, for which its threads could wait
    forever.
    """
    timed = bool(film.pts) and film.keys == film.pts
    large = film.video.width * film.video.height >= LARGE
    return timed and large and film.video.codec == CODEC and own_cores() > 1


def threaded_frames(film: Film) -> Iterator[av.video.frame.VideoFrame]:
    """Yield the film's frames from its start; raise DamageError at the first damage."""
    with open_film(film.path) as container:
        stream = container.streams[film.video.index]
        assert isinstance(stream, av.VideoStream)
        context = stream.codec_context
        context.thread_type, context.thread_count = "AUTO", own_cores()
        context.options = {"err_detect": "explode"}
        waiting: deque[av.video.frame.VideoFrame] = deque()
        try:
            for packet in container.demux(stream):
                for frame in stream.decode(packet):
                    if frame.is_corrupt:
                        raise DamageError
                    waiting.append(frame)
                if len(waiting) > WAITING:
                    yield waiting.popleft()
        except av.FFmpegError as error:
            raise DamageError from error
        yield from waiting
