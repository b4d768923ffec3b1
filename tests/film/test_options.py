"""Options for films on the command line and in Python have the same names, ranges and defaults."""

import subprocess
import sys
from pathlib import Path

import pytest
from films import HARDWARE, SOFTWARE

from film.codecs import CODECS, PRESETS, Codec
from film.decode import planar_format
from film.options import (
    CACHE,
    CODECS_WITH,
    EncoderOptions,
    FilmOptions,
    unsupported,
    written_suffixes,
)
from runtime.options import OneLineParser, add_options, options_from

ROOT = Path(__file__).resolve().parent.parent.parent


def parsed(*words: str) -> tuple[FilmOptions, EncoderOptions]:
    parser = OneLineParser(prog="films")
    for kind in (FilmOptions, EncoderOptions):
        add_options(parser, kind)
    args = parser.parse_args(words)
    return options_from(args, FilmOptions), options_from(args, EncoderOptions)


def test_nothing_given_is_the_defaults() -> None:
    assert parsed() == (FilmOptions(), EncoderOptions())
    assert FilmOptions().cache == CACHE == ROOT / "cache"


def test_every_option_reaches_its_field() -> None:
    words = ["-start", "1:30", "--duration", "2.5", "-workers", "3", "-scheduler", "tcp://a:1",
             "-cache", "jobs", "-keep_cache", "-restart", "-codec", "h265", "-crf", "21", "-preset", "fast",
             "-deinterlace"]  # fmt: skip
    assert parsed(*words) == (
        FilmOptions(
            start=90.0, duration=2.5, workers=3, scheduler="tcp://a:1",
            cache=Path("jobs"), keep_cache=True, restart=True,
        ),
        EncoderOptions("h265", 21, "fast", deinterlace=True),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-crf", "52"], "'52' is not a whole number from 0 to 51"),
        (["-start", "1:2:3:4"], "is not a valid time: give seconds or h:mm:ss"),
        (["-workers", "0"], "'0' is not a whole number from 1 to 1024"),
        (["-codec", "vp9"], "'vp9'"),
        (["-cache", ""], "name of the file or folder is empty"),
    ],
)
def test_a_value_out_of_range_is_one_line(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert complaint in said


@pytest.mark.parametrize("values", [{"crf": 52}, {"codec": "vp9"}, {"preset": "warp9"}])
def test_python_s_values_are_checked_by_the_same_ranges(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        EncoderOptions(**values)  # type: ignore[arg-type]


def test_every_codec_has_a_container_and_x264_s_presets_are_all_there() -> None:
    assert {codec: written_suffixes(codec)[0] for codec in CODECS} == {
        "h264": ".mp4", "h265": ".mp4", "av1": ".mp4", "ffv1": ".mkv", "prores": ".mov",
        **dict.fromkeys(HARDWARE, ".mp4"),
    }  # fmt: skip
    assert len(PRESETS) == 9
    assert CODECS_WITH["preset"] == ("h264", "h265", "av1")
    assert CODECS_WITH["crf"] == ("h264", "h265", "av1", *HARDWARE)


def test_options_that_a_codec_does_not_support_are_named_with_those_that_do() -> None:
    assert list(unsupported("h264", ["crf", "preset", "deinterlace"])) == []
    assert list(unsupported("prores", ["deinterlace", "preset"])) == [
        "-preset is for h264, h265, av1: leave it out with -codec prores"
    ]
    assert len(list(unsupported("ffv1", ["crf", "preset"]))) == 2


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_what_is_said_of_a_codec_can_be_true(codec: Codec) -> None:
    assert set(codec.containers) <= {"mp4", "mkv", "mov"}
    assert list(codec.depths) == sorted(set(codec.depths))
    assert codec.crf is None or 0 < codec.crf < 51
    assert set(codec.presets) in ({*PRESETS}, set())
    formats = {planar_format(d, c) for d in codec.depths for c in codec.chromas}
    assert set(codec.pixel_formats) <= formats
    if codec.software:
        assert codec.software in SOFTWARE
        assert set(codec.containers) <= set(CODECS[codec.software].containers)
        assert set(codec.chromas) <= set(CODECS[codec.software].chromas)
    speeds = [preset for preset in codec.presets.values() if isinstance(preset, int)]
    assert speeds == sorted(speeds, reverse=True)  # SVT's slowest preset is 0


def test_a_command_line_s_help_waits_for_nothing_heavy() -> None:
    code = (
        "import sys, film.options; sys.exit(any(m in sys.modules for m in ('av', 'cv2', 'numpy')))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
