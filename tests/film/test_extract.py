"""Sound is copied out of a film, packet for packet; text subtitles are converted on the film's clock."""

from collections.abc import Callable
from pathlib import Path

from encoded import packets_md5

from film.extract import convert_texts, extract_audio
from film.probe import probe

Make = Callable[[str], Path]


def test_sound_is_copied_out_unchanged_and_once(film: Make, tmp_path: Path) -> None:
    source = probe(film("rich.mkv"))
    paths = extract_audio(source, tmp_path)
    assert [path.name for path in paths] == ["track-1-eng.mka", "track-2-deu.mka"]
    sums = packets_md5(source.path)
    assert [packets_md5(path)[0] for path in paths] == [sums[1], sums[2]]
    before = [path.stat().st_mtime_ns for path in paths]
    assert extract_audio(source, tmp_path) == paths
    assert [path.stat().st_mtime_ns for path in paths] == before
    assert extract_audio(probe(film("silent.mp4")), tmp_path) == []


def test_texts_are_converted_alone(film: Make, tmp_path: Path) -> None:
    source = probe(film("rich.mkv"))
    (index,) = [stream.index for stream in source.streams if stream.kind == "subtitle"]
    path = tmp_path / "titles"
    assert convert_texts(source, [index], path, container="mov")
    assert set(packets_md5(path)) == {0}
    assert not convert_texts(source, [99], path, container="mov")
