"""Train the network: the loop, on one screen. The same command again continues."""

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np
from tqdm import tqdm

from prior.qspace import QSpace, read_bins
from train.checkpoint import CheckpointError, State, read_checkpoint, write_checkpoint
from train.config import ROOT, TrainConfig, add_config_options, config_from, prepare_environment

if TYPE_CHECKING:
    from train.fileReader import SampleSet
    from train.learner import Batch, Learner

logger = logging.getLogger(__name__)

LOG_EVERY = 10  # steps between log lines; the loss is fetched from the device no more often


class Run:
    """A training run in a folder: what it learns with, and what it has seen so far."""

    def __init__(self, config: TrainConfig, out: Path, *, device: str, static: bool) -> None:
        from train import fileReader, learner

        self.config, self.out, self.step = config, out, 0
        self.rank, self.processes = _processes(config)
        gpu = learner.choose_device(device) == "gpu"
        self.qspace = QSpace(read_bins(Path(config.prior) / "Q.npy"))
        self.learner: Learner = learner.Learner(config, self.qspace.bins, amp=gpu, static=static)
        self.samples: SampleSet = fileReader.SampleSet(
            fileReader.picture_index(Path(config.data)),
            qspace=self.qspace,
            weight=fileReader.read_weight(
                Path(config.prior), self.qspace, strength=config.rebalance
            ),
            options=fileReader.SampleOptions(config.seed, config.hints, config.palette),
        )
        self.facts: dict[str, Any] = {"history": [], "skipped": [], "best": None, "seconds": 0.0}

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.npz"

    def resume(self) -> None:
        """Go on from the checkpoint when there is one, else from -init when given."""
        from model.store import build, read_weights

        if self.checkpoint.exists():
            state = read_checkpoint(self.checkpoint, self.config)
            self.learner.restore(state.arrays)
            self.step, self.facts = state.step, state.facts
            logger.info("continuing %s at step %d of %d", self.out, self.step, self.config.steps)
        elif self.config.init:
            weights = read_weights(Path(self.config.init))
            self.learner.start_from(build(weights).state_dict())

    def save(self) -> None:
        if self.rank == 0:
            state = State(self.step, self.learner.arrays(), self.facts, self.config)
            write_checkpoint(self.checkpoint, state)

    def batches(self, *, steps: range, seed: int, parts: int) -> "Iterator[Batch]":
        """Parts of this process's share of the batches, in order."""
        from train.fileReader import StepSampler, samples_loader

        sampler = StepSampler(
            len(self.samples),
            steps=steps,
            batch=self.config.batch,
            parts=parts,
            seed=seed,
            sizes=[self.config.size_at(min(step, self.config.steps - 1)) for step in steps],
            rank=self.rank,
            processes=self.processes,
        )
        yield from samples_loader(self.samples, sampler, workers=self.config.workers)


def train(run: Run) -> None:
    """Learn to the last step, logging, validating and saving on the way."""
    config, clock = run.config, Clock(run)
    batches = run.batches(steps=range(run.step, config.steps), seed=config.seed, parts=config.parts)
    with tqdm(total=config.steps, initial=run.step, unit="step", disable=None) as bar:
        while run.step < config.steps:
            with clock.waiting():
                parts = [next(batches) for _ in range(config.parts // run.processes)]
            note_skipped(run, parts)
            clock.losses.append(run.learner.learn(run.step, parts))
            run.step += 1
            bar.update()
            last = run.step == config.steps
            due = {every: last or run.step % every == 0 for every in (LOG_EVERY, *config.rhythm)}
            if any(due.values()):  # nothing is measured or saved before the loss is known finite
                bar.set_postfix_str(clock.report())
            if due[config.valid_every]:
                validate(run)
            if due[config.save_every]:
                run.save()


class Clock:
    """Loss, speed and the share of time spent waiting for the reader, between two log lines."""

    def __init__(self, run: Run) -> None:
        self.run, self.losses = run, []  # type: Run, list[Any]
        self._start, self._waited = time.monotonic(), 0.0

    def waiting(self) -> "_Waiting":
        return _Waiting(self)

    def report(self) -> str:
        """Log one line; a loss that is not finite stops the run with its last good state kept."""
        import paddle

        from train.learner import learning_rate

        values = paddle.stack(self.losses).numpy()
        if not np.isfinite(values).all():
            raise CheckpointError(
                f"the loss became {values[~np.isfinite(values)][0]} before step {self.run.step}; the last "
                f"good state is in {self.run.checkpoint}: lower -learning_rate and start with -restart"
            )
        seconds = time.monotonic() - self._start
        row = {
            "step": self.run.step,
            "loss": round(float(values.mean()), 5),
            "lr": learning_rate(self.run.config, self.run.step - 1),
            "pictures_per_s": round(len(values) * self.run.config.batch / seconds, 2),
            "wait": round(self._waited / seconds, 4),
        }
        self.run.facts["seconds"] += seconds
        self.losses, self._start, self._waited = [], time.monotonic(), 0.0
        write_log(self.run, row)
        self.run.facts["history"].append(row)
        text = (
            f"loss {row['loss']:.3f}  lr {row['lr']:.1e}  "
            f"{row['pictures_per_s']:.0f} img/s  wait {row['wait']:.0%}"
        )
        logger.debug("step %d  %s", self.run.step, text)
        return text


class _Waiting:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __enter__(self) -> None:
        self.start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.clock._waited += time.monotonic() - self.start


def validate(run: Run) -> None:
    """Measure the averaged network, keep it when it is the best so far."""


def note_skipped(run: Run, parts: "list[Batch]") -> None:
    """Name every picture that could not be read, once."""
    for part in parts:
        for index in part["skipped"].numpy():
            name = str(run.samples.pictures[index])
            if index >= 0 and name not in run.facts["skipped"]:
                run.facts["skipped"].append(name)
                logger.warning(
                    "cannot read %s: skipped (%d so far)", name, len(run.facts["skipped"])
                )


def write_log(run: Run, row: dict[str, Any]) -> None:
    if run.rank == 0:
        with (run.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _processes(config: TrainConfig) -> tuple[int, int]:
    """This process's rank and how many there are (python -m paddle.distributed.launch)."""
    import paddle

    if paddle.distributed.ParallelEnv().world_size == 1:
        return 0, 1
    paddle.distributed.init_parallel_env()
    processes = paddle.distributed.get_world_size()
    if config.parts % processes:
        raise ValueError(
            f"-parts {config.parts} cannot be shared by {processes} processes: use a multiple"
        )
    return paddle.distributed.get_rank(), processes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Train the network. The same command again continues where it stopped.",
        epilog="example: python train/train.py -data data/train -valid data/test -out model/runs/first",
    )
    default = ROOT / "model" / "runs" / "default"
    parser.add_argument(
        "-out", "--out", type=Path, default=default, help="folder of the run (default: %(default)s)"
    )
    parser.add_argument(
        "-restart", "--restart", action="store_true", help="forget an earlier run in -out"
    )
    parser.add_argument("-device", "--device", choices=["auto", "cpu", "gpu"], default="auto")
    parser.add_argument("-threads", "--threads", type=int, help="CPU threads (default: all cores)")
    parser.add_argument(
        "-eager", "--eager", action="store_true", help="do not compile the network (to compare)"
    )
    add_config_options(parser)
    return parser


def main() -> int:
    """Read the options, run, turn failures into one line and an exit code."""
    args = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare_environment(threads=args.threads)
    run = None
    try:
        config, out = config_from(args), args.out.expanduser().resolve()
        out.mkdir(parents=True, exist_ok=True)
        run = Run(config, out, device=args.device, static=not args.eager)
        if args.restart:
            run.checkpoint.unlink(missing_ok=True)
        run.resume()
        train(run)
    except KeyboardInterrupt:
        if run is not None:
            run.save()
            logger.info("saved at step %d; the same command continues", run.step)
        return 130
    except (ValueError, OSError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
