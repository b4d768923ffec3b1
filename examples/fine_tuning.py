"""Fine-tunes the released weights on an archive of color photographs, and measures both on photographs kept apart.

    python examples/fine_tuning.py archive/ run/ -steps 2000

Further options are those of train/train.py. Run the same command again to continue. The result, run/best.npz, is for
main.py -weights.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from model.weights_file import RELEASED
from prior.dataset import SUFFIXES
from train.evaluate import main as evaluate
from train.train import main as train

VALID_EVERY = 10  # photographs, of which the first is kept apart


def divide(archive: Path, run: Path) -> tuple[Path, Path]:
    """Copy the photographs into two folders, one to train on and one to measure on; return them."""
    photos = sorted(path for path in archive.rglob("*") if path.suffix.lower() in SUFFIXES)
    rooms = run / "train", run / "valid"
    for number, photo in enumerate(photos):
        copy = rooms[number % VALID_EVERY == 0] / f"{number:06d}{photo.suffix}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copy2(photo, copy)
    return rooms


def main(archive: Path, run: Path, options: list[str]) -> int:
    """Divide, train and measure; return the exit code."""
    data, valid = map(str, divide(archive, run))
    out, start = str(run), str(RELEASED)
    if code := train(["-init", start, "-data", data, "-valid", valid, "-out", out, *options]):
        return code
    return evaluate(["-data", valid, "-weights", start, str(run / "best.npz"), "-shipped"])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python examples/fine_tuning.py ARCHIVE RUN [options of train/train.py]")
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
