"""Tests reading DPX, compared with FFmpeg's files and its decoder."""

import struct
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from helpers import by_ffmpeg, colored, landscape

from photo.read import read_photo
from prior.lab import gray2lightness, rgb2lab

RGB = colored(landscape(30, 42, np.uint16))


def dpx_by_ffmpeg(path: Path, pixels: str) -> Path:
    """Write RGB with FFmpeg in one of its pixel formats."""
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-s", "42x30"]
    words += ["-pix_fmt", "rgb48le", "-i", "-", "-pix_fmt", pixels, str(path)]
    subprocess.run(words, input=RGB.tobytes(), check=True)
    return path


@pytest.mark.parametrize(
    "pixels",
    ["rgb24", "rgba", "gray", "gray10le", "gbrp10le", "gbrp10be", "gbrp12le", "gbrp12be", "rgb48le", "rgb48be", "rgba64be"],
)  # fmt: skip
def test_what_ffmpeg_writes_is_read_as_it_reads_it(tmp_path: Path, pixels: str) -> None:
    path = dpx_by_ffmpeg(tmp_path / "a.dpx", pixels)
    second = by_ffmpeg(path, RGB.shape, pixels="rgb48le")
    photo = read_photo(path)
    error = np.abs(gray2lightness(photo.gray) - rgb2lab(second)[..., 0])
    assert error.max() < 0.5
    assert photo.gray.dtype == (np.uint8 if pixels in {"rgb24", "rgba", "gray"} else np.uint16)


def test_printing_density_becomes_light(tmp_path: Path) -> None:
    path = dpx_by_ffmpeg(tmp_path / "a.dpx", "gbrp10be")
    data = bytearray(path.read_bytes())
    data[801] = 1
    start = struct.unpack_from(">I", data, 4)[0]
    for place, code in enumerate((95, 470, 685, 900)):
        struct.pack_into(">I", data, start + 4 * place, code << 22 | code << 12 | code << 2)
    path.write_bytes(data)
    photo = read_photo(path)
    assert "code 95 of 1023 is black, 685 white" in photo.notes[0]
    gray = photo.gray[0]
    assert (gray[0], gray[3]) == (0, 65535)
    assert gray[2] >= 65533
    black = 10 ** ((95 - 685) / 300)
    linear = (10 ** ((470 - 685) / 300) - black) / (1 - black)
    assert gray[1] / 65535 == pytest.approx(1.055 * linear ** (1 / 2.4) - 0.055, abs=1e-3)


def test_other_kinds_are_refused_in_words(tmp_path: Path) -> None:
    path = dpx_by_ffmpeg(tmp_path / "a.dpx", "gbrp10be")
    data = bytearray(path.read_bytes())
    data[800] = 100
    (tmp_path / "ycc.dpx").write_bytes(data)
    with pytest.raises(ValueError, match=r"is DPX of descriptor 100, 10 bits.* convert it to TIFF"):
        read_photo(tmp_path / "ycc.dpx")
    (tmp_path / "short.dpx").write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match="last rows are missing"):
        read_photo(tmp_path / "short.dpx")
