"""Reports on a film and its processing: text, warnings, JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from color.segment import NetworkTime
from film import FilmError
from film.color_tags import LUMA_WEIGHTS
from film.encode import codec_of, encoding_of, kept_tags
from film.estimate import Estimate, estimate
from film.info import Film, span, unsupported_by
from film.job import SegmentRecord
from film.mux import Joined
from film.options import EncoderOptions, FilmOptions
from film.probe import probe
from film.work import Work
from photo.inputs import Facts
from runtime.console import counted
from runtime.workers import cores

HDR = ("smpte2084", "arib-std-b67")  # PQ and HLG, ITU-R BT.2100
STYLED = {"ass", "ssa"}  # subtitles
NOUNS = {"audio": "sound track", "video": "further video track", "data": "data stream"}


@dataclass
class Summary:
    """A record of the work on a film, filled in as it proceeds.

    weights, settings : sha256 of the weights, and the other settings that affect the colors and the encoding
    """

    source: Path
    target: Path
    film: Film
    weights: str
    settings: Mapping[str, object]
    warnings: Sequence[str] = ()
    joined: Joined | None = None
    seconds: float = 0.0
    segments: list[SegmentRecord] = field(default_factory=list)
    worker_seconds: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """Summarize the work in one line."""
        assert self.joined is not None, "the film is not finished"
        frames, size = self.joined.frames, self.joined.size_bytes
        return (
            f"{self.target}: {counted(frames, 'frame')} in {self.seconds:.1f} s ({frames / self.seconds:.1f} fps), "
            f"{size / 1e6:.1f} MB, kept: {', '.join(['video', *self._kept()])}"
        )

    def facts(self) -> Facts:
        """Return what a report of many files says of this one."""
        assert self.joined is not None, "the film is not finished"
        video = self.film.video
        return Facts(
            video.width, video.height, video.depth, kept=("video", *self._kept()),
            seconds=self.seconds, warnings=tuple(self.warnings), details=self.as_json(),
        )  # fmt: skip

    def _kept(self) -> list[str]:
        streams = self.joined.streams.items() if self.joined else ()
        return [counted(n, NOUNS.get(kind, kind)) for kind, n in sorted(streams)]

    def as_json(self) -> dict[str, Any]:
        """Return the whole record as plain JSON values."""
        assert self.joined is not None, "the film is not finished"
        stages = {name: round(value, 3) for name, value in self.worker_seconds.items()}
        records = sorted(self.segments, key=lambda record: record.index)
        return {
            "source": str(self.source),
            "output": str(self.target),
            "weights_sha256": self.weights,
            "settings": dict(self.settings),
            "frames": self.joined.frames,
            "seconds": round(self.seconds, 3),
            "fps": round(self.joined.frames / self.seconds, 2),
            "size_bytes": self.joined.size_bytes,
            "streams_kept": self.joined.streams,
            "warnings": list(self.warnings),
            "worker_seconds": stages,
            "segments": [
                {name: getattr(r, name) for name in ("shot", "first", "count", "color")}
                for r in records
            ],
        }


def left_in_color(work: Work, records: Iterable[SegmentRecord]) -> list[str]:
    """Say in one line, or none, how many shots were left unchanged because they have color, not because of -leave."""
    shots, left = set(), set()
    for record in records:
        guidance = work.guidance.get(record.shot)
        shots.add(record.shot)
        if not work.colorized(record) and (guidance is None or guidance.colorize is None):
            left.add(record.shot)
    if not left:
        return []
    if len(shots) == 1:
        return ["its only shot has color and was left unchanged: -recolor colorizes it"]
    which, it = f"{len(left)} of {len(shots)}", "it" if len(left) == 1 else "them"
    has = "has color and was" if len(left) == 1 else "have color and were"
    return [f"{which} shots {has} left unchanged: -recolor colorizes {it}"]


def warnings_of(film: Film, target: Path, options: FilmOptions) -> list[str]:
    """List what the result will lose of the film, before the work starts."""
    found = [*film.notes, *encoder_notes(film, options.encoder)]
    if options.encoder.pictures:
        return found + picture_notes(film)
    container = target.suffix.lower().lstrip(".")
    lost = unsupported_by(film, container)
    if lost:
        could = next((item.could for item in lost if item.could), "")
        streams = "; ".join(str(item.stream) for item in lost)
        found.append(f"{container} cannot hold: {streams}" + (f"; {could} can" if could else ""))
    styled = [stream for stream in film.streams if stream.codec in STYLED]
    if styled and container != "mkv":
        named = "; ".join(map(str, styled))
        found.append(f"styles of subtitles are not kept in {container}: {named}; mkv can hold them")
    first, last = span(film, options)
    videos = [stream for stream in film.streams if stream.kind == "video"]
    if videos and last - first < film.frames:
        named = "; ".join(str(stream) for stream in videos)
        found.append(f"a part of a film has only one video, without: {named}")
    return found + truncation_notes(film)


def truncation_notes(film: Film) -> list[str]:
    """Name what is missing at a film's end."""
    missing_s = film.missing_s
    if missing_s <= 0:
        return []
    return [
        f"{film.path} is truncated: the last {missing_s:.1f} s are missing; the rest is colorized"
    ]


def picture_notes(film: Film) -> list[str]:
    """List what an image sequence cannot keep of a film."""
    found = truncation_notes(film)
    if film.streams:
        named = "; ".join(map(str, film.streams))
        found.append(f"pictures have no sound, subtitles or other streams; left out: {named}")
    if film.is_vfr:
        found.append("the film's frame rate varies, which pictures cannot tell")
    if film.video.sar != 1:
        found.append(f"the pixel aspect ratio {film.video.sar} is not stored in pictures")
    return found


def encoder_notes(film: Film, options: EncoderOptions) -> list[str]:
    """List what the encoder cannot keep of the film's picture (depth, chroma, odd size, alpha)."""
    video, notes = film.video, []
    try:
        encoding = encoding_of(film, options)
    except FilmError as error:  # only a note here; encoding raises it
        return [str(error)]
    if encoding.depth < video.depth:
        notes.append(
            f"{options.codec} keeps {encoding.depth} of {video.depth} bits; ffv1 would keep all"
        )
    if any(new > old > 0 for new, old in zip(encoding.chroma, video.chroma, strict=True)):
        notes.append(
            f"{options.codec} stores {encoding.pixel_format}, with less chroma than the film's "
            f"{video.pixel_format}; ffv1 would keep all"
        )
    if (encoding.width, encoding.height) != (video.width, video.height):
        notes.append(
            f"{options.codec} needs even sizes: {video.width}x{video.height} becomes "
            f"{encoding.width}x{encoding.height} by repeating the edge; ffv1 would keep the size"
        )
    if video.hidden_alpha or (video.has_alpha and not encoding.alpha):
        no_codec = video.hidden_alpha or options.pictures
        can = "" if no_codec else "; ffv1 or prores would keep it"
        notes.append(f"the film's transparency is left out{can}")
    if not video.has_luma:
        notes.append(f"{video.pixel_format} has no luma plane: BT.709 luma is computed from it")
    if video.matrix not in LUMA_WEIGHTS and video.matrix and video.has_luma:
        notes.append(
            f"no colors can be made for the matrix {video.matrix}: {encoding.matrix} is used and tagged instead, "
            "so shots that have color and are left unchanged look wrong"
        )
    tags = kept_tags(video, codec_of(options)).values()
    if lost := [tag for tag in (video.primaries, video.transfer) if tag and tag not in tags]:
        notes.append(f"{options.codec} cannot store the color tag {' and '.join(lost)}: left out")
    if video.transfer in HDR:
        notes.append(
            f"the film is HDR ({video.transfer}), but its transfer is treated as SDR: "
            "colors may be too pale or too strong; luma and tags are kept"
        )
    if video.full_range and video.has_luma and not encoding.full_range:
        notes.append(
            "prores supports only limited range: full-range luma is scaled; ffv1 would keep it"
        )
    if encoding.first_field:
        notes.append("the film stays interlaced; -deinterlace makes its frames progressive")
    return notes


def describe(film: Film) -> str:
    """Describe a film's properties as text, one per line."""
    video = film.video
    rate = "variable rate" if film.is_vfr else f"{video.rate} fps"
    kind = f"{video.codec} {video.width}x{video.height} {video.pixel_format}, {rate}"
    tagged = {kind: getattr(video, kind) for kind in ("matrix", "primaries", "transfer")}
    tags = ", ".join(f"{kind} {tag or 'untagged'}" for kind, tag in tagged.items())
    turned = f"rotated by {video.rotation} degrees, " if video.rotation else ""
    lines = [
        f"{film.path}: {film.container}, {film.size_bytes / 1e6:.1f} MB",
        f"  video      {kind}, {counted(film.frames, 'frame')}, {film.duration_s:.3f} s",
        f"  picture    {video.field_order}, pixel aspect ratio {video.sar}, {turned}"
        f"{'full' if video.full_range else 'limited'} range, {tags if any(tagged.values()) else 'no color tags'}",
    ]
    lines += [
        f"  {stream.kind:<10} {str(stream).removeprefix(stream.kind).strip()}"
        for stream in film.streams
    ]
    lines += [
        f"  chapter    {chapter.start_s:.3f}-{chapter.end_s:.3f} s {chapter.title}"
        for chapter in film.chapters
    ]
    if film.missing_s > 0:
        lines.append(f"  missing    {film.missing_s:.1f} s at the end")
    return "\n".join(lines)


def timecode(film: Film, frame: int) -> str:
    """Return a frame's display time as h:mm:ss."""
    seconds = int((film.pts[frame] - film.pts[0]) * film.video.time_base)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _estimate(
    film: Film, frames: int, options: FilmOptions, *, workers: int, network: NetworkTime | None
) -> Estimate | None:
    """Estimate a film's job; None for a film that the codec cannot encode."""
    try:
        encoding = encoding_of(film, options.encoder)
    except FilmError:  # the warnings say so
        return None
    return estimate(encoding, frames, codec=options.encoder.codec, cores=workers, network=network)


def film_info(
    source: Path, target: Path, *, options: FilmOptions, network: NetworkTime | None = None
) -> tuple[str, dict[str, Any]]:
    """Return a film's properties and the planned work, as text and as plain JSON values.

    network : the time of another network than the released one
    """
    film = probe(source, options)
    first, last = span(film, options)
    warnings = warnings_of(film, target, options)
    codec, workers = options.encoder.codec, options.workers or cores()
    plan = {"output": str(target), "first": first, "frames": last - first, "warnings": warnings}
    plan |= {"codec": codec, "workers": workers}
    takes = _estimate(film, last - first, options, workers=workers, network=network)
    plan |= {"estimate": asdict(takes) if takes else None}
    lines = [describe(film), f"  to do      {counted(last - first, 'frame')} -> {target} ({codec})"]
    if takes:
        lines.append(f"  estimate   {takes} ({counted(workers, 'core')})")
    lines += [f"  warning    {warning}" for warning in warnings]
    return "\n".join(lines), {"film": film.as_json(), "plan": plan}
