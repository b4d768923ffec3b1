"""Every input has one row and counts once, whatever became of it and however the work ends."""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from photo.folders import Passed
from photo.inputs import Facts, InputOptions, Output, Plan, Result, Task
from photo.ledger import Ledger, checked_report
from photo.report import Row, report_file
from photo.standing import Standing

TASKS = [Task(Path(f"{name}.png"), Path(f"out/{name}.png")) for name in "abcde"]
FACTS = Facts(40, 30, 8, kept=("EXIF",), left_out=("EXIF MakerNote",), confidence=0.4, seconds=2)
PASSED = [Passed(Path("f.heic"), "HEIC", "convert"), Passed(Path("g.heic"), "HEIC", "convert"),
          Passed(Path("h.mp4"), "film", "use -movie_in")]  # fmt: skip


def ledger(report: Path | None = None, **others: bool) -> Ledger:
    """Two photos wait, one is done, one is refused, one is missing; three are passed over."""
    missing = Result(Task(Path("x.png"), Path("x.png")), error="x.png: no such file")
    plan = Plan(TASKS[:4], [missing], dict.fromkeys(PASSED))
    now = Standing(TASKS[:2], [TASKS[2]], [Result(TASKS[3], error="out/d.png exists already")])
    inputs = InputOptions(report=report)
    return Ledger(plan, now, {"mood": "warm"}, checked_report(inputs, read=(), others=()), **others)


def results() -> Iterator[Result]:
    notes = ("out/b.png lacks EXIF MakerNote", "out/b.png: reference: content")
    yield Result(TASKS[1], ("out/b.png",), notes, facts=FACTS)
    yield Result(TASKS[0], error="a.png is empty")


def outcomes(path: Path) -> dict[str, str]:
    return {row.source: row.outcome for row in report_file(path).read() or ()}


@pytest.mark.parametrize("name", ["told.csv", "told.json"])
def test_a_report_lists_every_input_in_order(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    there, *others = ledger(path).follow(results())
    assert (there.output, len(others)) == (("out/c.png",), 2)
    rows = report_file(path).read()
    assert rows is not None
    assert [(row.source, row.outcome) for row in rows] == [
        ("a.png", "failed"), ("b.png", "colored"), ("c.png", "already there"), ("d.png", "failed"),
        ("f.heic", "passed over"), ("g.heic", "passed over"), ("h.mp4", "passed over"), ("x.png", "failed"),
    ]  # fmt: skip
    colored = rows[1]
    assert (colored.result, colored.width, colored.height, colored.depth) == (
        "out/b.png",
        40,
        30,
        8,
    )
    assert (colored.kept, colored.left_out) == (("EXIF",), ("EXIF MakerNote",))
    assert colored.warnings == ("reference: content",)
    assert (colored.confidence, colored.seconds, colored.settings) == (0.4, 2, {"mood": "warm"})
    assert (rows[0].reason, rows[3].reason) == ("a.png is empty", "out/d.png exists already")


@pytest.mark.parametrize("name", ["told.csv", "told.json"])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_a_stopped_command_leaves_a_whole_report(
    tmp_path: Path, name: str, stop: type[BaseException]
) -> None:
    path = tmp_path / name

    def stopping() -> Iterator[Result]:
        yield next(results())
        assert outcomes(path)["b.png"] == "colored"  # while the work goes on
        assert "a.png" not in outcomes(path)
        raise stop

    with pytest.raises(stop):
        list(ledger(path).follow(stopping()))
    assert outcomes(path)["a.png"] == "not done"
    assert len(outcomes(path)) == 8


@dataclass
class FullDisk:
    """A report on a disk that is full for some of its first writes."""

    fails: int
    path: Path = Path("told.csv")
    rows: Sequence[Row] = ()

    def read(self) -> list[Row]:
        return list(self.rows)

    def write(self, rows: Sequence[Row]) -> None:
        self.add(rows[0])
        self.rows = rows

    def add(self, row: Row) -> None:
        self.fails -= 1
        if self.fails >= 0:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_report_that_cannot_be_written_does_not_stop_the_work() -> None:
    for fails in (1, 9):
        disk, told = FullDisk(fails), ledger()
        told.report = (disk, [])
        there, second, first, *failed = told.follow(results())
        assert (there.output, second.output) == (("out/c.png",), ("out/b.png",))
        assert first.error == "a.png is empty"
        whole = fails == 1  # there was room at the end
        assert [one.error for one in failed] == [
            "told.csv: the disk is full; free some space and run the same command to continue"
        ] * (not whole)
        assert len(disk.rows) == 8 * whole


def test_a_rerun_keeps_what_is_known_and_the_rows_of_other_commands(tmp_path: Path) -> None:
    path = tmp_path / "told.csv"
    list(ledger(path).follow(results()))
    other = Ledger(Plan([TASKS[4]], [], {}), Standing([TASKS[4]], [], []), {}, None)
    other.report = checked_report(InputOptions(report=path), read=(), others=())
    list(other.follow([Result(TASKS[4], ("out/e.png",))]))
    report = checked_report(InputOptions(report=path), read=(), others=())
    done = Ledger(Plan(TASKS[:2], [], {}), Standing([], TASKS[:2], []), {}, report)
    listed = [result.output for result in done.follow(())]
    assert listed == [("out/a.png",), ("out/b.png",)]  # on a rerun, too
    rows = {row.source: row for row in report_file(path).read() or ()}
    assert rows["e.png"].outcome == "colored"
    assert len(rows) == 9
    again = rows["b.png"]
    assert (again.outcome, again.confidence) == ("already there", 0.4)
    assert again.settings == {"mood": "warm"}
    assert (rows["a.png"].outcome, rows["a.png"].confidence) == ("already there", None)


def test_the_last_lines_count_every_input_once() -> None:
    account = ledger()
    assert account.failures == ["x.png: no such file", "out/d.png exists already"]
    list(account.follow(results()))
    assert account.closing() == [
        "passed over: 2 HEIC: convert; 1 film: use -movie_in",
        "1 colored, 1 already there, 3 failed, 3 passed over",
    ]


def test_photos_and_films_of_one_command_have_one_report_and_one_last_line(tmp_path: Path) -> None:
    path = tmp_path / "told.json"
    photos = ledger(path)
    films = Ledger(
        Plan(TASKS[4:], [], dict.fromkeys(PASSED[:1])), Standing(TASKS[4:]), {},
        checked_report(InputOptions(report=path), read=(), others=()), before=photos,
    )  # fmt: skip
    list(photos.follow(results()))
    list(films.follow([Result(TASKS[4], ("out/e.png",))]))
    assert len(outcomes(path)) == 9
    assert outcomes(path)["e.png"] == outcomes(path)["b.png"] == "colored"
    assert films.failures == photos.failures
    assert films.closing() == [
        "passed over: 2 HEIC: convert; 1 film: use -movie_in",
        "2 colored, 1 already there, 3 failed, 3 passed over",
    ]


def test_a_single_input_and_a_command_that_colors_nothing_have_no_totals() -> None:
    alone = Ledger(Plan(TASKS[:1], [], {}), Standing(TASKS[:1], [], []))
    list(alone.follow([Result(TASKS[0], ("out/a.png",))]))
    assert alone.closing() == []
    assert Ledger(Plan(TASKS, [], dict.fromkeys(PASSED[2:]))).closing() == [
        "passed over: 1 film: use -movie_in"
    ]


def test_a_rehearsal_says_what_would_become_of_each_task() -> None:
    def check(task: Task) -> str:
        if task == TASKS[1]:
            raise ValueError(f"{task.source} is empty")
        return "3 pages" if task == TASKS[0] else ""

    account = ledger(dry_run=True)
    done, first, second = account.rehearse(check)
    assert done.output == ("c.png: already there, out/c.png",)
    assert first.output == ("a.png -> out/a.png, 3 pages",)
    assert second.error == "b.png is empty"
    assert account.closing()[1] == "1 to be colored, 1 already there, 3 failed, 3 passed over"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.png", r"name a file with \.csv or \.json"),
        ("notes.csv", "exists already and is no report: add -overwrite"),
        ("folder.csv", "is a folder"),
        ("notes.csv/told.csv", "another place with -report"),
        ("read.csv", "is an input"),
        ("map.json", "is the path of a map"),
    ],
)
def test_a_report_replaces_only_a_report(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "notes.csv").write_text("a letter")
    (tmp_path / "folder.csv").mkdir()
    others = [Output(tmp_path / "map.json", TASKS[0].source, "a map", "-confidence")]
    inputs = InputOptions(report=tmp_path / name)
    with pytest.raises(ValueError, match=says):
        checked_report(inputs, read=[tmp_path / "read.csv"], others=others)
    assert (tmp_path / "notes.csv").read_text() == "a letter"


def test_overwrite_starts_a_report_anew(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("a letter")
    inputs = InputOptions(report=path, overwrite=True)
    opened = checked_report(inputs, read=(), others=())
    assert opened is not None
    assert opened[1] == []


def test_a_photo_left_in_color_is_not_counted_as_colored(tmp_path: Path) -> None:
    told = ledger(tmp_path / "told.csv")
    made = [Result(TASKS[0], ("out/a.png",), facts=FACTS)]
    made.append(Result(TASKS[1], ("out/b.png",), facts=replace(FACTS, in_color=True)))
    list(told.follow(made))
    assert outcomes(tmp_path / "told.csv")["b.png"] == "left in color"
    assert told.closing()[-1].startswith("1 colored, 1 left in color, 1 already there")
