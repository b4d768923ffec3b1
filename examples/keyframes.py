"""Colors a film by keyframes that a function of your own regrades; in its place, a person can paint them.

    python examples/keyframes.py data/samples/film.mp4 graded.mp4

The network colorizes what no keyframe reaches, to match.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageEnhance

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from main import main as colorizer

STRONGER = 1.6  # factor of the colors


def regrade(picture: Image.Image) -> Image.Image:
    """Return a keyframe in the desired colors; its lightness does not matter, because the film keeps its own."""
    return ImageEnhance.Color(picture.convert("RGB")).enhance(STRONGER)


def main(film: str, out: str) -> int:
    """Take keyframes out of a film, regrade them, and color the film by them; return the exit code."""
    with tempfile.TemporaryDirectory() as keys:
        if code := colorizer(["-movie_in", film, "-keyframes", keys]):
            return code
        for path in Path(keys).glob("*.color.png"):
            regrade(Image.open(path)).save(path)
        return colorizer(["-movie_in", film, "-references", keys, "-save", out])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/keyframes.py FILM OUT")
    sys.exit(main(*sys.argv[1:]))
