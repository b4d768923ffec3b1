"""Measure the colors that keyframes give a shot, against its true colors.

    python tests/benchmarks/keyframes.py clip.mkv [frames_of_a_clip/ ...] --keys first
    python tests/benchmarks/keyframes.py clip.mkv --keys ends --copied      the keyframes are like a generator's copies

Each input is one shot in color: a film, or a folder of frames. Its gray copy is colorized by `main.py`, losslessly, and
compared with the truth from the second frame on, in five rows: gray; without guidance; the keyframes as references, as
version 0.2.0 used them; as keyframes. Then for the keyframes: the share of all places that they reach, the PSNR of those,
and the PSNR where nothing reaches. Speed includes the start of the program, as for its users; compare rows of one run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: film.py would shadow the package film

from skimage.color import deltaE_ciede2000

from color.arrays import Bytes, Floats
from color.segment import Keyframe, Segment, SegmentGuidance
from film.probe import probe
from film.segment import decode_gray
from model.keyframes import overlays
from prior.lab import lab2rgb, rgb2lab

COLUMNS = ("mean", "second", "middle", "last", "CIEDE2000", "its p90", "frames/s")
COPY_PX, SHIFT_PX, LARGER, QUALITY, GAMMA = 1024, 3, 1.02, 85, 0.85  # of a generator's copy


def frames_of(source: Path, limit: int) -> list[Bytes]:
    """Read the frames (H, W, 3) of a film, or of a folder of pictures."""
    if source.is_dir():
        paths = sorted(path for path in source.iterdir() if path.suffix.lower() in {".png", ".jpg"})
        pictures = (cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths[:limit])
        return [np.ascontiguousarray(picture[..., ::-1]) for picture in pictures]
    with av.open(str(source)) as container:
        decoded = container.decode(video=0)
        return [frame.to_ndarray(format="rgb24") for _, frame in zip(range(limit), decoded)]  # noqa: B905


def write_gray(frames: Sequence[Bytes], path: Path) -> None:
    """Write the luma (BT.601, as PyAV converts) of frames losslessly."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "gray"
        for rgb in frames:
            gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(gray, format="gray")))
        container.mux(stream.encode())


def copied(rgb: Bytes) -> Bytes:
    """Change a frame as an image generator's copy does: size, place, scale, tones, compression."""
    height, width = rgb.shape[:2]
    square = cv2.resize(rgb, (COPY_PX, COPY_PX), interpolation=cv2.INTER_AREA)
    back = cv2.resize(square, (width, height), interpolation=cv2.INTER_CUBIC)
    offsets = (SHIFT_PX - (LARGER - 1) / 2 * side for side in (width, height))
    matrix = np.array([[LARGER, 0, 0], [0, LARGER, 0]], np.float32)
    matrix[:, 2] = list(offsets)
    moved = cv2.warpAffine(back, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    lab = rgb2lab(moved)
    lab[..., 0] = 100 * np.clip(lab[..., 0] / 100, 0, 1) ** GAMMA
    _, code = cv2.imencode(".jpg", lab2rgb(lab)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])


def keys_of(keys: str, count: int) -> list[int]:
    """Return the numbers of the keyframes: "first", "ends", or a number of them, spread evenly."""
    if keys == "first":
        return [0]
    many = 2 if keys == "ends" else int(keys)
    return sorted({round(i) for i in np.linspace(0, count - 1, many)})


@dataclass(frozen=True)
class Row:
    """A row of the table: PSNR of each frame from the second on, CIEDE2000 of sampled places, seconds per frame."""

    name: str
    psnr: Floats
    difference: Floats
    seconds: float

    def cells(self) -> list[float]:
        """Return the row's figures in the order of COLUMNS."""
        shown = (self.psnr.mean(), self.psnr[0], self.psnr[len(self.psnr) // 2], self.psnr[-1])
        spread = (self.difference.mean(), np.percentile(self.difference, 90))
        return [*map(float, (*shown, *spread)), 1 / self.seconds if self.seconds else 0.0]


def measured(name: str, colored: Iterator[Bytes], truth: Sequence[Bytes], seconds: float) -> Row:
    """Compare colored frames with the truth."""
    values, differences = [], []
    for index, (ours, true) in enumerate(zip(colored, truth, strict=True)):
        if index:
            error = np.square(ours.astype(np.float32) - true).mean()
            values.append(10 * np.log10(255**2 / max(float(error), 1e-9)))
            pair = (rgb2lab(np.ascontiguousarray(rgb[4::8, 4::8])) for rgb in (true, ours))
            differences.append(deltaE_ciede2000(*pair).ravel())
    return Row(name, np.array(values), np.concatenate(differences), seconds / len(truth))


def colorized(
    gray: Path, folder: Path, references: dict[str, str], *, root: Path
) -> tuple[Path, float]:
    """Colorize a film by a checkout's `main.py`; return the result and the seconds that it took."""
    out, listed = folder / "out.mkv", folder / "references.json"
    listed.write_text(json.dumps(references))
    command = [sys.executable, root / "main.py", "-movie_in", gray, "-save", out, "-codec", "ffv1",
               "-overwrite", "-quiet", "-restart", "-cache", folder / "cache"]  # fmt: skip
    if references:
        command += ["-references", listed]
    began = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True)
    return out, time.perf_counter() - began


def decoded(path: Path) -> Iterator[Bytes]:
    """Yield the frames (H, W, 3) of a film."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def reached(gray: Path, keys: dict[int, Bytes], result: Path, truth: Sequence[Bytes]) -> str:
    """Describe the share of places that exact keyframes reach, and the PSNR there and elsewhere."""
    film = probe(gray)
    frames = np.stack(list(decode_gray(film)))
    size = frames.shape[2:0:-1]
    colors = {
        number: rgb2lab(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))[..., 1:]
        for number, rgb in keys.items()
    }
    everywhere = np.ones(frames.shape[1:], np.float32)
    keyframes = {n: Keyframe(n, frames[n], ab, everywhere) for n, ab in colors.items()}
    guidance = SegmentGuidance((), np.zeros(0, bool), keyframes=keyframes)
    segment = Segment(frames, range(len(frames)), 0, 0, frames[:0], guidance)
    shares, errors = np.zeros(2), np.zeros(2)
    states = overlays(segment, before=None, after=None)
    for index, (ours, true, overlay) in enumerate(zip(decoded(result), truth, states, strict=True)):
        if not index or overlay is None:
            continue
        share = cv2.resize(overlay.share, true.shape[1::-1])
        error = np.square(ours.astype(np.float32) - true).mean(axis=-1)
        shares += share.mean(), 1 - share.mean()
        errors += (share * error).mean(), ((1 - share) * error).mean()
    inside, outside = 10 * np.log10(255**2 / np.maximum(errors / np.maximum(shares, 1e-9), 1e-9))
    count = len(truth) - 1
    return f"reached {shares[0] / count:.0%}, PSNR there {inside:.2f}, elsewhere {outside:.2f}"


def measure(source: Path, options: argparse.Namespace) -> list[Row]:
    """Measure one shot; print its table."""
    truth = frames_of(source, options.limit)
    keys = {number: truth[number] for number in keys_of(options.keys, len(truth))}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        gray = folder / "gray.mkv"
        write_gray(truth, gray)
        for number, rgb in keys.items():
            shown = copied(rgb) if options.copied else rgb
            cv2.imwrite(str(folder / f"{number}.png"), shown[..., ::-1])
        neutral = (np.repeat(rgb[..., :1], 3, axis=-1) for rgb in decoded(gray))
        rows = [measured("gray", neutral, truth, 0)]
        as_keys = {f"{number}f": f"{number}.png" for number in keys}
        as_references = {"1": f"{min(keys)}.png"}
        root = Path(options.before) if options.before else ROOT
        ways = (
            ("no guidance", {}, ROOT),
            ("as reference", as_references, root),
            ("keyframes", as_keys, ROOT),
        )
        for name, given, tree in ways:
            result, seconds = colorized(gray, folder, given, root=tree)
            rows.append(measured(name, decoded(result), truth, seconds))
        print(f"\n{source.stem}: {len(truth)} frames, keyframes {', '.join(map(str, keys))}")
        show(rows)
        print(reached(gray, keys, result, truth), flush=True)
    return rows


def show(rows: Sequence[Row]) -> None:
    """Print a table."""
    print(f"{'':14}" + "".join(f"{column:>11}" for column in COLUMNS))
    for row in rows:
        print(f"{row.name:14}" + "".join(f"{cell:11.2f}" for cell in row.cells()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+", type=Path, metavar="FOLDER_OF_FRAMES_OR_FILM")
    parser.add_argument("--keys", default="first", help="first, ends, or a number of keyframes")
    parser.add_argument("--copied", action="store_true", help="keyframes like a generator's copies")
    parser.add_argument("--limit", type=int, default=400, help="frames of each shot")
    parser.add_argument(
        "--before", metavar="CHECKOUT", help="another checkout for the row of references"
    )
    options = parser.parse_args()
    every = [measure(source, options) for source in options.sources]
    if len(every) > 1:
        print("\nmean of all")
        print(f"{'':14}" + "".join(f"{column:>11}" for column in COLUMNS))
        for rows in zip(*every, strict=True):
            means = np.mean([row.cells() for row in rows], axis=0)
            print(f"{rows[0].name:14}" + "".join(f"{cell:11.2f}" for cell in means))


if __name__ == "__main__":
    main()
