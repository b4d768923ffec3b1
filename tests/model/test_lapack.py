"""LAPACK is SciPy's, without the import of SciPy."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import cho_solve_banded, cholesky_banded

from model import lapack as module
from model.lapack import lapack

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def anew() -> Iterator[None]:
    lapack.cache_clear()
    yield
    lapack.cache_clear()


def solved(bands: np.ndarray, values: np.ndarray) -> np.ndarray:
    factor, failed = lapack().dpbtrf(bands, lower=1)
    assert not failed
    solution, failed = lapack().dpbtrs(factor, values, lower=1)
    assert not failed
    return np.asarray(solution)


@pytest.mark.parametrize("alone", [True, False])
def test_it_solves_as_scipy_does_to_the_bit(
    anew: None, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """Also where the compiled part cannot be loaded alone."""

    def refused(name: str, file: Path) -> None:
        raise ImportError(f"DLL load failed while importing {name}")

    if not alone:
        monkeypatch.setattr(module, "load_extension", refused)
    rng = np.random.default_rng(0)
    bands, values = rng.uniform(-1, 0, (5, 40)), rng.normal(size=40)
    bands[0] = 10
    expected = cho_solve_banded((cholesky_banded(bands, lower=True), True), values)
    np.testing.assert_array_equal(solved(bands, values), expected)


def test_scipy_itself_is_not_imported() -> None:
    code = "import sys; from model.lapack import lapack; lapack(); print('scipy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "False\n"
