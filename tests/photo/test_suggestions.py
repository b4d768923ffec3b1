"""Suggested hints, as lines and as JSON."""

import json
import re
import uuid
from pathlib import Path

import pytest

import main
from color.likely import LikelyColor, Suggestion
from photo import command
from photo.read import Photo, read_photo
from photo.suggestions import are_suggestions, suggestion_line, write_suggestions
from runtime import files

pytestmark = pytest.mark.usefixtures("photos")


def test_points_are_printed_and_nothing_is_colorized(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-img_in", "photo.png", "-suggest", "4", "-suggest_json", "points.json"]
    assert main.main([*words, *small]) == 0
    lines = capsys.readouterr().out.splitlines()
    form = re.compile(r"photo\.png: (\d+),(\d+)((?:  #[0-9a-f]{6} \d+%)+)")
    matches = [form.fullmatch(line) for line in lines]
    assert len(matches) == 4
    points = json.loads(Path("points.json").read_text())["photo.png"]
    for match, point in zip(matches, points, strict=True):
        assert match is not None
        assert (int(match[1]), int(match[2])) == (point["x"], point["y"])
        assert 0 <= point["x"] < 128
        assert 0 <= point["y"] < 96
        assert match[3].count("#") == len(point["colors"])
        assert sum(color["share"] for color in point["colors"]) <= 1.001
    assert sorted(path.name for path in Path().iterdir()) == [
        "more",
        "other.png",
        "photo.png",
        "points.json",
    ]


def test_the_json_goes_to_standard_output_alone(
    small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-img_in", "photo.png", "-suggest", "2", "-suggest_json", "-"]
    assert main.main([*words, *small]) == 0
    assert len(json.loads(capsys.readouterr().out)["photo.png"]) == 2
    assert not Path("-").exists()


def test_the_folder_of_the_json_is_made(small: list[str]) -> None:
    words = ["-img_in", "photo.png", "-suggest", "1", "-suggest_json", "new/one/points.json"]
    assert main.main([*words, "-save", "out/", *small]) == 0
    assert len(json.loads(Path("new/one/points.json").read_text())["photo.png"]) == 1
    assert Path("out/photo.png").exists()


def test_a_rerun_replaces_the_json_of_the_same_photos_alone(small: list[str]) -> None:
    words = ["-suggest", "1", "-suggest_json", "points.json", *small]
    assert main.main(["photo.png", *words]) == 0
    first = Path("points.json").read_bytes()
    assert main.main(["other.png", *words]) == 2
    assert Path("points.json").read_bytes() == first
    assert main.main(["photo.png", "other.png", *words]) == 0
    assert list(json.loads(Path("points.json").read_text())) == ["photo.png", "other.png"]
    for text in ('{"photo.png": [{"x": 1}]}', '["photo.png"]', "a letter"):
        Path("points.json").write_text(text)
        assert main.main(["photo.png", *words]) == 2
        assert Path("points.json").read_text() == text


def test_a_folder_in_the_place_of_the_json_is_one_failure(
    small: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> Photo:
        Path("points.json").mkdir()
        return read_photo(path)

    monkeypatch.setattr(command, "read_photo", read)
    words = ["-img_in", "photo.png", "-suggest", "2", "-suggest_json", "points.json"]
    assert main.main([*words, "-save", "out.png", *small]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3, (
        "the points, and the photo, which is colorized all the same"
    )
    assert re.fullmatch(r".*Is a directory.*points\.json.*\n", said.err)
    left = {"more", "other.png", "out.png", "photo.png", "points.json"}
    assert {path.name for path in Path().iterdir()} == left


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_json_that_the_disk_has_no_room_for_is_one_failure(
    small: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = uuid.UUID(int=1)
    monkeypatch.setattr(files, "uuid4", lambda: number)
    Path(f".{number.hex}.part.json").symlink_to("/dev/full")
    words = ["-img_in", "photo.png", "-suggest", "2", "-suggest_json", "points.json"]
    assert main.main([*words, *small]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2
    assert said.err.startswith("points.json: the disk is full")
    assert said.err.count("\n") == 1
    assert not Path("points.json").exists()


def test_a_suggestion_is_a_hint(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["-img_in", "photo.png", "-suggest", "1", *small]) == 0
    place, color = capsys.readouterr().out.removeprefix("photo.png: ").split()[:2]
    words = ["-img_in", "photo.png", "-save", "out.png", "-hint", f"{place},{color}"]
    assert main.main([*words, *small]) == 0


def test_lines_and_json_say_the_same() -> None:
    colors = (LikelyColor("#102030", 1.0, -9.0, 0.6251), LikelyColor("#d0c0b0", 2, 8, 0.25))
    place = Suggestion(12, 34, 0.5, colors)
    assert suggestion_line(Path("a.png"), place) == "a.png: 12,34  #102030 63%  #d0c0b0 25%"
    write_suggestions(Path("points.json"), {Path("a.png"): [place], Path("b.png"): []})
    assert json.loads(Path("points.json").read_text()) == {
        "a.png": [
            {
                "x": 12,
                "y": 34,
                "colors": [
                    {"color": "#102030", "share": 0.625},
                    {"color": "#d0c0b0", "share": 0.25},
                ],
            }
        ],
        "b.png": [],
    }


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("{}", True),
        ('{"photo.png": [{"x": 1, "y": 2, "colors": []}]}', True),
        ('{"other.png": []}', False),
        ('{"photo.png": 3}', False),
        ('{"photo.png": [3]}', False),
        ('{"photo.png": [{"x": 1}]}', False),
        ("[]", False),
        ("[" * 100_000, False),
        ("no JSON", False),
    ],
)
def test_only_what_was_written_of_these_photos_is_replaced(
    tmp_path: Path, text: str, ours: bool
) -> None:
    path = tmp_path / "points.json"
    path.write_text(text)
    assert are_suggestions(path, [Path("photo.png")]) == ours
