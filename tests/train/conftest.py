"""Pictures and a prior for a training run, and what makes its tests quick."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import soft_squares

from color.arrays import Bytes
from prior.qspace import QSpace, read_bins
from train.run import Run


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with train/, test/ and prior/."""
    root = tmp_path_factory.mktemp("room")
    for name, count in (("train", 9), ("test", 2)):
        (root / name).mkdir()
        for number in range(count):
            blocks = np.random.default_rng(number).integers(0, 256, (4, 5, 3), dtype=np.uint8)
            picture = cv2.resize(blocks, (60, 48), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(root / name / f"{number}.jpg"), picture)
    (root / "prior").mkdir()
    np.save(root / "prior" / "Q.npy", read_bins())
    weight = np.random.default_rng(1).uniform(0.5, 2, 261).astype(np.float32)
    np.save(root / "prior" / "Weight.npy", weight)
    return root


@pytest.fixture
def one_qspace(qspace: QSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the released bins' tables, which take a quarter of a second, in every run."""
    for module in ("run", "evaluate"):
        monkeypatch.setattr(f"train.{module}.QSpace", lambda bins: qspace)


@pytest.fixture
def unvalidated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the final validation, half the time of a short run, in tests of the steps."""
    monkeypatch.setattr(Run, "validate", lambda run: "")


@pytest.fixture
def pictures() -> list[Bytes]:
    return soft_squares(3)


@pytest.fixture
def folder(tmp_path: Path, pictures: list[Bytes]) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    for i, rgb in enumerate(pictures):
        cv2.imwrite(str(place / f"{i}.png"), rgb[..., ::-1])
    return place
