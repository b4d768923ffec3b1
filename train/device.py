"""Device, precision of the convolutions, and number of processes of a training run."""

import os

import paddle

from runtime.workers import cores


def choose_device(name: str) -> str:
    """Resolve auto, cpu or gpu, and set Paddle's device."""
    gpu = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
    if name == "gpu" and not gpu:
        raise ValueError(
            "-device gpu: Paddle sees no GPU here: install requirements-gpu.txt on a CUDA machine, "
            "or use -device cpu"
        )
    chosen = "gpu" if gpu and name != "cpu" else "cpu"
    paddle.set_device(chosen)
    return chosen


def choose_precision(name: str, device: str) -> str:
    """Resolve the convolutions' precision auto, fp32, bf16 or fp16 to float32, bfloat16 or float16.

    auto means bfloat16 on GPUs that support it (Ampere and later), float16 on older ones, float32 on a CPU.
    """
    if name == "auto":
        name = (
            "fp32" if device == "cpu" else "bf16" if paddle.amp.is_bfloat16_supported() else "fp16"
        )
    able = {
        "fp32": True,
        "bf16": paddle.amp.is_bfloat16_supported(),
        "fp16": paddle.amp.is_float16_supported(),
    }
    if not able[name]:
        raise ValueError(f"-precision {name} is not supported on this {device}: use auto or fp32")
    return {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}[name]


def join_processes(parts: int) -> tuple[int, int]:
    """Return this process's rank and the number of processes (python -m paddle.distributed.launch)."""
    if paddle.distributed.ParallelEnv().world_size == 1:
        return 0, 1
    paddle.distributed.init_parallel_env()
    processes = paddle.distributed.get_world_size()
    if parts % processes:
        raise ValueError(
            f"-parts {parts} cannot be divided among {processes} processes: use a multiple of {processes}"
        )
    return paddle.distributed.get_rank(), processes


def restore_threads() -> None:
    """Give Paddle's operators the threads of `train.config.prepare_environment` again, after an inference program.

    A program sets its own number for the whole process, and sums over other numbers of threads differ in the last bits:
    a resumed run, which has not validated yet, would not equal the uninterrupted one.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    paddle.base.core.set_num_threads(int(first) if first.isdecimal() else cores())
