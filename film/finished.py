"""What is left of a finished job: enough to take unchanged shots out of its result when some are to be made again.

A job's folder is deleted once its film is joined. A small file beside it says which packets of the result are which
shot's, so that a rerun with another hint, which concerns one shot, copies all others from the result.
"""

import gzip
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av

from film import FilmError
from film.ffmpeg import film_stream, open_film
from film.job import Job, Manifest, Rendered, SegmentRecord, read_rendered
from film.mark import mark_in
from film.stream_copy import Packet
from film.work import Work, checksum_of
from runtime.files import discard, whole_file, write_bytes, write_text

log = logging.getLogger(__name__)

SUFFIX = ".finished.gz"
MOST = 50  # files kept, the newest ones
TICK = Fraction(1, 1000)  # of a copied shot's clock
FRAME_TICKS = 10  # its frames' distance; only their order matters


@dataclass(frozen=True)
class FinishedShot:
    """A segment in a result: the SHA-256 of its packets' bytes, and of the decoder configuration."""

    packets: str
    setup: str


def leave(
    work: Work, job: Job, shots: Sequence[Rendered], target: Path, packets: Sequence[str]
) -> None:
    """Write what a later run needs to take this job's shots out of its result; delete the oldest such files.

    packets : the SHA-256 of each shot's packets in the result
    """
    told = [
        asdict(FinishedShot(digest, _digest(shot.setup)))
        for digest, shot in zip(packets, shots, strict=True)
    ]
    values = {
        "manifest": job.manifest.to_json(), "result": str(target.resolve()), "mark": mark_in(target),
        "guidance": {str(shot): one.digest for shot, one in work.guidance.items()}, "shots": told,
    }  # fmt: skip
    write_bytes(_file(job.folder), gzip.compress(json.dumps(values).encode(), mtime=0))
    files = sorted(left_in(job.folder.parent), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[MOST:]:
        discard(file)


def left_in(cache: Path) -> list[Path]:
    """List the files that finished jobs have left in a folder."""
    return sorted(cache.glob(f"*{SUFFIX}"))


def taken_back(work: Work, job: Job) -> bool:
    """Copy the shots of the same job, finished earlier, from its result, if that is as it was written.

    Their guidance is that of the earlier run, so that those whose guidance has changed are made again. A result that is
    gone, replaced or of other shots changes nothing: all shots are made again. Returns whether they were copied.
    """
    values = _read(_file(job.folder))
    if values is None:
        return False
    try:
        old, result = Manifest.from_json(values["manifest"]), Path(values["result"])
        same = old.digest == job.manifest.digest and old.encoding == job.manifest.encoding
        if not (same and old.complete and result.is_file() and mark_in(result) == values["mark"]):
            return False
        shots = [FinishedShot(**one) for one in values["shots"]]
        job.note(segments=old.segments, complete=True, guidance=old.guidance)
        labels = [_label(work, record, values["guidance"]) for record in old.segments]
        _copy_shots(work, old.segments, shots, labels, result)
    except (OSError, ValueError, TypeError, KeyError, av.FFmpegError) as error:
        log.debug("%s: its shots are made again: %s", job.folder, error)
        for record in job.manifest.segments:
            discard(work.shot(record))
        return False
    log.info("%s: shots that have not changed are taken from it", result)
    return True


def forget(job: Job) -> None:
    """Delete what an earlier run of this job has left beside its folder."""
    discard(_file(job.folder))


def needed_shots(work: Work, records: Sequence[SegmentRecord]) -> set[int]:
    """Return the shots that are not encoded as a whole, and those whose colors they continue."""
    shot_of = {record.index: record.shot for record in records}
    returns = {record.shot: record.returns_to for record in records if record.number == 0}
    waiting = [record.shot for record in records if not work.shot(record).exists()]
    needed: set[int] = set()
    while waiting:
        shot = waiting.pop()
        if shot not in needed:
            needed.add(shot)
            waiting += [shot_of[index] for index in [returns[shot]] if index in shot_of]
    return needed


def remaining(
    work: Work, records: Sequence[SegmentRecord], is_rendered: Callable[[SegmentRecord], bool]
) -> list[SegmentRecord]:
    """Return the segments of the shots that are to be made, and of those whose colors they continue.

    is_rendered : tells whether a segment is encoded, and deletes a damaged file
    """
    for record in records:
        is_rendered(record)
    needed = needed_shots(work, records)
    return [record for record in records if record.shot in needed]


def _file(folder: Path) -> Path:
    return folder.with_name(folder.name + SUFFIX)


def _read(path: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError, EOFError):
        values = json.loads(gzip.decompress(path.read_bytes()))
        return values if isinstance(values, dict) else None
    return None


def _label(work: Work, record: SegmentRecord, guidance: dict[str, str]) -> str:
    return work.label(record, guidance.get(str(record.shot), ""))


def _copy_shots(
    work: Work, records: Sequence[SegmentRecord], shots: Sequence[FinishedShot],
    labels: Sequence[str], result: Path,
) -> None:  # fmt: skip
    """Copy each segment's packets from a result to its own file. Raises FilmError if they are not those it was told."""
    with open_film(result) as container:
        stream = film_stream(container)
        if stream is None:
            raise FilmError("no picture")
        packets = (packet for packet in container.demux(stream) if packet.size)
        for record, shot, label in zip(records, shots, labels, strict=True):
            own = list(islice(packets, record.count))
            if len(own) != record.count or digest_of(own) != shot.packets:
                raise FilmError(f"the packets of segment {record.index} are others")
            _copy_shot(work, record, own, stream, label)
            if _digest(read_rendered(work.shot(record)).setup) != shot.setup:
                raise FilmError(f"the decoder configuration of segment {record.index} is another")


def _copy_shot(
    work: Work, record: SegmentRecord, packets: list[Packet], stream: av.VideoStream, label: str
) -> None:
    """Write one segment's packets as `film.encode.render` writes it, with times that only tell their order."""
    times = [packet.pts or 0 for packet in packets]
    rank_at = {time: rank for rank, time in enumerate(sorted(times))}
    ranks = [rank_at[time] for time in times]
    delay = max(index - rank for index, rank in enumerate(ranks))
    with whole_file(work.shot(record), durable=False) as part:
        with av.open(str(part), "w", format="matroska") as target:
            target.metadata["comment"] = label
            copy = target.add_stream_from_template(stream)
            for index, (packet, rank) in enumerate(zip(packets, ranks, strict=True)):
                packet.stream, packet.time_base = copy, TICK
                packet.pts = rank * FRAME_TICKS
                packet.dts = (index - delay) * FRAME_TICKS
                packet.duration = FRAME_TICKS
                target.mux(packet)
        write_text(work.checksum(record), checksum_of(part))


def digest_of(packets: Sequence[Packet]) -> str:
    """Return the SHA-256 of packets' bytes."""
    found = hashlib.sha256()
    for packet in packets:
        found.update(bytes(packet))
    return found.hexdigest()


def _digest(setup: bytes | None) -> str:
    return hashlib.sha256(setup or b"").hexdigest()
