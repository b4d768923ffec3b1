"""Traces networks and writes them as inference programs, in Paddle's older format and, for GPUs, in the newer one.

In Paddle 3.3.1, only those of the older format keep their optimized form, which opens at once, and run in int8.
"""

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import paddle
from paddle import nn
from paddle.pir_utils import OldIrGuard
from paddle.static import InputSpec

from model.older_format import older_static_mode
from model.program import PROGRAM

# A program, the names of its inputs, the variables of its outputs, and what runs it.
Opened: TypeAlias = tuple[Any, Sequence[str], Sequence[Any], paddle.static.Executor]


def write_program(net: nn.Layer, folder: Path, inputs: Sequence[InputSpec]) -> None:
    """Write a network in the older format."""
    with tempfile.TemporaryDirectory() as traced:
        with OldIrGuard():
            write_newer(net, Path(traced), inputs)
        join_biases(Path(traced, PROGRAM), folder / PROGRAM)


def write_newer(net: nn.Layer, folder: Path, inputs: Sequence[InputSpec]) -> None:
    """Write a network in the newer format; inside `OldIrGuard`, in the older one as traced."""
    net.eval()
    with warnings.catch_warnings():
        # While tracing, Paddle 3.3.1 warns about its own use of Tensor.place.
        warnings.simplefilter("ignore", UserWarning)
        static = paddle.jit.to_static(net, input_spec=inputs, full_graph=True)
        paddle.jit.save(static, str(folder / PROGRAM))


@contextmanager
def opened_older(source: Path) -> Iterator[Opened]:
    """Yield a saved program, which may be changed and run in the block; the path has no suffix."""
    with older_static_mode(), paddle.static.scope_guard(paddle.static.Scope()):
        executor = paddle.static.Executor(paddle.CPUPlace())
        program, feeds, fetched = paddle.static.load_inference_model(str(source), executor)
        yield program, feeds, fetched, executor


def write_older(
    target: Path,
    program: Any,
    feeds: Sequence[str],
    fetched: Sequence[Any],
    executor: paddle.static.Executor,
) -> None:
    """Write an opened program; the path has no suffix."""
    inputs = [program.global_block().var(name) for name in feeds]
    paddle.static.save_inference_model(str(target), inputs, fetched, executor, program=program)


def join_biases(source: Path, target: Path) -> None:
    """Write a program with each convolution's bias added along the channels: Paddle's reshape of it prevents fusion."""
    with opened_older(source) as (program, feeds, fetched, executor):
        block, biases = program.global_block(), {}
        for op in block.ops:
            if op.type == "reshape2" and block.var(op.input("X")[0]).persistable:
                biases[op.output("Out")[0]] = op.input("X")[0]
            elif op.type == "elementwise_add" and op.input("Y")[0] in biases:
                op._rename_input(op.input("Y")[0], biases[op.input("Y")[0]])
                op._set_attr("axis", 1)
        for index in reversed(range(len(block.ops))):
            if block.ops[index].output_arg_names[0] in biases:
                block._remove_op(index)
        write_older(target, program, feeds, fetched, executor)
