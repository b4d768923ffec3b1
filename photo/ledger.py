"""Keeps account of what became of each input of a command: for its last lines, and for its report if it has one."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from photo.folders import Passed
from photo.inputs import Facts, InputOptions, Output, Plan, Result, Task, check_outputs
from photo.report import ReportFile, Row, report_file
from photo.standing import Standing
from runtime.console import counted, one_line
from runtime.outcomes import FailureOf

OpenReport: TypeAlias = tuple[ReportFile, list[Row]]
COLORED, THERE = "colored", "already there"
UNCHANGED = "left in color"
FAILED, PASSED, LEFT = "failed", "passed over", "not done"


def checked_report(
    inputs: InputOptions, *, read: Iterable[Path], others: Sequence[Output]
) -> OpenReport | None:
    """Return a command's report, and the rows of earlier runs that it keeps; None without one. Writes nothing.

    read, others : the files that the command reads, and what else it writes
    Raises ValueError for a name that is neither CSV nor JSON, and for a file that the report must not replace.
    """
    path = inputs.report
    if path is None:
        return None
    file = report_file(path)
    output = Output(path, path, "the report", "-report")
    check_outputs([output], inputs=read, others=others, overwrite=True)
    if inputs.overwrite or not path.exists():
        return file, []
    rows = file.read()
    if rows is None:
        raise ValueError(
            f"{path} exists already and is no report: add -overwrite, or choose another path with -report"
        )
    return file, rows


@dataclass
class Ledger:
    """What became of each input.

    now : how far earlier runs got; None for a command that colorizes nothing
    settings : with which the command colorizes
    report : the file that says all this, and the rows that it had
    dry_run : nothing is to be colorized
    files : the results of a task, the main one first
    before : what became of other inputs of the same command
    """

    plan: Plan
    now: Standing | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    report: OpenReport | None = None
    dry_run: bool = False
    files: Callable[[Task], Sequence[Path]] = lambda task: [task.target]
    before: "Ledger | None" = None
    _rows: dict[Path, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        earlier = {row.source: row for row in (self.report[1] if self.report else ())}
        for passed in self.plan.passed:
            self._rows[passed.path] = Row(str(passed.path), PASSED, reason=passed.why)
        for failure in self._failures:
            self._rows[failure.task.source] = self._row(failure)
        for task in self.now.done if self.now else ():
            row = Row(str(task.source), THERE, str(self.files(task)[0]))
            known = earlier.get(row.source)
            if (
                known
                and known.outcome in {COLORED, UNCHANGED, THERE}
                and known.result == row.result
            ):
                row = replace(known, outcome=THERE)
            self._rows[task.source] = row

    @property
    def failures(self) -> list[str]:
        """Return a line for each input that failed before the work."""
        earlier = self.before.failures if self.before else []
        return [*earlier, *(failure.error or "" for failure in self._failures)]

    @property
    def waiting(self) -> list[Task]:
        """Return the tasks that are still to be colorized."""
        return self.now.waiting if self.now else []

    @property
    def _failures(self) -> list[Result]:
        return [*self.plan.failures, *(self.now.failures if self.now else ())]

    def fail(self, result: Result) -> None:
        """Account for the failure of a task before its colors; it does not wait any longer."""
        self._rows[result.task.source] = self._row(result)
        if self.now:
            waiting = [task for task in self.now.waiting if task.source != result.task.source]
            self.now = replace(self.now, waiting=waiting)

    def follow(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield the results that are there, then others, and account for them.

        The report is whole after each, and when the work is stopped. One that cannot be written does not stop the work; it
        is tried again at the end, and then is a failure of its own.
        """
        try:
            adds = not self._unwritten(self._rows)
            yield from self._there()
            for result in results:
                row = self._rows[result.task.source] = self._row(result)
                adds = adds and self._added(row)
                yield result
        finally:
            for task in self._tasks:
                self._rows.setdefault(task.source, Row(str(task.source), LEFT))
            rows = {task.source: self._rows[task.source] for task in self._tasks} | self._rows
            failed = self._unwritten(rows)
        yield from failed

    def _unwritten(self, rows: Mapping[Path, Row]) -> list[Result]:
        """Write the report; return its failure if it cannot be written."""
        try:
            self._write(rows)
        except OSError as error:
            assert self.report
            path = self.report[0].path
            return [Result(Task(path, path), error=one_line(path, error))]
        return []

    def _added(self, row: Row) -> bool:
        """Add a row to the report; return whether more can follow it."""
        try:
            if self.report:
                self.report[0].add(row)
        except OSError:
            return False
        return True

    def rehearse(self, check: Callable[[Task], object]) -> Iterator[Result]:
        """Yield what would become of each task.

        check : raises for a file that would be refused, and may return a text with more about the result
        """
        yield from self.follow(_rehearsed(task, check) for task in self.waiting)

    def closing(self) -> list[str]:
        """Return the last lines of a command: what was passed over, and the totals if there are several inputs."""
        lines, before = [], self.before
        if passed := {**(before.plan.passed if before else {}), **self.plan.passed}:
            lines.append(f"passed over: {'; '.join(_reasons(passed))}")
        outcomes = Counter(row.outcome for row in self._all_rows.values())
        if (self.now or (before and before.now)) and outcomes.total() > 1:
            names = {COLORED: "to be colored"} if self.dry_run else {}
            totals = (
                f"{outcomes[name]} {names.get(name, name)}"
                for name in (COLORED, UNCHANGED, THERE, FAILED, PASSED)
                if outcomes[name] or name != UNCHANGED
            )
            lines.append(", ".join(totals))
        return lines

    def _there(self) -> Iterator[Result]:
        """Yield the results of earlier runs that are there, as many as exist of each task's."""
        for task in self.now.done if self.now else ():
            paths = self.files(task)
            # The pictures of a film are named by their pattern.
            files = [str(path) for path in paths if os.path.lexists(path)] or [str(paths[0])]
            said = [f"{task.source}: already there, {files[0]}"] if self.dry_run else files
            yield Result(task, output=tuple(said))

    @property
    def _all_rows(self) -> dict[Path, Row]:
        return {**(self.before._rows if self.before else {}), **self._rows}

    @property
    def _tasks(self) -> list[Task]:
        return self.plan.tasks if self.now else []

    def _write(self, rows: Mapping[Path, Row]) -> None:
        """Write the report: rows of other commands, then these."""
        if self.report:
            file, earlier = self.report
            own = {str(path) for path in (*self._all_rows, *(task.source for task in self._tasks))}
            others = [row for row in earlier if row.source not in own]
            before = self.before._rows.values() if self.before else ()
            file.write([*others, *before, *rows.values()])

    def _row(self, result: Result) -> Row:
        task, facts = result.task, result.facts
        if result.error is not None:
            return Row(str(task.source), FAILED, reason=result.error)
        made = result.output[0] if result.output else str(task.target)
        outcome = UNCHANGED if facts and facts.in_color else COLORED
        row = Row(str(task.source), outcome, made, warnings=_warnings(result))
        return row if facts is None else _with(row, facts, self.settings)


def _rehearsed(task: Task, check: Callable[[Task], object]) -> Result:
    with FailureOf(task.source) as failure:
        more = check(task)
    if failure.line:
        return Result(task, error=failure.line)
    told = f", {more}" if isinstance(more, str) and more else ""
    return Result(task, output=(f"{task.source} -> {task.target}{told}",))


def _with(row: Row, facts: Facts, settings: Mapping[str, object]) -> Row:
    sure = facts.confidence
    return replace(
        row,
        width=facts.width, height=facts.height, depth=facts.depth, pages=facts.pages, kept=facts.kept,
        left_out=facts.left_out, confidence=None if sure is None else round(sure, 4),
        seconds=round(facts.seconds, 3), settings=settings,
        warnings=(*facts.warnings, *row.warnings), details=facts.details,
    )  # fmt: skip


def _warnings(result: Result) -> tuple[str, ...]:
    """Return the notes on a result, without its name and without those on what it lacks."""
    left_out = result.facts.left_out if result.facts else ()
    name = str(result.task.target)
    lacks = {f"{name} lacks {what}" for what in left_out}
    return tuple(note.removeprefix(f"{name}: ") for note in result.notes if note not in lacks)


def _reasons(passed: Iterable[Passed]) -> Iterator[str]:
    """Yield each reason with the kinds of files that it is one for, and their numbers."""
    counts: dict[str, Counter[str]] = {}
    for one in passed:
        counts.setdefault(one.why, Counter())[one.name] += 1
    for why, kinds in counts.items():
        yield f"{', '.join(_several(name, n) for name, n in kinds.items())}: {why}"


def _several(name: str, count: int) -> str:
    """Return a count with its noun: names of formats have no plural."""
    return f"{count} {name}" if name[0].isupper() else counted(count, name)
