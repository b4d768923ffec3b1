"""A film's transparency is kept by the codecs that can store it, and named as left out by the others."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from encoded import flat, rendered
from films import picture, run_ffmpeg

from film.decode import alpha_plane, decode
from film.encode import render
from film.job import read_rendered
from film.mux import join
from film.options import EncoderOptions
from film.probe import probe
from film.report import encoder_notes

RAMP = "geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='4*X'"
Make = Callable[[str], Path]


def transparent(folder: Path, pixels: str, size: str = "64x48") -> Path:
    """Make a film whose left edge is transparent and whose right edge is opaque."""
    path = folder / f"{pixels}.mov"
    codec = {"argb": ("qtrle",), "rgba": ("png",)}.get(pixels, ("ffv1", "-level", "3"))
    path = path if codec[0] != "ffv1" else path.with_suffix(".mkv")
    filters = f"format=yuva444p,{RAMP},format={pixels}"
    run_ffmpeg(*picture(size, seconds=0.12), "-vf", filters, "-c:v", *codec, path)
    return path


@pytest.mark.parametrize(
    "pixels",
    ["yuva420p", "yuva422p", "yuva444p", "yuva420p10le", "yuva444p9le", "yuva422p12le", "yuva444p16le", "argb", "rgba"],
)  # fmt: skip
def test_a_lossless_codec_keeps_transparency_to_the_bit(tmp_path: Path, pixels: str) -> None:
    source = probe(transparent(tmp_path, pixels))
    assert source.video.has_alpha
    result = rendered(source, flat(source, 9, 9), tmp_path / "out.mkv")
    assert result.video.pixel_format.startswith("yuva")
    for before, after in zip(decode(source), decode(result), strict=True):
        assert before.alpha is not None
        assert np.ptp(before.alpha) > 200
        np.testing.assert_array_equal(after.alpha, before.alpha)
    assert "transparency" not in " ".join(encoder_notes(source, EncoderOptions("ffv1")))


def test_prores_keeps_transparency(tmp_path: Path) -> None:
    source, out = probe(transparent(tmp_path, "yuva420p")), tmp_path / "out.mov"
    options = EncoderOptions("prores")
    render(source, flat(source, 9, 9), tmp_path / "all.mkv", numbers=range(3), options=options)
    join(source, [read_rendered(tmp_path / "all.mkv")], out)
    result = probe(out)
    assert result.video.has_alpha
    (before, *_), (after, *_) = decode(source), decode(result)
    assert before.alpha is not None
    assert after.alpha is not None
    scale = ((1 << result.video.depth) - 1) / 255
    assert np.abs(after.alpha / scale - before.alpha).max() < 1


def test_odd_sizes_keep_transparency(tmp_path: Path) -> None:
    source = probe(transparent(tmp_path, "yuva420p", size="63x47"))
    result = rendered(source, None, tmp_path / "out.mkv")
    (before, *_), (after, *_) = decode(source), decode(result)
    np.testing.assert_array_equal(after.alpha, before.alpha)


@pytest.mark.parametrize("codec", ["h264", "h265", "av1"])
def test_other_codecs_name_what_they_leave_out(tmp_path: Path, codec: str) -> None:
    source = probe(transparent(tmp_path, "yuva420p"))
    (note,) = encoder_notes(source, EncoderOptions(codec))
    assert note == "the film's transparency is left out; ffv1 or prores would keep it"
    assert not rendered(source, None, tmp_path / "out.mkv", codec=codec).video.has_alpha


@pytest.mark.parametrize("encoder", ["libvpx-vp9", "libvpx"])
def test_transparency_that_the_decoder_hides_is_named(tmp_path: Path, encoder: str) -> None:
    path = tmp_path / "web.webm"
    filters = f"format=yuva444p,{RAMP},format=yuva420p"
    words = ("-c:v", encoder, "-auto-alt-ref", "0", "-pix_fmt", "yuva420p")
    run_ffmpeg(*picture(seconds=0.12), "-vf", filters, *words, path)
    (note,) = encoder_notes(probe(path), EncoderOptions("ffv1"))
    assert note == "the film's transparency is left out"


def test_a_film_without_transparency_has_no_plane_of_it(film: Make) -> None:
    source = probe(film("plain.mp4"))
    assert all(frame.alpha is None for frame in decode(source))
    with av.open(str(source.path)) as container:
        assert alpha_plane(next(container.decode(video=0)), source.video) is None
