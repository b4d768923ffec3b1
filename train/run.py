"""A training run in a folder: its pictures, its trainer, its logs and outputs.

The folder contains checkpoint.npz (state for resuming), best.npz and last.npz (weights in the released format),
log.jsonl, sheet.png (gray, ours, truth), curve.png, pictures-<rank>.json.gz (list of pictures of each process).
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prior.dataset import list_pictures
from prior.qspace import QSpace, read_bins
from runtime.files import sweep
from train.checkpoint import Facts, LogRow, State, read_checkpoint, write_checkpoint
from train.config import NO_BACKBONE, TrainConfig
from train.evaluation_images import evenly_spread, read_evaluation_images
from train.plots import write_image, write_training_curve

if TYPE_CHECKING:
    from train.fileReader import SampleSet
    from train.metrics import Metrics
    from train.trainer import Batch, Trainer

logger = logging.getLogger(__name__)

SHEET_PICTURES = 12
# Recalibration uses crops of the same pictures that differ from those of all training epochs.
CALIBRATION_SEED = 1 << 20


class Run:
    """A run and its folder, in which nothing changes before `resume`.

    restart : discard an earlier run in the folder, and relist the pictures
    """

    def __init__(
        self,
        config: TrainConfig,
        out: Path,
        *,
        device: str,
        static: bool,
        precision: str = "auto",
        visualdl: bool = False,
        restart: bool = False,
    ) -> None:
        from train import device as devices
        from train import fileReader, trainer

        self.config, self.out, self.step = config, out, 0
        out.mkdir(parents=True, exist_ok=True)
        sweep(out)  # now, before another process of this run can write there
        precision = devices.choose_precision(precision, devices.choose_device(device))
        self.rank, self.processes = devices.join_processes(config.parts)
        self.qspace = QSpace(read_bins(Path(config.prior) / "Q.npy"))
        self.begins = restart or not self.checkpoint.exists()
        data = Path(config.data)
        pictures = (
            list_pictures(data)
            if self.begins
            else fileReader.picture_index(data, kept=self._picture_list)
        )
        self.samples: SampleSet = fileReader.SampleSet(
            pictures,
            qspace=self.qspace,
            weight=fileReader.read_weight(
                Path(config.prior), self.qspace, strength=config.rebalance
            ),
            options=fileReader.SampleOptions(config.seed, config.hints, config.palette),
        )
        self.valid = list(read_evaluation_images(Path(config.valid), limit=config.valid_pictures))
        self.trainer: Trainer = trainer.Trainer(
            config, self.qspace.bins, precision=precision, static=static
        )
        self.facts: Facts = {"history": [], "skipped": [], "best": None, "seconds": 0.0}
        self.stopping = False
        self.board = _visualdl_board(out) if visualdl else None

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint, the state for resuming."""
        return self.out / "checkpoint.npz"

    @property
    def _picture_list(self) -> Path:
        return self.out / f"pictures-{self.rank}.json.gz"

    @property
    def in_progress(self) -> bool:
        """Return whether steps remain and no stop signal was received."""
        return self.step < self.config.steps and not self.stopping

    @property
    def validation_is_due(self) -> bool:
        """Return whether the step is one to validate at, and has not been validated."""
        at = self.step % self.config.valid_every == 0 or self.step == self.config.steps
        validated = (row["step"] for row in reversed(self.facts["history"]) if "valid" in row)
        return self.step > 0 and at and self.step != next(validated, 0)

    def stop(self, *_: object) -> None:
        """Request the end of the loop after this step; a signal handler."""
        self.stopping = True

    def resume(self) -> None:
        """Load the checkpoint if there is one, else -init if given, else -backbone; let the folder be of this run."""
        from model.weights_file import BACKBONE_PREFIX, read_backbone, read_weights

        if not self.begins:
            state = read_checkpoint(self.checkpoint, self.config)
            self.trainer.restore(state.arrays)
            self.step, self.facts = state.step, state.facts
            logger.info("continuing %s at step %d of %d", self.out, self.step, self.config.steps)
        elif self.config.init:
            self.trainer.start_from(read_weights(Path(self.config.init)).arrays)
        elif self.config.backbone != NO_BACKBONE:
            backbone = read_backbone(Path(self.config.backbone))
            self.trainer.start_from(backbone, prefix=BACKBONE_PREFIX)
        self._take_folder()

    def _take_folder(self) -> None:
        """Keep the list of pictures, and of an earlier run only what this one continues."""
        from train.fileReader import keep_index

        if self.rank == 0:
            if self.begins:  # a checkpoint is valid only with its own list of pictures
                self.checkpoint.unlink(missing_ok=True)
            self._log_file.unlink(missing_ok=True)
            # A killed run has logged steps since its checkpoint, which now come again.
            self._write_rows(self.facts["history"])
        if self.begins or not self._picture_list.exists():
            keep_index(self.samples.pictures, Path(self.config.data), kept=self._picture_list)

    def save(self) -> None:
        """Write the checkpoint, in the first process only."""
        if self.rank == 0:
            state = State(self.step, self.trainer.arrays(), self.facts, self.config)
            write_checkpoint(self.checkpoint, state)

    def batches(self) -> "Iterator[Batch]":
        """Yield the parts of this process's share of the batches, from the current step on."""
        config = self.config
        return self._loader(range(self.step, config.steps), seed=config.seed, parts=config.parts)

    def _loader(self, steps: range, *, seed: int, parts: int) -> "Iterator[Batch]":
        from train.fileReader import StepSampler, samples_loader

        sampler = StepSampler(
            len(self.samples),
            steps=steps,
            batch=self.config.batch,
            parts=parts,
            seed=seed,
            sizes=[self.config.size_at(step) for step in steps],
            rank=self.rank if parts > 1 else 0,
            processes=self.processes if parts > 1 else 1,
        )
        return iter(samples_loader(self.samples, sampler, workers=self.config.workers))

    def log_skipped(self, parts: "list[Batch]") -> None:
        """Log each unreadable picture once."""
        for index in (i for part in parts for i in part["skipped"].numpy().tolist()):
            name = self.samples.pictures[index].name
            if index >= 0 and name not in self.facts["skipped"]:
                self.facts["skipped"].append(name)
                logger.warning(
                    "cannot read %s: skipped (%d so far)", name, len(self.facts["skipped"])
                )

    def log(self, row: LogRow) -> None:
        """Add a row to log.jsonl and to the history for the curve."""
        self.facts["history"].append(row)
        if self.rank == 0:
            self._write_rows([row])
        if self.board is not None:
            for name, value in _numbers(row):
                self.board.add_scalar(tag=name, step=row["step"], value=value)

    @property
    def _log_file(self) -> Path:
        return self.out / "log.jsonl"

    def _write_rows(self, rows: Sequence[LogRow]) -> None:
        if rows:
            with self._log_file.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)

    def validate(self) -> str:
        """Measure the averaged network and all gray, save the weights, and return the log line."""
        from model.export import AnnealedNet
        from train.device import restore_threads
        from train.measure_photos import measure_photos, sheet
        from train.method import GRAY, Method

        if self.rank != 0:
            return ""
        calibration = range(self.step, self.step + self.config.recalibrate)
        self.trainer.recalibrate(self._loader(calibration, seed=CALIBRATION_SEED, parts=1))
        averaged = AnnealedNet(self.trainer.averaged, self.qspace.bins)
        method = Method(averaged.predict, working_size=self.config.valid_size)
        gray, ours = measure_photos([GRAY, method], self.valid, qspace=self.qspace)
        entropy = self.cross_entropies()
        self.log(
            {
                "step": self.step,
                "valid": asdict(ours),
                "gray": asdict(gray),
                "cross_entropy": entropy,
            }
        )
        self._keep(ours, gray)
        shown = sheet([method], self.valid[:SHEET_PICTURES], qspace=self.qspace)
        restore_threads()  # measuring objects has changed it
        write_image(self.out / "sheet.png", shown)
        write_training_curve(self.out / "curve.png", self.facts["history"])
        return (
            f"PSNR {ours.psnr:.2f} (gray {gray.psnr:.2f})  AuC {ours.auc:.2f} ({gray.auc:.2f})  rebalanced "
            f"{ours.auc_rebalanced:.2f} ({gray.auc_rebalanced:.2f})  colorfulness {ours.colorfulness:.1f} "
            f"(truth {ours.colorfulness_truth:.1f})  cross-entropy train {entropy['train']:.3f}, "
            f"validation {entropy['valid']:.3f}"
        )

    def cross_entropies(self) -> dict[str, float]:
        """Return the averaged network's cross-entropy on training and validation pictures.

        Of the training pictures, there are as many. Crops and mirroring are as in training, but without aging, hints and palettes. If the first falls and the
        second does not, the network overfits: more pictures help, more steps do not.
        """
        plain = replace(self.samples.options, hints=0.0, palette=0.0, aged=False)
        valid = evenly_spread(list_pictures(Path(self.config.valid)), self.config.valid_pictures)
        both = {"train": evenly_spread(self.samples.pictures, len(valid)), "valid": valid}
        return {
            name: self.trainer.entropy(
                self.samples.like(pictures, plain), size=self.config.valid_size
            )
            for name, pictures in both.items()
        }

    def _keep(self, ours: "Metrics", gray: "Metrics") -> None:
        """Write the averaged weights as last.npz, and as best.npz if their score is the best so far."""
        from model.weights_file import arrays_of, write_weights

        record = {
            "config": self.config.for_record(),
            "step": self.step,
            "seconds": round(self.facts["seconds"]),
            "pictures": len(self.samples),
            "valid": asdict(ours),
            "gray": asdict(gray),
        }
        score = (ours.auc + ours.auc_rebalanced) / 2
        names = ["last.npz"]
        if self.facts["best"] is None or score > self.facts["best"]["score"]:
            self.facts["best"] = {"score": score, "step": self.step}
            names.append("best.npz")
        for name in names:
            arrays = arrays_of(self.trainer.averaged)
            write_weights(
                self.out / name, arrays, config=self.trainer.averaged.config, record=record
            )


def _numbers(row: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Flatten a log row to pairs (name, number)."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and name != "step":
            yield prefix + name, float(value)


def _visualdl_board(out: Path) -> Any:
    try:
        from visualdl import LogWriter
    except ImportError as error:
        raise ValueError("-visualdl: VisualDL is not installed: pip install visualdl") from error
    return LogWriter(logdir=str(out / "visualdl"))
