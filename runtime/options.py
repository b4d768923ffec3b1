"""Maps dataclass fields to command-line options: help, unit and range in one place, checked by both.

    @dataclass(frozen=True)
    class Options:
        crf: int | None = option(None, "0 lossless, 51 worst", low=0, high=51)

Each option can be written as -name, as in the documentation, or as --name.
"""

import argparse
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from runtime.console import USAGE, printable

T = TypeVar("T")

NUMBERS: Mapping[Any, Any] = {int: Integral, float: Real}  # NumPy's are among these


def option(
    default: Any = dataclasses.MISSING,
    text: str = "",
    *,
    factory: Callable[[], Any] | None = None,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
    shown: str | None = None,
    read: Callable[[str], Any] | None = None,
    metavar: str | None = None,
    positional: bool = False,
    const: Any = None,
    name: str = "",
    separator: str = "",
    repeated: bool = False,
) -> Any:
    """Make a dataclass field that is also a command-line option.

    low, high : inclusive range of a number
    shown : the default as help shows it, "" for nothing; None shows the value itself
    read : converts the option's text to a value, in place of the field's type; raises ValueError
    const : the value of an option that is given without one
    name : the option's name if it differs from the field's, as for Python's reserved words
    separator : separates the values of a tuple in one argument, instead of several arguments
    repeated : each value of a tuple needs its own option
    """
    details: dict[str, Any] = {
        "help": text,
        "low": low,
        "high": high,
        "choices": choices,
        "shown": shown,
    }
    details |= {"read": read, "metavar": metavar, "positional": positional, "const": const}
    details |= {"name": name, "separator": separator, "repeated": repeated}
    if factory is not None:
        return dataclasses.field(default_factory=factory, metadata=details)
    return dataclasses.field(default=default, metadata=details)


def add_options(parser: argparse.ArgumentParser, kind: type, *, title: str = "") -> None:
    """Add an option to a parser for every field made by `option`, in a separate group if there is a title."""
    group: Any = parser.add_argument_group(title) if title else parser
    for field, hint in _fields(kind):
        settings = _settings(field, hint)
        if field.metadata["positional"]:
            group.add_argument(field.name, **settings)
        else:
            group.add_argument(*spellings(_spelled(field)), dest=field.name, **settings)


def options_from(args: argparse.Namespace, kind: type[T]) -> T:
    """Build a dataclass from parsed options. Raises ValueError if its own checks do."""
    values = {field.name: getattr(args, field.name) for field, _ in _fields(kind)}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def given(args: argparse.Namespace, kind: type) -> list[str]:
    """List the names of a dataclass's options that differ from their defaults."""
    return [f.name for f, _ in _fields(kind) if getattr(args, f.name) != _default(f)]


def check(options: Any) -> None:
    """Raise ValueError for values of other types, or outside their fields' ranges; for a dataclass's `__post_init__`."""
    wrong = []
    for field, hint in _fields(type(options)):
        value, details = getattr(options, field.name), field.metadata
        kind = _bare(hint)
        for one in value if isinstance(value, tuple) else (value,):
            if kind in NUMBERS and one is not None and not _is_number(one, kind, details):
                wrong.append(f"{_spelled(field)} must be {_needed(one, kind, details)}, got {one}")
            elif details["choices"] and one not in details["choices"] and one != _default(field):
                wrong.append(
                    f"{_spelled(field)} must be one of {', '.join(details['choices'])}, got {one!r}"
                )
    if wrong:
        raise ValueError("; ".join(wrong))


def spellings(name: str) -> list[str]:
    """Return an option's two spellings, with one dash and with two."""
    return [f"-{name}", f"--{name}"]


def named(text: str) -> str:
    """Read the name of a file or folder."""
    if not text:
        raise ValueError("the name of the file or folder is empty: give one or omit the option")
    return text


def seconds(text: str) -> float:
    """Read 90, 90.5, 1:30 or 0:01:30."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(0 <= part < float("inf") for part in parts):
        raise ValueError(f"{text!r} is not a valid time: give seconds or h:mm:ss")
    return sum(part * 60.0**power for power, part in enumerate(reversed(parts)))


class OneLineParser(argparse.ArgumentParser):
    """An argument parser with one-line errors, whose help lists each option once."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_ShortHelp, allow_abbrev=False, add_help=False, **settings)
        self.add_argument("-h", "-help", "--help", action="help", help="show this message and exit")

    def error(self, message: str) -> NoReturn:
        """Exit with a one-line message."""
        self.exit(USAGE, f"{self.prog}: {printable(message)}; see {self.prog} --help\n")

    def collect(self, args: argparse.Namespace, kind: type[T]) -> T:
        """Build a dataclass from parsed options; exit with a one-line message if its own checks fail."""
        try:
            return options_from(args, kind)
        except ValueError as error:
            self.error(str(error))


def named_after_dashes(words: Sequence[str]) -> list[str]:
    """Return a command's words, those after "--" as paths: the parser of mixed words takes them for options again."""
    if "--" not in words:
        return [*words]
    end = words.index("--") + 1
    return [*words[:end], *(f"./{word}" if word.startswith("-") else word for word in words[end:])]


class _ShortHelp(argparse.RawDescriptionHelpFormatter):
    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return super()._format_action_invocation(action)
        metavar = self._format_args(action, (action.dest or "").upper())
        return f"{action.option_strings[0]} {metavar}".rstrip()


class _Repeated(argparse.Action):
    """Appends each value to the earlier ones."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, (*getattr(namespace, self.dest), values))


def _fields(kind: type) -> list[tuple[dataclasses.Field[Any], Any]]:
    """List the fields made by `option`, each with its type."""
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    return [(field, hints[field.name]) for field in fields if "positional" in field.metadata]


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _spelled(field: dataclasses.Field[Any]) -> str:
    return field.metadata["name"] or field.name


def _settings(field: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    """Return a field's arguments for argparse."""
    details, default = field.metadata, _default(field)
    separator, several = details["separator"], get_origin(hint) is tuple
    shown = details["shown"]
    if shown is None:
        shown = _shown(default, separator=separator or " ")
    text = f"{details['help']} (default: {shown})" if shown else details["help"]
    settings: dict[str, Any] = {"default": default, "help": text.replace("%", "%%")}
    if hint is bool:
        return settings | {"action": "store_true"}
    read = settings["type"] = _reader(_bare(hint), details)
    if several and separator:
        settings["type"] = lambda text: tuple(read(part) for part in text.split(separator))
    elif several and details["repeated"]:
        settings["action"] = _Repeated
    elif several:
        settings["nargs"] = "*" if details["positional"] else "+"
    elif details["const"] is not None or (details["positional"] and default is not None):
        settings |= {"nargs": "?", "const": details["const"]}
    for name in ("choices", "metavar"):
        if details[name]:
            settings[name] = details[name]
    return settings


def _shown(default: Any, *, separator: str) -> str:
    if default is None or default is False or default in ((), ""):
        return ""
    return separator.join(map(str, default)) if isinstance(default, tuple) else str(default)


def _bare(hint: Any) -> Any:
    """Return the type of one value: X of `X | None` and of `tuple[X, ...]`."""
    if get_origin(hint) is tuple:
        return get_args(hint)[0]
    if get_origin(hint) is UnionType:
        return next(kind for kind in get_args(hint) if kind is not NoneType)
    return hint


def _reader(kind: Any, details: Mapping[str, Any]) -> Callable[[str], Any]:
    """Return a function that converts an option's text to a value; it raises ArgumentTypeError if it cannot."""
    numeric = kind in (int, float) and not details["read"]
    readers: dict[Any, Callable[[str], Any]] = {int: _whole, float: float, Path: _path}
    read: Callable[[str], Any] = details["read"] or readers.get(kind, str)

    def value(text: str) -> Any:
        try:
            result = read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(
                _refusal(text, kind, details) if numeric else error
            ) from error
        if isinstance(result, int | float) and not _in_range(result, details):
            raise argparse.ArgumentTypeError(_refusal(text, kind, details))
        return result

    return value


def _whole(text: str) -> int:
    """Read a whole number of digits only; int() also accepts other forms."""
    if not text.removeprefix("-").isdecimal():
        raise ValueError(text)
    return int(text)


def _path(text: str) -> Path:
    return Path(named(text))


def _refusal(text: str, kind: Any, details: Mapping[str, Any]) -> str:
    return f"{text!r} is not a {_number(kind)} {_range(details)}".rstrip()


def _needed(value: Any, kind: Any, details: Mapping[str, Any]) -> str:
    """Say what a value must be: the range, and the type if the value has another."""
    if isinstance(value, NUMBERS[kind]):
        return _range(details).removeprefix("of ") or "finite"
    return f"a {_number(kind)} {_range(details)}".rstrip()


def _number(kind: Any) -> str:
    return "whole number" if kind is int else "number"


def _is_number(value: Any, kind: Any, details: Mapping[str, Any]) -> bool:
    return isinstance(value, NUMBERS[kind]) and _in_range(value, details)


def _in_range(value: float, details: Mapping[str, Any]) -> bool:
    low, high = details["low"], details["high"]
    return (
        math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high)
    )


def _range(details: Mapping[str, Any]) -> str:
    low, high = (None if end is None else f"{end:g}" for end in (details["low"], details["high"]))
    if low is not None and high is not None:
        return f"from {low} to {high}"
    return (
        f"of {low} or more" if low is not None else f"of {high} or less" if high is not None else ""
    )
