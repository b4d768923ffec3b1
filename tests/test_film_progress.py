"""A bar that moves while pieces are in work, never backwards, and is right in the end."""

import io
import time
from pathlib import Path

import pytest
from tqdm import tqdm

from film.progress import EVERY_S, counting, earlier, frames_in_work, moving


def test_frames_are_counted_while_a_shot_is_in_work(tmp_path: Path) -> None:
    with counting(tmp_path / "00000.mkv") as one, counting(tmp_path / "00001.mkv") as other:
        for told in (one, one, other):
            told()
        assert frames_in_work(tmp_path) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_failed_shot_leaves_no_count(tmp_path: Path) -> None:
    def fail() -> None:
        with counting(tmp_path / "00000.mkv") as told:
            told()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert frames_in_work(tmp_path) == 0


def test_the_bar_follows_and_ends_at_what_is_finished(tmp_path: Path) -> None:
    finished = 0
    with tqdm(total=9, file=io.StringIO()) as bar, moving(bar, tmp_path, lambda: finished):
        with counting(tmp_path / "00000.mkv") as told:
            for _ in range(5):
                told()
            time.sleep(3 * EVERY_S)
            assert bar.n == 5
        time.sleep(3 * EVERY_S)
        assert bar.n == 5, "a piece that ends is counted as finished a moment later"
        finished = 9
    assert bar.n == 9


def test_what_an_earlier_run_did_is_no_part_of_the_speed() -> None:
    with tqdm(total=100, file=io.StringIO()) as bar:
        earlier(bar, 90)
        bar.update(90)
        time.sleep(0.2)
        bar.update(1)
        assert bar.format_dict["n"] - bar.format_dict["initial"] == 1


def test_a_hidden_bar_is_left_alone(tmp_path: Path) -> None:
    with tqdm(total=9, disable=True) as bar, moving(bar, tmp_path, lambda: 9):
        earlier(bar, 3)
    assert bar.n == 0
