"""Tests finding inputs and naming results, with laws for photos and films alike."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import files_and_folders, landscape
from PIL import Image

from film.command import film_kind
from film.mux import append_mark
from film.options import FilmOptions, written_suffixes
from photo.batch import PHOTOS
from photo.inputs import Kind, Output, Plan, Standing, Task, check_outputs, plan, standing
from photo.read import read_photo
from photo.write import SUFFIXES, write_photo

FILM = b"\0\0\0\x14ftypisom\0\0\0\0mp42"
FILM += b"\0\0\0\x74moov\0\0\0\x6cmvhd" + bytes(12) + b"\0\0\3\xe8" + bytes(84)  # no streams
FILM += b"\0\0\0\x09free"


def films(**options: float) -> Kind:
    return film_kind(replace(FilmOptions(), **options))


def write_inputs(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for seed, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in SUFFIXES:
            Image.fromarray(landscape(20, 30, seed=seed)).save(path)
        else:
            path.write_bytes(FILM + bytes([seed]))
    return paths


def color(task: Task, kind: Kind = PHOTOS) -> None:
    """Write a task's result as the program does."""
    task.target.parent.mkdir(parents=True, exist_ok=True)
    if kind is PHOTOS:
        photo = read_photo(task.source)
        write_photo(task.target, np.repeat(photo.gray[..., None], 3, -1), like=photo)
    else:
        shutil.copy(task.source, task.target)
        append_mark(task.target, kind.mark_of(task.source))


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
    paths = write_inputs(tmp_path, "x.avi", "x.wmv.avi", "x.wmv")
    planned = plan(list(map(str, paths)), kind=films(), save=f"{tmp_path}/out/")
    assert names(planned.tasks, tmp_path / "out") == ["x.color.mkv", "x.wmv.color.mkv"]
    (failure,) = planned.failures
    assert failure.task.source == paths[2]
    assert "x.wmv.avi and " in str(failure.error)
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


KINDS = [*((PHOTOS, f"a{suffix}") for suffix in SUFFIXES), (films(), "a.mp4"), (films(), "a.mov")]


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_own_results_are_recognized_by_what_is_in_them(
    tmp_path: Path, kind: Kind, name: str
) -> None:
    (source,) = write_inputs(tmp_path, name)
    (task,) = plan([str(source)], kind=kind).tasks
    color(task, kind)
    shutil.copy(task.target, tmp_path / f"renamed{source.suffix}")
    (again,) = plan([str(tmp_path)], kind=kind).tasks
    assert again.source == source
    assert standing([task], kind=kind) == Standing([], [task], [])
    # A file of the same name from elsewhere.
    task.target.write_bytes(source.read_bytes()[:-1] + b"\0")
    assert source not in {task.target}
    now = standing([task], kind=kind)
    (failure,) = now.failures
    assert (now.waiting, now.done) == ([], [])
    assert "exists already" in str(failure.error)
    assert standing([task], kind=kind, overwrite=True) == Standing([task], [], [])


def test_what_is_done_already_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_inputs(tmp_path, "a.png", "b.png", "c.png")
    tasks = plan([str(tmp_path)], kind=PHOTOS).tasks
    for task in tasks[:2]:
        color(task)
    with caplog.at_level("INFO", logger="photo.inputs"):
        assert standing(tasks, kind=PHOTOS) == Standing(tasks[2:], tasks[:2], [])
    assert [record.message.split(";")[0] for record in caplog.records] == [
        "skipped 2 already finished"
    ]


@pytest.mark.parametrize(("kind", "name"), [(PHOTOS, "x.png"), (films(), "x.mp4")])
def test_the_result_of_another_input_is_not_this_ones(
    tmp_path: Path, kind: Kind, name: str
) -> None:
    first, second = write_inputs(tmp_path, f"a/{name}", f"b/{name}")
    out = str(tmp_path / "out")
    (one,) = plan([str(first)], kind=kind, save=f"{out}/").tasks
    color(one, kind)
    (two,) = plan([str(second)], kind=kind, save=f"{out}/").tasks
    assert two.target == one.target
    assert len(standing([two], kind=kind).failures) == 1


@pytest.mark.parametrize(("kind", "suffix"), [(PHOTOS, ".png"), (films(), ".mp4")])
def test_an_unreadable_input_whose_result_is_there_fails_alone(
    tmp_path: Path, kind: Kind, suffix: str
) -> None:
    paths = write_inputs(tmp_path, *(f"{name}{suffix}" for name in ("dangling", "folder", "good")))
    tasks = plan(list(map(str, paths)), kind=kind, save=str(tmp_path / "out")).tasks
    for task in tasks[:2]:
        color(task, kind)
        task.source.unlink()
    tasks[0].source.symlink_to("nowhere")
    tasks[1].source.mkdir()
    now = standing(tasks, kind=kind)
    assert now.waiting == tasks[2:]
    lines = [str(failure.error) for failure in now.failures]
    assert [line.split(" cannot be read (")[0] for line in lines] == list(map(str, paths[:2]))


def test_a_try_out_is_not_the_finished_film(tmp_path: Path) -> None:
    (source,) = write_inputs(tmp_path, "x.mp4")
    (task,) = plan([str(source)], kind=films()).tasks
    for options in ({"duration": 10.0}, {"start": 2.0}, {"compare": True}):
        color(task, films(**options))
        assert standing([task], kind=films(**options)).done == [task]
        assert len(standing([task], kind=films()).failures) == 1


def test_results_inside_the_folder_are_not_colored_again(tmp_path: Path) -> None:
    write_inputs(tmp_path / "in", "0.png", "deeper/1.bmp")
    words, save = [str(tmp_path / "in")], str(tmp_path / "in" / "colored")
    first = plan(words, kind=PHOTOS, save=save, recursive=True).tasks
    for task in first:
        color(task)
    assert plan(words, kind=PHOTOS, save=save, recursive=True) == Plan(first, [], {})


def test_names_too_long_for_a_result_fail_alone(tmp_path: Path) -> None:
    (source,) = write_inputs(tmp_path, "x" * 246 + ".png")
    tasks = plan([str(source)], kind=PHOTOS).tasks
    assert "the name is too long" in str(standing(tasks, kind=PHOTOS).failures[0].error)
    tasks = plan([str(source)], kind=PHOTOS, save=f"{tmp_path}/out/").tasks
    color(tasks[0])
    assert tasks[0].target.exists()


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (source,) = write_inputs(tmp_path, "a.png")
    (tmp_path / "loop").symlink_to("loop")
    for save in ("loop/", "a.png/x/"):
        tasks = plan([str(source)], kind=PHOTOS, save=f"{tmp_path}/{save}").tasks
        with pytest.raises(ValueError, match="cannot be written to"):
            standing(tasks, kind=PHOTOS)


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
