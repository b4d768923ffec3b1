"""Places of a picture are compared by what they show; those of one object agree on its color."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
from helpers import landscape
from numpy.typing import NDArray

from color.arrays import Floats
from model import objects
from model.objects import (
    CHANNELS,
    GRID,
    SCALES,
    agreed,
    agreed_quickly,
    classifier_features,
    described,
    grid_of,
    likeness,
    likeness_weights,
    tones_of,
)
from model.program import Program
from model.program_cache import program_for
from model.weights_file import RELEASED, build, read_backbone, read_weights

RED = (50.0, 30.0)


def scene(height: int = 192, width: int = 192) -> NDArray[np.float32]:
    """Return L of a dark disk on a light ground, with texture."""
    rng = np.random.default_rng(0)
    rows, columns = np.ogrid[:height, :width]
    inside = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (0.25 * height) ** 2
    lightness = np.where(inside, 30, 75) + rng.normal(0, 2, (height, width))
    return lightness.astype(np.float32)


def at(row: int, column: int, grid: tuple[int, int] = (GRID, GRID)) -> NDArray[np.float32]:
    place = np.zeros(grid, np.float32)
    place[row, column] = 1
    return place


def test_the_stored_weights_fit_the_classifier() -> None:
    weights = likeness_weights()
    assert weights.project.shape == (CHANNELS, len(weights.offset))
    assert sum(channels for _, channels in SCALES) == CHANNELS
    assert all(np.isfinite(one).all() for one in weights)


@pytest.mark.parametrize("shape", [(192, 192), (192, 320), (96, 64)])
def test_each_position_of_the_grid_is_described(shape: tuple[int, int]) -> None:
    picture = described(scene(*shape))
    assert picture.embedding.shape[:2] == picture.tones.shape[:2] == grid_of(shape)
    assert min(grid_of(shape)) == GRID
    assert np.isfinite(picture.embedding).all()


def test_the_features_are_the_published_classifier_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its program must not have the backbone of the colorizing network, which is fine-tuned."""
    import paddle

    from model.contract import network_planes
    from model.efficientnet_lite import PYRAMID_BLOCKS
    from model.weights_file import load_into

    network = build(read_weights(RELEASED))
    load_into(network, read_backbone(), prefix="backbone.")
    network.eval()
    lightness = np.asarray(landscape(256, 256) / 2.55, np.float32)
    with paddle.no_grad():
        planes = paddle.to_tensor(network_planes(lightness[None])[:, :1])
        expected = network.backbone.features(planes, PYRAMID_BLOCKS)
    exact = Program(functools.partial(program_for, output="classifier")), objects._classifier()[1]
    monkeypatch.setattr(objects, "_classifier", lambda: exact)
    found = list(classifier_features(lightness))
    assert [one.shape[-1] for one in found] == [channels for _, channels in SCALES]
    for one, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.moveaxis(one, -1, 0), wanted.numpy()[0], atol=2e-3)


def test_tones_are_lightness_and_texture() -> None:
    plain = tones_of(np.full((96, 96), 40, np.float32), (24, 24))
    np.testing.assert_allclose(plain, np.broadcast_to([2, 2, 0], plain.shape), atol=1e-2)
    checked = np.indices((96, 96)).sum(axis=0) % 2 * np.float32(80)
    assert tones_of(checked, (24, 24))[..., 2] == pytest.approx(8, abs=0.1)


def test_places_of_the_same_object_are_likelier_to_belong_to_it() -> None:
    picture = described(scene())
    inside, outside = likeness(picture, [at(24, 24), at(4, 4)])
    assert inside[20:28, 20:28].min() > 0.8
    assert inside[:4].max() < 0.3
    assert outside[:6, :6].min() > 0.8
    assert outside[20:28, 20:28].max() < 0.3


def test_a_place_of_several_positions_is_compared_as_their_mean() -> None:
    picture = described(scene())
    both, weighted = likeness(picture, [at(24, 24) + at(24, 25), 5 * at(24, 24)])
    assert np.abs(both - weighted).max() < 0.2
    np.testing.assert_allclose(weighted, likeness(picture, [at(24, 24)])[0], atol=1e-6)


def test_the_same_picture_is_described_once() -> None:
    first = described(scene())
    assert described(scene().copy()) is first


def halves() -> NDArray[np.float32]:
    """Return L of a dark left half and a light right half."""
    return np.where(np.arange(128) < 64, 30, 70)[None].repeat(128, 0).astype(np.float32)


def noisy(level: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ab that varies around two colors, left and right, and a confidence."""
    rng = np.random.default_rng(0)
    ab = rng.normal(0, level, (32, 32, 2)).astype(np.float32)
    ab[:, :16] += RED
    return ab, np.full(ab.shape[:2], 0.5, np.float32)


def test_without_hints_the_places_of_an_object_agree_and_objects_stay_apart() -> None:
    ab, sure = noisy(10)
    found = agreed(ab, sure, halves())
    assert found[:, :15].std(axis=(0, 1)).max() < 3
    assert np.hypot(*(found[:, :15].mean(axis=(0, 1)) - RED)) < 2
    assert np.hypot(*found[:, 17:].mean(axis=(0, 1))) < 2


def test_an_object_takes_the_color_of_which_the_network_is_sure() -> None:
    ab, sure = noisy(0)
    ab[10:22, 2:8], sure[10:22, 2:8] = (-40, 30), 0.05
    found = agreed(ab, sure, halves())
    assert np.hypot(*(found[16, 5] - RED)) < 10


@pytest.mark.parametrize("agree", [agreed, agreed_quickly])
def test_one_color_everywhere_stays_as_it_is(agree: Callable[..., Floats]) -> None:
    ab, sure = (
        np.full((32, 32, 2), RED, np.float32),
        np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32),
    )
    np.testing.assert_allclose(agree(ab, sure, halves()), ab, atol=1e-3)


def test_frames_agree_within_objects_too_at_half_the_resolution() -> None:
    ab, sure = noisy(0)
    ab[10:22, 2:8], sure[10:22, 2:8] = (-40, 30), 0.05
    found = agreed_quickly(ab, sure, halves())
    assert np.hypot(*(found[16, 5] - RED)) < 15
    assert np.hypot(*(found[:, 12:15].mean(axis=(0, 1)) - RED)) < 4
    assert np.hypot(*found[:, 18:].mean(axis=(0, 1))) < 3
    odd = agreed_quickly(ab[:31, :29], sure[:31, :29], halves())
    assert odd.shape == (31, 29, 2)
