"""An estimate is of the right size, and grows with what it should grow with."""

from dataclasses import replace

import pytest
from films import SOFTWARE

from film.encode import TRIAL
from film.estimate import estimate

LINES_480 = replace(TRIAL, width=640, height=480)
LINES_1080 = replace(TRIAL, width=1920, height=1080)


@pytest.mark.parametrize(("encoding", "fps"), [(LINES_480, (35, 46)), (LINES_1080, (10, 12))])
def test_speeds_are_those_that_the_readme_states(encoding: object, fps: tuple[int, int]) -> None:
    found = 1000 / estimate(encoding, 1000, codec="h264", cores=2).seconds  # type: ignore[arg-type]
    assert 0.85 * fps[0] <= found <= 1.15 * fps[1]


@pytest.mark.parametrize("codec", [*SOFTWARE, "h264_nvenc"])
def test_twice_the_film_takes_twice_as_much(codec: str) -> None:
    one, two = (estimate(LINES_480, n, codec=codec, cores=2) for n in (1000, 2000))
    assert two.seconds == pytest.approx(2 * one.seconds)
    assert (two.smallest, two.largest) == pytest.approx((2 * one.smallest, 2 * one.largest), abs=1)
    assert 0 < one.smallest < one.largest
    four = estimate(LINES_480, 1000, codec=codec, cores=4)
    assert four.seconds == pytest.approx(one.seconds / 2)


def test_it_is_said_in_one_line() -> None:
    hour = estimate(LINES_1080, 90_000, codec="h264", cores=2)
    assert str(hour) == (
        "about 2 h 19 min; result 2.3 to 28.0 GB, and for the job while it runs as much again and 1.1 GB"
    )
    short = str(estimate(LINES_480, 24, codec="ffv1", cores=2))
    assert short.startswith("about 1 s; result 2.3 to 6.0 MB")
