"""What visitors read: names that files may have, and no temporary paths."""

import secrets
from pathlib import Path

import pytest

from web.messages import file_name, message, without_uploads


def test_uploads_have_only_their_names() -> None:
    uploads = Path("/tmp/colorizer-x1")
    token, other = (secrets.token_urlsafe(16) for _ in range(2))
    text = f"{uploads}/{token}/{other}/a key.png does not show frame 3\nof /home/me/film.mkv"
    assert message(text, uploads) == "a key.png does not show frame 3 of /home/me/film.mkv"
    assert without_uploads(f"1\n {uploads}/{token}/film.mkv", uploads) == "1\n film.mkv"


@pytest.mark.parametrize("name", ["", "...", "a/b", "CON:", "x" * 400, "\n"])
def test_names_are_names_of_files(name: str) -> None:
    made = file_name(name, "film")
    assert made == Path(made).name
    assert 0 < len(made) <= 120
    assert not made.startswith(".")
