"""Train the network: the loop, on one screen. The same command again continues."""

import argparse
import dataclasses
import logging
import signal
import sys
from pathlib import Path
from typing import Any

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from train.config import NO_BACKBONE, PLACES, ROOT, TrainConfig, prepare_environment
from train.run import Clock, Run

logger = logging.getLogger(__name__)

LOG_EVERY = 10  # steps between log rows; the loss is fetched from the device no more often
INTERRUPTED = 130


def train(run: Run) -> None:
    """Learn to the last step or until asked to stop; log, validate and save on the way."""
    config, clock, batches = run.config, Clock(run), run.batches()
    quiet = None if run.rank == 0 else True
    with tqdm(total=config.steps, initial=run.step, unit="step", disable=quiet) as bar:
        while run.learning:
            with clock.waiting():
                parts = [next(batches) for _ in range(config.parts // run.processes)]
            run.note_skipped(parts)
            clock.losses.append(run.learner.learn(run.step, parts))
            run.step += 1
            bar.update()
            rhythm = (LOG_EVERY, config.valid_every, config.save_every)
            log, valid, save = (run.step % every == 0 or not run.learning for every in rhythm)
            if log or valid or save:  # nothing is measured or kept before the loss is known finite
                bar.set_postfix_str(clock.report())
            with clock.paused():
                if valid and not run.stopping:
                    logger.info("step %d  %s", run.step, run.validate())
                if save:
                    run.save()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Train the network. The same command again continues where it stopped.",
        epilog="example: python train/train.py -data data/train -valid data/test -out model/runs/first",
    )
    default = ROOT / "model" / "runs" / "default"
    run = parser.add_argument_group("the run")

    def option(name: str, **details: object) -> None:
        run.add_argument(f"-{name}", f"--{name}", **details)  # type: ignore[arg-type]

    option("out", type=Path, default=default, help="folder of the run (default: %(default)s)")
    option("restart", action="store_true", help="forget an earlier run in -out")
    option("device", choices=["auto", "cpu", "gpu"], default="auto", help="(default: auto)")
    option(
        "precision",
        choices=["auto", "fp32", "bf16", "fp16"],
        default="auto",
        help="of the convolutions; losses, statistics and weights stay fp32 (default: auto, half on a GPU)",
    )
    option("threads", type=int, help="CPU threads (default: all cores)")
    option("visualdl", action="store_true", help="also log for VisualDL, when it is installed")
    option("eager", action="store_true", help="do not compile the network, to compare")
    _config_options(parser)
    return parser


def _config_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser one option for every field of the config."""
    group = parser.add_argument_group("what to train, and how")
    for f in dataclasses.fields(TrainConfig):
        details: dict[str, Any] = {k: v for k, v in f.metadata.items() if k != "help"}
        if isinstance(f.default, tuple):
            details["nargs"] = "+"
        else:
            details["type"] = type(f.default)
        shown = " ".join(map(str, f.default)) if isinstance(f.default, tuple) else str(f.default)
        text = f"{f.metadata['help']} (default: {shown or 'none'})".replace("%", "%%")
        group.add_argument(f"-{f.name}", f"--{f.name}", default=f.default, help=text, **details)


def _config_from(args: argparse.Namespace) -> TrainConfig:
    """Collect a config from parsed options; paths become absolute."""
    values = {f.name: getattr(args, f.name) for f in dataclasses.fields(TrainConfig)}
    for name in PLACES:
        if values[name] and values[name] != NO_BACKBONE:
            values[name] = str(Path(values[name]).expanduser().resolve())
    return TrainConfig(**values)


def main(words: list[str] | None = None) -> int:
    """Read the options, train, turn failures into one line and an exit code."""
    args = _parser().parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config, out = _config_from(args), args.out.expanduser().resolve()
    except ValueError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    prepare_environment(threads=args.threads)
    try:
        how = {"device": args.device, "precision": args.precision, "visualdl": args.visualdl}
        run = Run(config, out, static=not args.eager, **how)
        if args.restart:
            run.checkpoint.unlink(missing_ok=True)
        run.resume()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, run.stop)
        with logging_redirect_tqdm():
            train(run)
    except (ValueError, OSError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    if run.stopping:
        logger.info("saved at step %d; run the same command to continue", run.step)
        return INTERRUPTED
    print(out / "best.npz")
    return 0


if __name__ == "__main__":
    sys.exit(main())
