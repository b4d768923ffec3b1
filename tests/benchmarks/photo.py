"""Profile photos: python tests/benchmarks/photo.py [-only PART ...].

Parts: engines (network alone), start (first photo of a command), photo (one of 12 megapixels, step
by step), folder (photos per second, one process against all cores), large (memory of scans of 100
and 400 megapixels), edges (what following the lightness gains over bilinear enlargement, on color photos).
"""

import argparse
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import tifffile

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: film.py would shadow the package film

from gray2color import Colorizer
from image.resize import color_field, upsample, upsample_planes
from model.contract import Predictor
from model.engine_choice import choose_engine
from model.onnx_network import OurOnnx
from model.onnx_signature import OnnxFile, inspected
from model.paddle_import import supported_precisions
from model.program import Engine, Program, open_program, run_program
from model.program_cache import program_for
from model.weights_file import RELEASED
from photo.batch import PHOTOS, colorize_photos
from photo.compose import compose
from photo.inputs import plan
from photo.read import Photo, read_photo
from photo.write import write_photo
from prior.lab import gray2lightness, rgb2lab
from prior.qspace import read_bins

Row = tuple[str, str]
FRAMES = 4  # of a film, at once
SIZES = {"12 MP": (3000, 4000), "0.3 MP": (480, 640)}


def gray_photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Enlarge a piece of a photograph and add grain: gray (H, W) uint8."""
    rng = np.random.default_rng(seed)
    top, left = rng.integers(0, 64, 2)
    piece = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)[top : top + 440, left:]
    grain = rng.normal(0, 3, (height, width))
    return np.clip(cv2.resize(piece, (width, height), interpolation=2) + grain, 0, 255).astype("u1")


def best_ms(work: Callable[[], object], *, times: int = 7) -> float:
    """Return the fastest of several runs, which was disturbed least."""
    work()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds) * 1000


def engines(weights: Path, folder: Path) -> Iterator[Row]:
    import paddle

    from model.export import AnnealedNet
    from model.quantization import sample_inputs
    from model.weights_file import build, read_weights

    annealed = AnnealedNet(build(read_weights(weights)), read_bins())
    annealed.eval()
    names: list[Engine] = ["plain", "fp32", "int8"]
    if "bf16" in supported_precisions():
        names.append("bf16")
    predictors: dict[str, Predictor] = {}
    single: dict[str, Predictor] = {}
    for name in names:
        with program_for(weights, engine=name, temperature=0.7) as program:
            for found, threads in ((predictors, None), (single, 1)):
                opened = open_program(program, engine=name, threads=threads)
                found[name] = functools.partial(run_program, opened)
    for name, file in onnx_files(weights, folder).items():
        predictors[name], single[name] = OurOnnx(file), OurOnnx(file, threads=1)
    for side in (192, 256):
        planes = np.random.default_rng(0).uniform(-1, 1, (1, 4, side, side)).astype(np.float32)
        arrays = (planes, np.zeros((1, len(read_bins()) + 1), np.float32), np.full(1, 0.7, "f4"))
        tensors = [paddle.to_tensor(array) for array in arrays]
        with paddle.no_grad():
            yield f"{side} px, eager", f"{best_ms(lambda t=tensors: annealed(*t)):.1f} ms"
        for engine, predictor in predictors.items():
            work = functools.partial(predictor, *arrays[:2], temperature=0.7)
            yield f"{side} px, {engine}", f"{best_ms(work):.1f} ms"
    planes = np.random.default_rng(0).uniform(-1, 1, (FRAMES, 4, 192, 256)).astype(np.float32)
    palettes = np.zeros((FRAMES, len(read_bins()) + 1), np.float32)
    del single["plain"]
    for engine, predictor in [*single.items()] * 2:  # twice: the machine may change in between
        work = functools.partial(predictor, planes, palettes, temperature=0.7)
        per_frame = best_ms(work) / FRAMES
        yield f"{FRAMES} frames of 192x256, one thread, {engine}", f"{per_frame:.1f} ms each"
    planes, palettes = sample_inputs(read_bins())[0]
    expected = predictors["plain"](planes, palettes, temperature=0.7)[:, :2]
    for engine, predictor in predictors.items():
        found_ab = predictor(planes, palettes, temperature=0.7)[:, :2]
        error = np.sqrt(np.mean((found_ab - expected) ** 2)) / expected.std()
        yield f"RMS error of ab over its deviation, {engine}", f"{error:.4f}"


def onnx_files(weights: Path, folder: Path) -> dict[str, OnnxFile]:
    """Write the network as an ONNX file in fp32, and in int8 by ONNX Runtime's own quantization; none without it."""
    try:
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    except ImportError:
        return {}
    from model.onnx_file import INPUTS, write_onnx
    from model.quantization import sample_inputs

    class Samples(CalibrationDataReader):
        left = iter(sample_inputs(read_bins()))

        def get_next(self) -> dict[str, np.ndarray] | None:
            arrays = next(self.left, None)
            return dict(zip(INPUTS, arrays, strict=True)) if arrays else None

    paths = {f"{kind} by ONNX Runtime": folder / f"{kind}.onnx" for kind in ("fp32", "int8")}
    fp32, int8 = paths.values()
    write_onnx(weights, fp32)
    quantize_static(fp32, int8, Samples(), quant_format=QuantFormat.QDQ, per_channel=True)
    return {name: inspected(path) for name, path in paths.items()}


def start(weights: Path, folder: Path) -> Iterator[Row]:
    cv2.imwrite(str(folder / "photo.jpg"), gray_photo(*SIZES["0.3 MP"]))
    environment = {**os.environ, "COLORIZER_CACHE": str(folder / "cache")}
    command = [sys.executable, str(ROOT / "main.py"), "-img_in", str(folder / "photo.jpg")]
    command += ["-weights", str(weights), "-overwrite", "-quiet"]
    for name in ("cold first photo", "warm", "warm again"):
        begin = time.perf_counter()
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        yield f"{name}, whole command", f"{time.perf_counter() - begin:.2f} s"
    begin = time.perf_counter()
    subprocess.run([*command[:2], "--help"], check=True, stdout=subprocess.DEVNULL)
    yield "--help", f"{time.perf_counter() - begin:.2f} s"


def photo(weights: Path, folder: Path) -> Iterator[Row]:
    source = folder / "photo.jpg"
    cv2.imwrite(str(source), gray_photo(*SIZES["12 MP"]))
    program = Program(functools.partial(program_for, weights), engine=choose_engine("cpu", "auto"))
    colorizer = Colorizer(weights, predictor=program)
    read = read_photo(source)
    ab = colorizer.ab(read.gray)
    fit = functools.partial(color_field, ab, read.gray, to_lightness=gray2lightness)
    field = fit()
    threads = colorizer.threads
    rgb = compose(read.gray, field, threads=threads)

    def fresh() -> Colorizer:
        colorizer._predict._latest.clear()  # the last picture's prediction
        return colorizer

    steps: dict[str, Callable[[], object]] = {
        "read JPEG": lambda: read_photo(source),
        "network": lambda: fresh().ab(read.gray),
        "fit colors to lightness": fit,
        "compose": lambda: compose(read.gray, field, threads=threads),
        "write JPEG": lambda: write_photo(folder / "out.jpg", rgb, like=read),
        "write PNG": lambda: write_photo(folder / "out.png", rgb, like=read),
        "network and composition": lambda: fresh()(read.gray),
    }
    for name, work in steps.items():
        yield f"12 MP, {name} ({program.engine})", f"{best_ms(work, times=3):.0f} ms"


def folder(weights: Path, folder: Path, *, photos: int = 200) -> Iterator[Row]:
    cores = os.cpu_count() or 1
    for name, number in (("0.3 MP", photos), ("12 MP", max(photos // 8, 8))):
        inside = folder / name.replace(" ", "")
        inside.mkdir()
        picture = gray_photo(*SIZES[name])
        for i in range(number):
            shifted = np.roll(picture, 13 * i, axis=1)
            cv2.imwrite(str(inside / f"{i:03}.jpg"), shifted, [cv2.IMWRITE_JPEG_QUALITY, 90])
        rates = []
        for processes in (1, cores):
            save = inside.with_name(f"{inside.name}-{processes}")
            tasks = plan([str(inside)], kind=PHOTOS, save=f"{save}/").tasks
            begin, first = time.perf_counter(), 0.0
            factory = functools.partial(Colorizer, weights, threads=1)
            for done, result in enumerate(colorize_photos(tasks, factory, processes=processes)):
                assert result.error is None, result
                if done == processes:  # networks are loaded
                    first = time.perf_counter()
            now = time.perf_counter()
            rates.append((number - processes - 1) / (now - first))
            told = f"{number / (now - begin):.2f}/s in all, {rates[-1]:.2f}/s once started"
            yield f"{number} photos of {name}, {processes} process(es)", told
        yield f"{name}, gain of {cores} processes", f"{rates[1] / rates[0]:.2f} times"


MEASURED = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def large(weights: Path, folder: Path) -> Iterator[Row]:
    for size in ((12288, 8192), (24576, 16384)):
        yield from _large(weights, folder, size)


def _large(weights: Path, folder: Path, size: tuple[int, int]) -> Iterator[Row]:
    source = folder / "scan.tif"
    tifffile.imwrite(source, cv2.resize(gray_photo(512, 768).astype(np.uint16) * 257, size))
    megapixels = size[0] * size[1] / 1e6
    command = [sys.executable, str(ROOT / "main.py"), "-img_in", str(source), "-overwrite"]
    begin = time.perf_counter()
    # Started by a small process, since a child counts the memory of the one that starts it.
    command = [sys.executable, "-c", MEASURED, *command, "-weights", str(weights)]
    peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    yield f"{megapixels:.0f} MP, 16-bit TIFF, whole command", f"{time.perf_counter() - begin:.1f} s"
    yield "its peak memory", f"{peak / 1e6:.2f} GB"
    assert peak / 1e6 < 1, "it must stay below 1 GB"
    with tifffile.TiffFile(folder / "scan.color.tif") as tiff:
        assert tiff.pages.first.dtype == np.uint16


def edges(weights: Path, folder: Path, *, colored: Path | None = None) -> Iterator[Row]:
    """Downscale true colors, upsample them in two ways, and compare with the truth."""
    if colored is None:
        pictures = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea()]
    else:
        pictures = [cv2.imread(str(p))[..., ::-1] for p in sorted(colored.iterdir())[::4]]
    pictures = [np.ascontiguousarray(p) for p in pictures]
    for factor in (4, 8, 16):
        tallies: dict[str, list[float]] = {
            way: [] for way in ("bilinear", "guided", "guided as in films")
        }
        costs: dict[str, float] = dict.fromkeys(tallies, 0.0)
        for rgb in pictures:
            lab = rgb2lab(rgb)
            gray = Photo(np.asarray(_gray_of(lab))).gray
            size = (rgb.shape[1] // factor, rgb.shape[0] // factor)
            small = cv2.resize(lab[..., 1:], size, interpolation=cv2.INTER_AREA)
            ways: dict[str, Callable[[], np.ndarray]] = {
                "bilinear": functools.partial(cv2.resize, small, gray.shape[::-1]),
                "guided": functools.partial(upsample, small, gray, to_lightness=gray2lightness),
                "guided as in films": functools.partial(as_in_films, small, gray),
            }
            for name, enlarge in ways.items():
                begin = time.process_time()
                ab = enlarge()
                costs[name] += time.process_time() - begin
                tallies[name].append(float(((ab - lab[..., 1:]) ** 2).mean()))
        for name, errors in tallies.items():
            cost = costs[name] / sum(p.size / 3e6 for p in pictures) * 1000
            yield (
                f"ab enlarged {factor} times, {name}",
                f"error {np.mean(errors) ** 0.5:.3f}, {cost:.0f} ms of one core per megapixel",
            )
        for name in ("guided", "guided as in films"):
            gain = 10 * np.log10(np.mean(tallies["bilinear"]) / np.mean(tallies[name]))
            yield f"ab enlarged {factor} times, {name}: gain", f"{gain:.2f} dB"


def as_in_films(ab: np.ndarray, gray: np.ndarray) -> np.ndarray:
    """Upsample ab as for films, from 48 lines with an intermediate level of 128."""
    between = (ab.shape[1] * 128 // 48, ab.shape[0] * 128 // 48)
    return np.stack(upsample_planes(ab, gray, between=between), axis=-1)


def _gray_of(lab: np.ndarray) -> np.ndarray:
    from photo.compose import luminance_codes

    f = (lab[..., 0] + 16) / 116
    luminance = np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2)
    return luminance_codes(luminance.astype(np.float32), np.uint8)


PARTS = {work.__name__: work for work in (engines, start, photo, folder, large, edges)}


def main() -> None:
    """Print a table of the requested parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-only", "--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("-weights", "--weights", type=Path, default=RELEASED)
    parser.add_argument(
        "-photos", "--photos", type=int, default=200, help="in the folder of 0.3 MP"
    )
    parser.add_argument("-colored", "--colored", type=Path, help="color photos for `edges`")
    args = parser.parse_args()
    for name in args.only:
        extra = {"folder": {"photos": args.photos}, "edges": {"colored": args.colored}}
        with tempfile.TemporaryDirectory() as place:
            work = functools.partial(PARTS[name], **extra.get(name, {}))
            for label, figure in work(args.weights, Path(place)):
                print(f"{label:45} {figure}", flush=True)


if __name__ == "__main__":
    main()
