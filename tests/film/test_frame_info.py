"""What a frame tells of its picture, whatever else is attached to it."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from films import picture, run_ffmpeg

from film.frame_info import display_matrix, orientation_of, plane_shape
from film.probe import probe

Make = Callable[[str], Path]
IDENTITY = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


def with_exif(picture: bytes, *, orientation: int) -> bytes:
    """Put EXIF with an orientation into a JPEG picture, as digital cameras do in each frame of a film."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    body = b"Exif\0\0" + tiff
    return picture[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + picture[2:]


@pytest.fixture
def camera_film(tmp_path: Path) -> Callable[[int], Path]:
    """Return a function that makes a film of JPEG frames with an EXIF orientation."""

    def make(orientation: int) -> Path:
        run_ffmpeg(*picture(seconds=0.2), "-c:v", "mjpeg", tmp_path / "%d.jpg")
        for path in tmp_path.glob("*.jpg"):
            path.write_bytes(with_exif(path.read_bytes(), orientation=orientation))
        out = tmp_path / "camera.avi"
        run_ffmpeg("-f", "image2", "-i", tmp_path / "%d.jpg", "-c", "copy", out)
        return out

    return make


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [(1, (False, False, False)), (3, (False, True, True)), (2, (False, True, False))],
)
def test_side_data_that_pyav_does_not_know_is_passed_over(
    camera_film: Callable[[int], Path], orientation: int, turned: tuple[bool, bool, bool]
) -> None:
    path = camera_film(orientation)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert orientation_of(display_matrix(frame)) == turned
    info = probe(path)
    assert info.frames == 5
    assert info.video.orientation == turned


def test_the_display_matrix_is_the_container_s(film: Make) -> None:
    assert probe(film("plain.mp4")).video.display_matrix == ()
    matrix = probe(film("mirrored.mp4")).video.display_matrix
    assert orientation_of(matrix) == (False, False, True)
    assert len(matrix) == 9


def test_other_angles_are_upright() -> None:
    assert orientation_of(IDENTITY) == orientation_of(()) == (False, False, False)
    assert orientation_of((46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30)) == (
        False, False, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "depth", "chroma", "has_luma", "has_alpha"),
    [
        ("yuva444p12le", 12, (1, 1), True, True),
        ("p010le", 10, (2, 2), True, False),
        ("gray9le", 9, (0, 0), True, False),
        ("yuv410p", 8, (4, 4), True, False),
        ("pal8", 8, (1, 1), False, False),
        ("gbrapf32le", 16, (1, 1), False, True),
        ("xyz12le", 12, (1, 1), False, False),
    ],
)
def test_planes_of_a_pixel_format(
    name: str, depth: int, chroma: tuple[int, int], has_luma: bool, has_alpha: bool
) -> None:
    shape = plane_shape(av.VideoFormat(name, 64, 48))
    assert (shape.depth, shape.chroma) == (depth, chroma)
    assert (shape.has_luma, shape.has_alpha) == (has_luma, has_alpha)


@pytest.mark.parametrize(("declared", "read"), [("2/1", "2"), ("1/60000", "1"), ("60000/1", "1")])
def test_an_absurd_pixel_aspect_ratio_is_none(tmp_path: Path, declared: str, read: str) -> None:
    """Of pictures stretched so far, the network's copy alone would fill the memory."""
    path = tmp_path / "film.mkv"
    run_ffmpeg(
        *picture("64x48", seconds=0.2), "-vf", f"setsar={declared}:max=65535", "-c:v", "ffv1", path
    )
    assert probe(path).video.sar == Fraction(read)
