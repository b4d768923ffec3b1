"""A film's job: its manifest (contents and progress) and the folder in which it is worked on; `film.jobs` opens it.

A file or folder under its final name is finished (see runtime.files), so after any interruption the same command
determines what is left to do.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self, TypeVar, get_origin

from film.ffmpeg import film_stream, open_film
from film.source import Source
from runtime.files import write_text

FORMAT = 6  # of the manifest
NONE = -1  # no segment
WRITING_SHARE = 0.02  # maximum fraction of time spent writing the growing manifest
MANIFEST = "manifest.json"
PREDICTED, LINKED = "predicted", "linked"  # results of these steps, inputs of the next
HINTS = "hints"  # positions of each shot's hints in its frames
KEYFRAMES, CARRIED = "keyframes", "carried"  # colors of keyframes, and what is carried of them
ROOMS = ("audio", "input_img", "output_img", PREDICTED, LINKED, HINTS, KEYFRAMES, CARRIED, "shots")
GRAYS = "grays.npz"  # a segment's gray frames in input_img, unless they are kept as pictures
AB = "ab.npy"  # a segment's colors, in every folder that this program writes to output_img
Record = TypeVar("Record")


class JobError(ValueError):
    """A job cannot continue; the message says what to do."""


@dataclass(frozen=True)
class SegmentRecord:
    """A segment's entry in the manifest: consecutive frames of one shot, processed together.

    index, shot : numbers of the segment and of its shot in the job
    number : number of the segment in its shot
    first, count : frames of the job, in presentation order
    ends_shot : whether it is the last segment of its shot
    color : the source shows color here, so it is left unchanged
    returns_to : in a shot's first segment, the last segment of an earlier shot of the same scene; NONE for a new scene
    All numbers start at 0.
    """

    index: int
    shot: int
    number: int
    first: int
    count: int
    ends_shot: bool = True
    color: bool = False
    returns_to: int = NONE

    @property
    def name(self) -> str:
        """Return the base name of the segment's files and folders."""
        return f"{self.index:05d}"


@dataclass(frozen=True)
class Manifest:
    """What identifies a job, how its shots are encoded, and the segments found so far.

    settings : all that change colors; another value is another job
    encoding : those that change only the encoded shots
    guidance : shot -> digest of its guidance; a change affects only that shot
    segments : those found so far; ``complete`` once the whole film has been analyzed
    """

    source: Source
    path: str
    settings: Mapping[str, object]
    weights: str
    encoding: Mapping[str, object] = field(default_factory=dict)
    guidance: Mapping[str, str] = field(default_factory=dict)
    segments: tuple[SegmentRecord, ...] = ()
    complete: bool = False
    state: str = "started"
    format: int = field(default=FORMAT)

    def to_json(self) -> str:
        """Return the manifest as human-readable JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; raise JobError for anything else."""
        try:
            values = json.loads(text)
            form = values["format"]
            if form == FORMAT:
                return cls._from_values(values)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise JobError(f"not a manifest of this program ({error!r})") from error
        raise JobError(f"written by another version (format {form!r:.20})")

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Self:
        segments = tuple(_typed(SegmentRecord(**one)) for one in values.pop("segments"))
        _check_consecutive(segments)
        source = _typed(Source(**values.pop("source")))
        return _typed(cls(source=source, segments=segments, **values))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a manifest file; raise JobError, with the path, if it cannot be read."""
        try:
            if not path.is_file():  # reading a pipe would block
                raise JobError("not a regular file")
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise JobError(f"{path}: {error}") from error

    @property
    def digest(self) -> str:
        """Return the hash of the film, the settings and the weights, which identifies this job."""
        work = {name: asdict(self)[name] for name in ("source", "settings", "weights")}
        return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()

    def differences(self, wanted: "Manifest") -> list[str]:
        """Describe the differences to another manifest; an empty list if it is the same job."""
        found = [] if self.source == wanted.source else ["the film itself has changed"]
        if self.weights != wanted.weights:
            found.append(f"weights were {self.weights[:12]}, now {wanted.weights[:12]}")
        return found + changes(self.settings, wanted.settings)


def changes(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Describe the settings that have changed: "crf was 18, now 20"."""
    names = sorted({*old, *new})
    return [
        f"{name} was {old.get(name)}, now {new.get(name)}"
        for name in names
        if old.get(name) != new.get(name)
    ]


class Job:
    """A locked job folder."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._waiting = False  # the manifest on disk is out of date
        self._due_s = 0.0

    @property
    def shots(self) -> str:
        """Number of shots found, with a plus sign until the whole film is analyzed."""
        found = self.manifest.segments[-1].shot + 1
        return f"{found}" if self.manifest.complete else f"{found}+"

    def note(self, **changes: object) -> None:
        """Change the manifest in memory and on disk."""
        self.manifest = replace(self.manifest, **changes)  # type: ignore[arg-type]
        began_s = time.monotonic()
        write_text(self.folder / MANIFEST, self.manifest.to_json())
        now_s = time.monotonic()
        self._waiting, self._due_s = False, now_s + (now_s - began_s) / WRITING_SHARE

    def add(self, segment: SegmentRecord) -> None:
        """Add a segment to the manifest; write it to disk soon after, since each write stores all the thousands.

        A segment lost in a crash is found again, unchanged.
        """
        self.manifest = replace(self.manifest, segments=(*self.manifest.segments, segment))
        self._waiting = True
        if time.monotonic() >= self._due_s:
            self.note()

    def write_waiting(self) -> None:
        """Write pending changes of the manifest to disk."""
        if self._waiting:
            self.note()

    def forget_changes(self) -> None:
        """Leave pending changes of the manifest unwritten, before the job is deleted."""
        self._waiting = False


def _typed(record: Record) -> Record:
    """Return a dataclass unchanged; raise TypeError if a value does not have its field's type."""
    for one in fields(record):  # type: ignore[arg-type]
        value = getattr(record, one.name)
        kind: Any = get_origin(one.type) or one.type
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(f"{one.name} is {value!r:.40}")
    return record


def _check_consecutive(segments: tuple[SegmentRecord, ...]) -> None:
    """Raise ValueError unless the segments follow one another without a gap."""
    due = 0
    for index, segment in enumerate(segments):
        if (segment.index, segment.first) != (index, due) or segment.count < 1:
            raise ValueError(f"segment {index} does not begin at frame {due}")
        due += segment.count


@dataclass(frozen=True)
class Rendered:
    """What is read of a rendered file.

    comments : the metadata values in its header
    setup : the decoder configuration (H.264's parameter sets)
    modified_ns : modification time, nanoseconds since 1970
    ranks : each packet's position in presentation order, packets in decode order
    """

    path: Path
    comments: frozenset[str]
    setup: bytes | None
    modified_ns: int
    ranks: tuple[int, ...]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.ranks)


def read_rendered(path: Path) -> Rendered:
    """Read a rendered file's header and the order of its packets."""
    with open_film(path, decoding=False) as container:
        stream = film_stream(container)
        packets = container.demux(stream) if stream else iter(())
        # Only the order matters: a segment is encoded at a constant rate, so its times are not the film's.
        times = [packet.pts for packet in packets if packet.size and packet.pts is not None]
        setup = stream.codec_context.extradata if stream else None
        comments = frozenset(container.metadata.values())
    order = sorted(range(len(times)), key=lambda index: times[index])
    ranks = {index: rank for rank, index in enumerate(order)}
    places = tuple(ranks[index] for index in range(len(times)))
    return Rendered(path, comments, setup, path.stat().st_mtime_ns, places)
