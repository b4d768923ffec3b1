"""The backbone computes what its published table says, with frozen statistics."""

import numpy as np
import paddle
import pytest
from recipe import classifier
from small_network import random_arrays

from model.efficientnet_lite import FEATURE_CHANNELS, EfficientNetLite0
from model.weights_file import BACKBONE_PREFIX, load_into


@pytest.fixture(scope="module")
def backbone() -> EfficientNetLite0:
    network = EfficientNetLite0()
    arrays = {
        name.removeprefix(BACKBONE_PREFIX): array
        for name, array in random_arrays().items()
        if name.startswith(BACKBONE_PREFIX)
    }
    load_into(network, arrays)
    network.eval()
    return network


def lightness(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(2).uniform(-1, 1, (2, 1, height, width)).astype(np.float32)


def test_features_are_those_of_the_published_table(backbone: EfficientNetLite0) -> None:
    x = lightness(64, 96)
    expected = classifier(x, random_arrays())
    for found, wanted in zip(backbone(paddle.to_tensor(x)), expected, strict=True):
        assert wanted.std() > 0.1
        np.testing.assert_allclose(found.numpy(), wanted, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (96, 160)])
def test_features_have_three_scales(backbone: EfficientNetLite0, height: int, width: int) -> None:
    found = backbone(paddle.to_tensor(lightness(height, width)))
    for features, channels, scale in zip(found, FEATURE_CHANNELS, (8, 16, 32), strict=True):
        assert list(features.shape) == [2, channels, height // scale, width // scale]


def test_training_uses_and_keeps_the_published_statistics(backbone: EfficientNetLite0) -> None:
    x = paddle.to_tensor(lightness(32, 64))
    expected = [features.numpy() for features in backbone(x)]
    before = {name: tensor.numpy() for name, tensor in backbone.state_dict().items()}
    backbone.train()
    try:
        found = [features.numpy() for features in backbone(x)]
    finally:
        backbone.eval()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    for name, tensor in backbone.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name])
