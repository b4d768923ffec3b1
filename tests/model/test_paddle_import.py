"""Inference loads Paddle's compiled part alone, and a later import of Paddle finds it."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model import paddle_import
from model.paddle_import import (
    has_exact_int8,
    has_gpu_package,
    paddle_version,
    processor,
    supported_precisions,
)

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = """
import sys
from pathlib import Path
import numpy as np
from model.program import open_program, run_program
rng = np.random.default_rng(0)
arrays = rng.uniform(-1, 1, (1, 4, 32, 64)).astype("f4"), np.zeros((1, 7), "f4")
predict = lambda: run_program(open_program(Path(sys.argv[1]), engine="fp32"), *arrays, temperature=0.7)
if sys.argv[2] == "whole":
    import paddle
means = predict()
print([name for name in ("paddle", "setuptools") if name in sys.modules])
if sys.argv[2] == "alone, then whole":
    import paddle
    assert paddle.to_tensor([1.0, 2.0]).sum().item() == 3
    assert np.array_equal(predict(), means)
np.save(sys.argv[3], means)
"""

# Of a network with two threads, as of the page, the processor time in the moment after it has run.
AFTERWARDS = """
import sys, time
from pathlib import Path
import numpy as np
from model.program import open_program, run_program
arrays = np.zeros((1, 4, 256, 256), "f4"), np.zeros((1, 7), "f4")
program = open_program(Path(sys.argv[1]), engine="fp32", threads=2)
run_program(program, *arrays, temperature=0.7)
run_program(program, *arrays, temperature=0.7)
began = time.process_time()
time.sleep(0.15)
print(time.process_time() - began)
"""


def test_threads_do_not_wait_busily_after_the_network(exported: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AFTERWARDS, exported / "program"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert float(done.stdout) < 0.03


def test_the_compiled_part_alone_gives_the_same_bits(exported: Path, tmp_path: Path) -> None:
    told = {}
    for way in ("alone, then whole", "whole"):
        words = [exported / "program", way, tmp_path / f"{way}.npy"]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CODE, *words],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        told[way] = done.stdout.strip(), np.load(tmp_path / f"{way}.npy")
    alone, whole = told["alone, then whole"], told["whole"]
    if not has_gpu_package():
        assert alone[0] == "[]"
    assert whole[0] == "['paddle', 'setuptools']"
    np.testing.assert_array_equal(alone[1], whole[1])


def test_the_version_is_that_of_the_metadata() -> None:
    """Without the modules of e-mails, which importing `importlib.metadata` imports."""
    name = "paddlepaddle-gpu" if has_gpu_package() else "paddlepaddle"
    assert paddle_version() == importlib.metadata.version(name)
    code = "import sys; from model.paddle_import import paddle_version; paddle_version(); print('email' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == "False\n", told.stderr


def test_the_version_is_found_without_a_folder_of_metadata(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = paddle_version()
    paddle_import._installed.cache_clear()
    monkeypatch.setattr(paddle_import, "package_folder", lambda name: tmp_path / name)
    assert paddle_version() == known
    paddle_import._installed.cache_clear()


@pytest.mark.parametrize("thread", [False, True])
def test_a_process_that_imports_paddle_keeps_its_signal_handlers(thread: bool) -> None:
    imported = "import_paddle()\n"
    if thread:  # as the page does for new weights
        imported = "one = threading.Thread(target=import_paddle); one.start(); one.join()\n"
    code = (
        "import os, signal, sys, threading\n"
        "from model.paddle_import import import_paddle\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('ours'), sys.stdout.flush(), os._exit(7)))\n"
        f"{imported}"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "signal.pause()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (7, "ours\n"), done.stderr


@pytest.mark.parametrize(
    ("flags", "precisions"),
    [
        ("avx2 avx512_vnni avx512_bf16", ("fp32", "bf16", "int8")),
        ("avx512_vnni", ("fp32", "int8")),
        ("avx2 avx_vnni", ("fp32", "int8")),
        ("amx_bf16", ("fp32", "bf16")),
        ("avx2 avx512f", ("fp32", "int8")),
        ("avx sse4_1", ("fp32",)),
    ],
)
def test_precisions_follow_the_processor_s_flags(
    flags: str, precisions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    described = {"model name": "A processor", "flags": flags}
    monkeypatch.setattr(paddle_import, "_cpuinfo", lambda: described)
    assert supported_precisions() == precisions
    assert processor() == "A processor"


@pytest.mark.parametrize(
    ("flags", "exact"), [("avx2 avx_vnni", True), ("avx512_vnni", True), ("avx2 avx512f", False)]
)
def test_only_some_processors_add_products_of_bytes_exactly(
    flags: str, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paddle_import, "_cpuinfo", lambda: {"flags": flags})
    assert has_exact_int8() == exact


def test_the_package_for_gpus_is_not_loaded_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the server of forks does not import all of Paddle, which starts threads."""
    monkeypatch.delitem(sys.modules, paddle_import.LIBRARY, raising=False)
    monkeypatch.setattr(paddle_import, "has_gpu_package", lambda: True)
    assert paddle_import.compiled_part() is None


def test_an_unknown_system_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paddle_import, "_cpuinfo", dict)
    assert supported_precisions() == ("fp32",)
    assert processor()
