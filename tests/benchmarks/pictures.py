"""Recreates the pictures of the README and of docs/ after a release of other weights or settings.

    python tests/benchmarks/pictures.py                     those of the sample pictures and the sample film
    python tests/benchmarks/pictures.py --only moving       the sample film, gray and in color, as an animation
    python tests/benchmarks/pictures.py --only keyed        frames of it that follow a keyframe
    python tests/benchmarks/pictures.py --film bottle.mp4   and the strip of steady colors

The pictures of the page are made by page_picture.py. Check the pictures before committing
them: what the README and docs/ say about them must still hold.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from color.arrays import Bytes
from image.resize import fitted
from image.sheet import tile
from model.weights_file import RELEASED
from prior.lab import lab2rgb, rgb2lab
from train.evaluation_images import IMAGE_PX
from train.measure_films import colorize_shot, colorized, read_frames, shots
from train.method import SHIPPED, open_network
from train.plots import write_image

SAMPLES, PICTURES = ROOT / "data" / "samples", ROOT / "docs" / "pictures"
PANE_PX = 298  # width of each of three panes
MISTAKE = np.s_[172:512, 0:340]  # of the portrait: the flag and the suit
# As in the command of docs/guidance.md.
HINTS = ("165,357,#c8521e", "345,330,#c8521e", "60,400,#c8521e", "20,95,#1d3557", "60,170,#a4303f", "3%,53%,#a4303f")  # fmt: skip
MOVING_EVERY, MOVING_QUALITY = 2, 45  # frames of the film for one of the animation; WebP's quality
# The suit, and the flag beside it, on the keyframe of the first shot.
PAINTED = ("265,222,#c8521e", "70,222,#c8521e", "42,224,#c8521e", "20,180,gray", "4,215,gray", "35,140,gray")  # fmt: skip
KEYED_PX, KEYED_LAST = (224, 168), 34
STRIP_PX, STRIP_FRAMES = 196, (144, 168, 216, 264, 330, 360)


def main_py(*words: str | Path) -> None:
    """Run the program, quietly."""
    command = [sys.executable, str(ROOT / "main.py"), *map(str, words), "-overwrite", "-quiet"]
    subprocess.run(command, check=True)


def read(path: Path) -> Bytes:
    """Read rgb (H, W, 3)."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1], np.uint8)


def panes(pictures: Sequence[Bytes], name: str) -> None:
    """Write pictures of equal shape side by side."""
    small = [fitted(np.ascontiguousarray(rgb), (PANE_PX, PANE_PX)) for rgb in pictures]
    write_image(PICTURES / name, tile([small]))


def marked(gray: Bytes) -> Bytes:
    """Draw the hints on the gray picture."""
    shown = gray.copy()
    for hint in HINTS:
        *place, color = hint.split(",")
        x, y = (
            round(float(one.rstrip("%")) * side / 100) if one.endswith("%") else int(one)
            for one, side in zip(place, shown.shape[1::-1], strict=True)
        )
        cv2.circle(shown, (x, y), 14, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(shown, (x, y), 10, tuple(bytes.fromhex(color[1:])), -1, cv2.LINE_AA)
    return shown


def of_samples(work: Path) -> None:
    """Make the pictures of the sample portrait and the sample film."""
    portrait, plain = SAMPLES / "astronaut.jpg", work / "plain.png"
    main_py("-img_in", portrait, "-save", plain)
    main_py("-img_in", portrait, "-save", work / "hinted.png", *(w for h in HINTS for w in ("-hint", h)))  # fmt: skip
    main_py("-img_in", portrait, "-save", work / "choice.png", "-candidates", "5")
    main_py("-movie_in", SAMPLES / "film.mp4", "-preview", PICTURES / "film.png")
    gray, color = read(portrait), read(plain)
    truth = fitted(read(SAMPLES / "color" / "astronaut.jpg"), gray.shape[1::-1])
    write_image(PICTURES / "astronaut.color.jpg", color)
    panes([color, marked(gray), read(work / "hinted.png")], "guided.jpg")
    panes([picture[MISTAKE] for picture in (gray, color, truth)], "mistakes.jpg")
    write_image(PICTURES / "candidates.jpg", read(work / "choice.candidates.png"))


def frames_of(film: Path) -> list[Bytes]:
    """Decode the frames of the animation, rgb (H, W, 3)."""
    with av.open(str(film)) as container:
        decoded = list(container.decode(video=0))[::MOVING_EVERY]
    return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in decoded]


def moving(work: Path) -> None:
    """Make the animation of the sample film, gray beside color."""
    film, colored = SAMPLES / "film.mp4", work / "film.mp4"
    main_py("-movie_in", film, "-save", colored, "-cache", work / "jobs")
    pairs = zip(frames_of(film), frames_of(colored), strict=True)
    first, *others = [Image.fromarray(tile([list(pair)])) for pair in pairs]
    with av.open(str(film)) as container:
        rate = container.streams.video[0].average_rate
    first.save(
        PICTURES / "film.webp", save_all=True, append_images=others, loop=0, method=6,
        duration=round(1000 * MOVING_EVERY / rate), quality=MOVING_QUALITY,
    )  # fmt: skip


def keyed(work: Path) -> None:
    """Make the row of frames whose keyframe was colored by hand, here by hints: start, keyframe, first and last frame."""
    film, keys, colored = SAMPLES / "film.mp4", work / "keys", work / "keyed.mp4"
    main_py("-movie_in", film, "-keyframes", keys)
    gray, start = (next(keys.glob(f"shot001.frame??????{end}.png")) for end in ("", ".color"))
    began = read(start)
    main_py("-img_in", gray, "-save", start, *(w for hint in PAINTED for w in ("-hint", hint)))
    main_py("-movie_in", film, "-save", colored, "-references", keys, "-cache", work / "jobs")
    frames = frames_of(colored)
    row = [began, read(start), frames[0], frames[KEYED_LAST // MOVING_EVERY]]
    write_image(PICTURES / "keyed.jpg", tile([[fitted(one, KEYED_PX) for one in row]]))


def of_film(film: Path) -> None:
    """Make the strip: frames colorized independently, consistently, and in their own colors."""
    network = open_network(RELEASED)
    (shot,) = shots(read_frames(film, short_px=IMAGE_PX, limit=STRIP_FRAMES[-1] + 1))
    rows = []
    for steady in (0, 1):
        ab = colorize_shot(replace(SHIPPED, network=network, steady=steady), shot)
        rows.append([lab2rgb(colorized(rgb2lab(shot.own[i].rgb), shot.own[i].gray, ab[i])) for i in STRIP_FRAMES])  # fmt: skip
    rows.append([shot.own[i].rgb for i in STRIP_FRAMES])
    height, width = rows[0][0].shape[:2]
    size = (STRIP_PX, round(STRIP_PX * height / width))
    write_image(PICTURES / "steady.jpg", tile([[fitted(np.ascontiguousarray(rgb), size) for rgb in row] for row in rows]))  # fmt: skip


def main() -> None:
    """Parse the command line and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=["moving", "keyed"], help="make this picture alone")
    parser.add_argument("--film", type=Path, help="color film of one shot, for the strip")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        for name, make in (("moving", moving), ("keyed", keyed), ("", of_samples)):
            if options.only in (None, name):
                make(Path(work))
    if options.film:
        of_film(options.film)


if __name__ == "__main__":
    main()
