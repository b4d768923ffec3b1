"""Changes programs of Paddle's older format where they stand, without opening them to run.

Apart from `program_files`, as a program is changed while it is opened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import paddle
from paddle.base.framework import _dygraph_guard
from paddle.pir_utils import OldIrGuard


@contextmanager
def older_static_mode() -> Iterator[None]:
    """Have programs be of the older format, and be built instead of run, in the block."""
    # OldIrGuard enters static mode only in the thread that imported Paddle; no public call does so in other threads.
    with OldIrGuard(), _dygraph_guard(None):
        yield


def halve_weights(program: Path) -> None:
    """Have an optimized program round weights to 7 bits, so that the sum of two products with 8-bit values fits 16 bits.

    For processors that add them in 16 bits: there, full weights cost 3.6 % of the colorfulness, these 1.7 %; PSNR is as in
    fp32 (222 photographs, `train/evaluate.py -precision fp32,int8`).
    """
    with older_static_mode():
        optimized = paddle.static.Program.parse_from_string(program.read_bytes())
        for op in optimized.global_block().ops:
            # Paddle does not list these attributes among the names.
            if op.type == "fused_conv2d" and op.desc.attr("mkldnn_data_type") == "int8":
                codes = np.asarray(op.desc.attr("Scale_weights"), np.float32) / 2
                op.desc._set_float32s_attr("Scale_weights", codes.tolist())
        program.write_bytes(optimized.desc.serialize_to_string())
