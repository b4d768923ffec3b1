"""Progress that is shown on a terminal, or silent."""

import io
import sys

import pytest

from runtime.progress import Bar, Silent, print_line, progress_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_only_where_a_person_would_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not isinstance(progress_for(quiet=False), Bar)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(progress_for(quiet=False), Bar)
    assert not isinstance(progress_for(quiet=True), Bar)


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
