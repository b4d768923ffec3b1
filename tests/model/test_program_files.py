"""Inference programs in Paddle's two formats compute the same."""

from pathlib import Path

import numpy as np
from small_network import SMALL

from model.export import export
from model.program import open_program, run_program
from model.program_files import opened_older


def test_both_formats_compute_the_same(exported: Path, tmp_path: Path) -> None:
    """The newer one is for GPUs; where none can be used, it is run without oneDNN."""
    export(exported / "small.npz", tmp_path, bins=np.load(exported / "bins.npy"), engine="gpu")
    assert {path.name for path in tmp_path.iterdir()} == {"program.json", "program.pdiparams"}
    planes = np.random.default_rng(0).uniform(-1, 1, (2, 4, 64, 32)).astype(np.float32)
    palettes = np.zeros((2, SMALL.bins + 1), np.float32)
    newer, older = (
        run_program(open_program(folder, engine="plain"), planes, palettes, temperature=0.7)
        for folder in (tmp_path, exported / "program")
    )
    assert np.ptp(older) > 1
    np.testing.assert_allclose(newer, older, atol=1e-3)


def test_biases_are_added_without_a_reshape(exported: Path) -> None:
    with opened_older(exported / "program" / "program") as (program, feeds, fetched, _):
        assert list(feeds) == ["planes", "palette", "temperature"]
        assert len(fetched) == 1
        block = program.global_block()
        reshaped = [op.input("X")[0] for op in block.ops if op.type == "reshape2"]
        assert not [name for name in reshaped if block.var(name).persistable]
        assert sum(op.type == "conv2d" for op in block.ops) > 50
