"""Every color tag that a stream can carry is kept in the result, or named as not kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
from encoded import rendered
from films import SOFTWARE, picture, run_ffmpeg

from film.color_tags import LUMA_WEIGHTS, MATRICES, PRIMARIES, TRANSFERS, tag_name
from film.info import Video
from film.options import EncoderOptions
from film.probe import probe
from film.report import encoder_notes

KINDS = ("matrix", "primaries", "transfer", "full_range")
# Every value at least once: (matrix, primaries, transfer, full range). 3 is reserved, 2 means unspecified.
ROWS = [
    (matrix, primaries, transfer, index % 2)
    for index, (matrix, primaries, transfer) in enumerate(
        zip(
            [*MATRICES, 2],
            [*PRIMARIES, 2, *([1] * (len(MATRICES) - len(PRIMARIES)))],
            [*TRANSFERS, 2][: len(MATRICES) + 1],
            strict=True,
        )
    )
]
SOME = [(4, 5, 5, 0), (5, 4, 4, 1), (9, 22, 16, 0), (10, 12, 18, 1)]
Make = Callable[[str], Path]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tags") / "bare.h264"
    words = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1")
    run_ffmpeg(*picture(seconds=0.08), *words, path)
    return path


def tagged(bare: Path, row: tuple[int, int, int, int], path: Path) -> Path:
    """Write these numbers into a film's stream."""
    names = ("matrix_coefficients", "colour_primaries", "transfer_characteristics")
    words = [f"{name}={value}" for name, value in zip(names, row[:3], strict=True)]
    words.append(f"video_full_range_flag={row[3]}")
    source = ("-fflags", "+genpts", "-r", "25", "-i", bare)
    run_ffmpeg(*source, "-c", "copy", "-bsf:v", f"h264_metadata={':'.join(words)}", path)
    return path


def tags_of(video: Video) -> dict[str, object]:
    return {kind: getattr(video, kind) for kind in KINDS}


def test_the_rows_have_every_value() -> None:
    for column, names in enumerate((MATRICES, PRIMARIES, TRANSFERS)):
        assert {row[column] for row in ROWS} >= {*names, 2}


@pytest.mark.parametrize(
    ("codec", "row"), [("h264", row) for row in ROWS] + [(c, row) for c in SOFTWARE for row in SOME]
)
def test_a_tag_is_kept_or_named(
    bare: Path, tmp_path: Path, codec: str, row: tuple[int, int, int, int]
) -> None:
    source = probe(tagged(bare, row, tmp_path / "source.mkv"))
    before = tags_of(source.video)
    assert before == {
        "matrix": tag_name(MATRICES, row[0]),
        "primaries": tag_name(PRIMARIES, row[1]),
        "transfer": tag_name(TRANSFERS, row[2]),
        "full_range": bool(row[3]),
    }
    after = tags_of(rendered(source, None, tmp_path / "out.mkv", codec=codec).video)
    notes = " ".join(encoder_notes(source, EncoderOptions(codec)))
    for kind in KINDS:
        named = "limited range" if kind == "full_range" else str(before[kind])
        assert after[kind] == before[kind] or named in notes
    assert after["matrix"] in LUMA_WEIGHTS


def test_values_without_a_name_are_named_by_number(tmp_path: Path) -> None:
    path = tmp_path / "strange.mpg"
    metadata = (
        "mpeg2_metadata=colour_primaries=25:transfer_characteristics=99:matrix_coefficients=77"
    )
    words = ("-c:v", "mpeg2video", "-bsf:v", metadata, "-f", "mpeg")
    run_ffmpeg(*picture(seconds=0.2), *words, path)
    source = probe(path)
    assert tags_of(source.video) == {
        "matrix": "77", "primaries": "25", "transfer": "99", "full_range": False,
    }  # fmt: skip
    notes = " ".join(encoder_notes(source, EncoderOptions()))
    assert "matrix 77" in notes
    assert "25 and 99" in notes
    result = rendered(source, None, tmp_path / "out.mkv", codec="h264").video
    assert (result.primaries, result.transfer) == ("", "")
