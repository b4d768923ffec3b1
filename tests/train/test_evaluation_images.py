"""Evaluation images: center crops, evenly spread; broken pictures are named and left out."""

from pathlib import Path

import numpy as np
import pytest

from color.arrays import Bytes
from image.resize import center_square
from prior.dataset import Shard
from train.evaluation_images import IMAGE_PX, read_evaluation_images


def test_images_are_center_crops_evenly_spread(folder: Path, pictures: list[Bytes]) -> None:
    images = list(read_evaluation_images(folder))
    assert [rgb.shape for rgb in images] == [(256, 256, 3)] * 3
    np.testing.assert_array_equal(images[2], center_square(pictures[2], side_px=IMAGE_PX))
    few = list(read_evaluation_images(folder, limit=2))
    np.testing.assert_array_equal(few, [images[0], images[1]])
    assert len(list(read_evaluation_images(folder, limit=99))) == 3


def test_halves_share_no_picture_and_are_all_together(folder: Path) -> None:
    whole, first, second = (
        list(read_evaluation_images(folder, shard=shard))
        for shard in (Shard(), Shard(1, 2), Shard(2, 2))
    )
    np.testing.assert_array_equal(first, whole[::2])
    np.testing.assert_array_equal(second, whole[1::2])


def test_broken_pictures_are_named_counted_and_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "1b.jpg").write_bytes(b"\xff\xd8 no picture")
    assert len(list(read_evaluation_images(folder))) == 3
    assert "1b.jpg" in caplog.text
    assert "1 of 4" in caplog.text


def test_a_folder_of_broken_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="none of the 1 pictures"):
        list(read_evaluation_images(tmp_path))


def test_a_shard_without_pictures_is_refused_before_any_work(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"has 3 pictures, too few for shard 4/5: use a smaller N"):
        read_evaluation_images(folder, shard=Shard(4, 5))
