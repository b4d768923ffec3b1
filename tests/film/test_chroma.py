"""Chroma planes: the wanted color at the source's luma, at its place, up to edges."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from encoded import flat, lumas, rendered, shown_lab
from films import run_ffmpeg

from film.chroma import colorized_rgb
from film.decode import decode
from film.info import Film
from film.options import EncoderOptions
from film.probe import probe
from film.report import encoder_notes
from prior.lab import rgb2lab

Make = Callable[[str], Path]


@pytest.mark.parametrize(("a", "b"), [(25, 15), (-20, 15), (10, -25), (0, 20)])
@pytest.mark.parametrize("tags", ["bt709:pc", "bt709:tv", "smpte170m:pc", "smpte170m:tv"])
def test_the_color_shown_is_the_color_wanted(tmp_path: Path, a: float, b: float, tags: str) -> None:
    matrix, levels = tags.split(":")
    path = tmp_path / "ramp.mkv"
    ramp = f"gradients=s=64x48:c0=0x404040:c1=0xb0b0b0:x0=0:y0=0:x1=63:y1=0,format=gray,setparams=range={levels}:colorspace={matrix}"
    run_ffmpeg(
        "-f", "lavfi", "-i", ramp + ":color_trc=bt709", "-frames:v", "1", "-c:v", "ffv1", path
    )
    source = probe(path)
    assert source.video.full_range == (levels == "pc")
    result = rendered(source, flat(source, a, b), tmp_path / "out.mkv")
    assert result.video.matrix == matrix
    lab = shown_lab(result)
    np.testing.assert_allclose(lab[..., 1].mean(), a, atol=1.0)
    np.testing.assert_allclose(lab[..., 2].mean(), b, atol=1.0)
    assert np.abs(lab[..., 1:] - [a, b]).max() < 4  # 8-bit chroma


@pytest.mark.parametrize("name", ["gray.mkv", "full709.mkv", "422-10.mkv"])
def test_no_color_is_exactly_gray(film: Make, tmp_path: Path, name: str) -> None:
    source = probe(film(name))
    result = rendered(source, flat(source, 0, 0), tmp_path / "out.mkv")
    for frame in decode(result):
        assert frame.chroma is not None
        for plane in frame.chroma:
            assert (plane == 1 << (source.video.depth - 1)).all()


@pytest.mark.parametrize("name", ["plain.mp4", "rotated.mp4", "mirrored.mp4"])
def test_colors_are_where_the_colorizer_put_them(film: Make, tmp_path: Path, name: str) -> None:
    source = probe(film(name))
    ab = flat(source, 0, 0)
    middle = ab.shape[2] // 2
    ab[:, :2, :middle] = (60, 40)  # red at the top left of the upright picture
    rendered(source, ab, tmp_path / "out.mkv")
    transpose, flip_x, flip_y = source.video.orientation
    words = ["transpose=0"] * transpose + ["hflip"] * flip_x + ["vflip"] * flip_y + ["null"]
    lab = shown_lab(source_like(source, tmp_path / "out.mkv"), words=("-vf", ",".join(words)))
    height, width = lab.shape[:2]
    redness = lab[..., 1]
    assert redness[: height // 8, : width // 4].mean() > 15
    for elsewhere in (redness[height // 2 :], redness[:, width * 3 // 4 :]):
        assert np.abs(elsewhere).mean() < 3


def source_like(source: Film, path: Path) -> Film:
    """Probe a segment, with the orientation of the joined film."""
    segment = probe(path)
    return replace(segment, video=replace(segment.video, orientation=source.video.orientation))


@pytest.mark.parametrize("name", ["422.mkv", "444-12.mkv", "411.mkv", "full709.mkv"])
def test_a_shot_that_has_color_keeps_it(film: Make, tmp_path: Path, name: str) -> None:
    source = probe(film(name))
    result = rendered(source, None, tmp_path / "out.mkv")
    for one, other in zip(decode(source), decode(result), strict=True):
        assert one.chroma is not None
        assert other.chroma is not None
        for plane, kept in zip(one.chroma, other.chroma, strict=True):
            np.testing.assert_array_equal(plane, kept)


def test_a_colorized_picture_for_people() -> None:
    gray = np.full((64, 64), 120, np.uint8)
    ab = np.full((16, 16, 2), 20, np.float32)
    rgb = colorized_rgb(gray, ab)
    assert rgb.shape == (64, 64, 3)
    lab = rgb2lab(rgb)
    np.testing.assert_allclose(lab[..., 1:].mean((0, 1)), [20, 20], atol=1)
    np.testing.assert_allclose(colorized_rgb(gray, ab * 0), 120, atol=1)


def test_odd_sizes_are_padded_where_the_encoder_must(film: Make, tmp_path: Path) -> None:
    source = probe(film("odd.mkv"))
    notes = encoder_notes(source, EncoderOptions(codec="h264"))
    assert len(notes) == 1
    assert "63x47 becomes 64x48" in notes[0]
    result = rendered(source, flat(source, 9, 9), tmp_path / "out.mkv", codec="h264", crf=0)
    assert (result.video.width, result.video.height) == (64, 48)
    for one, other in zip(lumas(source), lumas(result), strict=True):
        np.testing.assert_array_equal(one, other[:47, :63])
        np.testing.assert_array_equal(other[47], other[46])
