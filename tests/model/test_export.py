"""The inference program computes the same function as the network."""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_network import SMALL, random_arrays

from model import export
from model.export import TOLERANCE_AB
from model.network import ColorNet
from model.program import Engine, open_program, run_program
from model.program_cache import CACHE_VARIABLE, program_for
from model.weights_file import build, read_weights, write_weights

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPERATURE = 0.7


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def bins(exported: Path) -> Path:
    return exported / "bins.npy"


@pytest.fixture(scope="module")
def weights(exported: Path) -> Path:
    return exported / "small.npz"


@pytest.fixture(scope="module")
def program(exported: Path) -> Path:
    return exported / "program"


@pytest.fixture(scope="module")
def distribution(weights: Path, bins: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distribution")
    export.export(weights, folder, bins=np.load(bins), output="distribution")
    return folder


@pytest.fixture(scope="module")
def network(weights: Path) -> ColorNet:
    return build(read_weights(weights))


def inputs(number: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(height)
    planes = rng.uniform(-1, 1, (number, 4, height, width)).astype(np.float32)
    return planes, rng.dirichlet(np.ones(SMALL.bins + 1), number).astype(np.float32)


@pytest.mark.parametrize("engine", ["plain", "fp32"])
@pytest.mark.parametrize("size", [(1, 32, 32), (3, 64, 96)])
def test_program_is_the_network(
    program: Path, network: ColorNet, bins: Path, size: tuple[int, int, int], engine: Engine
) -> None:
    import paddle

    planes, palette = inputs(*size)
    logits = network(paddle.to_tensor(planes), paddle.to_tensor(palette))
    p = paddle.nn.functional.softmax(logits / TEMPERATURE, axis=1).numpy()
    centers = np.load(bins)
    averaged = np.column_stack([centers, np.hypot(*centers.T)])
    expected = np.einsum("nqhw,qc->nchw", p, averaged)
    predictor = open_program(program, engine=engine)
    means = run_program(predictor, planes, palette, temperature=TEMPERATURE)
    assert means.shape == (size[0], 3, size[1] // 4, size[2] // 4)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(means, expected, atol=TOLERANCE_AB)


@pytest.mark.parametrize("engine", ["plain", "fp32"])
def test_the_second_program_gives_the_distribution_whose_means_the_first_gives(
    program: Path, distribution: Path, bins: Path, engine: Engine
) -> None:
    centers = np.load(bins)
    averaged = np.column_stack([centers, np.hypot(*centers.T)])
    for temperature in (1.0, TEMPERATURE):
        means, shares = (
            run_program(
                open_program(folder, engine=engine), *inputs(2, 64, 96), temperature=temperature
            )
            for folder in (program, distribution)
        )
        assert shares.shape == (2, SMALL.bins, 16, 24)
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(
            np.einsum("nqhw,qc->nchw", shares, averaged), means, atol=TOLERANCE_AB
        )


@pytest.mark.slow
def test_another_program_gives_the_backbone_s_features(
    network: ColorNet, weights: Path, bins: Path, tmp_path: Path
) -> None:
    import paddle

    export.export(weights, tmp_path, bins=np.load(bins), output="features")
    planes, palette = inputs(2, 64, 96)
    _, expected, _ = network.backbone(paddle.to_tensor(planes[:, :1]))
    found = run_program(open_program(tmp_path, engine="plain"), planes, palette, temperature=1.0)
    assert found.shape == (2, 112, 4, 6)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=1e-3)


def test_a_network_in_memory_predicts_as_its_program_does(
    program: Path, weights: Path, bins: Path
) -> None:
    network, arrays = build(read_weights(weights)), inputs(2, 32, 64)
    annealed = export.AnnealedNet(network, np.load(bins))
    expected = run_program(open_program(program, engine="plain"), *arrays, temperature=TEMPERATURE)
    found = annealed.predict(*arrays, temperature=TEMPERATURE)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE_AB)
    network.train()
    with pytest.raises(AssertionError, match="evaluation mode"):
        annealed.predict(*arrays, temperature=TEMPERATURE)


def test_nothing_is_left_to_fold_when_a_program_is_opened(program: Path) -> None:
    assert b"batch_norm" not in (program / "program.pdmodel").read_bytes()


@pytest.mark.slow
def test_program_is_made_once_and_again_for_other_weights(
    cache: Path, weights: Path, bins: Path, tmp_path: Path
) -> None:
    with program_for(weights, bins=bins) as folder:
        made = (folder / "program.pdiparams").stat().st_mtime_ns
    with program_for(weights, bins=bins) as again:
        assert again == folder
        assert (folder / "program.pdiparams").stat().st_mtime_ns == made
    write_weights(tmp_path / "other.npz", random_arrays(seed=9), config=SMALL, record={})
    with program_for(tmp_path / "other.npz", bins=bins) as other:
        assert other != folder
    assert len(list(cache.iterdir())) == 2


@pytest.mark.slow
def test_threads_that_want_a_program_at_once_both_get_it(
    weights: Path, bins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))

    def made(engine: Engine) -> bool:
        with program_for(weights, bins=bins, engine=engine) as folder:
            name = "int8" if engine == "int8" else "program"
            return (folder / f"{name}.pdiparams").is_file()

    with ThreadPoolExecutor(3) as threads:
        assert all(threads.map(made, ("int8", "fp32", "int8")))
    assert len(list(tmp_path.iterdir())) == 2


def test_changed_numbers_are_refused_though_a_program_is_there(
    cache: Path, weights: Path, bins: Path, tmp_path: Path
) -> None:
    with program_for(weights, bins=bins), np.load(weights) as file:
        members = dict(file)
    members["head.bias"] = members["head.bias"] + 1  # with the unchanged sha256
    np.savez(tmp_path / "changed.npz", **members)
    with (
        pytest.raises(ValueError, match="was changed"),
        program_for(tmp_path / "changed.npz", bins=bins),
    ):
        pass


def test_a_program_that_differs_is_not_kept(
    cache: Path, weights: Path, bins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it differs by no more than a fold that is a little wrong."""
    right = export.folded

    def wrong(conv: Any, bn: Any) -> Any:
        bn._epsilon = 0.1  # instead of 1e-5
        return right(conv, bn)

    monkeypatch.setattr(export, "folded", wrong)
    with (
        pytest.raises(RuntimeError, match="differs from the network"),
        program_for(weights, bins=bins),
    ):
        pass
    assert list(cache.iterdir()) == []


def test_an_unwritable_cache_is_no_obstacle_and_nothing_is_left(
    tmp_path: Path,
    weights: Path,
    bins: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with program_for(weights, bins=bins) as folder:
        assert (folder / "program.pdmodel").is_file()
        predictor = open_program(folder, engine="plain")
    assert list((tmp_path / "tmp").iterdir()) == []
    run_program(predictor, *inputs(1, 32, 32), temperature=1.0)  # no longer needs its files


def test_bins_of_another_prior_are_refused(cache: Path, weights: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "more.npy", np.zeros((7, 2), np.float32))
    with (
        pytest.raises(ValueError, match="has 6 bins, the prior has 7"),
        program_for(weights, bins=tmp_path / "more.npy"),
    ):
        pass
    assert list(cache.iterdir()) == []


@pytest.mark.slow
def test_two_processes_at_once_get_the_same_program(cache: Path, weights: Path, bins: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from model.program_cache import program_for;"
        "program = program_for(Path(sys.argv[1]), bins=Path(sys.argv[2]));"
        "print(program.__enter__())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(weights), str(bins)]
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    folders = [process.communicate()[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert folders[0] == folders[1]
    assert [str(path) for path in cache.iterdir()] == folders[:1]
