"""Every segment is predicted, linked and finished once, in a valid order, whichever step ends first."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from films import shot_colorization

from film.job import LINKED, NONE, PREDICTED, SegmentRecord
from film.options import FilmOptions
from film.schedule import BLOCK, SHARES, Schedule
from film.steps import Step
from film.work import Work
from runtime.workers import Wait

SHOTS = (1, 2 * BLOCK + 1, 2, 1, BLOCK, 2 * BLOCK)  # segments
RETURNS = {2: 0, 3: 1, 5: 3}  # shot -> the earlier shot whose scene it returns to


def records(
    *, shots: tuple[int, ...] = SHOTS, color: tuple[int, ...] = ()
) -> Iterator[SegmentRecord]:
    """List the segments of shots, each given by their number."""
    index, shot_ends = 0, list(np.cumsum(shots) - 1)
    for shot, count in enumerate(shots):
        for number in range(count):
            ends = number == count - 1
            returns_to = int(shot_ends[RETURNS[shot]]) if number == 0 and shot in RETURNS else NONE
            yield SegmentRecord(
                index, shot, number, 60 * index, 60, ends, index in color,
                returns_to=NONE if returns_to in color else returns_to,
            )  # fmt: skip
            index += 1


@pytest.fixture
def work(tmp_path: Path) -> Work:
    for room in (PREDICTED, LINKED):
        (tmp_path / room).mkdir()
    options = FilmOptions()
    return Work(None, 0, 60 * sum(SHOTS), tmp_path, "", shot_colorization(), options)  # type: ignore[arg-type]


def keep(path: Path) -> None:
    """Write a file as a step does."""
    np.savez(path, **{"before.sum": np.array(1.0)})


def take(work: Work, step: Step) -> None:
    """Write a step's results to disk; fail if its inputs are missing."""
    if step.stage == "predict":
        keep(work.predicted_state(step.records[0]))
    elif step.stage == "link":
        for record in (*step.records, *step.following):
            assert work.predicted_state(record).exists(), record
        assert not step.previous or work.linked_state(step.previous).exists()
        for record in step.records:
            keep(work.linked_state(record))
    else:
        for record in step.records:
            assert work.linked_state(record).exists() or not work.linked(record)
            work.predicted_state(record).unlink(missing_ok=True)


def run(work: Work, schedule: Schedule, *, seed: int, stop: int = 10_000) -> list[Step]:
    """Do all steps, or a number of them, several at once, in any order."""
    order, taken, at_work = random.Random(seed), [], []
    for step in schedule.steps():
        waits = isinstance(step, Wait)
        if not isinstance(step, Wait):
            at_work.append(step)
        while waits or len(at_work) > 4 or (at_work and order.random() < 0.4):
            waits = False
            taken += finish_one(work, schedule, at_work, order)
            if len(taken) == stop:
                return taken
    return taken


def finish_one(
    work: Work, schedule: Schedule, at_work: list[Step], order: random.Random
) -> list[Step]:
    step = at_work.pop(order.randrange(len(at_work)))
    take(work, step)
    schedule.taken(step)
    return [step]


def names(steps: list[Step], stage: str) -> list[int]:
    return [record.index for step in steps if step.stage == stage for record in step.records]


def schedule_of(
    work: Work, *, done: frozenset[int] = frozenset(), workers: int = 2, **more: tuple[int, ...]
) -> Schedule:
    return Schedule(
        work, records(**more), is_rendered=lambda record: record.index in done, workers=workers
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("color", [(), (1,), (4, 5), (BLOCK + 1,), (2 * BLOCK + 1,)])
def test_each_segment_takes_each_step_once(work: Work, seed: int, color: tuple[int, ...]) -> None:
    steps = run(work, schedule_of(work, color=color), seed=seed)
    linked = [record.index for record in records(color=color) if work.linked(record)]
    assert sorted(names(steps, "finish")) == list(range(sum(SHOTS)))
    assert sorted(names(steps, "predict")) == sorted(names(steps, "link")) == linked
    assert not any((work.folder / PREDICTED).iterdir())
    for step in steps:  # only neighbors in one shot, none of them in color, are linked
        indices = [record.index for record in (*step.records, *step.following)]
        if step.previous and step.previous.index != step.records[0].returns_to:
            indices = [step.previous.index, *indices]
        assert indices == list(range(indices[0], indices[0] + len(indices)))
        if step.stage == "link" and step.records[0].returns_to != NONE:
            assert step.previous
        assert len({record.shot for record in step.records}) == 1


def test_few_segments_wait_on_the_disk_however_long_the_shot(work: Work) -> None:
    schedule, most = schedule_of(work, shots=(20 * BLOCK,)), 0
    for step in schedule.steps():
        take(work, step)
        schedule.taken(step)
        most = max(most, len(list((work.folder / PREDICTED).iterdir())))
    assert most <= 2 * BLOCK


@pytest.mark.parametrize(("workers", "longest"), [(0, 1), (1, BLOCK), (2, BLOCK), (20, 1)])
def test_steps_finish_several_segments_while_much_is_left(
    work: Work, workers: int, longest: int
) -> None:
    work = replace(work, last=60 * 6 * BLOCK)
    steps = run(work, schedule_of(work, shots=(6 * BLOCK,), workers=workers), seed=1)
    finished = [step.records for step in steps if step.stage == "finish"]
    assert max(map(len, finished)) == longest
    left = 6 * BLOCK
    for group in sorted(finished, key=lambda group: group[0].index):
        assert [record.index for record in group] == list(
            range(group[0].index, group[0].index + len(group))
        )
        assert len(group) == 1 or len(group) * SHARES * workers <= left
        left -= len(group)


def test_segments_that_are_finished_already_part_the_others(work: Work) -> None:
    done = frozenset({4, 9})
    steps = run(work, schedule_of(work, done=done), seed=3)
    finished = [names([step], "finish") for step in steps if step.stage == "finish"]
    assert max(map(len, finished)) > 1
    for indices in finished:
        assert not done & set(indices)
        assert indices == list(range(indices[0], indices[-1] + 1))


@pytest.mark.parametrize("stop", range(1, 60, 7))
def test_what_was_stopped_goes_on(work: Work, stop: int) -> None:
    """Results on disk are not recomputed, and finished segments are not finished again."""
    first = run(work, schedule_of(work), seed=stop, stop=stop)
    done = frozenset(names(first, "finish"))
    second = run(work, schedule_of(work, done=done), seed=1)
    assert sorted([*done, *names(second, "finish")]) == list(range(sum(SHOTS)))
    assert len(names(first, "link") + names(second, "link")) == sum(SHOTS)
    predicted = names(first, "predict") + names(second, "predict")
    assert len(predicted) == len(set(predicted))


def test_no_segment_is_asked_for_while_that_may_wait_for_a_result(work: Work) -> None:
    full = [False]
    found: list[int] = []

    def lazily() -> Iterator[SegmentRecord]:
        for record in records():
            found.append(record.index)
            yield record

    schedule = Schedule(work, lazily(), is_rendered=lambda record: False, waits=lambda: full[0])
    steps = schedule.steps()
    step = next(steps)
    assert isinstance(step, Step)
    full[0], seen = True, len(found)
    while not isinstance(next(steps), Wait):
        pass
    assert len(found) == seen
    full[0] = False
    assert isinstance(next(steps), Step)
    assert len(found) > seen
