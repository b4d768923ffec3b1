"""Colorizes an album and lists the photos to look at first: those of which the network is least sure.

    python examples/album.py data/samples colored/

Run the same command again after an interruption, or when photos were added: finished ones are skipped.
"""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from main import main as colorizer

SHOWN = 10


def least_sure(report: Path) -> list[tuple[float, str]]:
    """Read (confidence, result) of the colored photos, the least sure ones first."""
    with report.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["confidence"]]
    return sorted((float(row["confidence"]), row["result"]) for row in rows)


def main(album: str, out: str) -> int:
    """Colorize all photos of a folder; return the command's exit code: 1 if some failed."""
    report = Path(out) / "report.csv"
    code = colorizer(["-img_in", album, "-recursive", "-save", f"{out}/", "-report", str(report)])
    for confidence, photo in least_sure(report)[:SHOWN]:
        print(f"{confidence:.2f}  {photo}")
    return code


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/album.py ALBUM OUT")
    sys.exit(main(*sys.argv[1:]))
