"""Guidance on a command line: every option reaches its field, and nothing given is no guidance."""

from pathlib import Path

import pytest

from color.guidance import Hint
from color.options import GuidanceOptions
from runtime.options import OneLineParser, add_options, options_from


def parsed(*words: str) -> GuidanceOptions:
    parser = OneLineParser()
    add_options(parser, GuidanceOptions)
    return options_from(parser.parse_args(words), GuidanceOptions)


def test_hints_are_read_in_the_order_in_which_they_are_given() -> None:
    found = parsed("-hint", "120f,5,6,#102030", "-hint", "25%,7,#C83C28")
    assert found.hint == (
        Hint(5, 6, "#102030", at="120f"),
        Hint(25, 7, "#c83c28", x_percent=True),
    )


def test_every_option_reaches_its_field() -> None:
    found = parsed("-hints", "h.json", "-reference", "sea.png", "-reference_by", "content")
    assert found == GuidanceOptions((), Path("h.json"), Path("sea.png"), "content")
    assert parsed() == GuidanceOptions()


@pytest.mark.parametrize("words", [("-hint", "1,2,redd"), ("-reference_by", "eye")])
def test_what_is_no_guidance_is_one_line(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parsed(*words)
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
