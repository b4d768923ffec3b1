"""Time a film, compared with a plain transcode and with full-size pictures on disk.

    python tests/benchmarks/film.py film.mp4            the film at 480 and at 1080 lines
    python tests/benchmarks/film.py film.mp4 --lines 120 --seconds 60 600 10800 --no-old    the effect of length

Prints a table: seconds, frames per second, ratio to a plain ffmpeg transcode with the same encoder settings, memory,
disk, and the workers' time by stage. Linux only: memory is read from /proc.

Two rows colorize frame by frame, each frame a full-size PNG on disk, sequentially. The predecessor did so with the
network as trained, at its 256 pixels; the other row uses our inference program at our size, to measure the rest of
that pipeline. Both compose the picture with our code, which is faster than the predecessor's.
"""

import argparse
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import imageio_ffmpeg

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {480: 2.0, 1080: 1.35}  # times a plain transcode, at most
SHORT_FRAMES, SHORT_S = 24, 2.5  # a short film at 480 lines: limit of the whole command
PREDECESSOR = 5.0  # least ratio of the predecessor's time to ours
PREDECESSOR_PX = 256
SAMPLE_S = 1.0  # between two readings of memory and disk, each of which takes 30 ms of a core
ENCODER = ["-c:v", "libx264", "-preset", "medium", "-crf", "18"]  # what main.py uses by default


@dataclass
class Peak:
    """Peak memory and disk usage."""

    memory_bytes: int = 0
    disk_bytes: int = 0


@dataclass(frozen=True)
class Run:
    """One timed run."""

    name: str
    frames: int
    seconds: float
    cpu_seconds: float
    peak: Peak

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds


def family(pid: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from family(int(child))


def memory_of(pid: int) -> int:
    """Return the proportional memory of a process and its descendants, in bytes."""
    total = 0
    try:
        for member in family(pid):
            rollup = Path(f"/proc/{member}/smaps_rollup").read_text()
            total += next(int(li.split()[1]) for li in rollup.splitlines() if li[:4] == "Pss:")
    except (OSError, StopIteration):
        return 0  # one of them ended meanwhile
    return total * 1024


def size_of(folder: Path) -> int:
    """Return the size of a folder in bytes."""
    total = 0
    for place, _, names in os.walk(folder):  # skips folders that vanish meanwhile
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(place) / name).stat().st_size
    return total


@contextmanager
def watching(pid: int, folder: Path) -> Iterator[Peak]:
    """Sample memory and disk until the block ends."""
    peak, over = Peak(), threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_S):
            peak.memory_bytes = max(peak.memory_bytes, memory_of(pid))
            peak.disk_bytes = max(peak.disk_bytes, size_of(folder))

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def timed(
    name: str, command: list[str | Path], *, frames: int, disk: Path, **environment: str
) -> Run:
    """Run a command to its end and sample its usage."""
    adopt_orphans()
    began = time.perf_counter()
    environment = {**os.environ, **environment}
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, env=environment)
    with watching(process.pid, disk) as peak:
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"{name} failed with status {status}")
    cpu_seconds = used.ru_utime + used.ru_stime + cpu_seconds_of_orphans()
    return Run(name, frames, seconds, cpu_seconds, peak)


def adopt_orphans() -> None:
    """Become the parent of processes whose parent ends, as of the one that workers are forked from (prctl(2))."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def cpu_seconds_of_orphans() -> float:
    """Wait for the adopted processes; return the processor time of them and their own."""
    total = 0.0
    with suppress(ChildProcessError):
        while True:
            _, _, used = os.wait4(-1, 0)
            total += used.ru_utime + used.ru_stime
    return total


def ffmpeg(*words: str | Path) -> list[str | Path]:
    """Return an ffmpeg command: the same binary for everyone."""
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *words]


def gray_copy(film: Path, lines: int, seconds: float, path: Path) -> int:
    """Make the gray input film with this number of lines; return its number of frames."""
    scale = f"scale=-2:{lines}:flags=bicubic,hue=s=0,format=yuv420p"
    subprocess.run(
        [*map(str, ffmpeg("-stream_loop", "-1", "-i", film, "-t", str(seconds), "-an", "-vf", scale,
                          "-c:v", "libx264", "-crf", "16", "-preset", "fast", path))], check=True,
    )  # fmt: skip
    with_frames = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "-movie_in", str(path), "-probe", "json"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(json.loads(with_frames.stdout)["film"]["frames"])


def ours(
    film: Path, folder: Path, *, frames: int, more: list[str], root: Path = ROOT
) -> tuple[Run, dict[str, float]]:
    """Colorize the film with main.py of a checkout; return the run, and the workers' seconds by stage."""
    told = folder / "report.json"
    command = [sys.executable, root / "main.py", "-movie_in", film, "-save", folder / "out.mp4",
               "-overwrite", "-quiet", "-cache", folder / "cache", "-report", told, *more]  # fmt: skip
    run = timed("ours" if root == ROOT else "before", command, frames=frames, disk=folder / "cache")
    report = json.loads(told.read_text())
    if "inputs" in report:  # versions up to 0.2.0 wrote the details of the one film alone
        report = report["inputs"][0]["details"]
    return run, report["worker_seconds"]


def frame_by_frame(film: Path, folder: Path, *, frames: int, more: list[str]) -> Run:
    """Colorize with every frame as a full-size PNG, sequentially, and encode the result."""
    for room in ("gray", "painted"):
        shutil.rmtree(folder / room, ignore_errors=True)
        (folder / room).mkdir()
    steps = [sys.executable, __file__, str(film), "--steps", str(folder), "--frames", str(frames)]
    name = "predecessor's way" if "--eager" in more else "frame by frame"
    cores = str(os.cpu_count())  # Paddle's default is one
    return timed(name, [*steps, *more], frames=frames, disk=folder, OMP_NUM_THREADS=cores)


def old_steps(film: Path, folder: Path, *, frames: int, weights: Path | None, eager: bool) -> None:
    """Run the three steps: frames to pictures, pictures to color, color to film."""
    import cv2

    sys.path[0] = str(ROOT)  # not this folder: film.py would shadow the package film
    from gray2color import Colorizer
    from model.weights_file import RELEASED

    names = folder / "gray" / "%05d.png"
    split = ffmpeg("-i", film, "-frames:v", str(frames), "-pix_fmt", "gray", names)
    subprocess.run(split, check=True)
    weights = weights or RELEASED
    predecessor = (
        {"working_size": PREDECESSOR_PX, "predictor": as_trained(weights)} if eager else {}
    )
    colorizer = Colorizer(weights, **predecessor)
    for path in sorted((folder / "gray").iterdir()):
        rgb = colorizer(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
        cv2.imwrite(str(folder / "painted" / path.name), rgb[..., ::-1])
    join = ("-i", folder / "painted" / "%05d.png", *ENCODER, "-pix_fmt", "yuv420p")
    subprocess.run(ffmpeg(*join, folder / "old.mp4"), check=True)


def as_trained(weights: Path) -> Callable[..., Any]:
    """Return the network as trained, with the interface of the inference program."""
    from model.export import AnnealedNet
    from model.weights_file import build, read_weights
    from prior.qspace import read_bins

    return AnnealedNet(build(read_weights(weights)), read_bins()).predict


def row(lines: int, run: Run, plain: Run) -> str:
    """Return a run as a line of the table."""
    figures = [
        f"{run.frames}", f"{run.seconds:.1f}", f"{run.fps:.1f}", f"{plain.fps / run.fps:.2f}",
        f"{1000 * run.cpu_seconds / run.frames:.0f}", f"{run.peak.memory_bytes / 1e6:.0f}",
        f"{run.peak.disk_bytes / 1e6:.0f}",
    ]  # fmt: skip
    return " | ".join([f"| {lines}", run.name, *figures]) + " |"


def measure(
    lines: int, seconds: float, args: argparse.Namespace, folder: Path
) -> tuple[list[Run], dict[str, float]]:
    """Run the plain transcode, our pipeline, and the two with pictures on disk, at this number of lines."""
    film = folder / "gray.mp4"
    frames = gray_copy(args.film, lines, seconds, film)
    command = ffmpeg("-i", film, "-an", *ENCODER, folder / "plain.mp4")
    plain = timed("plain transcode", command, frames=frames, disk=folder / "none")
    more = ["-weights", str(args.weights)] if args.weights else []
    run, stages = ours(film, folder, frames=frames, more=more)
    before = []
    if args.before:
        before = [ours(film, folder, frames=frames, more=more, root=args.before.resolve())[0]]
    few = min(args.frames, frames)
    more = ["--weights", str(args.weights)] if args.weights else []
    ways = [] if args.no_old else [more, [*more, "--eager"]]
    old = [frame_by_frame(film, folder, frames=few, more=way) for way in ways]
    return [plain, run, *before, *old], stages


def short_film_seconds(args: argparse.Namespace) -> float:
    """Time the whole command for a film of one second; the second of two runs, as the first has no cached program."""
    with tempfile.TemporaryDirectory() as name:
        film = Path(name) / "short.mp4"
        scale = (
            "-frames:v",
            str(SHORT_FRAMES),
            "-an",
            "-vf",
            "scale=-2:480,hue=s=0,format=yuv420p",
        )
        subprocess.run(list(map(str, ffmpeg("-i", args.film, *scale, film))), check=True)
        more = ["-weights", str(args.weights)] if args.weights else []
        runs = [
            ours(film, Path(name), frames=SHORT_FRAMES, more=[*more, "-restart"])[0]
            for _ in range(2)
        ]
    return runs[-1].seconds


def main() -> int:
    """Measure and print; return 0 if all limits hold."""
    parser = argparse.ArgumentParser(description="Time films against a plain transcode.")
    parser.add_argument(
        "film", type=Path, help="a real clip, in color or not; no AVI, which ffmpeg cannot loop"
    )
    parser.add_argument(
        "--seconds", type=float, nargs="+", default=[20], help="of film (default: 20)"
    )
    parser.add_argument("--lines", type=int, nargs="+", default=[480, 1080])
    parser.add_argument(
        "--weights", type=Path, help="weights file to use instead of the released one"
    )
    parser.add_argument("--before", type=Path, help="another checkout, to compare with")
    parser.add_argument("--no-old", action="store_true", help="skip the frame-by-frame runs")
    parser.add_argument("--frames", type=int, default=120, help="of the frame-by-frame runs")
    parser.add_argument("--steps", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--eager", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.steps:
        options = {"frames": args.frames, "weights": args.weights, "eager": args.eager}
        old_steps(args.film, args.steps, **options)
        return 0
    held = True
    print("| lines | run | frames | s | fps | x plain | CPU ms/frame | memory MB | disk MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for lines, length in product(args.lines, args.seconds):
        with tempfile.TemporaryDirectory() as name:
            runs, stages = measure(lines, length, args, Path(name))
        plain, run, *old = runs
        print(*(row(lines, one, plain) for one in runs), sep="\n")
        total = sum(stages.values())
        shares = [f"{stage} {100 * s / total:.0f} %" for stage, s in stages.items()]
        print(f"\n{lines} lines, workers' time: {', '.join(shares)}\n", flush=True)
        held &= plain.fps / run.fps <= LIMITS.get(lines, float("inf"))
        slower = {one.name: run.fps / one.fps for one in old}  # "before" among them
        for name, times in slower.items():
            print(f"{name}: {times:.1f} times slower than ours", flush=True)
        held &= slower.get("predecessor's way", PREDECESSOR) >= PREDECESSOR
    seconds = short_film_seconds(args)
    held &= seconds <= SHORT_S
    print(f"{SHORT_FRAMES} frames at 480 lines, whole command: {seconds:.2f} s")
    print("every limit holds" if held else "a limit is broken")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
