"""Measure the speed-up of films on a Dask cluster: python tests/benchmarks/cluster.py film.mp4 [-workers 1 2 4].

Each row is a cluster of single-threaded workers on this machine. main.py -scheduler colorizes the film twice, and the
second run is timed, when the workers have loaded the network. Efficiency is the speed per worker, relative to one
worker. The process that prefetches the film has its own core if one is free.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from distributed import LocalCluster

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: film.py would shadow the package film

from film.probe import probe


def seconds_of(film: Path, folder: Path, address: str) -> float:
    """Colorize a film on a cluster; return the command's time in s."""
    command = [sys.executable, ROOT / "main.py", "-movie_in", film, "-save", folder / "out.mkv", "-overwrite",
               "-quiet", "-cache", folder / "cache", "-scheduler", address]  # fmt: skip
    began = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True)
    return time.perf_counter() - began


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("-workers", "--workers", type=int, nargs="+", default=[1, 2, 4])
    args = parser.parse_args()
    frames = probe(args.film).frames
    os.environ["PYTHONPATH"] = str(ROOT)  # of the workers
    print(f"{frames} frames, {os.cpu_count()} cores")
    print("| workers | s | fps | efficiency |\n|---|---|---|---|")
    first = 0.0
    for number in args.workers:
        with (
            tempfile.TemporaryDirectory() as name,
            LocalCluster(n_workers=number, threads_per_worker=1, dashboard_address=None) as cluster,
        ):
            seconds_of(args.film, Path(name), cluster.scheduler_address)
            seconds = seconds_of(args.film, Path(name), cluster.scheduler_address)
        fps = frames / seconds
        first = first or fps / number
        print(f"| {number} | {seconds:.1f} | {fps:.1f} | {fps / number / first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
