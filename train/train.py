"""Train the network: the training loop and its command. Repeating the command resumes a run."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from model.weights_file import check_weights
from runtime.console import exit_code, log_to_stderr, usage_errors
from runtime.interrupts import stops_handled
from runtime.options import OneLineParser, add_options, check, option
from runtime.places import WORK
from runtime.progress import Progress, Silent, progress_for
from runtime.startup import INTERRUPTED
from train.checkpoint import LogRow
from train.config import NO_BACKBONE, TrainConfig, prepare_environment
from train.run import Run

logger = logging.getLogger(__name__)

LOG_EVERY = 10  # steps between log rows, at which the loss is fetched from the device
DESCRIPTION = "Train the network. Run the same command again to resume."
EXAMPLE = "example: python train/train.py -data data/train -valid data/test -out model/runs/first"


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of the run's folder and hardware; a resumed run may change them."""

    out: Path = option(
        WORK / "model" / "runs" / "default", "folder of the run", shown="model/runs/default"
    )
    restart: bool = option(False, "discard an earlier run in -out")
    device: str = option("auto", "device to train on", choices=("auto", "cpu", "gpu"))
    precision: str = option(
        "auto",
        "precision of the convolutions; losses, statistics and weights stay fp32",
        choices=("auto", "fp32", "bf16", "fp16"),
        shown="auto: 16 bits on a GPU, fp32 on a CPU",
    )
    threads: int | None = option(None, "CPU threads", low=1, shown="all cores")
    visualdl: bool = option(False, "also log for VisualDL, which must be installed")
    eager: bool = option(False, "do not compile the network, for comparison")

    def __post_init__(self) -> None:
        check(self)


def train(run: Run, *, progress: Progress = Silent()) -> None:
    """Train to the last step or until a stop is requested; log, validate and save at intervals."""
    if run.validation_is_due:  # an earlier stop came before it
        logger.info("step %d  %s", run.step, run.validate())
        run.save()
    config, meter, batches = run.config, Meter(run), run.batches()
    progress.start("training", config.steps, unit="steps")
    progress.advance(run.step, earlier=True)
    saved = run.step
    while run.in_progress:
        with meter.waiting():
            parts = [next(batches) for _ in range(config.parts // run.processes)]
        run.log_skipped(parts)
        meter.losses.append(run.trainer.train_step(run.step, parts))
        run.step += 1
        progress.advance()
        log, save = (
            run.step % steps == 0 or not run.in_progress for steps in (LOG_EVERY, config.save_every)
        )
        # Before validating or saving, because the report checks that the loss is finite.
        if log or save or run.validation_is_due:
            progress.note(meter.report())
        with meter.paused():
            if run.validation_is_due and not run.stopping:
                logger.info("step %d  %s", run.step, run.validate())
            if save:
                run.save()
                saved = run.step
    if saved != run.step:  # the stop came after the last step had been found to need no saving
        meter.report()
        run.save()


class LossError(ValueError):
    """The loss is no longer finite."""


class Meter:
    """Measures loss, speed and the share of time spent waiting for the reader, between two reports."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.losses: list[Any] = []
        self._start, self._waited = time.monotonic(), 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time in the block as waiting."""
        start = time.monotonic()
        yield
        self._waited += time.monotonic() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Exclude the time in the block: validating and saving are not training."""
        start = time.monotonic()
        yield
        self._start += time.monotonic() - start

    def report(self) -> str:
        """Log a row and return the log line. Raises LossError if the loss is not finite."""
        from train.trainer import learning_rate  # needs Paddle, which `main` has already imported

        if not self.losses:
            return ""
        values = np.array([loss.item() for loss in self.losses])
        if not np.isfinite(values).all():
            kept = (
                f"the last good state is kept in {self.run.checkpoint}: restart with -restart and"
                if self.run.checkpoint.exists()
                else "nothing was saved before: use"
            )
            raise LossError(
                f"the loss became {values[~np.isfinite(values)][0]} before step {self.run.step}; {kept} "
                "a lower -learning_rate"
            )
        seconds = time.monotonic() - self._start
        row: LogRow = {
            "step": self.run.step,
            "loss": round(float(values.mean()), 5),
            "lr": learning_rate(self.run.config, self.run.step - 1),
            "pictures_per_s": round(len(values) * self.run.config.batch / seconds, 2),
            "wait": round(self._waited / seconds, 4),
        }
        self.run.facts["seconds"] += seconds
        self.losses, self._start, self._waited = [], time.monotonic(), 0.0
        self.run.log(row)
        return (
            f"loss {row['loss']:.3f}  lr {row['lr']:.1e}  {row['pictures_per_s']:.0f} img/s  "
            f"wait {100 * row['wait']:.0f} %"
        )


def _train(options: TrainOptions, config: TrainConfig) -> Run:
    """Start or resume a run, and train until it ends or a stop is requested."""
    run = Run(
        config,
        options.out.expanduser().resolve(),
        static=not options.eager,
        device=options.device,
        precision=options.precision,
        visualdl=options.visualdl,
        restart=options.restart,
    )
    run.resume()
    progress = progress_for(quiet=run.rank != 0)
    try:
        with stops_handled(run.stop):
            train(run, progress=progress)
    finally:
        progress.close()
    return run


def _check_files(config: TrainConfig) -> None:
    """Raise OSError or ValueError, before any work, for weights to start from that are missing or damaged."""
    if config.init:
        check_weights(Path(config.init))
    elif config.backbone != NO_BACKBONE and not Path(config.backbone).is_file():
        raise FileNotFoundError(f"{config.backbone}: no such weights file")


def main(words: list[str] | None = None) -> int:
    """Parse the command line and train."""
    parser = OneLineParser(prog="train/train.py", description=DESCRIPTION, epilog=EXAMPLE)
    add_options(parser, TrainOptions, title="the run")
    add_options(parser, TrainConfig, title="the training")
    args = parser.parse_args(words)
    options, config = parser.collect(args, TrainOptions), parser.collect(args, TrainConfig)
    log_to_stderr()

    def work() -> int:
        prepare_environment(threads=options.threads)
        with usage_errors():
            _check_files(config)
        run = _train(options, config.with_absolute_paths())
        if run.stopping:
            logger.info("saved at step %d; run the same command to continue", run.step)
            return INTERRUPTED
        print(run.out / "best.npz")
        return 0

    return exit_code(parser.prog, work)


if __name__ == "__main__":
    sys.exit(main())
