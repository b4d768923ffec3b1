"""Tests reading and making boxes."""

import struct
from pathlib import Path

from photo.boxes import box, boxes, inner


def test_boxes_are_read_as_they_were_made(tmp_path: Path) -> None:
    made = [(b"ftyp", b"jp2 "), (b"uuid", bytes(2000)), (b"free", b"")]
    long = struct.pack(">I4sQ", 1, b"jp2c", 16 + 3000) + bytes(3000)
    (tmp_path / "a").write_bytes(b"".join(box(*one) for one in made) + long)
    assert list(boxes(tmp_path / "a", codestream=(b"jp2c",))) == [*made, (b"jp2c", bytes(1024))]
    assert list(inner(b"".join(box(*one) for one in made))) == made


def test_the_last_box_may_have_no_length_and_impossible_lengths_end_the_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").write_bytes(struct.pack(">I4s", 0, b"jxlc") + b"abc")
    assert list(boxes(tmp_path / "a")) == [(b"jxlc", b"abc")]
    (tmp_path / "b").write_bytes(struct.pack(">I4s", 3, b"jxlc") + b"abc")
    assert list(boxes(tmp_path / "b")) == []
    assert list(inner(struct.pack(">I4s", 3, b"jxlc") + b"abc")) == []
