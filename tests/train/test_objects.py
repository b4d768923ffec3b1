"""The comparison of places is fitted on regions of like color, stored, and used as it was fitted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model import objects as compared
from model.objects import CHANNELS, TONES, Described, LikenessWeights, likeness
from train.objects import Compared, ObjectOptions, collected, comparisons, fit, run, write

SIDE = 256
POSITIONS = 63  # with the place itself, a square of 8 x 8


def colorful(seed: int = 0) -> np.ndarray:
    """Return a photograph-like picture: disks of strong colors on a gray ground, with noise."""
    rng = np.random.default_rng(seed)
    rgb = np.full((SIDE, SIDE, 3), 120, np.float32)
    rows, columns = np.ogrid[:SIDE, :SIDE]
    for color in ((200, 40, 40), (40, 160, 60), (50, 70, 200)):
        row, column = rng.integers(50, SIDE - 50, 2)
        rgb[(rows - row) ** 2 + (columns - column) ** 2 < 45**2] = color
    return np.clip(rgb + rng.normal(0, 6, (SIDE, SIDE, 1)), 0, 255).astype(np.uint8)


def made(count: int, *, seed: int = 0) -> Compared:
    """Make comparisons whose answer is whether the first feature is like the place's."""
    rng = np.random.default_rng(seed)
    place = rng.normal(0, 1, (count, CHANNELS)).astype(np.float32)
    same = (np.arange(POSITIONS) < POSITIONS // 2).astype(np.float32)[None].repeat(count, 0)
    positions = rng.normal(0, 1, (count, POSITIONS, CHANNELS)).astype(np.float32)
    positions[..., :40] = place[:, None, :40] + (1 - same)[..., None] * 3
    tones = np.zeros((count, POSITIONS, TONES), np.float32)
    distance = rng.uniform(0, 2.5, (count, POSITIONS)).astype(np.float32)
    return Compared(place, tones[:, 0], positions, tones, distance, same)


def test_comparisons_know_what_the_colors_show() -> None:
    found = list(comparisons(colorful(), np.random.default_rng(0)))
    assert len(found) >= 2
    for one in found:
        assert one.positions.shape == (len(one.same), CHANNELS)
        assert one.tones.shape == (len(one.same), TONES)
        assert set(one.same.tolist()) == {0, 1}
        like = np.abs(one.tones - one.place_tones)[..., 0]
        assert like[one.same > 0].mean() < like[one.same == 0].mean()


def test_a_gray_picture_has_no_comparisons() -> None:
    gray = colorful()[..., :1].repeat(3, axis=-1)
    assert not list(comparisons(gray, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="found 0 regions"):
        collected([gray])


def test_a_fit_learns_the_answers_and_is_the_same_again() -> None:
    weights, loss, right = fit(made(48), steps=120)
    assert right > 0.9
    assert loss < 0.4
    again, *_ = fit(made(48), steps=120)
    np.testing.assert_array_equal(weights.project, again.project)


def test_stored_weights_compare_as_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made(48)
    weights, *_ = fit(data, steps=120)
    path = tmp_path / "objects.npz"
    write(path, weights)
    stored = compared.likeness_weights(path)
    assert LikenessWeights._fields == stored._fields
    monkeypatch.setattr(compared, "likeness_weights", lambda: stored)
    right = []
    for one in range(6):
        positions = np.vstack([data.place[one][None], data.positions[one]])
        embedding = (positions @ stored.project + stored.offset).astype(np.float32)
        picture = Described(embedding.reshape(8, 8, -1), np.zeros((8, 8, TONES), np.float32))
        place = np.zeros((8, 8), np.float32)
        place[0, 0] = 1
        found = likeness(picture, [place])[0].ravel()[1:]
        right.append(((found > 0.5) == data.same[one]).mean())
    assert np.mean(right) > 0.85


def test_the_command_fits_on_photographs_and_writes_the_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(10):
        Image.fromarray(colorful(number)).save(folder / f"{number}.png")
    out = tmp_path / "objects.npz"
    options = ObjectOptions(data=(folder,), out=out, limit=10, steps=5, quiet=True)
    assert run(options) == 0
    assert "regions" in capsys.readouterr().out
    with np.load(out) as file:
        assert set(file.files) == set(LikenessWeights._fields)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "-data names no photographs"),
        ({"data": (Path("x"),), "out": Path("missing/objects.npz")}, "create it"),
        (
            {"data": (Path("x"),), "out": Path()},
            r"cannot write \.: it is a folder: name a file in it",
        ),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ObjectOptions(**options)
