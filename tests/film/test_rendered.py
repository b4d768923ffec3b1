"""A segment's file is read by its packets alone, and told from others by its comment and its decoder's configuration."""

from collections.abc import Callable
from pathlib import Path

import pytest
from encoded import flat

from film.encode import render
from film.ffmpeg import film_stream, open_film
from film.options import EncoderOptions
from film.probe import probe
from film.rendered import read_rendered

Make = Callable[[str], Path]


@pytest.mark.parametrize("codec", ["h264", "h265", "ffv1"])
def test_packets_have_the_order_of_display(film: Make, tmp_path: Path, codec: str) -> None:
    source, path = probe(film("plain.mp4")), tmp_path / "out.mkv"
    options = EncoderOptions(codec=codec)
    render(
        source, flat(source, 9, 9), path, numbers=range(source.frames), options=options,
        comment="shot 7",
    )  # fmt: skip
    found = read_rendered(path)
    assert found.frames == source.frames
    assert sorted(found.ranks) == list(range(source.frames))
    assert (found.ranks == tuple(range(source.frames))) == (codec == "ffv1")  # others reorder
    assert "shot 7" in found.comments
    with open_film(path) as container:  # which decodes
        stream = film_stream(container)
        assert stream is not None
        assert found.setup == stream.codec_context.extradata
