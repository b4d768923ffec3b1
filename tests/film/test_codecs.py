"""The table of codecs; what FFmpeg's encoders make of it is tested with them, in test_options and test_encode."""

from film.codecs import CODECS, PICTURES, YUV444, svt_crf, videotoolbox_quality


def test_pictures_keep_every_bit_and_a_color_for_each_pixel() -> None:
    assert PICTURES.depths == CODECS["ffv1"].depths
    assert PICTURES.chromas == (YUV444,)
    assert PICTURES.intermediate


def test_scales_of_quality() -> None:
    assert (svt_crf(0), svt_crf(30)) == ({"crf": 1}, {"crf": 30})
    assert (videotoolbox_quality(0), videotoolbox_quality(51)) == ({"q:v": 100}, {"q:v": 1})
