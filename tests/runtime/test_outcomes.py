"""A failing file gives one line and does not stop the others; several failures are repeated at the end."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runtime.console import DONE, FAILED, exit_code
from runtime.outcomes import FailureOf, finish


@dataclass(frozen=True)
class Outcome:
    output: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Account:
    failures: tuple[str, ...] = ()

    def closing(self) -> list[str]:
        return ["totals"]


GOOD = Outcome(output=("a.color.png",), notes=("a.color.png lacks a profile",))
BAD = Outcome(error="b.png is empty")


@pytest.mark.parametrize("error", [ZeroDivisionError("in a\ndecoder"), ValueError("no picture")])
def test_any_exception_is_the_line_of_its_file(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"), FailureOf(Path("a.png")) as failure:
        raise error
    assert failure.line is not None
    assert failure.line.startswith("a.png: ")
    assert "\n" not in failure.line
    assert "Traceback" in caplog.text


def test_what_succeeds_has_no_line() -> None:
    with FailureOf(Path("a.png")) as failure:
        pass
    assert failure.line is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), LookupError("the command")])
def test_what_is_about_the_command_leaves_the_block(error: BaseException) -> None:
    failure = FailureOf(Path("a.png"), passing=(LookupError,))
    with pytest.raises(type(error)), failure:
        raise error
    assert failure.line is None


@pytest.mark.parametrize(
    ("failures", "outcomes", "quiet", "code", "errors"),
    [
        ([], [GOOD], False, DONE, ["a.color.png lacks a profile", "totals"]),
        ([], [GOOD], True, DONE, []),
        ([], [BAD, GOOD], True, FAILED, ["b.png is empty"]),
        (
            ["x: no such file"], [GOOD, BAD], True, FAILED,
            ["x: no such file", "b.png is empty", "2 failed:", "  x: no such file", "  b.png is empty"],
        ),
    ],
)  # fmt: skip
def test_results_go_to_stdout_and_all_else_to_stderr(
    capsys: pytest.CaptureFixture[str],
    failures: list[str], outcomes: list[Outcome], quiet: bool, code: int, errors: list[str],
) -> None:  # fmt: skip
    assert finish(Account(tuple(failures)), outcomes, quiet=quiet) == code
    said = capsys.readouterr()
    assert said.out.splitlines() == ["a.color.png"]
    assert said.err.splitlines() == errors


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("print0", [True, False])
def test_a_list_that_cannot_be_written_is_one_failure_and_the_work_goes_on(
    print0: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = []

    def outcomes() -> Iterator[Outcome]:
        for name in ("a", "b", "c"):
            done.append(name)
            yield replace(GOOD, output=(name, f"{name}.sheet"))

    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        code = exit_code("x", lambda: finish(Account(), outcomes(), quiet=False, print0=print0))
    assert (code, done) == (FAILED, ["a", "b", "c"])
    line = "standard output: the disk is full; free some space and run the same command to continue"
    assert capsys.readouterr().err.splitlines().count(line) == 1
