"""A film written as pictures has the film's luma to the last bit that its format holds, and is known as a result."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from encoded import flat
from sequences import luma_of, ramp, read_rgb, write_sequence

from film import FilmError
from film.decode import decode
from film.encode import render
from film.job import read_rendered
from film.options import EncoderOptions, FilmOptions
from film.picture_files import check_pictures, in_gamut, picture_mark, write_pictures
from film.probe import probe

PICTURES = EncoderOptions(codec="ffv1", pictures=True)
MARK = "colorizer: of 0123456789abcdef"


def written(source: Path, target: Path, *, colors: bool = True) -> list[Path]:
    """Write a film as pictures, in strong colors; return their paths."""
    film = probe(source, replace(FilmOptions(), encoder=PICTURES))
    shot = source.parent / "shot.mkv"
    ab = flat(film, 60.0, -70.0) if colors else None
    render(film, ab, shot, numbers=range(film.frames), options=PICTURES)
    write_pictures(
        film, [read_rendered(shot)], target, first=0, mark=MARK, options=PICTURES,
        advance=lambda count: None,
    )  # fmt: skip
    return sorted(target.parent.iterdir())


@pytest.mark.parametrize(
    ("read", "depth", "write", "limit"),
    [
        ("tif", 16, "tif", 0.5), ("tif", 16, "png", 0.5), ("png", 8, "png", 0.5),
        ("png", 8, "tif", 0.5), ("dpx", 10, "tif", 0.5), ("tif", 16, "dpx", 0.5),
    ],
)  # fmt: skip
def test_luma_is_exact(tmp_path: Path, read: str, depth: int, write: str, limit: float) -> None:
    write_sequence(tmp_path / "in" / f"scan_%04d.{read}", count=2, first=5, depth=depth)
    paths = written(tmp_path / "in", tmp_path / "out" / f"o_%03d.{write}")
    assert [path.name for path in paths] == [f"o_005.{write}", f"o_006.{write}"]
    for number, path in enumerate(paths, 5):
        if write == "dpx":
            film = probe(tmp_path / "out")
            assert (film.video.pixel_format, film.video.depth) == ("rgb48be", depth)
            np.testing.assert_allclose(next(decode(film, number - 5)).luma, ramp(number), atol=1)
            continue
        rgb = read_rgb(path)
        assert rgb.dtype == (np.uint8 if depth == 8 else np.uint16)
        white = 255 if depth == 8 else 65535
        expected = ramp(number, depth) / ((1 << depth) - 1) * white
        # Each channel is rounded, so that luma is exact to half a code.
        assert np.abs(luma_of(rgb) - expected).max() <= limit + 1e-3
        middle = np.abs(expected / white - 0.5) < 0.25
        assert np.ptp(rgb.astype(int), axis=-1)[middle].min() > 0.1 * white


def test_dpx_of_10_bits_stays_so(tmp_path: Path) -> None:
    write_sequence(tmp_path / "in" / "scan_%04d.dpx", count=2, depth=10)
    first, _ = written(tmp_path / "in", tmp_path / "out" / "o_%04d.dpx", colors=False)
    film = probe(tmp_path / "out")
    assert film.video.pixel_format == "gbrp10le"
    np.testing.assert_array_equal(next(decode(film)).luma, ramp(1, 10))
    assert first.read_bytes()[801] == (tmp_path / "in/scan_0001.dpx").read_bytes()[801]


def test_frames_that_stay_gray_are_the_same_values(tmp_path: Path) -> None:
    write_sequence(tmp_path / "in" / "scan_%04d.tif", count=2)
    paths = written(tmp_path / "in", tmp_path / "out" / "o_%04d.tif", colors=False)
    for number, path in enumerate(paths, 1):
        np.testing.assert_array_equal(read_rgb(path), np.stack([ramp(number)] * 3, axis=-1))


def test_a_rotated_film_becomes_upright_pictures(
    film: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "rotated.mp4").write_bytes(film("rotated.mp4").read_bytes())
    paths = written(tmp_path / "rotated.mp4", tmp_path / "out" / "o_%04d.png")
    assert len(paths) == 25
    assert paths[0].name == "o_0001.png"
    assert read_rgb(paths[0]).shape == (64, 48, 3)


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg", "dpx"])
def test_each_picture_has_the_mark(tmp_path: Path, suffix: str) -> None:
    source = write_sequence(tmp_path / "in" / "scan_%04d.png", count=3, depth=8)[0]
    target = tmp_path / "out" / f"o_%04d.{suffix}"
    paths = written(tmp_path / "in", target)
    assert {picture_mark(path) for path in paths} == {(MARK, range(1, 4))}
    assert picture_mark(source) is None
    assert check_pictures(target, MARK, inputs=[], overwrite=False)
    paths[1].unlink()
    assert not check_pictures(target, MARK, inputs=[], overwrite=False)


def test_other_files_are_not_replaced(tmp_path: Path) -> None:
    write_sequence(tmp_path / "in" / "scan_%04d.png", count=2, depth=8)
    target = tmp_path / "out" / "o_%04d.png"
    paths = written(tmp_path / "in", target)
    with pytest.raises(FilmError, match="exists already and is not of the result of this film"):
        check_pictures(target, f"{MARK}, compare", inputs=[], overwrite=False)
    assert not check_pictures(target, f"{MARK}, compare", inputs=[], overwrite=True)
    paths[0].write_bytes(b"mine")
    with pytest.raises(FilmError, match="exists already"):
        check_pictures(target, MARK, inputs=[], overwrite=False)
    with pytest.raises(FilmError, match="names the input's pictures"):
        check_pictures(target, MARK, inputs=paths, overwrite=True)
    with pytest.raises(FilmError, match=r"pictures are written as \.tif"):
        check_pictures(tmp_path / "o_%04d.exr", MARK, inputs=[], overwrite=False)
    with pytest.raises(FilmError, match="is no folder"):
        check_pictures(paths[0] / "o_%04d.png", MARK, inputs=[], overwrite=False)


def test_colors_outside_the_gamut_lose_chroma_not_luma() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.uniform(-0.3, 1.3, (20, 20, 3)).astype(np.float32)
    luma = np.clip(luma_of(rgb), 0, 1).astype(np.float32)
    rgb += (luma - luma_of(rgb))[..., None].astype(np.float32)
    fitted = in_gamut(rgb.copy(), luma)
    assert fitted.min() >= 0
    assert fitted.max() <= 1
    np.testing.assert_allclose(luma_of(fitted), luma, atol=2e-6)
    inside = (rgb.min(axis=-1) >= 0) & (rgb.max(axis=-1) <= 1)
    np.testing.assert_array_equal(fitted[inside], rgb[inside])
