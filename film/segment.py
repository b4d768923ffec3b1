"""A colorizer's input (a segment's gray frames and guidance) and output (its colors), stored on disk."""

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from color.arrays import Arrays, Bytes, Floats
from color.segment import Keyframe, Segment, SegmentGuidance
from film import FilmError
from film.chroma import coded_to_upright, colorized_rgb, luma_range
from film.decode import Plane, decode
from film.guidance import FrameColors
from film.info import Film, Video
from film.job import AB, GRAYS, JobError, SegmentRecord
from film.work import SIDES, Work
from image.resize import fitted, nearly_fitted
from prior.lab import rgb2lab
from runtime.files import read_arrays, whole_folder, write_arrays, write_bytes

# Hints closer than this mean the same place; the one set on the nearer frame is used.
APART_PX = 6.0


def segment_of(work: Work, record: SegmentRecord) -> Segment:
    """Return a segment with its gray frames, read from disk if they are already there."""
    own = work.numbers(record)
    kept = _kept_grays(work, record)
    grays = np.stack(_split(work, record)) if kept is None else kept
    return Segment(
        grays[: len(own)], own, record.shot, record.number,
        after=grays[len(own) :], guidance=segment_guidance(work, record),
    )  # fmt: skip


def _kept_grays(work: Work, record: SegmentRecord) -> NDArray[np.uint8] | None:
    """Read the segment's gray frames; None if any is missing or damaged (by a power cut: they are not flushed)."""
    if not work.options.keep_cache:
        kept = read_arrays(work.input_img(record) / GRAYS)
        grays = None if kept is None else kept.get("grays")
    else:
        try:
            grays = np.stack([read_png(path) for path in _gray_paths(work, record)])
        except (FilmError, OSError, ValueError):
            return None
    wanted = (len(work.with_next(record)), *work.film.working_size)
    return grays if grays is not None and grays.shape == wanted else None


def _split(work: Work, record: SegmentRecord) -> list[Bytes]:
    """Decode and store the segment's gray frames."""
    every, deinterlace = work.with_next(record), work.options.encoder.deinterlace
    grays = list(decode_gray(work.film, every.start, every.stop, deinterlace=deinterlace))
    write_grays(work, record, grays)
    return grays


def has_grays(work: Work, record: SegmentRecord) -> bool:
    """Tell whether all of the segment's gray frames are on disk."""
    kept = work.options.keep_cache
    paths = _gray_paths(work, record) if kept else [work.input_img(record) / GRAYS]
    return all(path.is_file() and path.stat().st_size for path in paths)


def write_grays(work: Work, record: SegmentRecord, grays: Sequence[Bytes]) -> None:
    """Store the gray frames of a segment, with keep_cache as PNG files, numbered as in the film.

    Otherwise they exist for only seconds, and are one array: PNG files would take a millisecond a frame. A segment's
    extra next frame is stored in both segments, since either may be finished, and its frames deleted, while the other
    waits.
    """
    with whole_folder(work.input_img(record)) as folder:
        if not work.options.keep_cache:
            write_arrays(folder / GRAYS, {"grays": np.stack(grays)}, durable=False)
            return
        for path, gray in zip(_gray_paths(work, record), grays, strict=True):
            (folder / path.name).write_bytes(png_of(gray))


def _gray_paths(work: Work, record: SegmentRecord) -> list[Path]:
    folder = work.input_img(record)
    return [folder / png_name(number) for number in work.with_next(record)]


def segment_guidance(work: Work, record: SegmentRecord) -> SegmentGuidance | None:
    """Return a segment's guidance, None if it has none; raise JobError if its hints have not been followed."""
    shot = work.guidance.get(record.shot)
    if shot is None:
        return None
    numbers = work.numbers(record)
    table = np.zeros((0, 6), np.float32)
    if shot.hints:
        kept = read_tracks(work, record.shot)
        if kept is None:
            raise _gone(work.hint_tracks(record.shot))
        table = kept
    places = [table[table[:, 0] == number - shot.first] for number in numbers]
    hinted = {hint.frame for hint in shot.hints}
    summaries = (_carried(work, record, side, "summary") for side in SIDES if shot.own_keyframes)
    return SegmentGuidance(
        tuple(_thinned(place) for place in places),
        np.array([number in hinted for number in numbers], bool),
        shot.reference,
        keyframes_of(work, record.shot),
        tuple(summary for summary in summaries if summary),
    )


class _Keyframes(Mapping[int, Keyframe]):
    """A shot's keyframes by number, read when they are needed."""

    def __init__(self, work: Work, shot: int) -> None:
        guidance = work.guidance.get(shot)
        colors = guidance.keyframes if guidance else ()
        self._colors = {one.frame: (work.keyframe(one.frame), one) for one in colors}

    def __getitem__(self, number: int) -> Keyframe:
        return _keyframe(*self._colors[number])

    def __iter__(self) -> Iterator[int]:
        return iter(self._colors)

    def __len__(self) -> int:
        return len(self._colors)


def keyframes_of(work: Work, shot: int) -> Mapping[int, Keyframe]:
    """Return the keyframes of a shot by number."""
    return _Keyframes(work, shot)


@lru_cache(maxsize=4)  # a shot's segments need the same ones, each up to 4 MB
def _keyframe(path: Path, colors: FrameColors) -> Keyframe:
    kept = read_arrays(path)
    if kept is None or str(kept["digest"]) != colors.digest or "ab" not in kept:
        raise _gone(path)
    share = kept["share"] * np.float32(1 / 255)
    number = colors.frame
    return Keyframe(number, kept["gray"], kept["ab"].astype(np.float32), share, bool(kept["whole"]))


def is_carried(work: Work, record: SegmentRecord, side: str) -> bool:
    """Tell whether what enters a segment from a side is stored."""
    kept = read_arrays(work.carried_state(record, side))
    return kept is not None and str(kept["digest"]) == work.guidance[record.shot].digest


def entering_of(work: Work, record: SegmentRecord, side: str) -> Arrays | None:
    """Read what enters a segment from a side; None if nothing does."""
    return _carried(work, record, side, "entering") or None


def _carried(work: Work, record: SegmentRecord, side: str, name: str) -> Arrays:
    path = work.carried_state(record, side)
    kept = read_arrays(path)
    if kept is None or str(kept["digest"]) != work.guidance[record.shot].digest:
        raise _gone(path)
    named = (key.partition(".") for key in kept)
    return {own: kept[f"{name}.{own}"] for first, _, own in named if first == name}


def _gone(path: Path) -> JobError:
    return JobError(f"{path} is missing or damaged: run the same command again")


def _thinned(rows: Floats) -> Floats:
    """Return one frame's hints (m, 4), keeping for each place only the one set on the nearest frame."""
    kept: list[Floats] = []
    for row in rows[np.argsort(rows[:, 5], kind="stable")]:
        if all(np.hypot(*(row[1:3] - other[1:3])) >= APART_PX for other in kept):
            kept.append(row)
    return np.array([row[1:5] for row in kept], np.float32).reshape(-1, 4)


def read_tracks(work: Work, shot: int) -> Floats | None:
    """Read the positions of a shot's hints (k, 6); None if none are stored for these hints."""
    kept = read_arrays(work.hint_tracks(shot))
    ours = kept and kept.get("digest", "") == work.guidance[shot].digest
    return kept.get("rows") if kept and ours else None


def read_ab(work: Work, record: SegmentRecord) -> NDArray[np.float16] | None:
    """Read a segment's colors (n, h, w, 2); None if no valid ones are stored."""
    try:
        # Mapped, so that a false size in the header does not allocate memory.
        ab = np.load(work.output_img(record) / AB, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return None
    fits = ab.dtype == np.float16 and ab.ndim == 4 and (len(ab), ab.shape[3]) == (record.count, 2)
    return np.array(ab) if fits and ab.size and np.isfinite(ab).all() else None


def write_ab(work: Work, record: SegmentRecord, ab: NDArray[np.float16]) -> None:
    """Store a segment's colors; with keep_cache, also its colorized frames as PNG files."""
    with whole_folder(work.output_img(record)) as folder:
        if work.options.keep_cache:
            segment = segment_of(work, record)
            for number, gray, color in zip(segment.numbers, segment.frames, ab, strict=True):
                rgb = colorized_rgb(gray, color.astype(np.float32))
                (folder / png_name(number)).write_bytes(png_of(rgb))
        content = io.BytesIO()  # np.save to a file does not report a full disk
        np.save(content, ab)
        write_bytes(folder / AB, content.getvalue())


def working_gray(film: Film, luma: Plane) -> Bytes:
    """Turn a luma plane into a colorizer's gray input: film.working_size, upright, 0..255."""
    height, width = film.working_size
    size = (height, width) if film.video.orientation[0] else (width, height)
    return upright_gray(film, _fitted(luma, size))


def _fitted(luma: Plane, size: tuple[int, int]) -> Plane:
    """Resize a luma plane to (width, height) as `fitted`.

    FFmpeg reduces 8-bit samples in a third of the time of OpenCV, and differs in less than a sixth of the samples, by a
    code.
    """
    near, (width, height) = nearly_fitted(np.ascontiguousarray(luma), size), size
    if near.dtype != np.uint8 or width > near.shape[1] or height > near.shape[0]:
        return fitted(near, size)
    frame = av.VideoFrame.from_numpy_buffer(near, format="gray")
    reduced = frame.reformat(width, height, interpolation=Interpolation.AREA, threads=1)
    rows: Bytes = np.frombuffer(memoryview(reduced.planes[0]), np.uint8).reshape(height, -1)
    return rows[:, :width]


def upright_gray(film: Film, luma: Plane) -> Bytes:
    """Turn a luma plane of any size into gray, upright, 0..255."""
    return coded_to_upright(_expanded(luma, film.video), film.video)


def _expanded(gray: Plane, video: Video) -> Bytes:
    """Expand luma codes to 0..255: limited range is 16..235 at 8 bits (ITU-R BT.601, BT.709)."""
    low, span = luma_range(video.depth, full=video.full_range)
    codes = np.arange(256) if gray.dtype == np.uint8 else gray
    # Clipped at black before scaling, because convertScaleAbs would turn codes below black into gray.
    scaled = cv2.convertScaleAbs(np.maximum(codes.astype(np.float32) - low, 0), alpha=255.0 / span)
    return np.asarray(cv2.LUT(gray, scaled) if gray.dtype == np.uint8 else scaled, np.uint8)


def decode_gray(
    film: Film, first: int = 0, last: int | None = None, *, deinterlace: bool = False
) -> Iterator[Bytes]:
    """Yield the gray working pictures of frames [first, last)."""
    for frame in decode(film, first, last, deinterlace=deinterlace):
        yield working_gray(film, frame.luma)


def png_of(picture: Bytes) -> bytes:
    """Encode gray (H, W) or rgb (H, W, 3) as PNG, quickly."""
    stored = picture if picture.ndim == 2 else np.ascontiguousarray(picture[..., ::-1])
    done, data = cv2.imencode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done, picture.shape
    return data.tobytes()


def read_png(path: Path) -> Bytes:
    """Read a PNG as gray (H, W) or rgb (H, W, 3), whichever was written."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if picture is None:
        raise FilmError(f"{path} is not a readable PNG: delete it and run again")
    return np.asarray(picture if picture.ndim == 2 else picture[..., ::-1], np.uint8)


def painted_ab(folder: Path, numbers: range, *, size: tuple[int, int]) -> Floats:
    """Read the ab (n, h, w, 2) of hand-painted pictures, 0 for frames without one."""
    ab = np.zeros((len(numbers), *size, 2), np.float32)
    for colors, number in zip(ab, numbers, strict=True):
        path = folder / png_name(number)
        if path.exists():
            rgb = np.atleast_3d(read_png(path)).astype(np.float32) / 255
            rgb = np.ascontiguousarray(np.broadcast_to(rgb, (*rgb.shape[:2], 3)))
            small = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_AREA)
            colors[:] = rgb2lab(small)[..., 1:]
    return ab


def png_name(number: int) -> str:
    """Return the file name of a frame, by its number in the film."""
    return f"{number:07d}.png"
