"""The report of a command as a CSV or JSON file: one row for each input, whole after every row that is added.

JSON keeps one row on a line, so that a row is added by writing over the end of the file alone.
"""

import csv
import dataclasses
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runtime.files import write_bytes

FORMATS = (".csv", ".json")
HEAD, BETWEEN, TAIL = b'{"report": "colorizer", "inputs": [\n', b",\n", b"\n]}\n"
SEPARATOR = "; "  # of several values in a cell of CSV


@dataclass(frozen=True)
class Row:
    """What became of an input.

    outcome : one of `photo.ledger`
    width, height, depth : pixels, and bits per sample; of the first page of several
    pages : number of pictures in the result of a photo
    confidence : 0..1, the network's, on average
    reason : why it failed or was passed over
    settings : with which it was colorized
    details : a record of the work, in JSON only
    """

    source: str
    outcome: str
    result: str = ""
    width: int | None = None
    height: int | None = None
    depth: int | None = None
    pages: int | None = None
    confidence: float | None = None
    kept: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    reason: str = ""
    seconds: float | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    details: Mapping[str, object] = field(default_factory=dict)


COLUMNS = tuple(column.name for column in dataclasses.fields(Row) if column.name != "details")


class ReportFile(Protocol):
    """A file of rows."""

    path: Path

    def read(self) -> list[Row] | None:
        """Return its rows, without a last one that is incomplete; None if it is no report. Raises OSError."""
        ...

    def write(self, rows: Sequence[Row]) -> None:
        """Replace it, atomically."""
        ...

    def add(self, row: Row) -> None:
        """Add a row, in one write."""
        ...


def report_file(path: Path) -> ReportFile:
    """Return the file of a report; raise ValueError for a name that says neither CSV nor JSON."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"-report {path}: name a file with {' or '.join(FORMATS)}")
    return CsvReport(path) if suffix == ".csv" else JsonReport(path)


@dataclass
class CsvReport:
    """Rows as CSV (RFC 4180) in UTF-8; several values of a cell are separated by semicolons, settings are JSON."""

    path: Path

    def read(self) -> list[Row] | None:
        """See `ReportFile`."""
        with self.path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            head, *lines = list(csv.reader(file)) or [[]]
        rows = map(_from_cells, lines)
        return [row for row in rows if row] if tuple(head) == COLUMNS else None

    def write(self, rows: Sequence[Row]) -> None:
        """See `ReportFile`."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path, self._bytes([COLUMNS, *map(_cells, rows)]))

    def add(self, row: Row) -> None:
        """See `ReportFile`."""
        with self.path.open("ab", buffering=0) as file:
            file.write(self._bytes([_cells(row)]))

    def _bytes(self, lines: Iterable[Sequence[object]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(lines)
        return text.getvalue().encode("utf-8", "surrogateescape")


@dataclass
class JsonReport:
    """Rows as the list "inputs" of a JSON object, in UTF-8."""

    path: Path
    _filled: bool = False

    def read(self) -> list[Row] | None:
        """See `ReportFile`."""
        with self.path.open("rb") as file:
            if file.readline() != HEAD:
                return None
            rows = [_from_line(line.rstrip(b",\n")) for line in file]
        return [row for row in rows if row]

    def write(self, rows: Sequence[Row]) -> None:
        """See `ReportFile`."""
        self._filled = bool(rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path, HEAD + BETWEEN.join(map(_line, rows)) + TAIL)

    def add(self, row: Row) -> None:
        """See `ReportFile`."""
        with self.path.open("r+b", buffering=0) as file:
            file.seek(-len(TAIL), os.SEEK_END)
            file.write((BETWEEN if self._filled else b"") + _line(row) + TAIL)
        self._filled = True


def _cells(row: Row) -> list[object]:
    return [_cell(getattr(row, name)) for name in COLUMNS]


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        return SEPARATOR.join(value)
    if isinstance(value, Mapping):
        return json.dumps(value) if value else ""
    return "" if value is None else value


def _from_cells(cells: Sequence[str]) -> Row | None:
    """Return the row of a line of CSV; None for one that is incomplete."""
    try:
        named = zip(COLUMNS, cells, strict=True)
        return Row(**{name: READERS.get(name, str)(cell) for name, cell in named if cell})
    except (ValueError, TypeError):
        return None


def _several(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(SEPARATOR))


READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("width", "height", "depth", "pages"), int),
    **dict.fromkeys(("confidence", "seconds"), float),
    **dict.fromkeys(("kept", "left_out", "warnings"), _several),
    "settings": json.loads,
}


def _line(row: Row) -> bytes:
    # File names of any bytes: what UTF-8 cannot hold is escaped as JSON does.
    text = json.dumps(dataclasses.asdict(row), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")


def _from_line(line: bytes) -> Row | None:
    """Return the row of a line of JSON; None for another line."""
    try:
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in json.loads(line).items()
        }
        return Row(**values)
    except (ValueError, TypeError, AttributeError):
        return None
