"""A run and its folder: where it starts, what it logs, sweeps and measures."""

import ctypes
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import paddle
import pytest
from helpers import files_and_folders
from small_network import random_arrays
from tiny_run import TINY, rows, run_of, words

from model.contract import network_planes
from model.network import NetworkConfig
from model.weights_file import read_backbone, read_weights, write_weights
from prior.dataset import read_rgb
from prior.lab import rgb2lab
from runtime.files import temporary_name
from train.config import TrainConfig
from train.device import restore_threads
from train.evaluation_images import evenly_spread
from train.fileReader import SampleOptions, random_crop
from train.run import _numbers
from train.train import main, train

pytestmark = pytest.mark.usefixtures("one_qspace")


@pytest.mark.usefixtures("unvalidated")
def test_corrupt_pictures_are_named_once_and_counted(room: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for number in range(3):
        (data / f"{number}.jpg").write_bytes((room / "train" / f"{number}.jpg").read_bytes())
    (data / "3.jpg").write_bytes(b"\xff\xd8 no picture")
    run = run_of(room, tmp_path / "run", data=str(data), steps=2)  # two epochs
    train(run)
    assert run.facts["skipped"] == ["3.jpg"]


def test_init_starts_where_the_weights_are(room: Path, tmp_path: Path) -> None:
    first, config = tmp_path / "first.npz", NetworkConfig(TINY["width"])
    write_weights(first, random_arrays(config), config=config, record={})
    run = run_of(room, tmp_path / "second", init=str(first))
    run.resume()
    bias = run.trainer.network.head.bias.numpy()
    np.testing.assert_array_equal(bias, read_weights(first).arrays["head.bias"])
    assert run.config.peak_learning_rate < TrainConfig().peak_learning_rate


def test_cross_entropy_is_that_of_plain_samples(room: Path, tmp_path: Path) -> None:
    run = run_of(room, tmp_path, hints=1.0, palette=1.0, valid=str(room / "train"))
    found = run.cross_entropies()
    assert found["train"] == found["valid"]  # the same pictures and crops
    assert run.cross_entropies() == found
    run.trainer.averaged.head.bias.set_value(run.trainer.averaged.head.bias * 0)
    run.trainer.averaged.head.weight.set_value(run.trainer.averaged.head.weight * 0)
    plain = run.samples.like(
        run.samples.pictures[:1], SampleOptions(hints=0, palette=0, aged=False)
    )
    # Whatever its colors weigh, a picture's entropy under a uniform distribution is the same.
    assert plain[0, 0, 32]["weights"].mean() != pytest.approx(1, abs=0.05)
    assert run.trainer.entropy(plain, size=32) == pytest.approx(np.log(261), rel=1e-5)


def test_cross_entropy_is_of_random_crops_that_are_neither_aged_nor_guided(
    room: Path, tmp_path: Path
) -> None:
    run = run_of(room, tmp_path, hints=1.0, palette=1.0)
    options = SampleOptions(run.config.seed, hints=0, palette=0, aged=False)
    samples = run.samples.like(evenly_spread(run.samples.pictures, 2), options)
    assert run.cross_entropies()["train"] == run.trainer.entropy(samples, size=32)
    for index, picture in enumerate(samples.pictures):
        rng = np.random.default_rng((run.config.seed, 0, index))
        crop = random_crop(read_rgb(picture), rng, size=32)
        sample = samples[0, index, 32]
        expected = network_planes(rgb2lab(crop)[None, ..., 0])[0]
        np.testing.assert_array_equal(sample["planes"], expected)
        assert not sample["palette"].any()


def test_of_the_training_pictures_as_many_are_measured_as_of_the_others(
    room: Path, tmp_path: Path
) -> None:
    two, every = (run_of(room, tmp_path, valid_pictures=number) for number in (2, 0))
    assert len(every.valid) == 2
    assert two.cross_entropies()["train"] == every.cross_entropies()["train"]


OPENMP = Path(paddle.__file__).parent / "libs" / "libiomp5.so"


@pytest.mark.skipif(not OPENMP.exists(), reason="Paddle brings another OpenMP here")
def test_a_validation_leaves_the_number_of_threads(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    threads = ctypes.CDLL(str(OPENMP)).omp_get_max_threads
    before = threads()
    restore_threads()
    assert threads() == 3
    run = run_of(room, tmp_path, valid=str(room / "train"))
    run.validate()
    assert threads() == 3
    paddle.base.core.set_num_threads(before)


def test_without_a_backbone_all_is_random(room: Path, tmp_path: Path) -> None:
    run = run_of(room, tmp_path, backbone="none")
    run.resume()
    published = read_backbone()["backbone.stem.weight"]
    assert not np.allclose(run.trainer.network.backbone.stem.weight.numpy(), published, atol=0.01)


def test_leftovers_of_a_killed_save_are_swept_and_nothing_else(room: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    leftover, other = temporary_name(out / "checkpoint.npz"), out / "download.part"
    leftover.touch()
    other.touch()
    run_of(room, out)
    assert not leftover.exists()
    assert other.exists()


@pytest.mark.usefixtures("unvalidated")
def test_another_config_does_not_continue(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ("-steps", "1")
    run_of(room, tmp_path, steps=1).save()
    assert main(words(room, tmp_path, *short, "-batch", "2")) == 1
    assert "batch 4 -> 2" in capsys.readouterr().err
    assert main(words(room, tmp_path, *short, "-batch", "2", "-restart")) == 0


@pytest.mark.usefixtures("unvalidated")
def test_a_restart_learns_from_the_pictures_that_are_there_now(room: Path, tmp_path: Path) -> None:
    shutil.copytree(room / "train", tmp_path / "train")
    out, here = tmp_path / "run", ("-data", str(tmp_path / "train"), "-steps", "1")
    assert main(words(room, out, *here)) == 0
    shutil.copy(room / "train" / "0.jpg", tmp_path / "train" / "new.jpg")
    assert main(words(room, out, *here, "-restart")) == 0
    resumed = run_of(room, out, data=str(tmp_path / "train"), steps=1)
    resumed.resume()
    assert resumed.step == 1
    assert "new.jpg" in [picture.name for picture in resumed.samples.pictures]


@pytest.mark.usefixtures("unvalidated")
def test_a_run_that_has_saved_nothing_lists_the_pictures_anew(room: Path, tmp_path: Path) -> None:
    shutil.copytree(room / "train", tmp_path / "train")
    out, here = tmp_path / "run", ("-data", str(tmp_path / "train"), "-steps", "1")
    run_of(
        room, out, data=str(tmp_path / "train"), steps=1
    ).resume()  # failed before its first step
    shutil.copy(room / "train" / "0.jpg", tmp_path / "train" / "new.jpg")
    assert main(words(room, out, *here)) == 0
    names = [
        p.name for p in run_of(room, out, data=str(tmp_path / "train"), steps=1).samples.pictures
    ]
    assert "new.jpg" in names


@pytest.mark.usefixtures("unvalidated")
def test_a_restart_that_is_refused_leaves_the_earlier_run(room: Path, tmp_path: Path) -> None:
    shutil.copytree(room / "train", tmp_path / "train")
    out, here = tmp_path / "run", ("-data", str(tmp_path / "train"), "-steps", "1")
    assert main(words(room, out, *here)) == 0
    before = files_and_folders(out)
    shutil.copy(room / "train" / "0.jpg", tmp_path / "train" / "new.jpg")
    for wrong in (("-valid", "/nowhere"), ("-init", str(tmp_path)), ("-prior", "/nowhere")):
        assert main(words(room, out, *here, "-restart", *wrong)) in {1, 2}
        assert main(words(room, out, *here, *wrong)) in {1, 2}
        assert files_and_folders(out) == before


@pytest.mark.usefixtures("unvalidated")
def test_the_log_has_each_step_of_this_run_once(room: Path, tmp_path: Path) -> None:
    assert main(words(room, tmp_path, "-steps", "2")) == 0
    first = rows(tmp_path)
    assert [row["step"] for row in first] == [2]
    killed = run_of(room, tmp_path, steps=3)  # after it logged, before it saved
    killed.resume()
    killed.log({"step": 3, "loss": 1.0})
    assert main(words(room, tmp_path, "-steps", "3")) == 0
    assert [row["step"] for row in rows(tmp_path)] == [2, 3]
    assert rows(tmp_path)[0] == first[0]
    assert main(words(room, tmp_path, "-steps", "1", "-restart")) == 0
    assert [row["step"] for row in rows(tmp_path)] == [1]


def test_log_rows_flatten_to_numbers() -> None:
    row = {"step": 5, "loss": 1.5, "valid": {"psnr": 22, "chroma": [1, 2]}}
    assert list(_numbers(row)) == [("loss", 1.5), ("valid/psnr", 22.0)]


@pytest.mark.skipif(find_spec("visualdl") is not None, reason="VisualDL is installed")
def test_visualdl_is_asked_for_in_words(
    room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(room, tmp_path, "-visualdl")) == 1
    assert "pip install visualdl" in capsys.readouterr().err
