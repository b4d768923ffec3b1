"""Films rendered and joined, once a session."""

import functools
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from film.encode import render
from film.info import Film
from film.job import Rendered, read_rendered
from film.mux import Joined, join
from film.options import EncoderOptions, FilmOptions
from film.probe import probe

Make = Callable[[str], Path]
Join = Callable[[str, str], tuple[Film, Path, Joined]]
SLOW = EncoderOptions()  # with B-frames


@pytest.fixture(scope="session")
def segments(film: Make, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Rendered]]:
    """Return a function that renders a film in three segments, once per session."""
    folder = tmp_path_factory.mktemp("segments")

    def make(name: str, options: EncoderOptions = SLOW) -> list[Rendered]:
        info = probe(film(name))
        cuts = sorted({0, min(4, info.frames), min(13, info.frames), info.frames})
        found = []
        for begin, end in pairwise(cuts):
            path = folder / f"{name}-{options.codec}-{begin}.mkv"
            if not path.exists():
                render(info, None, path, numbers=range(begin, end), options=options)
            found.append(read_rendered(path))
        return found

    return make


@pytest.fixture(scope="session")
def joined(
    film: Make, segments: Callable[..., list[Rendered]], tmp_path_factory: pytest.TempPathFactory
) -> Join:
    """Return a function that joins a film's segments in a container, once per session, for reading only."""
    folder = tmp_path_factory.mktemp("joined")

    @functools.cache
    def make(name: str, container: str) -> tuple[Film, Path, Joined]:
        source, out = probe(film(name)), folder / f"{name}.{container}"
        return source, out, join(source, segments(name), out)

    return make


@pytest.fixture
def kept(options: FilmOptions) -> FilmOptions:
    return replace(options, keep_cache=True)
