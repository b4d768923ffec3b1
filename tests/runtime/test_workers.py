"""The interface of a map: items are taken when wanted, reports arrive, a process builds once."""

import functools
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import process_of

from runtime.pool import workers
from runtime.workers import PER_WORKER, Wait, ahead, cores, once, own_cores, report, together


def reported(item: int) -> int:
    for _ in range(item):
        report()
    report(10)
    return item


class Counted:
    """An object that each process builds once."""

    built = 0

    def __init__(self, name: str) -> None:
        Counted.built += 1
        self.name = name


def built_for(item: int) -> tuple[int, int]:
    once(functools.partial(Counted, "network"))
    return os.getpid(), Counted.built


class Slow:
    """Takes a while to be built."""

    def __init__(self) -> None:
        multiprocessing.connection.wait([], 0.1)


def test_items_are_taken_only_when_wanted() -> None:
    taken = []

    def counted() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    with workers(2) as run:
        next(run(process_of, counted()))
        assert len(taken) <= 2 * PER_WORKER + 1


def wait_for_2(folder: Path, item: int) -> int:
    """Yield three items: the first runs until the last, which is unknown until the second is done."""
    while item == 0 and not (folder / "go").exists():
        multiprocessing.connection.wait([], 0.01)
    if item == 2:
        (folder / "go").touch()
    return item


def test_an_item_that_another_brings_waits_for_no_third(tmp_path: Path) -> None:
    known = [0, 1]

    def items() -> Iterator[int | Wait]:
        asked = 0
        while asked < 3:
            if known:
                asked += 1
                yield known.pop(0)
            else:
                yield Wait()

    with workers(2) as run:
        done = []
        for item, _ in run(functools.partial(wait_for_2, tmp_path), items()):
            done.append(item)
            known.extend([2] * (item == 1))
        assert done == [1, 2, 0] or done == [1, 0, 2]


@pytest.mark.parametrize("number", [1, 2])
def test_to_wait_for_nothing_is_the_end(number: int) -> None:
    def items() -> Iterator[int | Wait]:
        yield 0
        while True:
            yield Wait()

    with workers(number) as run:
        assert [item for item, _ in run(process_of, items())] == [0]


@pytest.mark.parametrize("number", [1, 2])
def test_reports_arrive_and_a_result_takes_them_back(number: int) -> None:
    counts: list[int] = []
    with workers(number) as run:
        for item, _ in run(reported, [5, 7, 9], advance=counts.append):
            assert -item - 10 in counts, "taken back before the result is there"
    assert sum(count for count in counts if count > 0) == 5 + 7 + 9 + 30
    assert sum(counts) == 0


@pytest.mark.parametrize("number", [1, 2])
def test_a_report_that_nobody_asked_for_is_dropped(number: int) -> None:
    with workers(number) as run:
        assert sorted(item for item, _ in run(reported, [1, 2])) == [1, 2]
    report()


def test_a_process_builds_once() -> None:
    with workers(2, prepare=functools.partial(built_for, 0)) as run:
        assert {built for _, (_, built) in run(built_for, range(12))} == {1}


def own_cores_of(item: int) -> int:
    return own_cores()


def test_a_process_has_all_cores_for_itself_and_one_of_several_has_one() -> None:
    assert own_cores() == cores()
    with workers(2) as run:
        assert {number for _, number in run(own_cores_of, range(4))} == {1}


@pytest.fixture(params=[1, 2])
def cores_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    number = int(request.param)
    monkeypatch.setattr("runtime.workers.cores", lambda: number)
    return number


@pytest.mark.usefixtures("cores_here")
def test_results_of_two_functions_are_in_their_order() -> None:
    for number in range(20):
        assert together(lambda: ("first", number), lambda: ("second", number)) == (  # noqa: B023
            ("first", number),
            ("second", number),
        )


def test_a_call_ahead_is_made_beside_the_next_ones_or_not_at_all() -> None:
    made = threading.Event()
    ahead(made.set)
    if own_cores() > 1:
        assert made.wait(10)
    ahead(lambda: 1 / 0)
    assert together(lambda: 1, lambda: 2) == (1, 2)


def test_threads_wait_for_what_one_builds() -> None:
    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(lambda _: id(once(Slow)), range(8)))
    assert len(set(built)) == 1


def test_two_functions_are_side_by_side_on_two_cores_alone(cores_here: int) -> None:
    meeting = threading.Barrier(2)

    def meet() -> bool:
        try:
            return meeting.wait(60 if cores_here > 1 else 0.01) >= 0
        except threading.BrokenBarrierError:
            return False

    assert together(meet, meet) == (cores_here > 1,) * 2


@pytest.mark.usefixtures("cores_here")
def test_exceptions_of_either_function_pass_and_the_next_two_are_called() -> None:
    def fail() -> int:
        raise ZeroDivisionError("here")

    for pair in ((fail, int), (int, fail), (fail, fail)):
        with pytest.raises(ZeroDivisionError, match="here"):
            together(*pair)
    assert together(int, str) == (0, "")
