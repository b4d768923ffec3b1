"""What a film command decides of image sequences before any work."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from sequences import write_sequence

from film import FilmError
from film.options import EncoderOptions, FilmOptions
from film.sequence_plan import check_sequences, options_for, pictures_target, sequence_name


def test_a_sequence_has_the_name_of_its_pictures(tmp_path: Path) -> None:
    write_sequence(tmp_path / "scan_%04d.png", count=2)
    assert sequence_name(tmp_path) == sequence_name(tmp_path / "scan_%04d.png") == "scan.png"
    assert sequence_name(tmp_path / "scan_0001.png") == ""


def test_a_pattern_is_a_target_for_pictures(tmp_path: Path) -> None:
    target = str(tmp_path / "o_%04d.tif")
    assert pictures_target(target) == Path(target)
    assert pictures_target(str(tmp_path / "o.mp4")) is pictures_target(None) is None


def test_pictures_have_no_codec(tmp_path: Path) -> None:
    options = FilmOptions(encoder=EncoderOptions(threads=2, deinterlace=True))
    chosen = options_for(options, tmp_path / "o_%d.tif").encoder
    assert (chosen.codec, chosen.pictures, chosen.threads, chosen.deinterlace) == (
        "ffv1",
        True,
        2,
        True,
    )
    assert options_for(options, None) is options
    for encoder in (EncoderOptions(codec="h265"), EncoderOptions(crf=3)):
        with pytest.raises(FilmError, match="pictures have no codec"):
            options_for(replace(options, encoder=encoder), tmp_path / "o_%d.tif")


def test_options_of_sequences_are_for_sequences(tmp_path: Path) -> None:
    write_sequence(tmp_path / "scan_%04d.png", count=2)
    film = tmp_path / "film.mp4"
    film.touch()
    check_sequences([tmp_path / "scan_%04d.png"], None, FilmOptions(fps=Fraction(18)))
    check_sequences([film], None, FilmOptions())
    with pytest.raises(FilmError, match=r"-fps is for image sequences, and .*film\.mp4 is a film"):
        check_sequences([film], None, FilmOptions(fps=Fraction(18)))
    with pytest.raises(FilmError, match="-audio is for image sequences"):
        check_sequences([film], None, FilmOptions(audio=film))
    with pytest.raises(FilmError, match=r"-audio .*s\.wav: no such file"):
        check_sequences([tmp_path / "scan_%04d.png"], None, FilmOptions(audio=tmp_path / "s.wav"))
    with pytest.raises(FilmError, match="is for one film, got 2"):
        check_sequences([film, film], tmp_path / "o_%d.tif", FilmOptions())
