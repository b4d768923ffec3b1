"""How far earlier runs of a command got: each result has a mark that names its input and the settings that made it.

A result of the same input with other settings is made again; any other file in a result's place is left alone.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from color.guidance import Candidate, Guidance
from photo.folders import cannot_be_read
from photo.inputs import Kind, Result, Task
from runtime.console import counted
from runtime.files import check_folder

log = logging.getLogger(__name__)

OTHER = "exists already and is not the complete result of"
WHOLE = "is the result of the whole of"
LONGEST_NAME = 255  # bytes, on every common file system
# Settings that hardly change a result, so that an archive that moves to another machine is not made again.
UNMARKED = ("version", "engine", "threads")
WITH = re.compile(", with [0-9a-f]{8}")
# In a film's mark, of a try-out.
EXCERPT = re.compile(r", (start|duration) [\d.]|, compare\b")
INPUT = re.compile("^colorizer[^:]*: (?:of )?((?:confidence of )?[0-9a-f]{16})")


@dataclass(frozen=True)
class Standing:
    """How far earlier runs of a command got.

    waiting : tasks without a result, and those whose result was made with other settings
    done : tasks whose result is there
    failures : tasks that are unreadable, or whose path another file occupies
    redone : those of `waiting` whose result was made with other settings
    """

    waiting: list[Task] = field(default_factory=list)
    done: list[Task] = field(default_factory=list)
    failures: list[Result] = field(default_factory=list)
    redone: list[Task] = field(default_factory=list)


def standing(tasks: Sequence[Task], *, kind: Kind, overwrite: bool = False) -> Standing:
    """Tell the tasks without a result from those that are done, and log how many are.

    Raises ValueError for a folder that is not writable.
    """
    now = judged(tasks, kind=kind, overwrite=overwrite)
    log_standing(now)
    return now


def judged(
    tasks: Sequence[Task], *, kind: Kind, overwrite: bool = False, option: str = "-save"
) -> Standing:
    """Tell the tasks without a result from those that are done; option : the one that sets their path.

    Raises ValueError for a folder that is not writable.
    """
    now = Standing()
    for task in tasks:
        if len(os.fsencode(task.target.name)) > LONGEST_NAME:
            line = f"{task.target}: the name is too long: give a shorter one with {option}"
            now.failures.append(Result(task, error=line))
        elif overwrite or not os.path.lexists(task.target):
            now.waiting.append(task)
        else:
            _judge(task, kind, now, option)
    for folder in {task.target.parent for task in now.waiting}:
        check_folder(folder, option=option)
    return now


def log_standing(now: Standing) -> None:
    """Log how many results are there already, and how many are made again."""
    if now.done:
        log.info("skipped %d already finished; -overwrite replaces existing results", len(now.done))
    if now.redone:
        log.info("%s made with other settings: again", counted(len(now.redone), "result"))


def _judge(task: Task, kind: Kind, now: Standing, option: str) -> None:
    """Add a task whose target exists to those that are done, to be made again, or refused."""
    try:
        found, wanted = kind.mark_in(task.target), kind.mark_of(task.source)
    except OSError as error:
        line = cannot_be_read(error.filename or task.source, str(error.strerror))
        now.failures.append(Result(task, error=line))
        return
    if _without_version(found) == _without_version(wanted):
        now.done.append(task)
    elif input_of(found) != input_of(wanted):
        now.failures.append(Result(task, error=occupied(task, option)))
    elif EXCERPT.search(wanted) and not EXCERPT.search(found):
        now.failures.append(Result(task, error=occupied(task, option, WHOLE)))
    else:
        now.waiting.append(task)
        now.redone.append(task)


def occupied(task: Task, option: str = "-save", why: str = OTHER) -> str:
    """Say that another file is in a result's place."""
    advice = f"add -overwrite, or choose another path with {option}"
    return f"{task.target} {why} {task.source}: {advice}"


def input_of(mark: str) -> str:
    """Return the part of a mark that identifies the input and whether it is of a map, "" for what is no mark."""
    found = INPUT.search(mark)
    return found[1] if found else ""


def same_part(mark: str, other: str) -> bool:
    """Return whether two marks are of the same input and of the same part of it, whatever the settings."""
    one, two = (WITH.sub("", _without_version(each)) for each in (mark, other))
    return bool(one) and one == two


def _without_version(mark: str) -> str:
    return mark.partition(": ")[2]


def made_with(settings: Mapping[str, object], guidance: Guidance) -> str:
    """Return the part of a mark that names the settings and the guidance of a result, by their hash."""
    named = {name: value for name, value in settings.items() if name not in UNMARKED}
    digest = hashlib.sha256(json.dumps(named, sort_keys=True, default=str).encode())
    for one in fields(guidance):
        digest.update(f"{one.name} {_text(getattr(guidance, one.name))}".encode())
    return f", with {digest.hexdigest()[:8]}"


def _text(value: Any) -> str:
    """Return a text that differs for other guidance: a hash for pictures."""
    if isinstance(value, np.ndarray):
        return f"{value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return str([_text(one) for one in value])
    if isinstance(value, Candidate):
        return str([_text(getattr(value, one.name)) for one in fields(value)])
    return repr(value)
