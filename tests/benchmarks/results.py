"""Compares the results of two checkouts byte for byte, after a change that should not affect any.

    python tests/benchmarks/results.py ../other-checkout [--only photos films]

Runs the same commands in both, on the samples, and prints a line for each file: equal, or different.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import av

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "data" / "samples"
PHOTO, CAT, FILM = SAMPLES / "astronaut.jpg", SAMPLES / "chelsea.jpg", SAMPLES / "film.mp4"
COLOR = SAMPLES / "color"
HINTS = ["-hint", "165,357,#c8521e", "-hint", "3%,53%,#a4303f"]
# {} is the folder of results.
COMMANDS = {
    "photos": [
        ["-img_in", SAMPLES, "-save", "{}/all/"],
        ["-img_in", PHOTO, "-save", "{}/plain.png"],
        ["-img_in", CAT, "-save", "{}/tall.tif", "-working_size", "256", "-compare"],
        ["-img_in", PHOTO, "-save", "{}/settings.webp", "-temperature", "0.4", "-saturation", "1.3"],
        ["-img_in", PHOTO, "-save", "{}/hinted.png", *HINTS],
        ["-img_in", PHOTO, "-save", "{}/palette.png", "-palette", "#c0392b,#2e86c1", "-guidance", "1"],
        ["-img_in", PHOTO, "-save", "{}/mood.png", "-mood", "cold", *HINTS],
        ["-img_in", CAT, "-save", "{}/content.png", "-reference", COLOR / "chelsea.jpg"],
        ["-img_in", CAT, "-save", "{}/histogram.png", "-reference", COLOR / "coffee.jpg"],
        ["-img_in", PHOTO, "-save", "{}/choice.png", "-candidates", "3"],
        [
            "-img_in", PHOTO, "-confidence", "{}/sure.png",
            "-suggest", "3", "-suggest_json", "{}/suggested.json",
        ],
    ],
    "films": [
        ["-movie_in", FILM, "-save", "{}/plain.mp4"],
        ["-movie_in", FILM, "-save", "{}/alone.mkv", "-steady", "0", "-codec", "ffv1"],
        ["-movie_in", FILM, "-save", "{}/part.mov", "-start", "0.5", "-duration", "1", "-compare"],
        ["-movie_in", FILM, "-save", "{}/hinted.mp4", "-hint", "0:00:01.2,50%,40%,#3a6ea5"],
        ["-movie_in", FILM, "-save", "{}/guided.mkv", "-reference", COLOR / "coffee.jpg", "-leave", "1"],
        ["-movie_in", FILM, "-preview", "{}/shots.png", "-hint", "20f,20,30,#7a5230"],
    ],
}  # fmt: skip


def results(checkout: Path, folder: Path, commands: list[list[object]]) -> dict[str, str]:
    """Run commands of a checkout; return the sha256 of each output file by name."""
    folder.mkdir()
    for number, command in enumerate(commands):
        words = [str(word).replace("{}", str(folder)) for word in command]
        if "-movie_in" in words:
            words += ["-cache", str(folder / "cache")]
        done = subprocess.run(
            [sys.executable, str(checkout / "main.py"), *words], capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{checkout}: {' '.join(words)}\n{done.stderr}")
        shown = done.stdout.replace(str(folder), "")
        if "-suggest" in words:
            (folder / f"{number}.stdout.txt").write_text(shown, encoding="utf-8")
    files = [path for path in folder.rglob("*") if path.is_file() and "cache" not in path.parts]
    return {
        str(path.relative_to(folder)): hashlib.sha256(content_of(path)).hexdigest()
        for path in sorted(files)
    }


def content_of(path: Path) -> bytes:
    """Return a file's bytes; for Matroska, whose track numbers are random, its packets and their times."""
    if path.suffix != ".mkv":
        return path.read_bytes()
    content = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet in container.demux():
            content.update(f"{packet.stream_index} {packet.pts} {packet.dts}".encode())
            content.update(bytes(packet))
    return content.digest()


def main() -> int:
    """Parse the command line, run both checkouts and compare; return 1 if any file differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("other", type=Path, help="another checkout of the program")
    parser.add_argument("--only", nargs="+", choices=tuple(COMMANDS), default=list(COMMANDS))
    options = parser.parse_args()
    different = 0
    for kind in options.only:
        with tempfile.TemporaryDirectory() as work:
            ours, theirs = (
                results(checkout, Path(work, name), COMMANDS[kind])
                for name, checkout in (("ours", ROOT), ("theirs", options.other.resolve()))
            )
        for name in sorted(ours.keys() | theirs.keys()):
            same = ours.get(name) == theirs.get(name)
            different += not same
            print(f"{'equal' if same else 'DIFFERENT':<10} {kind}/{name}", flush=True)
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
