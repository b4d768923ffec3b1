"""What is done, what is to be made again, and what is left alone, by the marks in results."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inputs_made import color, films, write_inputs

from color.guidance import Guidance
from photo.batch import PHOTOS
from photo.inputs import Kind, plan
from photo.standing import Standing, made_with, standing
from photo.write import SUFFIXES

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
    assert standing([task], kind=kind) == Standing(done=[task])
    # A file of the same name from elsewhere.
    task.target.write_bytes(source.read_bytes()[:-1] + b"\0")
    assert source not in {task.target}
    now = standing([task], kind=kind)
    (failure,) = now.failures
    assert (now.waiting, now.done) == ([], [])
    assert "exists already" in str(failure.error)
    assert standing([task], kind=kind, overwrite=True) == Standing(waiting=[task])


def test_what_is_done_already_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_inputs(tmp_path, "a.png", "b.png", "c.png")
    tasks = plan([str(tmp_path)], kind=PHOTOS).tasks
    for task in tasks[:2]:
        color(task)
    with caplog.at_level("INFO", logger="photo.standing"):
        assert standing(tasks, kind=PHOTOS) == Standing(tasks[2:], tasks[:2])
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


def test_a_try_out_is_not_the_finished_film_and_gives_it_its_place_but_takes_none(
    tmp_path: Path,
) -> None:
    (source,) = write_inputs(tmp_path, "x.mp4")
    (task,) = plan([str(source)], kind=films()).tasks
    for options in ({"duration": 10.0}, {"start": 2.0}, {"compare": True}):
        color(task, films(**options))
        assert standing([task], kind=films(**options)).done == [task]
        assert standing([task], kind=films()) == Standing(waiting=[task], redone=[task])
    color(task, films())
    refused = standing([task], kind=films(duration=10.0))
    assert "is the result of the whole of" in str(refused.failures[0].error)
    assert refused.waiting == []


def test_names_too_long_for_a_result_fail_alone(tmp_path: Path) -> None:
    (source,) = write_inputs(tmp_path, "x" * 246 + ".png")
    tasks = plan([str(source)], kind=PHOTOS).tasks
    assert "the name is too long" in str(standing(tasks, kind=PHOTOS).failures[0].error)
    tasks = plan([str(source)], kind=PHOTOS, save=f"{tmp_path}/out/").tasks
    color(tasks[0])
    assert tasks[0].target.exists()


def test_results_of_other_settings_are_made_again_and_those_of_others_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def kind(saturation: float, **guidance: object) -> Kind:
        ending = made_with({"saturation": saturation}, Guidance(**guidance))  # type: ignore[arg-type]
        return replace(PHOTOS, mark_of=lambda path: f"{PHOTOS.mark_of(path)}{ending}")

    write_inputs(tmp_path, "a.png", "b.png", "c.png")
    tasks = plan([str(tmp_path)], kind=PHOTOS).tasks
    color(tasks[0], kind(1))
    color(tasks[1], kind(2))
    tasks[2].target.write_bytes(tasks[2].source.read_bytes())  # not ours
    with caplog.at_level("INFO", logger="photo.standing"):
        now = standing(tasks, kind=kind(1))
    assert (now.done, now.redone, now.waiting) == (tasks[:1], tasks[1:2], tasks[1:2])
    assert [failure.task for failure in now.failures] == tasks[2:]
    assert caplog.messages[-1] == "1 result made with other settings: again"
    for guidance in (
        {"hints": ["1,1,red"]},
        {"strokes": np.zeros((2, 2, 4), np.uint8)},
        {"reference": np.zeros((2, 2, 3), np.uint8)},
        {"mood": "warm"},
    ):
        assert standing(tasks[:1], kind=kind(1, **guidance)).redone == tasks[:1]


def test_a_mark_names_what_changes_a_result_and_nothing_else() -> None:
    plain = made_with({"saturation": 1, "version": "1.0", "engine": "fp32"}, Guidance())
    assert plain == made_with({"saturation": 1, "version": "2.0", "engine": "int8"}, Guidance())
    assert plain != made_with({"saturation": 1.1}, Guidance())
    one, other = (np.full((2, 2, 3), value, np.uint8) for value in (1, 2))
    assert made_with({}, Guidance(reference=one)) != made_with({}, Guidance(reference=other))
    assert made_with({}, Guidance(hints="1,1,red")) == made_with({}, Guidance(hints=["1,1,red"]))


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (source,) = write_inputs(tmp_path, "a.png")
    (tmp_path / "loop").symlink_to("loop")
    for save in ("loop/", "a.png/x/"):
        tasks = plan([str(source)], kind=PHOTOS, save=f"{tmp_path}/{save}").tasks
        with pytest.raises(ValueError, match="cannot be written to"):
            standing(tasks, kind=PHOTOS)
