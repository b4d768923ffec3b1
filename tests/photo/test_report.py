"""Reports are whole after every row, in CSV and JSON alike, and give back what was written."""

import csv
import json
import os
from pathlib import Path

import pytest

from photo.report import COLUMNS, Row, report_file

FULL = Row(
    "a, \"b\"\n; 照片.png", "colored", "out/a.png", 40, 30, 16, 3, 0.0, ("EXIF", "XMP"), ("a tag",),
    ("reference: content",), "", 1.25, {"temperature": 0.6, "palette": ["#c0392b"]},
)  # fmt: skip
FAILED = Row(os.fsdecode(b"\xff.png"), "failed", reason="is empty")


@pytest.fixture(params=["told.csv", "new/told.json"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / request.param


def sources(path: Path) -> list[str]:
    """Read a report as other programs do."""
    if path.suffix == ".json":
        return [row["source"] for row in json.loads(path.read_text("utf-8"))["inputs"]]
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [row["source"] for row in csv.DictReader(file)]


def test_what_is_written_is_read(path: Path) -> None:
    report_file(path).write([FULL, FAILED])
    assert report_file(path).read() == [FULL, FAILED]
    assert sources(path) == [FULL.source, FAILED.source]


def test_a_report_is_whole_after_every_row(path: Path) -> None:
    file = report_file(path)
    file.write([])
    assert sources(path) == []
    for number, row in enumerate((FULL, FAILED, FULL)):
        file.add(row)
        assert len(sources(path)) == number + 1
    assert report_file(path).read() == [FULL, FAILED, FULL]
    assert not list(path.parent.glob(".*"))


def test_a_row_is_added_without_rewriting_the_others(path: Path) -> None:
    file = report_file(path)
    file.write([FULL] * 50)
    before = path.stat()
    file.add(FAILED)
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_size - before.st_size < 500


def test_a_torn_last_row_is_left_out(path: Path) -> None:
    file = report_file(path)
    file.write([FULL, FAILED])
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"failed")])
    assert report_file(path).read() == [FULL]


@pytest.mark.parametrize("content", [b"", b"name,size\n1,2\n", b'{"inputs": []}\n', b"\xff\xfe\0"])
def test_another_file_is_no_report(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    assert report_file(path).read() is None


def test_the_name_says_the_format() -> None:
    with pytest.raises(ValueError, match=r"told\.xlsx: name a file with \.csv or \.json"):
        report_file(Path("told.xlsx"))
    assert COLUMNS[:3] == ("source", "outcome", "result")
