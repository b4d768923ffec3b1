"""Films rendered, and what is in them: samples, colors, times and packets, read back by PyAV and ffmpeg."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from films import run_ffmpeg, shot_colorization
from numpy.typing import NDArray

from color.arrays import Floats
from conversion import color_film
from film.decode import decode
from film.encode import render
from film.info import Film
from film.options import EncoderOptions, FilmOptions
from film.probe import probe
from prior.lab import rgb2lab
from runtime.files import whole_file


def flat(film: Film, a: float, b: float) -> Floats:
    """Return one uniform color at the colorizer's size."""
    height, width = film.working_size
    color = np.array([a, b], np.float32)
    return np.tile(color, (film.frames, height // 4, width // 4, 1))


def rendered(film: Film, ab: Floats | None, path: Path, **options: object) -> Film:
    """Render a whole film and probe the result."""
    settings = EncoderOptions(**{"codec": "ffv1", **options})  # type: ignore[arg-type]
    with whole_file(path) as part:
        render(film, ab, part, numbers=range(film.frames), options=settings)
    return probe(path)


def lumas(film: Film) -> list[NDArray[np.generic]]:
    return [frame.luma for frame in decode(film)]


def shown_lab(film: Film, *, words: tuple[str, ...] = ()) -> Floats:
    """Decode the first frame as a player does, to Lab (H, W, 3)."""
    command = ("-i", film.path, "-frames:v", "1", *words)
    raw = run_ffmpeg(*command, "-f", "rawvideo", "-pix_fmt", "gbrpf32le", "-")
    height, width = film.video.height, film.video.width
    if film.video.orientation[0]:
        height, width = width, height
    green, blue, red = np.frombuffer(raw, "<f4").reshape(3, height, width)
    return np.asarray(rgb2lab(np.clip(np.stack([red, green, blue], axis=-1), 0, 1)))


def packets_md5(path: Path) -> dict[int, str]:
    """Return the MD5 of each sound and subtitle stream's packets."""
    sums: dict[int, hashlib._Hash] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size and packet.stream.type in {"audio", "subtitle"}:
                sums.setdefault(packet.stream_index, hashlib.md5()).update(bytes(packet))
    return {index: md5.hexdigest() for index, md5 in sums.items()}


def seconds(film: Film) -> list[Fraction]:
    return [time * film.video.time_base for time in film.pts]


def planes(path: Path) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield (pts in ms, luma, both chroma planes) of each frame."""
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            all_planes = frame.to_ndarray()
            assert frame.time is not None
            height = frame.height
            yield round(frame.time * 1000), all_planes[:height], all_planes[height:]


def packets(path: Path, kind: str = "video") -> str:
    with av.open(str(path)) as film:
        digest = hashlib.sha256()
        for packet in film.demux(next(s for s in film.streams if s.type == kind)):
            if packet.size:
                digest.update(f"{packet.pts} {packet.size}".encode() if kind == "video" else b"")
                digest.update(bytes(packet))
        return digest.hexdigest()


def colorize(source: Path, target: Path, options: FilmOptions, fail: str = "") -> str:
    """Colorize a film shot by shot; return the hash of its packets. `fail` is the step of `ShotMean` that fails."""
    color_film(source, target, colorization=shot_colorization(fail), options=options)
    return packets(target)
