"""A map on a Dask cluster survives a lost worker, and says in one line why it cannot run."""

import functools
import subprocess
from pathlib import Path

import pytest
from helpers import wait_in

from runtime.pool import workers
from runtime.workers import WorkerError


@pytest.mark.slow
def test_no_scheduler_is_one_clear_error() -> None:
    with (
        pytest.raises(WorkerError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        workers(1, scheduler="tcp://127.0.0.1:9"),
    ):
        pass


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_does_again_what_a_lost_worker_had(
    cluster: tuple[str, list["subprocess.Popen[bytes]"]], tmp_path: Path
) -> None:
    address, processes = cluster
    with workers(scheduler=address) as run:
        results = run(functools.partial(wait_in, tmp_path), range(12))
        (tmp_path / "go").touch()
        found = [next(results)]
        processes[0].kill()
        found += results
    assert sorted(found) == [(item, item) for item in range(12)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_without_this_program_is_one_clear_error(
    bare_cluster: tuple[str, list["subprocess.Popen[bytes]"]], tmp_path: Path
) -> None:
    message = r"cannot import this program: .* with its path \(PYTHONPATH=.* dask \.\.\.\)"
    with (
        workers(scheduler=bare_cluster[0]) as run,
        pytest.raises(WorkerError, match=message),
    ):
        list(run(functools.partial(wait_in, tmp_path), range(2)))
