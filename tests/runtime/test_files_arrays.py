"""Named arrays of films are read as written, or not at all if damaged."""

import resource
from pathlib import Path

import numpy as np
import pytest

from runtime.files import read_arrays, write_arrays


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"ab": rng.normal(size=(3, 4, 5, 2)).astype(np.float32), "of": np.array("digest")}
    write_arrays(tmp_path / "a.npz", arrays)
    kept = read_arrays(tmp_path / "a.npz")
    assert kept is not None
    assert list(kept) == list(arrays)
    for name, array in arrays.items():
        assert kept[name].dtype == array.dtype
        np.testing.assert_array_equal(kept[name], array)


@pytest.mark.parametrize(
    "room_bytes", [100, 20_000, 40_100]
)  # damage in a header, an array, the directory
def test_a_full_disk_is_an_error_and_leaves_the_older_file(tmp_path: Path, room_bytes: int) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, {"x": np.arange(3)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_arrays(path, {"x": np.zeros(10_000, np.float32)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    kept = read_arrays(path)
    assert kept is not None
    np.testing.assert_array_equal(kept["x"], np.arange(3))
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]
