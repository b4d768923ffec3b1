"""The fuzzer and the kill test of films: a small run of each with a fixed seed, and that they see what is wrong."""

from pathlib import Path

import pytest
from attacks.fuzz_film import Watchdog, findings, fuzz, mangled
from attacks.kill_film import kills


@pytest.mark.slow
def test_mangled_films_do_no_harm() -> None:
    found, counts = fuzz(64, seed=0)
    assert found == []
    assert min(counts["colored"], counts["refused"]) > 8


@pytest.mark.slow
def test_a_film_killed_at_random_moments_ends_in_the_same_packets() -> None:
    found, counts = kills(3, seed=0)
    assert found == []
    assert counts["join"]


def test_a_seed_gives_the_same_films_again() -> None:
    seeds = {"mp4": bytes(range(256)) * 20, "avi": bytes(5000)}
    cases = [mangled(seeds, index, 7) for index in range(16)]
    assert cases == [mangled(seeds, index, 7) for index in range(16)]
    assert len({data for _, data in cases}) > 12


class Careless(Watchdog):
    """A worker that does everything wrong, and says that all went well."""

    def color(self, words: list[str], source: Path | None) -> tuple[int | None, str]:
        Path(words[1]).write_bytes(b"lost")
        Path(words[3]).with_name("x.part").touch()
        self.said.write_text("Traceback (most recent call last):\nValueError: \x1b\n")
        return 1, ""


class Dead(Watchdog):
    """A worker that does not survive."""

    def color(self, words: list[str], source: Path | None) -> tuple[int | None, str]:
        return None, "crash, exit code -11"


def test_what_goes_wrong_is_a_finding(tmp_path: Path) -> None:
    path, said = tmp_path / "film.mp4", tmp_path / "said.txt"
    found = list(findings(Careless(said), path, b"a film", b"a film"))
    for part in ("traceback: ValueError", "not printable", "left behind: ['x.part']", "input was"):
        assert sum(part in line for line in found) == 1, part
    assert "crash, exit code -11" in list(findings(Dead(said), path, b"a film", b"a film"))
