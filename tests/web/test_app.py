"""The page: its files, its words, and no other files."""

import json
import re
from pathlib import Path

import pytest
from web_visitor import Visitor

import main


def test_the_page_and_its_words_are_there(visitor: Visitor) -> None:
    assert b"<title>Colorizer" in visitor.get("/")
    words = {tag: json.loads(visitor.get(f"/words/{tag}.json")) for tag in ("en", "zh")}
    assert set(words["en"]) == set(words["zh"])
    assert all(text.strip() for kept in words.values() for text in kept.values())


def test_messages_are_told_in_each_language(visitor: Visitor) -> None:
    told = {tag: json.loads(visitor.get(f"/words/{tag}.messages.json")) for tag in ("en", "zh")}
    patterns, others = ([pattern for pattern, _ in messages] for messages in told.values())
    assert patterns == others
    for pattern, text in told["en"] + told["zh"]:
        groups = re.compile(pattern).groups
        assert all(int(group) <= groups for group in re.findall(r"\{(\d)\}", text)), text
        assert not re.search(r"(?<![\w-])-[a-z]", text), text


def test_the_page_uses_only_words_that_are_there() -> None:
    """Check every text key that the page's files use."""
    page = Path(main.__file__).parent / "web" / "page"
    words = json.loads((page / "words" / "en.json").read_text(encoding="utf-8"))
    text = "".join(path.read_text(encoding="utf-8") for path in page.glob("*.*"))
    used = set(re.findall(r'(?:\bsay\("|data-say="|data-label="|data-tip=")(\w+)"', text))
    assert used <= set(words)


# Exporting other programs of the small network takes seconds.


@pytest.mark.parametrize(
    "path",
    [
        "/../main.py", "/..%2fmain.py", "/words/../../options.py", "/words/..%2f..%2foptions.py", "/%2e%2e/main.py",
        "//etc/passwd", "/page/index.html", "/photos/..%2f..%2f/gray", "/photos/%00/gray", "/words", "/login.html",
    ],
)  # fmt: skip
def test_no_path_leads_to_other_files(visitor: Visitor, path: str) -> None:
    status, _, content = visitor.ask("GET", path)
    assert status in {404, 405}
    assert b"import" not in content
