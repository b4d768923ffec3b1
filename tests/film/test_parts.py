"""Parts of a film in progress: whole runs of finished segments, with the film's pictures and times."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from encoded import planes
from films import FRAMES, SHOTS, colorization, make_film

from conversion import color_film
from film.info import Film
from film.options import EncoderOptions, FilmOptions
from film.parts import PART_FRAMES, finished_parts, write_part
from film.probe import probe


@pytest.fixture(params=["ffv1", "h264"])
def job(
    request: pytest.FixtureRequest, gray_film: Path, tmp_path: Path
) -> tuple[Path, Path, EncoderOptions]:
    """Return the kept folder of a job, its result and its encoding."""
    encoder = EncoderOptions(codec=request.param, crf=None, preset="ultrafast")
    options = FilmOptions(cache=tmp_path / "cache", encoder=encoder, workers=1, keep_cache=True)
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=options)
    (folder,) = (tmp_path / "cache").iterdir()
    return folder, tmp_path / "out.mkv", encoder


def test_parts_play_the_film_one_after_another(
    job: tuple[Path, Path, EncoderOptions], gray_film: Path, tmp_path: Path
) -> None:
    folder, result, encoder = job
    film, parts = probe(gray_film), finished_parts(folder)
    assert sum(part.frames for part in parts) == FRAMES
    assert all(part.frames >= PART_FRAMES for part in parts[:-1])
    begin, pictures = 0, list(planes(result))
    for part in parts:
        path = tmp_path / f"{part.number}.mp4"
        write_part(film, folder, part, path, first=0, encoder=encoder)
        _check(probe(path), film, begin, part.frames)
        for one, other in zip(planes(path), pictures[begin : begin + part.frames], strict=True):
            # Lossless shots are encoded again for browsers.
            most = 0 if encoder.codec == "h264" else 12
            assert np.abs(np.subtract(one[1], other[1], dtype=int)).mean() <= most
        begin += part.frames
    assert not list(tmp_path.glob(".*"))


def _check(part: Film, film: Film, begin: int, frames: int) -> None:
    assert (part.video.codec, part.video.pixel_format, part.frames) == ("h264", "yuv420p", frames)
    assert not part.streams
    own = np.array(part.shown_s)
    expected = np.array(film.shown_s[begin : begin + frames])
    np.testing.assert_allclose(own, expected - expected[0], atol=1e-3)


def test_only_finished_parts_are_listed(job: tuple[Path, Path, EncoderOptions]) -> None:
    folder, _, _ = job
    whole = finished_parts(folder)
    (folder / "shots" / f"{whole[0].records[0].name}.mkv").unlink()
    assert [part.number for part in finished_parts(folder)] == [part.number for part in whole[1:]]
    shutil.rmtree(folder)
    assert finished_parts(folder) == []


def test_a_part_never_splits_a_segment(job: tuple[Path, Path, EncoderOptions]) -> None:
    folder, _, _ = job
    for part in finished_parts(folder):
        assert part.frames == sum(record.count for record in part.records)
        assert part.first == part.records[0].first
    assert finished_parts(folder)[0].first == 0
    assert max(SHOTS) > PART_FRAMES


def test_a_film_of_other_pixels_is_encoded_for_browsers(tmp_path: Path) -> None:
    source = make_film("422-10.mkv", folder=tmp_path)
    options = FilmOptions(cache=tmp_path / "cache", workers=1, keep_cache=True)
    color_film(source, tmp_path / "out.mkv", colorization=colorization(), options=options)
    (folder,) = (tmp_path / "cache").iterdir()
    (part,) = finished_parts(folder)
    write_part(probe(source), folder, part, tmp_path / "p.mp4", first=0, encoder=options.encoder)
    assert probe(tmp_path / "p.mp4").video.pixel_format == "yuv420p"
