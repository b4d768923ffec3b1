"""Feeds damaged files to the program and reports what it must never do.

    python tests/attacks/fuzz.py --n 2000

Seeds are valid files of every kind; mutations damage them; a worker process gives each to the program as a user would, under a
watchdog; findings are crashes, hangs, memory, tracebacks, leftovers and changed inputs. The same --seed gives the same files.
A subject is what is attacked: another one needs only its seeds and its entry, see `SUBJECTS`.
"""

import argparse
import contextlib
import importlib
import io
import json
import select
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import psutil
import tifffile
from PIL import Image

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
sys.path[:0] = [str(ROOT), str(TESTS)]

from rare_photos import rare_photos

HANG_S = 30.0
MEMORY_BYTES = 2_500_000_000
POLL_S = 0.01
MACHINE_BYTES = 2_000_000_000  # of memory that the program is told to have

Seeds = dict[str, bytes]  # file name -> content


@dataclass(frozen=True)
class Subject:
    """What is attacked.

    seeds : makes the valid files
    entry : "module:function" of (source, folder, number) -> exit code, called in the worker process
    """

    seeds: Callable[[], Seeds]
    entry: str


@dataclass(frozen=True)
class Finding:
    """Something the program must never do; `number` and the seed make the file again."""

    number: int
    name: str
    what: str
    detail: str

    def line(self) -> str:
        """Return the finding as one line."""
        return f"{self.number:6d}  {self.what:<12} {self.name}: {self.detail}"


# Seeds


def photo_seeds() -> Seeds:
    """Make small photos of every format, depth and compression, with metadata."""
    noise = np.random.default_rng(0).integers(0, 60, (44, 60), np.uint8)
    gray = (noise + np.linspace(0, 190, 60, dtype=np.uint8)).astype(np.uint8)
    deep = gray.astype(np.uint16) * 257
    picture, rgb = Image.fromarray(gray), Image.fromarray(np.dstack([gray, gray // 2, 255 - gray]))
    rgba = rgb.copy()
    rgba.putalpha(picture)
    seeds = dict(_pillow_seeds(picture, rgb, rgba))
    seeds |= dict(_tiff_seeds(deep, np.dstack([deep, deep // 2, deep])))
    for name, pixels in (("deep.png", deep), ("deeprgba.png", np.dstack([deep] * 4))):
        seeds[name] = cv2.imencode(".png", pixels)[1].tobytes()
    seeds["rle.bmp"] = _rle_bmp(gray)
    seeds |= dict(_several_seeds(picture))
    return seeds | rare_photos(np.dstack([deep, deep // 2, deep]))


def _several_seeds(picture: Image.Image) -> Iterator[tuple[str, bytes]]:
    others = [
        picture.transpose(turn)
        for turn in (Image.Transpose.ROTATE_180, Image.Transpose.FLIP_LEFT_RIGHT)
    ]
    moving = {"duration": 50, "loop": 0}
    for name, form, settings in (
        ("pages.tif", "TIFF", {"compression": "tiff_adobe_deflate"}), ("pages.pdf", "PDF", {}), ("stereo.jpg", "MPO", {}),
        ("moving.gif", "GIF", moving), ("moving.png", "PNG", moving), ("moving.webp", "WEBP", moving),
    ):  # fmt: skip
        yield name, _saved(picture, form, save_all=True, append_images=others, **settings)


def _pillow_seeds(
    picture: Image.Image, rgb: Image.Image, rgba: Image.Image
) -> Iterator[tuple[str, bytes]]:
    exif = Image.Exif()
    exif[270], exif[274] = "Aunt Ida, 1931", 6
    exif.get_ifd(0x8769)[36867] = "1931:05:01 12:00:00"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 14.5)
    profile = _gray_profile()
    yield "gray.jpg", _saved(picture, "JPEG", exif=exif, dpi=(300, 300), icc_profile=profile)
    yield "rgb.jpg", _saved(rgb, "JPEG", progressive=True, xmp=b"<x:xmpmeta/>")
    yield "cmyk.jpg", _saved(rgb.convert("CMYK"), "JPEG")
    yield "gray.png", _saved(picture, "PNG", exif=exif, dpi=(300, 300), icc_profile=profile)
    yield "bits.png", _saved(picture.convert("1"), "PNG")
    yield "palette.png", _saved(rgb.quantize(16), "PNG", transparency=3)
    yield "alpha.png", _saved(rgba, "PNG")
    yield "lossy.webp", _saved(rgb, "WEBP", exif=exif)
    yield "lossless.webp", _saved(rgba, "WEBP", lossless=True)
    yield "gray.bmp", _saved(picture, "BMP")
    yield "bits.bmp", _saved(picture.convert("1"), "BMP")
    yield "rgb.bmp", _saved(rgb, "BMP", dpi=(300, 300))
    for name in ("raw", "tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"):
        yield f"{name}.tif", _saved(rgb, "TIFF", compression=name, exif=exif, dpi=(300, 300))
    yield "group4.tif", _saved(picture.convert("1"), "TIFF", compression="group4")
    yield "cmyk.tif", _saved(rgb.convert("CMYK"), "TIFF")
    yield "lab.tif", _saved(rgb.convert("LAB"), "TIFF")


def _tiff_seeds(deep: np.ndarray, rgb: np.ndarray) -> Iterator[tuple[str, bytes]]:
    kinds: dict[str, dict[str, Any]] = {
        "deep.tif": {"data": deep, "resolution": (300, 300), "iccprofile": _gray_profile()},
        "zip.tif": {"data": deep, "compression": "zlib", "predictor": 2},
        "white.tif": {"data": deep, "photometric": "miniswhite"},
        "tiled.tif": {"data": rgb, "tile": (16, 16), "photometric": "rgb"},
        "big.tif": {"data": rgb, "bigtiff": True, "byteorder": ">", "photometric": "rgb"},
        "floats.tif": {"data": deep.astype(np.float32)},
        "12.tif": {"data": deep >> 4, "bitspersample": 12},
        "zstd.tif": {"data": deep, "compression": "zstd"},
        "planes.tif": {
            "data": np.moveaxis(rgb, -1, 0),
            "photometric": "rgb",
            "compression": "lzw",
            "planarconfig": 2,
        },
        "inks.tif": {"data": np.dstack([rgb, deep]), "photometric": "separated"},
        "deeplab.tif": {"data": rgb, "photometric": "cielab"},
        "alpha.tif": {"data": np.dstack([rgb, deep]), "photometric": "rgb", "extrasamples": [1]},
        "bigbytes.tif": {"data": (deep >> 8).astype(np.uint8), "bigtiff": True, "byteorder": ">"},
    }
    for name, settings in kinds.items():
        file = io.BytesIO()
        tifffile.imwrite(file, **settings)
        yield name, file.getvalue()
    yield "deeplzw.tif", cv2.imencode(".tif", rgb, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()


def _saved(picture: Image.Image, form: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **settings)
    return file.getvalue()


def _gray_profile() -> bytes:
    """Build a gray ICC profile with a parametric curve."""
    curve = struct.pack(">4sIHH3i", b"para", 0, 1, 0, 2 << 16, 1 << 16, 0)
    head = bytearray(128)
    head[12:16], head[16:20], head[20:24], head[36:40] = b"scnr", b"GRAY", b"XYZ ", b"acsp"
    profile = bytes(head) + struct.pack(">I4sII", 1, b"kTRC", 144, len(curve)) + curve
    return struct.pack(">I", len(profile)) + profile[4:]


def _rle_bmp(gray: np.ndarray) -> bytes:
    rows = (b"".join(bytes((1, value)) for value in row) + b"\0\0" for row in gray[::-1].tolist())
    data = b"".join(rows) + b"\0\1"
    palette = b"".join(bytes((value, value, value, 0)) for value in range(256))
    height, width = gray.shape
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(data), 2835, 2835, 256, 0)
    start = 14 + len(head) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start) + head + palette + data


# Mutations: (random numbers, file, another file) -> damaged file


def flips(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Flip a few bits anywhere."""
    damaged = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 12)):
        damaged[place] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def truncation(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Lose the end."""
    return data[: rng.integers(0, len(data))]


def extremes(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Write extreme numbers of 1, 2, 4 or 8 bytes where headers and directories are: at either end."""
    damaged = bytearray(data)
    reach = min(len(data), 400)
    for _ in range(rng.integers(1, 5)):
        size = int(rng.choice([1, 2, 4, 8]))
        place = int(rng.integers(0, reach))
        place = place if rng.random() < 0.7 else len(data) - reach + place
        top = (1 << 8 * size) - 1
        value = int(rng.choice(np.array([0, 1, 2, top >> 1, (top >> 1) + 1, top - 1, top], object)))
        damaged[place : place + size] = value.to_bytes(size, rng.choice(["little", "big"]))
    return bytes(damaged)


def splice(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Go on with a part of another file."""
    start, end = sorted(rng.integers(0, len(other), 2))
    return data[: rng.integers(0, len(data))] + other[start:end]


def repetition(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Say a part again, or leave it out."""
    start, end = sorted(rng.integers(0, len(data), 2))
    again = data[start:end] if rng.random() < 0.5 else b""
    return data[:start] + again * int(rng.integers(1, 20)) + data[end:]


MUTATIONS = (flips, truncation, extremes, extremes, splice, repetition)


def mutated(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Damage a file once or twice; half of the PNGs get right checksums again, to be read further."""
    for number in rng.integers(0, len(MUTATIONS), rng.integers(1, 3)):
        if data:
            data = MUTATIONS[number](rng, data, other)
    return with_checksums(data) if rng.random() < 0.5 else data


def with_checksums(data: bytes) -> bytes:
    """Correct the checksums of a PNG's chunks, as far as there are any."""
    fixed, place = bytearray(data), 8
    while data.startswith(b"\x89PNG") and place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", fixed, end, zlib.crc32(fixed[place + 4 : end]))
        place = end + 4
    return bytes(fixed)


# The worker process


def color_photo(source: Path, folder: Path, number: int) -> int:
    """Give a photo to the command line, with arithmetic in place of the network, and read the result again."""
    import gray2color
    import main
    from photo import decoder
    from photo.formats import result_suffix
    from photo.read import read_photo
    from photo.write import SUFFIXES

    setattr(gray2color, "colorizer_factory", lambda *_, **__: _Arithmetic)  # noqa: B010
    setattr(decoder, "free_bytes", lambda: MACHINE_BYTES)  # noqa: B010
    target = folder / f"out{list(SUFFIXES)[number % len(SUFFIXES)]}"
    words, save = str(source), str(target)
    if number % 3 == 0:  # as one of a folder
        suffix = result_suffix(source) or source.suffix
        words, save, target = (
            str(source.parent),
            f"{folder / 'out'}/",
            folder / "out" / f"{source.stem}{suffix}",
        )
    code = main.main(["-img_in", words, "-save", save, "-device", "cpu"])
    if code == 0:
        read_photo(target)
    return code


class _Arithmetic:
    """A colorizer whose colors are gray."""

    def composition(self, gray: np.ndarray, **guidance: object) -> np.ndarray:
        return np.repeat(gray[..., None], 3, axis=-1)

    def frames(self, grays: Iterable[np.ndarray], **guidance: object) -> Iterator[np.ndarray]:
        return map(self.composition, grays)


def work(entry: str) -> None:
    """Do what the parent asks, a JSON list a line, until it closes the pipe."""
    sys.path[:0] = [str(ROOT), str(TESTS)]
    module, _, name = entry.partition(":")
    function = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        source, folder, number = json.loads(line)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                code = function(Path(source), Path(folder), number)
        except Exception:
            traceback.print_exc()
            code = -1
        sys.stderr.flush()
        print(code, flush=True)


class Worker:
    """A process that runs an entry, watched; it is started again when it is gone."""

    def __init__(self, entry: str, *, hang_s: float = HANG_S, memory: int = MEMORY_BYTES) -> None:
        self.entry, self.hang_s, self.memory = entry, hang_s, memory
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[bytes] | None = None

    def run(self, source: Path, folder: Path, number: int) -> tuple[str, str]:
        """Return (exit code, "crash", "hang" or "memory"; what was written to standard error)."""
        if self._process is None or self._said is None:
            self._process, self._said = self._started()
        process, said = self._process, self._said
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([str(source), str(folder), number]) + "\n")
        process.stdin.flush()
        end = self._watched(process) or process.stdout.readline().strip() or "crash"
        said.seek(0)
        text = said.read().decode(errors="replace")
        said.seek(0)
        said.truncate()
        if end in {"crash", "hang", "memory"}:
            self.close()
        return end, text

    def _started(self) -> "tuple[subprocess.Popen[str], IO[bytes]]":
        command = [sys.executable, __file__, "--worker", self.entry]
        said = tempfile.TemporaryFile()  # noqa: SIM115
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
        ), said

    def _watched(self, process: "subprocess.Popen[str]") -> str:
        """Wait for the answer; return what is wrong when it does not come, else ""."""
        watched, end = psutil.Process(process.pid), time.monotonic() + self.hang_s
        while not select.select([process.stdout], [], [], POLL_S)[0]:
            with contextlib.suppress(psutil.Error):
                if watched.memory_info().rss > self.memory:
                    return "memory"
            if time.monotonic() > end:
                return "hang"
        return ""

    def close(self) -> None:
        """End the process."""
        if self._process and self._said:
            self._process.kill()
            self._process.communicate()
            self._said.close()
        self._process = self._said = None


# Findings


def findings_of(number: int, source: Path, data: bytes, end: str, said: str) -> Iterator[Finding]:
    """Judge one run: one printable line and nothing else where it failed, a result where not."""
    lines = said.splitlines()

    def finding(what: str, detail: object) -> Finding:
        return Finding(number, source.name, what, str(detail)[-300:])

    if end not in {"0", "1"}:
        yield finding("exit" if end.lstrip("-").isdigit() else end, f"{end}: {said[-200:]!r}")
    if "Traceback" in said:
        yield finding("traceback", repr(said))
    elif end == "1" and (len(lines) != 1 or not lines[0].isprintable()):
        yield finding("not one line", repr(said))
    elif end == "0" and not all(line.startswith(f"{source.parent}/") for line in lines):  # notes
        yield finding("noise", repr(said))
    if not source.exists() or source.read_bytes() != data:
        yield finding("input lost", "changed or gone")
    left = {path.name for path in source.parent.iterdir()} - {source.name}
    if len(left) != (end == "0") or any(".part" in name for name in left):
        yield finding("leftovers", sorted(left))


def attack(
    subject: Subject,
    *,
    n: int,
    seed: int = 0,
    keep: Path | None = None,
    worker: Worker | None = None,
) -> tuple[list[Finding], Counter[str]]:
    """Run n damaged files through the program; return findings, and how often each end came.

    keep : folder for the files that led to findings
    """
    worker = worker or Worker(subject.entry)
    seeds = subject.seeds()
    findings: list[Finding] = []
    ends: Counter[str] = Counter()
    try:
        for number in range(n):
            name, data = damaged(seeds, seed, number)
            with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
                source = Path(folder) / name
                source.write_bytes(data)
                end, said = worker.run(source, Path(folder), number)
                found = list(findings_of(number, source, data, end, said))
                ends[end if end != "1" else _reason(said)] += 1
            findings += found
            if found and keep:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed}-{number}-{name}").write_bytes(data)
    finally:
        worker.close()
    return findings, ends


def damaged(seeds: Seeds, seed: int, number: int) -> tuple[str, bytes]:
    """Make one damaged file, always the same for the same numbers."""
    rng = np.random.default_rng((seed, number))
    names = list(seeds)
    name, other = (names[place] for place in rng.integers(0, len(names), 2))
    return name, mutated(rng, seeds[name], seeds[other])


def _reason(said: str) -> str:
    """Tell refusals that were foreseen from those that only the last resort caught."""
    return "unforeseen" if "Error (" in said else "refused"


SUBJECTS = {"photo": Subject(photo_seeds, "attacks.fuzz:color_photo")}


def main(argv: Sequence[str] | None = None) -> int:
    """Attack every subject and print the findings; return 1 when there are any."""
    parser = argparse.ArgumentParser(description="Feed damaged files to the program.")
    parser.add_argument(
        "--n", type=int, default=2000, help="files for each subject (default: 2000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the damage (default: 0)")
    parser.add_argument("--subject", choices=SUBJECTS, help="only this one (default: all)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the files of findings here")
    parser.add_argument("--worker", metavar="ENTRY", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.worker:
        work(args.worker)
        return 0
    found = 0
    for name in [args.subject] if args.subject else SUBJECTS:
        findings, ends = attack(SUBJECTS[name], n=args.n, seed=args.seed, keep=args.keep)
        print(*(finding.line() for finding in findings), sep="\n", end="\n" if findings else "")
        told = ", ".join(f"{count} {end}" for end, count in ends.most_common())
        print(f"{name}: {args.n} files, {told.replace(' 0', ' colored')}; {len(findings)} findings")
        found += len(findings)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
