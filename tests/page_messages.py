"""What the server says, in the page's words: its tables of messages in both languages, as the page's script uses them."""

import json
import re
from pathlib import Path

import main

ROOT = Path(main.__file__).parent
WORDS = ROOT / "web" / "page" / "words"
TABLES = {tag: json.loads((WORDS / f"{tag}.messages.json").read_text(encoding="utf-8")) for tag in ("en", "zh")}  # fmt: skip
NOT_THEIRS = re.compile(
    r"(?<![\w-])-[a-z]|/|tmp|expected|Error|photo\.(jpg|png)"
)  # not the page's words
LATIN = re.compile(r"[A-Za-z]{4,}")


def told(text: str, tag: str) -> str:
    """Return a message as the page's script makes it."""
    for pattern, said in TABLES[tag]:
        if found := re.search(pattern, text, re.DOTALL):
            return filled(said, found)
    raise AssertionError(f"no words for {text!r}")


def filled(said: str, found: re.Match[str]) -> str:
    """Fill a match's groups in."""
    return re.sub(r"\{(\d)\}", lambda one: found[int(one[1])] or "", said)


def check(text: str, wanted: str) -> None:
    """Compare a message in English, and check it in both languages; names of files may be anything."""
    english = told(text, "en")
    assert english == wanted
    for words in (english, told(text, "zh")):
        assert not NOT_THEIRS.search(words), words
    named = re.sub(r"[\w -]+\.\w+|RGB|TIFF|JPEG|PNG|navvy|navy", "", told(text, "zh"))
    assert not LATIN.search(named), named
