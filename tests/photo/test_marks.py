"""A mark is found in results only, in whichever place the format has for it."""

from pathlib import Path

import pytest
from helpers import colored, landscape
from PIL import Image

from photo.marks import mark_in
from photo.read import Photo
from photo.write import SUFFIXES, write_photo

MARK = "colorizer 1.2.3: of 0123456789abcdef, with 01234567"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_result_has_its_mark(tmp_path: Path, suffix: str) -> None:
    gray = landscape(20, 31)
    write_photo(tmp_path / f"a{suffix}", colored(gray), like=Photo(gray, mark=MARK))
    assert mark_in(tmp_path / f"a{suffix}") == MARK
    Image.fromarray(gray).save(tmp_path / "other.png")
    (tmp_path / "none.png").write_bytes(MARK.encode())
    assert mark_in(tmp_path / "other.png") == mark_in(tmp_path / "none.png") == ""
