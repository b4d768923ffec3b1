"""Mangled films through the command line, in a process under a watchdog: whatever goes in, one line comes out.

python tests/attacks/fuzz_film.py --n 130 --seed 0
"""

import argparse
import contextlib
import hashlib
import io
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from films import X264, ShotMean, picture, run_ffmpeg

import gray2color
import main
from film.probe import probe

LIMIT_S = 30.0  # for one film
LIMIT_BYTES = 2_500_000_000  # of memory, of the worker and its ffmpeg
POLL_S = 0.05
HEADER = 2048  # bytes, at the front and at the end, where containers keep their tables
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
CONTAINERS: dict[str, tuple[str, ...]] = {
    "mp4": X264,
    "mkv": (*X264, "-c:a", "aac"),
    "mov": ("-c:v", "prores_ks", "-c:a", "pcm_s16le"),
    "avi": ("-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame"),
    "webm": ("-c:v", "libvpx", "-c:a", "libopus"),
    "mpg": ("-c:v", "mpeg2video", "-bf", "2", "-c:a", "mp2"),
    "ts": (*X264, "-c:a", "aac"),
    "flv": ("-c:v", "flv1", "-c:a", "adpcm_swf"),
}
PICTURES = ("dpx", "tif", "png", "exr")  # one of an image sequence
PIPED = {"mkv": 1, "ts": 0}  # through a pipe in odd rounds, or in even ones
Mangle = Callable[[bytearray, bytes, np.random.Generator], bytearray]


def films(folder: Path) -> dict[str, bytes]:
    """Make one small film with sound for each container."""
    found = {}
    for suffix, words in CONTAINERS.items():
        sound = ("-f", "lavfi", "-i", "sine=duration=0.6")
        path = folder / f"whole.{suffix}"
        run_ffmpeg(*picture(seconds=0.6), *sound, *words, "-threads", "1", path)
        found[suffix] = path.read_bytes()
    for suffix in PICTURES:
        path = folder / f"whole.{suffix}"
        run_ffmpeg(*picture(seconds=0.04), "-frames:v", "1", "-update", "1", path)
        found[suffix] = path.read_bytes()
    return found


def flip(data: bytearray, _: bytes, rng: np.random.Generator) -> bytearray:
    """Change single bits, one to some hundred."""
    for place in rng.integers(0, len(data), int(2 ** rng.uniform(0, 8))):
        data[place] ^= 1 << int(rng.integers(8))
    return data


def truncate(data: bytearray, _: bytes, rng: np.random.Generator) -> bytearray:
    """Keep the front, or, as a stream recorded late, the end."""
    place = int(rng.integers(len(data)))
    return data[:place] if rng.random() < 0.7 else data[place:]


def overwrite_numbers(data: bytearray, _: bytes, rng: np.random.Generator) -> bytearray:
    """Put extreme numbers of 1, 2 or 4 bytes where the tables are."""
    for _ in range(int(rng.integers(1, 6))):
        front = min(HEADER, len(data) - 4)
        place = int(rng.integers(front))
        place = place if rng.random() < 0.7 else len(data) - 4 - place
        size = int(rng.choice([1, 2, 4]))
        value = int(rng.choice(EXTREMES)) & ((1 << 8 * size) - 1)
        data[place : place + size] = value.to_bytes(size, "big" if rng.random() < 0.5 else "little")
    return data


def splice(data: bytearray, other: bytes, rng: np.random.Generator) -> bytearray:
    """Remove, repeat or exchange a stretch, also for one of another film."""
    begin, end = sorted(int(place) for place in rng.integers(0, len(data), 2))
    source = other if rng.random() < 0.5 else bytes(data)
    start = int(rng.integers(len(source)))
    length = int(rng.integers(0, 4096))
    data[begin:end] = source[start : start + length]
    return data


MANGLES: tuple[Mangle, ...] = (flip, truncate, overwrite_numbers, splice)


def mangled(seeds: dict[str, bytes], index: int, seed: int) -> tuple[str, bytes]:
    """Return case number ``index`` of a seed: its name and its bytes."""
    rng = np.random.default_rng((seed, index))
    suffixes = list(seeds)
    suffix, other = suffixes[index % len(suffixes)], suffixes[int(rng.integers(len(suffixes)))]
    mangle = MANGLES[index // len(suffixes) % len(MANGLES)]
    data = mangle(bytearray(seeds[suffix]), seeds[other], rng)
    return f"{seed}-{index}-{mangle.__name__}.{suffix}", bytes(data)


def work(pipe: Connection, said: Path) -> None:
    """Color the films that come through the pipe, with a network of arithmetic; send back exit codes."""
    os.setsid()  # so that the watchdog can end it together with its ffmpeg
    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 2)
    os.dup2(descriptor, 1)
    setattr(gray2color, "colorizer_factory", lambda *_, **__: ShotMean)  # noqa: B010
    with contextlib.suppress(EOFError):
        while True:
            words, source = pipe.recv()
            with contextlib.ExitStack() as stack:
                if source is not None:
                    stack.enter_context(_standard_input(source))
                pipe.send(main.main(words))


@contextlib.contextmanager
def _standard_input(path: Path) -> Iterator[None]:
    before, reading = sys.stdin, path.open("rb")
    sys.stdin = io.TextIOWrapper(reading)
    try:
        yield
    finally:
        sys.stdin.close()
        sys.stdin = before


class Watchdog:
    """A worker process; ended and begun anew when a film was too much for it."""

    def __init__(self, said: Path) -> None:
        self.said = said
        self._process: Any = None

    def color(self, words: list[str], source: Path | None) -> tuple[int | None, str]:
        """Return a command's exit code, or None and what went wrong with the worker.

        source : what standard input reads
        """
        if self._process is None:
            self._start()
        self._pipe.send((words, source))
        until = time.monotonic() + LIMIT_S
        while not self._pipe.poll(POLL_S):
            if time.monotonic() > until:
                return self._ended(f"no end after {LIMIT_S:.0f} s")
            if (size := memory(self._process.pid)) > LIMIT_BYTES:
                return self._ended(f"{size / 1e9:.1f} GB of memory")
        try:
            return self._pipe.recv(), ""
        except EOFError:
            self._process.join()
            return self._ended(f"crash, exit code {self._process.exitcode}")

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, self.said))
        self._process.start()
        theirs.close()

    def _ended(self, reason: str) -> tuple[None, str]:
        self.close(gently=False)
        return None, reason

    def close(self, *, gently: bool = True) -> None:
        """End the worker and its ffmpeg."""
        if self._process is not None:
            self._pipe.close()
            self._process.join(LIMIT_S if gently else 0)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.join()
            self._process = None


def memory(session: int) -> int:
    """Return the bytes that the processes of a session take."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            if os.getsid(int(folder.name)) == session:
                total += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def sequence(path: Path, whole: bytes) -> Path:
    """Make an image sequence of a picture between two whole ones; return its pattern."""
    folder = path.parent / "scans"
    folder.mkdir()
    for number, data in enumerate((whole, path.read_bytes(), whole)):
        (folder / f"scan_{number}{path.suffix}").write_bytes(data)
    return folder / f"scan_%d{path.suffix}"


def findings(watchdog: Watchdog, path: Path, data: bytes, whole: bytes) -> Iterator[str]:
    """Color one film and yield what is wrong with how that went; nothing, for most.

    whole : the film before it was mangled
    """
    folder = path.parent
    path.write_bytes(data)
    before = watchdog.said.stat().st_size if watchdog.said.exists() else 0
    target = folder / "out.mkv"
    number = int(path.name.split("-")[1]) if path.suffix[1:] in PIPED else 0
    odd = number // (len(CONTAINERS) + len(PICTURES)) % 2
    piped = PIPED.get(path.suffix[1:]) == odd
    source = "-" if piped else str(path)
    if path.suffix[1:] in PICTURES:
        source = str(sequence(path, whole))
    words = ["-movie_in", source, "-save", str(target), "-cache", str(folder / "cache")]
    words += ["-workers", "1", "-recolor", "-preset", "ultrafast"]
    code, reason = watchdog.color(words, path if piped else None)
    said = watchdog.said.read_bytes()[before:].decode(errors="replace")
    if reason:
        yield reason
    elif code not in {0, 1}:
        yield f"exit code {code}"
    elif code == 1 and not said.strip():
        yield "failed without a word"
    elif code == 0 and not probe(target).frames:
        yield "nothing in the result"
    if "Traceback" in said:
        yield f"traceback: {said.splitlines()[-1]}"
    if any(not line.isprintable() for line in said.splitlines()):
        yield f"not printable: {said!r}"
    if left := [p.name for p in folder.rglob("*.part*")]:
        yield f"left behind: {left}"
    if (code == 0) != target.exists():
        yield "a result in spite of failure" if code else "no result"
    if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(data).digest():
        yield "the input was changed"


def fuzz(n: int, *, seed: int = 0, keep: Path | None = None) -> tuple[list[str], Counter[str]]:
    """Color ``n`` mangled films; return the findings, and how many films were colored and refused.

    keep : folder for the films of the findings
    """
    found: list[str] = []
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        seeds = films(root)
        with contextlib.closing(Watchdog(root / "said.txt")) as watchdog:
            for index in range(n):
                case, data = mangled(seeds, index, seed)
                with tempfile.TemporaryDirectory(dir=root) as folder:
                    lines = [
                        f"{case}: {line}"
                        for line in findings(
                            watchdog, Path(folder) / case, data, seeds[case.split(".")[-1]]
                        )
                    ]
                    counts["colored" if (Path(folder) / "out.mkv").exists() else "refused"] += 1
                found += lines
                if lines and keep:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / case).write_bytes(data)
    return found, counts


def run() -> int:
    """Run the script and return its exit code."""
    parser = argparse.ArgumentParser(description="Color mangled films and say what goes wrong.")
    parser.add_argument("--n", type=int, default=130, help="films (default: 130)")
    parser.add_argument("--seed", type=int, default=0, help="of the mangling (default: 0)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the films of findings here")
    args = parser.parse_args()
    found, counts = fuzz(args.n, seed=args.seed, keep=args.keep)
    print(*found, sep="\n")
    print(
        f"{args.n} films: {counts['colored']} colored, {counts['refused']} refused, {len(found)} findings"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(run())
