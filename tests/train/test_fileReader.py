"""Samples depend only on (seed, epoch, index); soft encodings and hints match the ground truth."""

import multiprocessing
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from model.contract import network_planes
from prior.dataset import PictureError, list_pictures
from prior.lab import rgb2lab
from prior.qspace import QSpace, read_bins
from train.fileReader import (
    SampleOptions,
    SampleSet,
    StepSampler,
    keep_index,
    picture_index,
    random_crop,
    read_weight,
    rebalancing,
    samples_loader,
)

QSPACE = QSpace(read_bins())


def write_pictures(folder: Path, count: int, *, side: int = 48) -> None:
    """Write JPEGs, each with its own two colors and texture."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        blocks = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
        picture = cv2.resize(blocks, (side * 3 // 2, side), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number:03d}.jpg"), picture)


def samples_of(folder: Path, **options: Any) -> SampleSet:
    weight = np.ones(len(QSPACE), np.float32)
    return SampleSet(
        list_pictures(folder), qspace=QSPACE, weight=weight, options=SampleOptions(**options)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "pictures", 10)
    return tmp_path / "pictures"


def keys(sampler: StepSampler) -> list[list[tuple[int, int, int]]]:
    return list(sampler)


def sampler(steps: range, **more: int) -> StepSampler:
    settings = {"batch": 4, "parts": 2, "seed": 1, **more}
    return StepSampler(10, steps=steps, sizes=[32] * len(steps), **settings)  # type: ignore[arg-type]


def test_a_sample_is_the_same_whenever_it_is_made(folder: Path) -> None:
    first, second = samples_of(folder, hints=0.5), samples_of(folder, hints=0.5)
    second[(0, 3, 32)]
    for name, value in first[(2, 5, 32)].items():
        np.testing.assert_array_equal(value, second[(2, 5, 32)][name], err_msg=name)


def test_epochs_and_seeds_change_a_sample(folder: Path) -> None:
    one = samples_of(folder)[(0, 5, 32)]["planes"]
    assert not np.array_equal(one, samples_of(folder)[(1, 5, 32)]["planes"])
    assert not np.array_equal(one, samples_of(folder, seed=1)[(0, 5, 32)]["planes"])


@pytest.mark.slow
def test_workers_do_not_change_the_data(folder: Path) -> None:
    # In a separate process, as in training: workers are forked, and locks that threads of other tests' libraries
    # hold at that moment would stay locked in them (3 of 11 runs hung).
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        batches = [process.submit(batches_of, folder, workers).result() for workers in (0, 2)]
    assert len(batches[0]) == 8
    for alone, shared in zip(*batches, strict=True):
        for name in alone:
            np.testing.assert_array_equal(alone[name], shared[name], err_msg=name)


def batches_of(folder: Path, workers: int) -> list[dict[str, Any]]:
    loader = samples_loader(samples_of(folder), sampler(range(4)), workers=workers)
    return [{name: tensor.numpy() for name, tensor in batch.items()} for batch in loader]


def test_arrays_have_the_shapes_the_losses_expect(folder: Path) -> None:
    shapes = {name: value.shape for name, value in samples_of(folder)[(0, 0, 64)].items()}
    assert shapes == {
        "planes": (4, 64, 64), "palette": (262,), "ab": (2, 16, 16), "bins": (5, 16, 16),
        "shares": (5, 16, 16), "weights": (1, 16, 16), "skipped": (),
    }  # fmt: skip


def test_the_code_says_what_the_target_says(folder: Path) -> None:
    sample = samples_of(folder)[(0, 1, 64)]
    np.testing.assert_allclose(sample["shares"].sum(axis=0), 1, atol=1e-5)
    decoded = (QSPACE.bins[sample["bins"]] * sample["shares"][..., None]).sum(axis=0)
    error = np.linalg.norm(decoded - sample["ab"].transpose(1, 2, 0), axis=-1)
    assert np.median(error) < 5  # half a bin


def test_only_lightness_ages(folder: Path) -> None:
    plain, aged = samples_of(folder, aged=False), samples_of(folder)
    changed = 0
    for index in range(10):
        one, two = plain[(0, index, 32)], aged[(0, index, 32)]
        np.testing.assert_array_equal(one["ab"], two["ab"])
        changed += not np.array_equal(one["planes"][0], two["planes"][0])
    assert 4 <= changed <= 10


def test_hints_and_palettes_come_as_often_as_asked(folder: Path) -> None:
    never, always = samples_of(folder, hints=0, palette=0), samples_of(folder, hints=1, palette=1)
    for index in range(10):
        assert not never[(0, index, 32)]["planes"][1:].any()
        assert not never[(0, index, 32)]["palette"].any()
        assert always[(0, index, 32)]["planes"][3].any()
        assert always[(0, index, 32)]["palette"][-1] == 1


def test_lightness_plane_is_that_of_the_picture(folder: Path) -> None:
    samples = samples_of(folder, aged=False)
    ramp = np.linspace(0, 255, 32, dtype=np.uint8)[None, :, None].repeat(32, 0).repeat(3, 2)
    for rgb in (ramp, ramp // 2 + 30):  # the tones of a faded picture are stretched
        lab = rgb2lab(rgb)
        planes = samples.sample(lab, np.random.default_rng(0))["planes"]
        np.testing.assert_array_equal(planes[0], network_planes(lab[None, ..., 0])[0, 0])


def test_crops_are_large_squares_and_half_are_flipped() -> None:
    ramp = np.arange(200, dtype=np.uint8)[None, :, None].repeat(100, 0).repeat(3, 2)
    crops = [random_crop(ramp, np.random.default_rng(n), size=32) for n in range(200)]
    widths = [int(crop[0].max()) - int(crop[0].min()) for crop in crops]
    assert all(crop.shape == (32, 32, 3) for crop in crops)
    assert 68 <= min(widths) < 76
    assert 94 <= max(widths) <= 100
    flipped = sum(bool(crop[0, 0, 0] > crop[0, -1, 0]) for crop in crops)
    assert 70 < flipped < 130


def test_an_epoch_sees_every_picture_once() -> None:
    seen = [key for step in keys(sampler(range(5))) for key in step]
    for epoch in (0, 1):
        assert sorted(index for e, index, _ in seen if e == epoch) == list(range(10))


def test_a_resumed_run_goes_on_with_the_same_keys() -> None:
    assert keys(sampler(range(7)))[6:] == keys(sampler(range(3, 7)))


def test_processes_share_a_batch_without_changing_it() -> None:
    alone = keys(sampler(range(4)))
    ranks = [keys(sampler(range(4), rank=rank, processes=2)) for rank in (0, 1)]
    assert alone == [part for pair in zip(*ranks, strict=True) for part in pair]


def test_a_corrupt_picture_is_replaced_and_told(folder: Path) -> None:
    (folder / "004.jpg").write_bytes((folder / "004.jpg").read_bytes()[:200])
    samples = samples_of(folder)
    assert samples[(0, 3, 32)]["skipped"] == -1
    assert samples[(0, 4, 32)]["skipped"] == 4


def test_nothing_readable_is_an_error(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"nonsense")
    with pytest.raises(PictureError, match="none of the pictures can be read"):
        samples_of(folder)[(0, 0, 32)]


def test_no_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no pictures"):
        picture_index(tmp_path, kept=tmp_path / "list.json.gz")


def test_the_list_of_pictures_is_made_once(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "list.json.gz"
    first = picture_index(folder, kept=kept)
    keep_index(first, folder, kept=kept)
    write_pictures(folder, 12)
    assert picture_index(folder, kept=kept) == first
    assert len(picture_index(folder, kept=tmp_path / "other.json.gz")) == 12
    shutil.copytree(folder, tmp_path / "moved")
    assert len(picture_index(tmp_path / "moved", kept=kept)) == 12


def test_a_damaged_list_of_pictures_is_named(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "list.json.gz"
    keep_index(picture_index(folder, kept=kept), folder, kept=kept)
    whole = kept.read_bytes()
    flipped = whole[:30] + bytes(byte ^ 255 for byte in whole[30:])
    for damaged in (whole[:-20], whole[:5], b"", b"no list", flipped):
        kept.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{kept}, the run's list of pictures, is damaged"):
            picture_index(folder, kept=kept)


def test_softer_weights_keep_their_expected_value() -> None:
    p, weight = np.array([0.7, 0.2, 0.1]), np.array([0.5, 1.0, 4.5], np.float32)
    for strength in (0.0, 0.3, 1.0):
        assert (p * rebalancing(weight, strength)).sum() == pytest.approx((p * weight).sum())
    np.testing.assert_array_equal(rebalancing(weight, 0.0), 1)
    np.testing.assert_array_equal(rebalancing(weight, 1.0), weight)


def test_weights_for_other_bins_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "Weight.npy", np.ones(5, np.float32))
    with pytest.raises(ValueError, match="getWeight"):
        read_weight(tmp_path, QSPACE, strength=1.0)


@pytest.mark.slow
@pytest.mark.alone
def test_the_reader_is_fast_enough(tmp_path: Path) -> None:
    write_pictures(tmp_path, 64, side=160)
    samples, rates = samples_of(tmp_path), []
    for _ in range(3):  # the best of three: the machine may be busy
        start = time.process_time()
        for index in range(64):
            samples[(0, index, 128)]
        rates.append(64 / (time.process_time() - start))
    assert max(rates) > 200, f"{max(rates):.0f} pictures/s of one core"
