"""Rare colors weigh more, the mean weight is 1, and the released file matches the code."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import run_script

from prior import getWeight
from prior.getWeight import smoothed, weights
from prior.qspace import read_bins

BINS = read_bins()
SOME = np.random.default_rng(0).pareto(1.0, len(BINS))


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    return run_script(getWeight.main, *words, patch=monkeypatch)


def test_smoothing_keeps_the_mass_and_spreads_it_to_the_neighbors() -> None:
    one = np.zeros(len(BINS))
    center = int(np.flatnonzero(~BINS.any(axis=1))[0])
    one[center] = 3
    spread = smoothed(one, BINS)
    assert spread.sum() == pytest.approx(1)
    beside = np.flatnonzero(np.abs(BINS).sum(axis=1) == 10)
    assert spread[beside] / spread[center] == pytest.approx(np.exp(-100 / 50))
    assert smoothed(SOME, BINS).sum() == pytest.approx(1)


def test_a_narrow_gaussian_changes_nothing() -> None:
    assert smoothed(SOME, BINS, sigma=0.5) == pytest.approx(SOME / SOME.sum())


def test_mean_weight_over_the_pixels_is_one() -> None:
    for mix in (0.0, 0.5, 0.9):
        assert (SOME / SOME.sum()) @ weights(SOME, BINS, mix=mix) == pytest.approx(1)


def test_rarer_weighs_more() -> None:
    share = smoothed(SOME, BINS)
    assert (np.diff(weights(SOME, BINS)[np.argsort(share)]) <= 1e-12).all()


def test_all_uniform_weighs_all_the_same() -> None:
    assert weights(SOME, BINS, mix=1) == pytest.approx(1)


def test_scale_of_the_counts_does_not_matter() -> None:
    assert weights(SOME * 1e9, BINS) == pytest.approx(weights(SOME, BINS))


def test_released_weights_are_made_by_the_code() -> None:
    experience = np.load(getWeight.EXPERIENCE)
    released = np.load(getWeight.OUT)
    assert released.dtype == np.float32
    assert released == pytest.approx(weights(experience, BINS), rel=1e-6)
    assert json.loads(getWeight.OUT.with_suffix(".json").read_text())["lambda"] == 0.5


def test_the_script_writes_weights_a_record_and_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "E.npy", SOME)
    words = ("-experience", tmp_path / "E.npy", "-out", tmp_path / "W.npy", "-plot")
    assert run(monkeypatch, *words, "-sigma", 3, "-lambda", 0.7) == 0
    assert np.load(tmp_path / "W.npy") == pytest.approx(weights(SOME, BINS, sigma=3, mix=0.7))
    assert (tmp_path / "W.png").stat().st_size > 10_000
    assert run(monkeypatch, *words) == 0
    kept = np.load(tmp_path / "W.previous.npy")
    assert kept == pytest.approx(weights(SOME, BINS, sigma=3, mix=0.7))


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "run prior/getExperience.py first"),
        (b"text", "not a .npy array"),
        (np.array(["1"] * 261), "not a .npy array"),
        (np.ones(5), "261 bins"),
        (np.zeros(261), "only zeros"),
        (np.full(261, np.nan), "one number >= 0 for each"),
        (np.ones((261, 2)), "one number >= 0 for each"),
    ],
)
def test_mistakes_are_one_line(
    content: object,
    wrong: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "E.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    assert run(monkeypatch, "-experience", path, "-out", tmp_path / "W.npy") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("prior/getWeight.py: ")
    assert wrong in line
    assert not (tmp_path / "W.npy").exists()


def test_counts_of_a_shard_are_no_experience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Experience.1-of-1.npz"
    np.savez_compressed(path, counts=SOME)
    for content in (path.read_bytes(), path.read_bytes()[:-9]):
        path.write_bytes(content)
        assert run(monkeypatch, "-experience", path, "-out", tmp_path / "W.npy") == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "not a .npy array of numbers" in line
    assert not (tmp_path / "W.npy").exists()


def test_a_bin_without_pixels_leaves_the_earlier_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = SOME.copy()
    counts[7] = 0
    np.save(tmp_path / "E.npy", counts)
    (tmp_path / "W.npy").write_bytes(b"good")
    words = ("-experience", tmp_path / "E.npy", "-out", tmp_path / "W.npy", "-sigma", "0.01")
    assert run(monkeypatch, *words, "-lambda", "0") == 1
    a, b = BINS[7]
    assert capsys.readouterr().err == (
        f"prior/getWeight.py: bin {a:g}, {b:g} has no pixels: use a larger -lambda or -sigma\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["E.npy", "W.npy"]
    assert (tmp_path / "W.npy").read_bytes() == b"good"
    assert run(monkeypatch, *words) == 0
    assert np.isfinite(np.load(tmp_path / "W.npy")).all()


@pytest.mark.parametrize(
    "words",
    [
        ("-lambda", "1.5"),
        ("-sigma", "0"),
        ("-sigma", "inf"),
        ("-sigma", "1e300"),
        ("-lambda", "some"),
    ],
)
def test_wrong_settings_are_usage_errors(
    words: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, *words)
