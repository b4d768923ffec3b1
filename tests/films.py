"""Tiny real films made by ffmpeg, and colorizers of arithmetic for them."""

import functools
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from helpers import wait_for
from numpy.typing import NDArray

from color.arrays import Arrays
from color.segment import Colorization, Segment
from film import FilmError
from film.codecs import CODECS
from film.ffmpeg import ffmpeg_path

SUBTITLES = "1\n00:00:00,100 --> 00:00:00,400\nHello\n\n2\n00:00:00,500 --> 00:00:00,900\nBye\n"
CHAPTERS = """;FFMETADATA1
title=A film
comment=about nothing
[CHAPTER]
TIMEBASE=1/1000
START=0
END=500
title=One
[CHAPTER]
TIMEBASE=1/1000
START=500
END=1000
title=Two
"""
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "10", "-pix_fmt", "yuv420p")
# FFmpeg's MPEG-2 encoder, with several threads, gives one film in a hundred a wrong time.
MPEG2 = ("-c:v", "mpeg2video", "-threads", "1")
TAGS_709 = "setparams=range=pc:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
OPEN_GOP = "open-gop=1:keyint=8:min-keyint=8:scenecut=0"
PES = "1/90000"  # the clock of MPEG streams
FFV1 = ("-c:v", "ffv1", "-level", "3", "-pix_fmt")

SOFTWARE = [name for name, codec in CODECS.items() if not codec.software]
HARDWARE = [name for name, codec in CODECS.items() if codec.software]

SIZE = (96, 128)  # height, width
SHOTS = (12, 150, 8)  # frames; the second becomes three pieces, two of them of one length
FRAMES = sum(SHOTS)
DIVIDED = 64  # frames of the segments of the second shot, but for its last

# Of one second in 25 frames, one after another; each has pixels of another kind.
OTHER_PIXELS = (
    "gray.mkv", "gray10.mkv", "422.mkv", "444.mkv", "420-10.mkv", "422-10.mkv", "444-12.mkv", "411.mkv",
    "alpha.mkv", "rgb.mkv", "nv12.nut", "odd.mkv", "tiny.mkv", "full709.mkv",
)  # fmt: skip

Recipe = tuple[Sequence[str], int, Sequence[str]]


def picture(size: str = "64x48", rate: str = "25", seconds: float = 1, more: str = "") -> list[str]:
    """Return the input words of a moving test picture."""
    return ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}{more}"]


# name: (picture, sound tracks, output words)
RECIPES: dict[str, Recipe] = {
    "plain.mp4": (picture(), 1, X264),
    "silent.mp4": (picture(), 0, X264),
    "ntsc.mp4": (picture(rate="24000/1001"), 1, X264),
    "vorbis.mp4": (picture(), 1, (*X264, "-c:a", "libvorbis")),
    "slow.mov": (picture(rate="18"), 1, X264),
    "closed.webm": (picture(), 1, ("-c:v", "libvpx", "-c:a", "libopus", "-auto-alt-ref", "0")),
    "asp.avi": (picture(), 1, ("-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame")),
    "h264.avi": (picture(), 1, X264),
    "opengop.mpg": (picture(), 1, (*MPEG2, "-bf", "2", "-g", "6", "-c:a", "mp2")),
    "opengop.mkv": (
        picture(),
        0,
        ("-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", "-x264-params", OPEN_GOP),
    ),
    "late.ts": (
        picture(),
        1,
        ("-vf", f"settb={PES},setpts=PTS+1111", "-enc_time_base", PES, *X264),
    ),
    "bare.h264": (picture(), 0, X264),
    "wma.avi": (picture(), 1, ("-c:v", "mpeg4", "-c:a", "wmav2")),
    "gray.mkv": (picture(), 1, (*FFV1, "gray")),
    "gray10.mkv": (picture(), 0, (*FFV1, "gray10le")),
    "422.mkv": (picture(), 0, (*FFV1, "yuv422p")),
    "444.mkv": (picture(), 0, (*FFV1, "yuv444p")),
    "420-10.mkv": (picture(), 0, (*FFV1, "yuv420p10le")),
    "422-10.mkv": (picture(), 0, (*FFV1, "yuv422p10le")),
    "444-12.mkv": (picture(), 0, (*FFV1, "yuv444p12le")),
    "411.mkv": (picture(), 0, (*FFV1, "yuv411p")),
    "alpha.mkv": (picture(), 0, (*FFV1, "yuva420p")),
    "rgb.mkv": (picture(), 0, (*FFV1, "bgr0")),
    "nv12.nut": (picture(), 0, ("-c:v", "rawvideo", "-pix_fmt", "nv12")),
    "odd.mkv": (picture(), 0, ("-vf", "scale=63:47", *FFV1, "yuv420p")),
    "tiny.mkv": (picture("16x16"), 0, (*FFV1, "yuv420p")),
    "one.mp4": (picture(seconds=0.04), 0, X264),
    "full709.mkv": (
        picture(),
        0,
        (
            "-vf",
            f"scale=out_range=full:out_color_matrix=bt709,{TAGS_709}",
            *FFV1,
            "yuv420p",
            "-color_range",
            "pc",
        ),
    ),
    "wide.mp4": (picture(), 1, ("-vf", "setsar=64/45", *X264)),
    "interlaced.mkv": (
        picture(rate="50"),
        0,
        ("-vf", "interlace=scan=tff", *MPEG2, "-flags", "+ildct+ilme", "-b:v", "4M"),
    ),
    "vfr.mkv": (picture(), 1, ("-vf", "select='not(mod(n,3))+gte(n,12)'", *X264)),
    "gap.mkv": (picture(), 0, ("-vf", "setpts='PTS+gte(N,12)*3600/TB'", *X264)),
    "swf.flv": (picture(), 1, ("-c:v", "flv1", "-c:a", "adpcm_swf")),
    "ima.mov": (picture(), 1, (*X264, "-c:a", "adpcm_ima_qt")),
    "eight.mkv": (picture(), 8, (*X264, "-c:a", "aac")),
}


def run_ffmpeg(*words: str | Path) -> bytes:
    """Run ffmpeg, which must succeed and have nothing to complain about; return its output."""
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-v", "error", "-y", *map(str, words)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def make_film(name: str, *, folder: Path) -> Path:
    """Make one of the films above, or one made of them, unless the folder has it; return its path."""
    path = folder / name
    make = functools.partial(make_film, folder=folder)
    if not path.exists() and not _derived(name, make, folder):
        _make(name, path)
    return path


def _make(name: str, path: Path) -> None:
    video, tracks, words = RECIPES[name]
    command: list[str] = list(video)
    maps = ["-map", "0:v"]
    for track in range(tracks):
        command += ["-f", "lavfi", "-i", f"sine=frequency={200 + 100 * track}:duration=1"]
        language = ("eng", "deu", "fra", "jpn")[track % 4]
        maps += ["-map", f"{track + 1}:a", f"-metadata:s:a:{track}", f"language={language}"]
    # vfr: the times are the recipe's; a constant rate is not restored. One thread: small films, same bytes.
    run_ffmpeg(*command, *maps, "-fps_mode", "passthrough", *words, "-threads", "1", path)


def _derived(name: str, make: Callable[[str], Path], folder: Path) -> bool:
    """Make the films that are made from other films; return whether `name` is one."""
    path = folder / name
    copy = ("-map", "0", "-c", "copy")
    if name == "rotated.mp4":
        run_ffmpeg("-display_rotation", "90", "-i", make("plain.mp4"), *copy, path)
    elif name == "mirrored.mp4":
        run_ffmpeg(
            "-display_rotation", "180", "-display_hflip", "-i", make("plain.mp4"), *copy, path
        )
    elif name == "cut.mp4":  # starts between two keyframes: an edit list hides the first frames
        run_ffmpeg("-ss", "0.52", "-i", make("plain.mp4"), *copy, path)
    elif name == "negative.mkv":
        source = make("silent.mp4")
        run_ffmpeg(
            "-i", source, *copy, "-output_ts_offset", "-0.4", "-avoid_negative_ts", "0", path
        )
    elif name in {"rich.mkv", "rich.mp4"}:
        _make_rich(path, make)
    elif name in {"growing.ts", "shrinking.ts"}:  # a broadcast that changes its picture's size
        sizes = ("64x48", "96x80") if name == "growing.ts" else ("96x80", "64x48")
        clock = ("-muxdelay", "0", "-f", "mpegts", "-output_ts_offset")
        for start, size in enumerate(sizes):
            part = path.with_suffix(f".{start}")
            codec = ("-s", size, *MPEG2, "-q:v", "2")
            run_ffmpeg(*picture("96x80"), *codec, *clock, str(start), part)
        path.write_bytes(b"".join(path.with_suffix(f".{n}").read_bytes() for n in (0, 1)))
    elif name == "midway.ts":  # recorded from the middle of a group of pictures on
        whole = make("late.ts").read_bytes()
        path.write_bytes(whole[len(whole) // 5 // 188 * 188 :])
    elif name == "truncated.mkv":
        whole = make("422.mkv").read_bytes()
        path.write_bytes(whole[: len(whole) // 3])
    else:
        return False
    return True


def _make_rich(path: Path, make: Callable[[str], Path]) -> None:
    """Two sound tracks, subtitles, chapters, tags, cover art; in Matroska an attached font too."""
    folder = path.parent
    subtitles, chapters, cover, font = (folder / n for n in ("s.srt", "c.txt", "c.jpg", "f.ttf"))
    subtitles.write_text(SUBTITLES)
    chapters.write_text(CHAPTERS)
    font.write_bytes(bytes(range(256)))
    run_ffmpeg(*picture("32x32", seconds=0.04), "-frames:v", "1", cover)
    words: list[str | Path] = ["-i", make("eight.mkv"), "-i", subtitles, "-i", chapters]
    maps = ["-map", "0:v", "-map", "0:a:0", "-map", "0:a:1", "-map", "1", "-map_chapters", "2"]
    maps += ["-map_metadata", "2", "-disposition:a:0", "0", "-disposition:a:1", "default"]
    maps += ["-metadata:s:a:0", "title=Comments", "-metadata:s:s:0", "language=fra"]
    if path.suffix == ".mkv":
        more: list[str | Path] = ["-c", "copy", "-disposition:s:0", "forced"]
        for number, (name, mime) in enumerate(((font, "font/ttf"), (cover, "image/jpeg"))):
            more += ["-attach", name, f"-metadata:s:t:{number}", f"mimetype={mime}"]
            more += [f"-metadata:s:t:{number}", f"filename={name.name}"]
    else:
        words += ["-i", cover]
        more = ["-map", "3", "-c", "copy", "-c:s", "mov_text", "-disposition:v:1", "attached_pic"]
    run_ffmpeg(*words, *maps, *more, path)


def film_of(path: Path, *, color: bool = False) -> Path:
    """Make a film of three known shots, with sound: pictures without motion that differ."""
    keep = "null" if color else "hue=s=0"
    inputs, graph = [], ""
    for number, (source, frames) in enumerate(
        zip(("smptebars", "testsrc2", "rgbtestsrc"), SHOTS, strict=True)
    ):
        inputs += ["-f", "lavfi", "-i", f"{source}=size={SIZE[1]}x{SIZE[0]}:rate=25"]
        graph += f"[{number}:v]trim=end_frame={frames},{keep},format=yuv420p[v{number}];"
    graph += "[v0][v1][v2]concat=n=3[v]"
    sound = ["-f", "lavfi", "-i", f"sine=440:duration={FRAMES / 25}"]
    encoder = ("-c:v", "libx264", "-threads", "1", "-c:a", "aac")
    run_ffmpeg(
        *inputs, *sound, "-filter_complex", graph, "-map", "[v]", "-map", "3:a", *encoder, path
    )
    return path


class Tint:
    """A colorizer whose colors follow place and light.

    gate : after its first segment it waits until this file is there, to be stopped in the middle
    fail_at : frames of a segment that it cannot colorize
    """

    def __init__(self, gate: Path | None = None, fail_at: int = -1) -> None:
        self.gate, self.fail_at = gate, fail_at
        self.colorized = 0

    def colorize(self, segment: Segment) -> NDArray[np.float32]:
        grays = segment.frames
        if self.gate and self.colorized:
            wait_for(self.gate.exists)
        self.colorized += 1
        if len(grays) == self.fail_at:
            raise FilmError("this segment cannot be colorized")
        _, height, width = grays.shape
        small = grays[:, : height // 4 * 4 : 4, : width // 4 * 4 : 4].astype(np.float32)
        across = np.broadcast_to(
            np.linspace(-40, 40, small.shape[2], dtype=np.float32), small.shape
        )
        return np.stack([across, small / 4 - 20], axis=-1)


class ShotMean:
    """A colorizer of whole shots: each frame's color follows the mean gray of its shot, as far as its segments are linked.

    fail : this method fails for segments of shots that are divided
    """

    def __init__(self, fail: str = "") -> None:
        self.fail = fail

    def _may_fail(self, method: str, frames: int) -> None:
        if method == self.fail and frames == DIVIDED:
            raise FilmError(f"{method} fails")

    def colorize(self, segment: Segment) -> NDArray[np.float32]:
        return self.finish_segment(self.predict_segment(segment), before=None, after=None)

    def predict_segment(self, segment: Segment) -> Arrays:
        self._may_fail("predict_segment", len(segment.frames))
        means = segment.frames.mean(axis=(1, 2))
        return {"sum": means.sum(), "frames": np.array(len(means)), "next": segment.after}

    def link_segment(self, predicted: Arrays, entering: Arrays | None, *, backward: bool) -> Arrays:
        self._may_fail("backward" if backward else "forward", int(predicted["frames"]))
        known = [predicted, entering] if entering else [predicted]
        return {name: sum(one[name] for one in known) for name in ("sum", "frames")}

    def finish_segment(
        self, predicted: Arrays, *, before: Arrays | None, after: Arrays | None
    ) -> NDArray[np.float32]:
        self._may_fail("finish_segment", int(predicted["frames"]))
        known = [one for one in (predicted, before, after) if one]
        mean = sum(one["sum"] for one in known) / sum(one["frames"] for one in known)
        return np.full((int(predicted["frames"]), 6, 8, 2), color_of(mean), np.float32)


class Signer(Tint):
    """A colorizer that leaves the number of its process as a file name in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        (folder / str(os.getpid())).touch()


def color_of(mean: float) -> float:
    """Return ab for a mean gray 0..255; small differences show."""
    return 20 * mean % 60 - 30


def shot_colorization(fail: str = "") -> Colorization:
    return Colorization(functools.partial(ShotMean, fail), weights="e" * 64, whole_shots=True)


def colorization(**settings: Path | int | None) -> Colorization:
    return Colorization(functools.partial(Tint, **settings), weights="f" * 64)
