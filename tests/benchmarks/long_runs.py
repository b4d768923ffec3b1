"""Measure long runs: python tests/benchmarks/long_runs.py [--only album shots] [--photos 20000] [--precision auto] [--shots 1000].

album: a folder of folders of small scans. Time until the first result, time per photo, memory of all processes, how
long Ctrl-C takes, and how long the same command takes when every result is there.
shots: a film in which a new shot begins every ten frames. Whole time and memory.

`film.py film.mp4 --lines 120 --seconds 480 10800 --no-old` measures long films. Linux only: memory is read from /proc.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage.data

# Not this folder: film.py would shadow the package film.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.benchmarks.film import ROOT, ffmpeg, timed, watching

SCAN = (300, 400)
IN_A_FOLDER = 200
FRAMES_OF_A_SHOT, FILM = 10, (240, 320)
INTERRUPT_AT = 50  # photos done


def pictures(size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yield different gray pieces of a photograph, endlessly."""
    photograph = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    rng = np.random.default_rng(0)
    while True:
        side = int(rng.integers(128, 400))
        top, left = rng.integers(0, 512 - side, 2)
        piece = photograph[top : top + side, left : left + side]
        yield cv2.resize(piece[:, :: rng.choice((-1, 1))], size[::-1], interpolation=cv2.INTER_AREA)


def album(folder: Path, args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Colorize a folder of folders."""
    scans, colored = folder / "scans", folder / "colored"
    for i, picture in zip(range(args.photos), pictures(SCAN), strict=False):
        inside = scans / f"{i // IN_A_FOLDER:04}"
        inside.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(inside / f"{i:06}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    command = [sys.executable, str(ROOT / "main.py"), "-img_in", str(scans), "-recursive", "-quiet"]
    command += ["-save", f"{colored}/", "-precision", args.precision]
    yield "Ctrl-C", _interrupted(command, colored)
    before = _results(colored)
    began = time.perf_counter()
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as process,
        watching(process.pid, folder / "none") as peak,
    ):
        while process.poll() is None and _results(colored) <= before:
            time.sleep(0.05)
        first = time.perf_counter() - began
        status = process.wait()
    seconds, done = time.perf_counter() - began, _results(colored) - before
    assert not status, f"status {status}"
    assert before + done == args.photos, f"{before} and {done} of {args.photos}"
    yield f"{done} scans of {SCAN[1]}x{SCAN[0]}", f"{seconds:.0f} s, {done / seconds:.1f}/s"
    yield "first of them", f"after {first:.1f} s"
    yield "peak memory of all processes", f"{peak.memory_bytes / 1e9:.2f} GB"
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    yield "the same command when all are there", f"{time.perf_counter() - began:.1f} s"


def _results(folder: Path) -> int:
    return sum(1 for _ in folder.rglob("*.jpg"))


def _interrupted(command: list[str], colored: Path) -> str:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and _results(colored) < INTERRUPT_AT:
            time.sleep(0.05)
        began = time.perf_counter()
        process.send_signal(signal.SIGINT)
        status = process.wait()
    partial = [path for path in colored.rglob("*") if path.is_file() and path.suffix != ".jpg"]
    seconds = time.perf_counter() - began
    return f"status {status} after {seconds:.1f} s, {len(partial)} files that are no results"


def shots(folder: Path, args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Colorize a film of many short shots."""
    film, (height, width) = folder / "film.mkv", FILM
    source = f"-f rawvideo -pix_fmt gray -s {width}x{height} -r 24 -i -".split()
    coded = ["-c:v", "libx264", "-crf", "16", "-preset", "fast", "-pix_fmt", "yuv420p"]
    words = list(map(str, ffmpeg(*source, *coded, film)))
    encoder = subprocess.Popen(words, stdin=subprocess.PIPE)
    assert encoder.stdin is not None
    for _, picture in zip(range(args.shots), pictures((height + 20, width + 20)), strict=False):
        for frame in range(FRAMES_OF_A_SHOT):
            moved = picture[2 * frame : 2 * frame + height, frame : frame + width]
            encoder.stdin.write(np.ascontiguousarray(moved).tobytes())
    encoder.communicate()
    assert not encoder.returncode, f"ffmpeg's status {encoder.returncode}"
    cache, frames = folder / "cache", args.shots * FRAMES_OF_A_SHOT
    command = [sys.executable, ROOT / "main.py", "-movie_in", film, "-save", folder / "out.mkv"]
    run = timed("ours", [*command, "-quiet", "-cache", cache], frames=frames, disk=cache)
    memory, disk = run.peak.memory_bytes / 1e9, run.peak.disk_bytes / 1e6
    yield (
        f"{args.shots} shots of {FRAMES_OF_A_SHOT} frames of {width}x{height}",
        f"{run.seconds:.0f} s, {run.fps:.0f} frames/s, {memory:.2f} GB of memory, {disk:.0f} MB of disk",
    )


PARTS: dict[str, Callable[[Path, argparse.Namespace], Iterator[tuple[str, str]]]] = {
    "album": album, "shots": shots,
}  # fmt: skip


def main() -> None:
    """Print a table of the requested parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--precision", default="auto", help="of the network, for the album")
    parser.add_argument("--shots", type=int, default=1000)
    args = parser.parse_args()
    for name in args.only:
        with tempfile.TemporaryDirectory() as place:
            for label, figure in PARTS[name](Path(place), args):
                print(f"{label:45} {figure}", flush=True)


if __name__ == "__main__":
    main()
