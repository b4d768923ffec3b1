"""A network small enough for tests, with weights of random numbers that color strongly."""

import functools
from pathlib import Path

import numpy as np

from model.network import ColorNet, NetworkConfig
from model.weights_file import arrays_of, write_weights

SMALL = NetworkConfig(width=4, bins=6)
Arrays = dict[str, np.ndarray]
OF_ALL_BINS = NetworkConfig(width=8, bins=261)


def random_arrays(config: NetworkConfig = SMALL, seed: int = 0) -> Arrays:
    """Fill every array of the network, statistics included, with numbers worth telling apart."""
    return {name: array.copy() for name, array in _random_arrays(config, seed).items()}


@functools.cache  # the backbone of any network has four million numbers
def _random_arrays(config: NetworkConfig, seed: int) -> Arrays:
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, array in arrays_of(ColorNet(config)).items():
        scale = 0.8 / np.sqrt(array[0].size) if array.ndim > 1 else 0.3
        noise = rng.normal(0, scale, array.shape)
        arrays[name] = (noise + 1 if name.endswith("running_var") else noise).astype(np.float32)
        if array.ndim > 1:
            arrays[name] = arrays[name].astype(np.float16).astype(np.float32)
    return {name: abs(a) if name.endswith("running_var") else a for name, a in arrays.items()}


def write_small_weights(path: Path) -> Path:
    """Write a small network with colors strong enough to see differences in."""
    arrays = random_arrays(OF_ALL_BINS)
    arrays["head.weight"] *= 6
    arrays["context1.weight"] *= 8
    write_weights(path, arrays, config=OF_ALL_BINS, record={})
    return path
