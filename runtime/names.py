"""Names that people write: the nearest known one for a mistyped one, and calls whose arguments have other names."""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

T = TypeVar("T")

# Least similarity of two names, as `difflib` measures it, for one to be suggested for the other; of arguments, a wrong
# suggestion hides the list of those that there are.
ALIKE, ALIKE_ARGUMENTS = 0.4, 0.6


def nearest_name(text: str, names: Iterable[str], *, alike: float = ALIKE) -> str:
    """Return the name most like a text, or "" if none is like it by at least `alike`, 0..1."""
    return next(iter(difflib.get_close_matches(text, list(names), 1, alike)), "")


def named_arguments(
    elsewhere: Callable[[], Mapping[str, str]] = dict,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a decorator that raises TypeError for an unknown argument with the nearest name, or the call that takes it.

    elsewhere : returns arguments that other calls take, each with that call, such as {"threads": "Colorizer(threads=...)"}
    """

    def checked(function: Callable[P, R]) -> Callable[P, R]:
        known = tuple(inspect.signature(function).parameters)

        @functools.wraps(function)
        def call(*args: P.args, **named: P.kwargs) -> R:
            for name in named:
                if name not in known:
                    others = {one: at for one, at in elsewhere().items() if one not in known}
                    raise TypeError(_unknown(name, function.__qualname__, known, others))
            return function(*args, **named)

        return call

    return checked


def named_fields(kind: type[T]) -> type[T]:
    """Make a class, such as a dataclass, raise TypeError with the nearest name for an unknown argument."""
    setattr(kind, "__init__", named_arguments()(kind.__init__))  # noqa: B010 - not assignable for type checkers
    return kind


def _unknown(name: str, function: str, known: Iterable[str], others: Mapping[str, str]) -> str:
    called = function.removesuffix(".__init__")
    own = [one for one in known if one != "self"]
    near = nearest_name(name, [*own, *others], alike=ALIKE_ARGUMENTS)
    advice = f"the nearest is {near!r}" if near else f"it takes {', '.join(own)}"
    if near in others:
        advice = f"write {others[near]}"
    return f"{called}() has no argument {name!r}: {advice}"
