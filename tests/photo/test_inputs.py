"""Tests finding inputs and naming results, with laws for photos and films alike."""

from dataclasses import replace
from pathlib import Path

import pytest
from helpers import files_and_folders
from inputs_made import color, films, write_inputs

from film.options import written_suffixes
from photo.batch import PHOTOS
from photo.inputs import Kind, Output, Plan, Task, check_outputs, plan


def names(tasks: list[Task], folder: Path) -> list[str]:
    return [task.target.relative_to(folder).as_posix() for task in tasks]


@pytest.mark.parametrize(
    ("kind", "suffix", "added"), [(PHOTOS, ".png", ""), (films(), ".mkv", ".color")]
)
def test_folders_keep_their_tree(tmp_path: Path, kind: Kind, suffix: str, added: str) -> None:
    write_inputs(tmp_path / "in", f"1{suffix}", f"a/x{suffix}", f"b/x{suffix}", f".hidden{suffix}")
    (tmp_path / "in" / "notes.txt").write_text("neither")
    out = tmp_path / "out"
    flat = plan([str(tmp_path / "in")], kind=kind, save=str(out)).tasks
    assert names(flat, out) == [f"1{added}{suffix}"]
    deep = plan([str(tmp_path / "in")], kind=kind, save=str(out), recursive=True).tasks
    assert names(deep, out) == [f"{name}{added}{suffix}" for name in ("1", "a/x", "b/x")]


@pytest.mark.parametrize(("kind", "suffix"), [(PHOTOS, ".png"), (films(), ".mp4")])
def test_globs_are_understood_and_a_file_counts_once(
    tmp_path: Path, kind: Kind, suffix: str
) -> None:
    paths = write_inputs(tmp_path, f"0{suffix}", f"1{suffix}", f"deeper/last{suffix}")
    words = [f"{tmp_path}/[01]{suffix}", f"{tmp_path}/**/*{suffix}", str(paths[0])]
    planned = plan(words, kind=kind)
    assert [task.source for task in planned.tasks] == paths
    assert planned.failures == []


@pytest.mark.parametrize("kind", [PHOTOS, films()])
@pytest.mark.parametrize("text", ["none", "x/**.mp4", "no/a**", "x" * 300, "[", "loop"])
def test_names_that_name_nothing_leave_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    write_inputs(Path(), "a.png")
    planned = plan(["a.png", text], kind=kind, save="out")
    assert Path("a.png") in [task.source for task in planned.tasks]
    assert len(planned.tasks) + len(planned.failures) == 2


def test_results_are_named_after_their_inputs(tmp_path: Path) -> None:
    (avi, mov) = write_inputs(tmp_path, "a.avi", "b.MOV")

    def target(path: Path, save: str | None = None, codec: str = "h264") -> Path:
        kind = replace(films(), written=written_suffixes(codec))
        return plan([str(path)], kind=kind, save=save).tasks[0].target

    assert target(avi) == tmp_path / "a.color.mkv"
    assert target(mov) == tmp_path / "b.color.MOV"
    assert target(mov, codec="ffv1") == tmp_path / "b.color.mkv"
    assert target(avi, str(tmp_path / "out.mp4")) == tmp_path / "out.mp4"
    assert target(avi, str(tmp_path)) == tmp_path / "a.color.mkv"
    assert target(avi, f"{tmp_path}/new/") == tmp_path / "new" / "a.color.mkv"


@pytest.mark.parametrize(
    ("kind", "first", "second", "results"),
    [
        (PHOTOS, "a/x.png", "b/x.png", ["x.png", "b/x.png"]),
        (films(), "a/x.mp4", "b/x.mp4", ["x.color.mp4", "b/x.color.mp4"]),
        (films(), "a/x.avi", "a/x.wmv", ["x.color.mkv", "x.wmv.color.mkv"]),
    ],
)
def test_results_of_one_name_are_told_apart_by_their_input_s_folder_or_suffix(
    tmp_path: Path, kind: Kind, first: str, second: str, results: list[str]
) -> None:
    paths = write_inputs(tmp_path, first, second)
    out = tmp_path / "out"
    planned = plan(list(map(str, paths)), kind=kind, save=str(out))
    assert [task.source for task in planned.tasks] == paths
    assert names(planned.tasks, out) == results
    assert planned.failures == []


def test_only_the_file_whose_result_has_no_path_of_its_own_fails(tmp_path: Path) -> None:
    write_inputs(tmp_path, "a.png", "a.color.png", "b.png")
    planned = plan([str(tmp_path)], kind=PHOTOS)
    assert names(planned.tasks, tmp_path) == ["a.color.color.png", "b.color.png"]
    assert [failure.error for failure in planned.failures] == [
        f"{tmp_path / 'a.color.png'} is an input: choose another path with -save"
    ]
    paths = write_inputs(tmp_path, "x.avi", "x.wmv.avi", "x.wmv.wmv.avi", "x.wmv")
    planned = plan(list(map(str, paths)), kind=films(), save=f"{tmp_path}/out/")
    results = ["x.color.mkv", "x.wmv.color.mkv", "x.wmv.wmv.color.mkv"]
    assert names(planned.tasks, tmp_path / "out") == results
    (failure,) = planned.failures
    assert failure.task.source == paths[3]
    assert "x.wmv.wmv.avi and " in str(failure.error)
    assert "would both become" in str(failure.error)


def test_several_given_folders_are_kept_below_the_folder_of_results(tmp_path: Path) -> None:
    write_inputs(tmp_path, "1931/in/x.png", "1931/in/only.png", "1932/in/deep/x.png")
    words = [str(tmp_path / year / "in") for year in ("1931", "1932")]
    planned = plan(words, kind=PHOTOS, save=str(tmp_path / "out"), recursive=True)
    assert names(planned.tasks, tmp_path / "out") == [
        "1931/in/only.png", "1931/in/x.png", "1932/in/deep/x.png",
    ]  # fmt: skip
    beside = plan(words, kind=PHOTOS, recursive=True).tasks
    assert beside[0].target == tmp_path / "1931" / "in" / "only.color.png"


def test_no_input_is_a_result(tmp_path: Path) -> None:
    first, second = write_inputs(tmp_path, "a.png", "a.color.png")
    (tmp_path / "link.png").symlink_to(first)
    (failure,) = plan([str(first), str(second)], kind=PHOTOS).failures
    assert f"{second} is an input" in str(failure.error)
    with pytest.raises(ValueError, match=r"link\.png is an input"):
        plan([str(first)], kind=PHOTOS, save=str(tmp_path / "link.png"))


def test_results_inside_the_folder_are_not_colored_again(tmp_path: Path) -> None:
    write_inputs(tmp_path / "in", "0.png", "deeper/1.bmp")
    words, save = [str(tmp_path / "in")], str(tmp_path / "in" / "colored")
    first = plan(words, kind=PHOTOS, save=save, recursive=True).tasks
    for task in first:
        color(task)
    assert plan(words, kind=PHOTOS, save=save, recursive=True) == Plan(first, [], {})


@pytest.mark.parametrize(("kind", "suffix"), [(PHOTOS, ".png"), (films(), ".mp4")])
def test_results_are_passed_over_beside_other_inputs_and_are_inputs_alone(
    tmp_path: Path, kind: Kind, suffix: str
) -> None:
    paths = write_inputs(tmp_path, f"a{suffix}", f"b{suffix}")
    first = plan(list(map(str, paths)), kind=kind)
    for task in first.tasks:
        color(task, kind)
    results = [str(task.target) for task in first.tasks]
    again = plan([*map(str, paths), *results, results[0]], kind=kind)
    assert (again.tasks, again.failures) == (first.tasks, [])
    assert [str(one.path) for one in again.passed] == results
    assert {one.name for one in again.passed} == {"result"}
    one = plan([str(paths[0]), results[0]], kind=kind, save=f"{tmp_path}/out{suffix}")
    assert one.tasks == [Task(paths[0], tmp_path / f"out{suffix}")]
    for alone in (results, results[:1]):
        planned = plan(alone, kind=kind)
        assert [str(task.source) for task in planned.tasks] == alone
        assert planned.passed == {}


# Other outputs of a command


@pytest.mark.parametrize(
    ("name", "overwrite", "says"),
    [
        ("photo.png", True, r"photo\.png is an input: choose another path with -report"),
        ("link.png", True, r"link\.png is an input"),
        ("hard.png", True, r"hard\.png is an input"),
        ("new.png", True, r"new\.png is the path of the result: choose another with -report"),
        ("again.json", True, r"would both become .*again\.json: run them one by one"),
        ("folder", True, "folder is a folder: name a file"),
        ("there.json", False, r"there\.json exists already: add -overwrite"),
        ("there.json/x/report.json", True, "cannot be written to: name another place with -report"),
    ],
)
def test_outputs_that_must_not_be_written_are_refused_and_nothing_is_made(
    tmp_path: Path, name: str, overwrite: bool, says: str
) -> None:
    photo, result = tmp_path / "photo.png", Output(tmp_path / "new.png", tmp_path / "photo.png")
    photo.write_bytes(b"photo")
    (tmp_path / "link.png").symlink_to(photo)
    (tmp_path / "hard.png").hardlink_to(photo)
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.json").touch()
    before = files_and_folders(tmp_path)
    paths = [tmp_path / "again.json", tmp_path / name]
    reports = [Output(path, photo, "the report", "-report") for path in paths]
    with pytest.raises(ValueError, match=says):
        check_outputs(reports, inputs=[photo], others=[result], overwrite=overwrite)
    assert files_and_folders(tmp_path) == before


def test_outputs_that_can_be_written_are_not_made_by_the_check(tmp_path: Path) -> None:
    photo, there = tmp_path / "photo.png", tmp_path / "there.json"
    photo.touch()
    there.touch()
    before = files_and_folders(tmp_path)
    paths = (there, tmp_path / "new" / "folder" / "report.json", tmp_path / "report.json")
    outputs = [Output(path, photo, "the report", "-report") for path in paths]
    check_outputs(outputs, inputs=[photo], overwrite=True)
    assert files_and_folders(tmp_path) == before


def test_results_with_one_content_on_the_disk_are_two_results(tmp_path: Path) -> None:
    """Deduplication tools link equal files; writing replaces a name, not the file it links to."""
    first, second = write_inputs(tmp_path, "a.png", "b.png")
    (tmp_path / "a.color.png").write_bytes(b"equal")
    (tmp_path / "b.color.png").hardlink_to(tmp_path / "a.color.png")
    assert len(plan([str(first), str(second)], kind=PHOTOS).tasks) == 2
