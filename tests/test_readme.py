"""The README: short, in two languages of equal structure, rendered as packages show it."""

import re
from pathlib import Path

import documents
import pytest
from readme_renderer import markdown

ROOT = documents.ROOT
README, CHINESE = documents.PAIRS[0]
LONGEST = 120  # lines, and characters of a line of prose
pairs = pytest.mark.parametrize(
    ("english", "chinese"), documents.PAIRS, ids=[documents.name_of(pair[0]) for pair in documents.PAIRS]
)  # fmt: skip


def numbers(row: str) -> list[str]:
    return sorted(re.findall(r"\d+(?:[.,]\d+)*", row))


def rows(page: Path) -> list[str]:
    return [line for line in documents.prose(page).splitlines() if line.startswith("|")]


def targets(page: Path) -> list[tuple[str, str]]:
    """List a page's pictures and links: files by their names, as the languages have folders of their own."""
    found = documents.LINK.findall(documents.prose(page).split("\n", 1)[1])
    return sorted(
        (bang, to if to.startswith("https:") else to.partition("#")[0].rpartition("/")[2])
        for bang, to in found
    )


def test_setting_up_is_two_commands() -> None:
    commands = [block.text.strip() for block in documents.blocks(README, "sh", "setup")]
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    assert "requirements.txt && python main.py" in commands[0]
    assert commands[1].endswith("python -m pytest")


@pytest.mark.parametrize("page", [README, CHINESE], ids=documents.name_of)
def test_it_stays_short(page: Path) -> None:
    assert len(documents.text_of(page).splitlines()) <= LONGEST


def test_a_package_index_renders_it_with_all_its_pictures() -> None:
    html = markdown.render(documents.text_of(README))
    assert html is not None
    pictures = [to for bang, to in documents.LINK.findall(documents.prose(README)) if bang]
    assert [to for to in pictures if f'src="{to}"' not in html] == []
    assert html.count("<h2") == len(re.findall(r"^## ", documents.prose(README), re.M))


def test_the_moving_picture_is_small() -> None:
    assert (ROOT / "docs" / "pictures" / "film.webp").stat().st_size < 600_000


def test_each_language_links_to_the_other_in_its_first_line() -> None:
    assert documents.text_of(README).splitlines()[0].endswith("](README.zh.md)")
    assert documents.text_of(CHINESE).splitlines()[0].endswith("](README.md)")


@pairs
def test_both_languages_have_the_same_headings(english: Path, chinese: Path) -> None:
    ours, theirs = (re.findall(r"^(#+) .", documents.prose(page), re.M) for page in (english, chinese))  # fmt: skip
    assert ours == theirs


@pairs
def test_both_languages_have_the_same_blocks(english: Path, chinese: Path) -> None:
    ours, theirs = (
        [match[0] for match in documents.BLOCK.finditer(documents.text_of(page))]
        for page in (english, chinese)
    )
    assert ours == theirs


@pairs
def test_both_languages_have_the_same_code_within_their_lines(english: Path, chinese: Path) -> None:
    assert sorted(documents.spans(english)) == sorted(documents.spans(chinese))


@pairs
def test_both_languages_have_as_many_items(english: Path, chinese: Path) -> None:
    ours, theirs = (
        len(re.findall(r"^\s*(?:- |\d+\. )", documents.prose(page), re.M))
        for page in (english, chinese)
    )
    assert ours == theirs


@pairs
def test_both_languages_have_the_same_pictures_and_links(english: Path, chinese: Path) -> None:
    assert targets(english) == targets(chinese)


@pairs
def test_both_languages_have_the_same_numbers_in_their_tables(english: Path, chinese: Path) -> None:
    ours, theirs = rows(english), rows(chinese)
    assert len(ours) == len(theirs)
    for row, other in zip(ours, theirs, strict=True):
        assert row.count("|") == other.count("|"), other
        assert numbers(row) == numbers(other), other
