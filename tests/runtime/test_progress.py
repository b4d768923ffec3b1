"""Progress that is shown on a terminal or logged, or silent."""

import io
import sys
import time

import pytest

from runtime.progress import LINE_S, Bar, Lines, Silent, print_line, progress_for, spoken_time


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_only_where_a_person_would_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not isinstance(progress_for(quiet=False), Bar)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(progress_for(quiet=False), Bar)
    assert type(progress_for(quiet=True)) is Silent


def test_without_a_terminal_a_line_a_minute_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: clock_s)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = progress_for(quiet=False)
    assert isinstance(progress, Lines)
    caplog.set_level("INFO")
    progress.start("colorizing", 8640, unit="frames")
    progress.advance(864, earlier=True)
    for _ in range(3 * LINE_S):
        clock_s += 1
        progress.advance(12)
        progress.note("shot 2 of 9+")
    progress.close()
    assert caplog.messages == [
        "colorizing: 1584 of 8640 frames (18 %), 12.0 frames/s, about 10 min left, shot 2 of 9+",
        "colorizing: 2304 of 8640 frames (26 %), 12.0 frames/s, about 9 min left, shot 2 of 9+",
        "colorizing: 3024 of 8640 frames (35 %), 12.0 frames/s, about 8 min left, shot 2 of 9+",
    ]


def test_short_and_resumed_work_logs_no_nonsense(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock_s = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock_s)
    caplog.set_level("INFO")
    progress = Lines()
    progress.start("joining", 10, unit="frames")
    progress.advance(10)
    progress.start("colorizing", 10, unit="frames")
    clock_s += LINE_S
    progress.advance(5, earlier=True)  # nothing done in this run: no speed
    assert caplog.messages == ["colorizing: 5 of 10 frames (50 %)"]


def test_times_are_said_as_a_person_would() -> None:
    times = [spoken_time(seconds) for seconds in (0, 59, 61, 3599, 7800, 86400)]
    assert times == ["1 s", "59 s", "1 min", "1 h 00 min", "2 h 10 min", "24 h 00 min"]


def test_a_bar_shows_work_units_and_notes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    bar = Bar()
    bar.start("colorizing", 9, unit="frames")
    bar.note("shot 2 of 3")
    bar.advance(9)
    shown = str(bar._bar)
    bar.close()
    assert "colorizing: 100%" in shown
    assert "9/9" in shown
    assert "shot 2 of 3" in shown
    assert "colorizing" in screen.getvalue()
    assert screen.getvalue().split("\r")[-1] == "", "a bar that is done leaves nothing"


def test_a_line_is_printable_and_stands_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    bar = Bar()
    bar.start("colorizing", 9, unit="photos")
    print_line("a\nb.png", file=screen)
    bar.close()
    assert r"a\nb.png" + "\n" in screen.getvalue()
    before, after = screen.getvalue().split(r"a\nb.png")
    assert before.endswith("\r"), "the bar's line is cleared"
    assert "colorizing" in after, "and shown again below"


def test_what_an_earlier_run_did_is_no_part_of_the_speed() -> None:
    bar = Bar()
    bar.start("colorizing", 100, unit="frames")
    bar.advance(90, earlier=True)
    bar.advance(1)
    shown = bar._bar
    assert shown is not None
    assert (shown.n, shown.initial) == (91, 90)
    bar.close()


@pytest.mark.parametrize("progress", [Silent(), Bar()])
def test_progress_without_a_start_is_no_error(progress: Silent) -> None:
    progress.advance()
    progress.note("")
    progress.close()
