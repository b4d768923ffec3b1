"""Released weights: write and read are inverse, and names have the documented meaning."""

import json
import shutil
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from recipe import recipe
from small_network import SMALL, random_arrays

from model.network import KIND, ColorNet, NetworkConfig
from model.weights_file import (
    _digest,
    arrays_of,
    build,
    load_into,
    read_backbone,
    read_weights,
    weights_sha256,
    write_weights,
)

RECORD = {"pictures": 12, "note": "größer"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("written") / "colornet.npz"
    write_weights(path, random_arrays(), config=SMALL, record=RECORD)
    return path


@pytest.fixture
def released(written: Path, tmp_path: Path) -> Path:
    """Return a copy of a released file that a test may damage."""
    return Path(shutil.copy(written, tmp_path))


def test_loaded_weights_compute_what_the_recipe_says(released: Path) -> None:
    import paddle

    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (2, 4, 32, 64)).astype(np.float32)
    palette = rng.dirichlet(np.ones(SMALL.bins + 1), 2).astype(np.float32)
    logits = build(read_weights(released))(paddle.to_tensor(x), paddle.to_tensor(palette))
    expected = recipe(x, palette, random_arrays())
    assert logits.shape == [2, SMALL.bins, 8, 16]
    assert np.std(expected) > 0.1
    np.testing.assert_allclose(logits.numpy(), expected, atol=2e-5)


def test_everything_written_is_read_back(released: Path) -> None:
    weights = read_weights(released)
    assert weights.config == SMALL
    assert weights.record == RECORD
    assert weights.sha256 == weights_sha256(released)
    for name, array in random_arrays().items():
        assert weights.arrays[name].dtype == (np.float16 if array.ndim > 1 else np.float32)
        np.testing.assert_array_equal(weights.arrays[name].astype(np.float32), array)


def test_large_statistics_survive(tmp_path: Path) -> None:
    arrays = random_arrays()
    arrays["stem_bn.running_var"][:] = 1e6
    write_weights(tmp_path / "w.npz", arrays, config=SMALL, record={})
    assert read_weights(tmp_path / "w.npz").arrays["stem_bn.running_var"][0] == 1e6


def test_sha256_names_the_numbers_not_the_file(tmp_path: Path) -> None:
    arrays = random_arrays()
    first = write_weights(tmp_path / "a.npz", arrays, config=SMALL, record={"run": 1})
    same = write_weights(tmp_path / "b.npz", arrays, config=SMALL, record={"run": 2})
    arrays["head.bias"][0] += 1
    other = write_weights(tmp_path / "c.npz", arrays, config=SMALL, record={})
    assert first == same != other


def test_a_network_taken_out_and_put_back_is_the_same() -> None:
    network, expected = ColorNet(SMALL), random_arrays()
    load_into(network, expected)
    for name, array in arrays_of(network).items():
        np.testing.assert_array_equal(array, expected[name])


def test_a_backbone_is_read_alone_and_out_of_a_network(released: Path, tmp_path: Path) -> None:
    whole = random_arrays()
    backbone = {name: array for name, array in whole.items() if name.startswith("backbone.")}
    np.savez(tmp_path / "backbone.npz", **backbone)
    for path in (released, tmp_path / "backbone.npz"):
        network = ColorNet(SMALL)
        before = arrays_of(network)
        load_into(network, read_backbone(path), prefix="backbone.")
        for name, array in arrays_of(network).items():
            np.testing.assert_array_equal(array, backbone.get(name, before[name]))
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match="has no backbone"):
        read_backbone(tmp_path / "other.npz")


def test_the_released_backbone_fits() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the user sees no warnings
        load_into(ColorNet(SMALL), read_backbone(), prefix="backbone.")


def test_weights_of_version_0_1_0_are_refused_by_name(released: Path) -> None:
    with np.load(released) as file:
        members = dict(file)
    config = json.dumps({"bins": 6, "bn_momentum": 0.5, "width": 4}, sort_keys=True)
    members["__config__"] = np.frombuffer(config.encode(), np.uint8)
    arrays = {name: array for name, array in members.items() if not name.startswith("__")}
    members["__sha256__"] = np.frombuffer(_digest(arrays, config).encode(), np.uint8)
    np.savez(released, **members)
    with pytest.raises(ValueError, match=r"is from version 0\.1\.0"):
        read_weights(released)


@pytest.mark.parametrize("keep", [0, 10, 5000, -1, -200])
def test_truncated_files_are_refused(released: Path, keep: int) -> None:
    released.write_bytes(released.read_bytes()[:keep])
    for read in (read_weights, weights_sha256):
        with pytest.raises(ValueError, match=r"colornet\.npz"):
            read(released)


def test_damaged_numbers_are_refused(released: Path) -> None:
    with np.load(released) as file:
        members = dict(file)
    members["head.bias"] = members["head.bias"] + 1
    np.savez(released, **members)
    with pytest.raises(ValueError, match="was changed"):
        read_weights(released)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, x=np.zeros(3))
    (tmp_path / "text.npz").write_text("not weights")
    np.save(tmp_path / "array.npy", np.zeros(3))
    for path in (foreign, tmp_path / "text.npz", tmp_path / "array.npy"):
        for read in (read_weights, weights_sha256):
            with pytest.raises(ValueError, match=path.name):
                read(path)
    with pytest.raises(FileNotFoundError, match="no such weights file"):
        read_weights(tmp_path / "none.npz")


def zip_of(path: Path, name: str, data: bytes, **changes: int) -> Path:
    """Write a zip of one member with arbitrary header fields (offsets of APPNOTE.TXT, 4.3)."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, data)
    raw = bytearray(path.read_bytes())
    local, central = raw.index(b"PK\3\4"), raw.index(b"PK\1\2")
    for field, value in changes.items():
        offset = {"flags": 6, "method": 8}[field]
        struct.pack_into("<H", raw, local + offset, value)
        struct.pack_into("<H", raw, central + offset + 2, value)
    path.write_bytes(raw)
    return path


def npy(shape: str) -> bytes:
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + b"hello"


@pytest.mark.parametrize(
    ("name", "data", "changes"),
    [
        ("__sha256__", b"hello", {}),
        ("__sha256__.npy", npy("(5,)"), {"flags": 1}),  # encrypted
        ("__sha256__.npy", npy("(5,)"), {"method": 99}),
        ("__sha256__.npy", npy("(100_000_000_000,)").replace(b"_", b""), {}),
        ("__sha256__.npy", npy("(-5,)"), {}),
        ("__sha256__.npy", npy("(5, "), {}),
    ],
)
def test_zips_of_anything_are_refused(
    tmp_path: Path, name: str, data: bytes, changes: dict[str, int]
) -> None:
    path = zip_of(tmp_path / "odd.npz", name, data, **changes)
    for read in (read_weights, weights_sha256, read_backbone):
        with pytest.raises(ValueError, match=r"odd\.npz"):
            read(path)


@pytest.mark.parametrize(
    "config",
    [
        '{"width": 4.5, "bins": 6, "kind": "context"}',
        "5",
        "[]",
        "{",
        '{"kind": 1}',
        '{"width": "4"}',
    ],
)
def test_configs_of_anything_are_refused(released: Path, config: str) -> None:
    with np.load(released) as file:
        members = dict(file)
    arrays = {name: array for name, array in members.items() if not name.startswith("__")}
    told = json.dumps({**json.loads(config), "kind": KIND}) if "width" in config else config
    members["__config__"] = np.frombuffer(told.encode(), np.uint8)
    members["__sha256__"] = np.frombuffer(_digest(arrays, told).encode(), np.uint8)
    np.savez(released, **members)
    with pytest.raises(ValueError, match=r"colornet\.npz"):
        read_weights(released)


def test_weights_of_another_network_are_named() -> None:
    network = ColorNet(SMALL)
    arrays = random_arrays()
    del arrays["head.bias"]
    with pytest.raises(ValueError, match=r"head\.bias is missing"):
        load_into(network, arrays)
    with pytest.raises(ValueError, match=r"another network: \d+ differences"):
        load_into(network, random_arrays(NetworkConfig(width=8, bins=6)))
    with pytest.raises(ValueError, match="tail is unknown"):
        load_into(network, {**random_arrays(), "tail": np.zeros(3)})


def test_a_failed_write_keeps_the_previous_file(released: Path) -> None:
    before = released.read_bytes()
    broken = random_arrays()
    broken["head.weight"][0] = np.inf
    with pytest.raises(ValueError, match=r"head\.weight cannot be stored"):
        write_weights(released, broken, config=SMALL, record={})
    with pytest.raises(TypeError):
        write_weights(released, random_arrays(), config=SMALL, record={"what": object()})
    assert released.read_bytes() == before
    assert list(released.parent.iterdir()) == [released]
