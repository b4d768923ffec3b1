"""A spool passes frames from the process that reads a pipe to its workers, with a bounded number of files."""

import threading
from pathlib import Path

import numpy as np
import pytest
from helpers import wait_for

from film.spool import Spool, spooled


def frame(number: int) -> list[np.ndarray]:
    return [np.full((4, 6), number, np.uint8), np.full((2, 3), number, np.uint16)]


def test_frames_come_back_by_number(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(5):
        assert spool.add(frame(number))
    spool.end()
    found = list(spooled(tmp_path, 2, 99, count=2))
    assert [number for number, _ in found] == [2, 3, 4]
    for number, planes in found:
        for plane, expected in zip(planes, frame(number), strict=True):
            np.testing.assert_array_equal(plane, expected)
            assert plane.dtype == expected.dtype


def test_the_writer_waits_for_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=3)
    thread = threading.Thread(target=lambda: [spool.add(frame(number)) for number in range(5)])
    thread.start()
    wait_for(lambda: spool.full)
    thread.join(0.1)
    assert thread.is_alive()
    assert spool.written == len([*tmp_path.iterdir()]) == 3
    spool.release(2)
    thread.join(10)
    assert not thread.is_alive()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3", "4"]


def test_the_reader_waits_for_frames(tmp_path: Path) -> None:
    spool, found = Spool(tmp_path), []
    thread = threading.Thread(
        target=lambda: found.extend(number for number, _ in spooled(tmp_path, 0, 9, count=2))
    )
    thread.start()
    spool.add(frame(0))
    wait_for(lambda: found == [0])
    spool.end()
    thread.join(10)
    assert found == [0]


@pytest.mark.parametrize("count", [0, 3])
def test_a_closed_spool_takes_no_more(tmp_path: Path, count: int) -> None:
    spool = Spool(tmp_path, limit=3)
    for number in range(count):
        spool.add(frame(number))
    spool.closed.set()
    assert not spool.add(frame(count))
