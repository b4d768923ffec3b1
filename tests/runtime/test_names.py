"""The nearest of known names; calls with arguments of other names."""

import inspect
from dataclasses import dataclass, replace
from typing import Any

import pytest

from runtime.names import named_arguments, named_fields, nearest_name


def test_the_nearest_name_is_like_the_text() -> None:
    assert nearest_name("navvy", ["navy", "gravy", "ivory"]) == "navy"
    assert nearest_name("xyz", ["navy"]) == ""
    assert nearest_name("count", ["contrast"]) == "contrast"
    assert nearest_name("count", ["contrast"], alike=0.7) == ""


@named_arguments
def checked() -> dict[str, str]:
    return {"threads": "Machine(threads=...)", "size": "elsewhere"}


class Machine:
    @checked
    def __init__(self, *, threads: int = 1) -> None:
        self.threads = threads

    @checked
    def run(self, size: int, depth: int = 2) -> int:
        """Multiply."""
        return size * depth


def test_arguments_pass_and_the_signature_stays() -> None:
    assert Machine(threads=3).threads == 3
    assert Machine().run(4) == Machine().run(size=4, depth=2) == 8
    assert Machine.run.__doc__ == "Multiply."
    assert list(inspect.signature(Machine.run).parameters) == ["self", "size", "depth"]


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"dept": 1}, r"^Machine\.run\(\) has no argument 'dept': the nearest is 'depth'$"),
        ({"threads": 1}, r"^Machine\.run\(\) has no argument 'threads': write Machine\(threads=...\)$"),
        ({"thread": 1}, r"write Machine\(threads=...\)$"),
        ({"quick": 1}, "it takes size, depth$"),
        ({"siz": 1}, "the nearest is 'size'$"),
    ],
)  # fmt: skip
def test_an_unknown_argument_is_refused_with_the_nearest(named: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        Machine().run(1, **named)


def test_a_dataclass_checks_its_fields_names() -> None:
    @named_fields
    @dataclass(frozen=True)
    class Options:
        hints: int = 0

    assert replace(Options(3), hints=4).hints == 4
    with pytest.raises(
        TypeError, match=r"Options\(\) has no argument 'hint': the nearest is 'hints'"
    ):
        Options(hint=3)  # type: ignore[call-arg]
