"""What a film's job is of and how far it has come, as data: the film, the settings, the segments found; as JSON."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self, TypeVar, get_origin

from film.options import Colorization, FilmOptions

FORMAT = 4
NONE = -1  # no segment
SAMPLE_BYTES = 1 << 20
Record = TypeVar("Record")


class JobError(ValueError):
    """A job that cannot go on, and what to do about it."""


@dataclass(frozen=True)
class Source:
    """A film file, identified by a content hash: moving or touching it makes no new film."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class SegmentRecord:
    """Consecutive frames of one shot, worked on as one: what the manifest says of them.

    index, shot : number of the segment, and of its shot, in the job
    number : of the segment in its shot
    first, count : frames of the job, in presentation order
    ends_shot : nothing of its shot follows
    color : the source shows color here, so it is left as it is
    returns_to : at a shot's begin, the segment that ended an earlier shot of the same scene; NONE for a new scene
    All numbers are from 0.
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
        """Return what the segment's files and folders are called."""
        return f"{self.index:05d}"


@dataclass(frozen=True)
class Manifest:
    """What a job is of, and how far its shots are known.

    guidance : shot -> digest of what a person wants its colors to be; another one changes only these shots
    segments : those found so far; ``complete`` when the whole film has been analyzed
    """

    source: Source
    path: str
    settings: Mapping[str, object]
    weights: str
    guidance: Mapping[str, str] = field(default_factory=dict)
    segments: tuple[SegmentRecord, ...] = ()
    complete: bool = False
    state: str = "started"
    format: int = field(default=FORMAT)

    def to_json(self) -> str:
        """Return the manifest as text for a person to read too."""
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
            raise JobError(f"not a manifest of ours ({error!r})") from error
        raise JobError(f"written by another version (format {form!r:.20})")

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Self:
        segments = tuple(_typed(SegmentRecord(**one)) for one in values.pop("segments"))
        _check_consecutive(segments)
        source = _typed(Source(**values.pop("source")))
        return _typed(cls(source=source, segments=segments, **values))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a manifest file; raise JobError, with its name, for one that cannot be read."""
        try:
            if not path.is_file():  # reading a pipe would wait for ever
                raise JobError("no plain file")
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise JobError(f"{path}: {error}") from error

    @property
    def digest(self) -> str:
        """Return the hash that identifies this work: of the film, the settings and the weights."""
        work = {name: asdict(self)[name] for name in ("source", "settings", "weights")}
        return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()

    def differences(self, wanted: "Manifest") -> list[str]:
        """List in words what another manifest wants otherwise; nothing when it is the same work."""
        found = [] if self.source == wanted.source else ["the film itself has changed"]
        if self.weights != wanted.weights:
            found.append(f"weights were {self.weights[:12]}, now {wanted.weights[:12]}")
        for key in sorted({*self.settings, *wanted.settings}):
            old, new = self.settings.get(key), wanted.settings.get(key)
            if old != new:
                found.append(f"{key} was {old}, now {new}")
        return found


def manifest_of(path: Path, colorization: Colorization, options: FilmOptions) -> Manifest:
    """Return what a film's job is of: everything that could change a byte of its shots."""
    encoder = ("codec", "crf", "preset", "deinterlace")
    chosen = ("film_lock", "recolor", "compare", "start", "duration")
    settings = {
        **colorization.settings,
        **{name: getattr(options.encoder, name) for name in encoder},
        **{name: getattr(options, name) for name in chosen},
    }
    return Manifest(source_of(path), str(path.resolve()), settings, colorization.weights)


def source_of(path: Path) -> Source:
    """Identify a film by a hash of its size and of its head, middle and tail (1 MiB each)."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    # Not all of it: reading a long film once takes minutes on a slow disk.
    with path.open("rb") as file:
        for start in (0, (size - SAMPLE_BYTES) // 2, size - SAMPLE_BYTES):
            file.seek(max(0, start))
            digest.update(file.read(SAMPLE_BYTES))
    return Source(path.name, size, digest.hexdigest())


def _typed(record: Record) -> Record:
    """Return a dataclass as it is; raise TypeError for a value that is not of its field's type."""
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
