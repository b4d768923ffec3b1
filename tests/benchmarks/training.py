"""Training speed: eager and compiled, the effect of each environment setting, and the reader's rate.

    python tests/benchmarks/training.py [-data FOLDER] [-steps N]

Every row runs in its own process, because settings must be made before Paddle is imported.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples" / "color"
CORES = str(os.cpu_count() or 1)
# name -> (environment, additional options of train.py)
WAYS: dict[str, tuple[dict[str, str], list[str]]] = {
    "eager, one thread": ({"OMP_NUM_THREADS": "1"}, ["-eager"]),
    "eager, all cores": ({"OMP_NUM_THREADS": CORES}, ["-eager"]),
    "eager, all cores, AMD's fast MKL path": (
        {"OMP_NUM_THREADS": CORES, "MKL_DEBUG_CPU_TYPE": "5"},
        ["-eager"],
    ),
    "as shipped: compiled, environment prepared": ({}, []),
    "the same, the backbone learning along": ({}, ["-tune_from 0"]),
}


def pictures_per_s(data: Path, way: str, *, steps: int, size: int) -> float:
    """Train the full network for some steps; the first, which compiles, is not timed."""
    settings, options = WAYS[way]
    clean = {
        k: v for k, v in os.environ.items() if k not in {"OMP_NUM_THREADS", "MKL_DEBUG_CPU_TYPE"}
    }
    with tempfile.TemporaryDirectory() as folder:
        code = (
            "import sys, time; from pathlib import Path\n"
            "from train.config import TrainConfig, prepare_environment\n"
            f"{'prepare_environment()' if '-eager' not in options else ''}\n"
            "from train.run import Run\n"
            f"config = TrainConfig(data={str(data)!r}, valid={str(SAMPLES)!r}, steps=999, sizes=({size},),"
            f" batch=16, valid_pictures=1, tune_from={0 if '-tune_from 0' in options else -1})\n"
            f"run = Run(config, Path({folder!r}), device='auto', static={'-eager' not in options})\n"
            "run.resume()\n"
            "batches, taken = run.batches(), []\n"
            f"for step in range({steps} + 1):\n"
            "    start = time.monotonic()\n"
            "    run.trainer.train_step(step, [next(batches)]).item()\n"
            "    taken.append(time.monotonic() - start)\n"
            "print('rate', 16 / min(taken[1:]))\n"
        )
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=ROOT, env={**clean, **settings}, check=True, capture_output=True, text=True,
        )  # fmt: skip
    return float(done.stdout.split("rate ")[-1].split()[0])


def reader_rates(data: Path) -> dict[str, float]:
    """Measure pictures/s of the reader alone at 128 pixels, with one and with two worker processes."""
    from prior.dataset import list_pictures
    from prior.qspace import QSpace, read_bins
    from train.fileReader import SampleOptions, SampleSet, StepSampler, read_weight, samples_loader

    qspace = QSpace(read_bins())
    weight = read_weight(ROOT / "prior", qspace, strength=1.0)
    samples = SampleSet(list_pictures(data), qspace=qspace, weight=weight, options=SampleOptions())
    rates = {}
    for workers in (1, 2):
        steps = range(60)
        sampler = StepSampler(
            len(samples), steps=steps, batch=32, parts=1, seed=0, sizes=[128] * len(steps)
        )
        batches = iter(samples_loader(samples, sampler, workers=workers))
        for _ in range(10):  # the workers start
            next(batches)
        start = time.monotonic()
        count = sum(32 for _ in batches)
        rates[f"reader, {workers} worker(s)"] = count / (time.monotonic() - start)
    return rates


def main() -> None:
    """Print one JSON object per row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-data", "--data", type=Path, default=SAMPLES, help="color pictures")
    parser.add_argument("-steps", "--steps", type=int, default=3, help="timed steps per row")
    parser.add_argument("-size", "--size", type=int, default=128, help="pixels")
    args = parser.parse_args()
    for name, rate in reader_rates(args.data.resolve()).items():
        print(json.dumps({"what": name, "pictures_per_s": round(rate, 1)}), flush=True)
    for way in WAYS:
        rate = pictures_per_s(args.data.resolve(), way, steps=args.steps, size=args.size)
        print(json.dumps({"what": way, "pictures_per_s": round(rate, 1)}), flush=True)


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    main()
