"""A film job killed at random moments, the join among them: the same command ends in the same packets or pictures.

In turn, the job makes a film of a film, pictures of pictures, and a film through a pipe, which starts again.

python tests/attacks/kill_film.py --n 30 --seed 0
"""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
sys.path[:0] = [str(ROOT), str(TESTS)]

from encoded import packets
from films import FRAMES, film_of, run_ffmpeg
from helpers import group_is_gone, wait_for

from runtime.files import temporary_name

COLOR = """
import sys
from pathlib import Path
from films import colorization
from conversion import color_film, workers_for
from film.options import EncoderOptions, FilmOptions
from film.pipe import color_stream
source, target, cache = map(Path, sys.argv[1:4])
options = FilmOptions(cache=cache, encoder=EncoderOptions("ffv1"), workers=int(sys.argv[4]))
if sys.argv[5] == "pipe":
    with workers_for(colorization(), options) as run:
        color_stream(str(source), str(target), colorization=colorization(), options=options, run=run)
else:
    color_film(source, target, colorization=colorization(), options=options)
"""
KINDS = ("film", "film", "pictures", "pipe")
# In turn: any time from the start on, and while the result is written.
MOMENTS = ("any", "any", "join")
LIMIT_S = 120.0


@dataclass(frozen=True)
class Job:
    """A film to be colored into a folder of its own."""

    source: Path
    folder: Path
    workers: int
    kind: str = "film"

    @property
    def target(self) -> Path:
        """Return the film that is made, or its last picture."""
        return self.folder / (f"o_{FRAMES:04d}.tif" if self.kind == "pictures" else "out.mkv")

    @property
    def digest(self) -> str:
        """Identify the result by its packets or by its pictures."""
        if self.kind != "pictures":
            return packets(self.target)
        pictures = sorted(self.folder.glob("o_*.tif"))
        data = b"".join(path.name.encode() + path.read_bytes() for path in pictures)
        return hashlib.sha256(data).hexdigest()

    def start(self) -> subprocess.Popen[str]:
        """Begin or continue the job in a process group of its own."""
        target = self.folder / "o_%04d.tif" if self.kind == "pictures" else self.target
        words = [self.source, target, self.folder / "cache", str(self.workers), self.kind]
        path = os.pathsep.join([str(ROOT), str(TESTS)])
        return subprocess.Popen(
            [sys.executable, "-c", COLOR, *words], env=os.environ | {"PYTHONPATH": path},
            start_new_session=True, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def is_joining(self) -> bool:
        """Tell whether the result is being written or is there."""
        if self.kind == "pictures":
            return any(self.folder.glob("o_*.tif"))
        return self.target.exists() or temporary_name(self.target, use="result").exists()


def kill(job: Job, moment: str, delay_s: float) -> str:
    """Start a job, kill its first process at a moment, and return where that was."""
    process = job.start()
    if moment == "join":
        wait_for(lambda: job.is_joining() or process.poll() is not None, limit_s=LIMIT_S)
    with suppress(subprocess.TimeoutExpired):
        process.wait(delay_s)
    stage = stage_of(job)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: group_is_gone(process.pid), limit_s=15)  # no worker outlives it
    return "finished" if job.target.exists() else stage  # it may have come further in between


def stage_of(job: Job) -> str:
    """Return how far a job is."""
    if job.is_joining():
        return "finished" if job.target.exists() else "join"
    shots = list(job.folder.glob("cache/*/shots/[!.]*.mkv"))
    return "shots" if shots else "before the first shot"


def findings(job: Job, expected: str, moment: str, delay_s: float) -> tuple[str, list[str]]:
    """Kill a job and finish it; return where it was killed, and what is wrong with the result."""
    stage = kill(job, moment, delay_s)
    if not job.target.exists():
        again = job.start()
        errors = again.communicate(timeout=LIMIT_S)[1]
        if again.returncode != 0:
            return stage, [f"the second run failed: {errors.strip().splitlines()[-1]}"]
    found = [] if job.digest == expected else ["another result"]
    left = sorted(
        path.name
        for path in job.folder.iterdir()
        if path.name not in {"out.mkv", "cache"} and not path.match("o_[0-9]*.tif")
    )
    if left:
        found.append(f"left behind: {left}")
    if stage != "finished" and any(path.is_dir() for path in (job.folder / "cache").iterdir()):
        found.append("the job is still in the cache")
    return stage, found


def measured(job: Job) -> tuple[str, float]:
    """Run a job without interruption; return its packets' digest, and seconds."""
    began = time.monotonic()
    process = job.start()
    errors = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 0, errors
    return job.digest, time.monotonic() - began


def kills(
    n: int, *, seed: int = 0, told: Callable[[str], object] = print
) -> tuple[list[str], Counter[str]]:
    """Kill ``n`` jobs; return the findings, and how many were killed at each stage."""
    found: list[str] = []
    counts: Counter[str] = Counter()
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        film, scans = film_of(root / "film.mp4"), root / "scans"
        scans.mkdir()
        run_ffmpeg("-i", film, "-pix_fmt", "rgb48le", scans / "scan_%04d.tif")
        whole = {}
        for kind in dict.fromkeys(KINDS):
            (root / kind).mkdir()
            source = scans if kind == "pictures" else film
            whole[kind] = measured(Job(source, root / kind, workers=2, kind=kind))
        for number in range(n):
            folder = root / f"{number}"
            folder.mkdir()
            moment = MOMENTS[number % len(MOMENTS)]
            kind = KINDS[number % len(KINDS)]
            expected, seconds = whole[kind]
            delay_s = rng.uniform(0, 0.03 if moment == "join" else seconds)
            source = scans if kind == "pictures" else film
            job = Job(source, folder, workers=1 + number // len(KINDS) % 2, kind=kind)
            stage, lines = findings(job, expected, moment, delay_s)
            counts[stage] += 1
            found += [
                f"kill {number} ({kind}, {stage}, after {delay_s:.2f} s): {line}" for line in lines
            ]
            told(f"kill {number} ({kind}): {stage}, {len(lines)} findings")
    return found, counts


def run() -> int:
    """Run the script and return its exit code."""
    parser = argparse.ArgumentParser(description="Kill a film job at random moments.")
    parser.add_argument("--n", type=int, default=30, help="kills (default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    args = parser.parse_args()
    found, counts = kills(args.n, seed=args.seed)
    print(*found, sep="\n")
    print(f"{args.n} kills: {dict(counts)}, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(run())
