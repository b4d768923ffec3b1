"""Dataclass fields as command-line options: types, ranges, help, one-line errors."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime.options import (
    OneLineParser,
    add_options,
    check,
    given,
    named,
    option,
    options_from,
    seconds,
)


@dataclass(frozen=True)
class Options:
    film: Path = option(Path("in.mp4"), "the film", positional=True)
    crf: int | None = option(None, "0 lossless, 51 worst", low=0, high=51)
    temperature: float = option(0.8, "of the mean", low=0.05, high=2)
    sizes: tuple[int, ...] = option((96, 128), "sizes", low=32)
    mix: float = option(0.5, "share of the uniform distribution", high=1, name="lambda")
    hints: tuple[int, ...] = option((0,), "points", low=0, separator=",")
    words: tuple[str, ...] = option((), "words", repeated=True)
    start_s: float = option(0.0, "begin at", read=seconds)
    codec: str = option("h264", "of the picture", choices=("h264", "ffv1"))
    probe: str = option("", "show stream information", choices=("text", "json"), const="text")
    restart: bool = option(False, "start from nothing: 100 %")
    cache: Path | None = option(None, "where jobs are", shown="cache/")
    internal: int = 7

    def __post_init__(self) -> None:
        check(self)


def parser() -> OneLineParser:
    made = OneLineParser(prog="film.py", description="Films.")
    add_options(made, Options, title="films")
    return made


def parsed(*words: str) -> Options:
    return options_from(parser().parse_args(words), Options)


def test_a_repeated_option_gives_a_value_each_time() -> None:
    assert parsed("-words", "a", "-restart", "--words", "b c").words == ("a", "b c")


def test_no_words_give_the_defaults() -> None:
    assert parsed() == Options()


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_words_become_values_of_the_fields_types(dashes: str) -> None:
    words = [
        "film.mkv",
        "-crf",
        "20",
        "-temperature",
        "1",
        "-sizes",
        "64",
        "96",
        "-start_s",
        "1:30",
    ]
    words += ["-codec", "ffv1", "-probe", "-restart", "-lambda", "0.7", "-hints", "0,10"]
    words += ["-cache", "here"]
    options = parsed(*(w.replace("-", dashes, 1) if w.startswith("-") else w for w in words))
    assert options == Options(
        film=Path("film.mkv"),
        crf=20,
        temperature=1.0,
        sizes=(64, 96),
        start_s=90.0,
        codec="ffv1",
        probe="text",
        restart=True,
        mix=0.7,
        hints=(0, 10),
        cache=Path("here"),
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-crf", "52"], "'52' is not a whole number from 0 to 51"),
        (["-crf", "1_0"], "'1_0' is not a whole number from 0 to 51"),
        (["-temperature", "nan"], "'nan' is not a number from 0.05 to 2"),
        (["-temperature", "warm"], "'warm' is not a number from 0.05 to 2"),
        (["-sizes", "64", "8"], "'8' is not a whole number of 32 or more"),
        (["-hints", "0,-1"], "'-1' is not a whole number of 0 or more"),
        (["-hints", ""], "'' is not a whole number of 0 or more"),
        (["-mix", "0.5"], "unrecognized arguments"),
        (["-start_s", "1:x"], "'1:x' is not a valid time: give seconds or h:mm:ss"),
        (["-cache", ""], "name of the file or folder is empty"),
        (["-codec", "vp9"], "invalid choice: 'vp9'"),
        (["-unknown\n", "1"], "unrecognized arguments: -unknown\\n"),
        (["--temp", "1"], "unrecognized arguments"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parsed(*words)
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"crf": 52}, "crf must be from 0 to 51, got 52"),
        ({"sizes": (96, 8)}, "sizes must be 32 or more, got 8"),
        ({"mix": 1.5}, "lambda must be 1 or less, got 1.5"),
        ({"mix": float("-inf")}, "lambda must be 1 or less, got -inf"),
        ({"crf": 20.5}, "crf must be a whole number from 0 to 51, got 20.5"),
        ({"temperature": "warm"}, "temperature must be a number from 0.05 to 2, got warm"),
        ({"codec": "vp9"}, "codec must be one of h264, ffv1, got 'vp9'"),
    ],
)
def test_ranges_hold_without_a_command_line_too(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**values)  # type: ignore[arg-type]


def test_what_the_dataclass_refuses_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    args = parser().parse_args([])
    args.crf = 52
    with pytest.raises(SystemExit, match="2"):
        parser().collect(args, Options)
    assert capsys.readouterr().err.startswith("film.py: crf must be from 0 to 51, got 52; see")


def test_help_names_each_option_once_with_its_default() -> None:
    text = " ".join(parser().format_help().split())
    for shown in (
        "-crf CRF 0 lossless, 51 worst -temperature",
        "of the mean (default: 0.8)",
        "sizes (default: 96 128)",
        "points (default: 0)",
        "where jobs are (default: cache/)",
        "start from nothing: 100 % -cache",
    ):
        assert shown in text
    assert "--crf" not in text
    assert "internal" not in text


def test_options_off_their_defaults_are_found() -> None:
    args = parser().parse_args(["-crf", "20", "-codec", "h264", "-restart"])
    assert given(args, Options) == ["crf", "restart"]


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("1:30.5", 90.5), ("1:01:30", 3690)])
def test_times_are_read_as_people_write_them(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "-1", "1:2:3:4", "inf", "1:-5"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid time"):
        seconds(text)


def test_an_empty_name_is_refused() -> None:
    assert named("a") == "a"
    with pytest.raises(ValueError, match="file or folder is empty"):
        named("")
