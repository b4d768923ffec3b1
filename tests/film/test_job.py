"""A job's manifest: reads back as written, and nothing else is taken for one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from encoded import flat

from film.encode import render
from film.ffmpeg import film_stream, open_film
from film.job import JobError, Manifest, SegmentRecord, read_rendered
from film.options import EncoderOptions
from film.probe import probe
from film.source import Source

Make = Callable[[str], Path]

SEGMENTS = (SegmentRecord(0, 0, 0, 0, 240, False), SegmentRecord(1, 0, 1, 240, 17, color=True))
WHOLE = Manifest(
    Source("a film.mp4", 5_120_000, "d" * 64), "/films/a film.mp4", {"crf": 18}, "0" * 64,
    segments=SEGMENTS, complete=True,
)  # fmt: skip


def test_a_manifest_reads_back_as_written() -> None:
    assert Manifest.from_json(WHOLE.to_json()) == WHOLE


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "{}", '{"format": 2}', '{"format": 99}', "[" * 100_000, "9" * 5000]
)
def test_a_strange_manifest_is_refused(text: str) -> None:
    with pytest.raises(JobError):
        Manifest.from_json(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"settings": {', '"settings": [], "x": {'),
        ('"settings": {\n  "crf": 18\n }', '"settings": []'),
        ('"weights": "', '"weights": 5, "path": "'),
        (f'"weights": "{"0" * 64}"', '"weights": 5'),
        ('"size": ', '"size": -0.5, "digest": '),
        ('"size": 5120000', '"size": "5"'),
        ('"first": 240', '"first": "a"'),
        ('"first": 240', '"first": 239'),
        ('"count": 240', '"count": true'),
        ('"count": 17', '"count": 0'),
        ('"index": 1', '"index": 7'),
        ('"complete": true', '"complete": null'),
        ('"segments": [', '"segments": [5, '),
        ('"segments": [', '"segments": {"a": 1}, "b": ['),
    ],
)
def test_a_manifest_with_another_value_is_refused(old: str, new: str) -> None:
    text = WHOLE.to_json()
    assert text.count(old) == 1
    with pytest.raises(JobError, match="not a manifest of this program"):
        Manifest.from_json(text.replace(old, new))


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
