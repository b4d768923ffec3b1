"""The network's shapes, size, and the effect of each input."""

import paddle
import pytest

from model.network import ColorNet, NetworkConfig

SMALL = NetworkConfig(width=4, bins=11)


@pytest.fixture(scope="module")
def network() -> ColorNet:
    paddle.seed(3)
    net = ColorNet(SMALL)
    net.eval()
    return net


def test_full_network_has_the_recipes_parameters() -> None:
    network = ColorNet(NetworkConfig())
    assert sum(tensor.size for tensor in network.state_dict().values()) == 4_428_837
    assert list(network.head.weight.shape) == [261, 64, 1, 1]


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96), (160, 32)])
def test_output_is_a_quarter_of_any_multiple_of_32(
    network: ColorNet, height: int, width: int
) -> None:
    logits = network(paddle.zeros([2, 4, height, width]), paddle.zeros([2, 12]))
    assert list(logits.shape) == [2, 11, height // 4, width // 4]


def test_convolutions_before_a_norm_have_no_bias(network: ColorNet) -> None:
    biased = {name for name, _ in network.named_parameters() if name.endswith("bias")}
    assert {n for n in biased if "bn" not in n and "norm" not in n and "short.1" not in n} == {
        "context1.bias", "context2.bias", "backbone_expand.bias", "up2.expand.bias",
        "up1.expand.bias", "head.bias",
    }  # fmt: skip


@pytest.mark.parametrize("plane", range(4))
def test_every_input_plane_reaches_the_output(network: ColorNet, plane: int) -> None:
    planes = paddle.zeros([1, 4, 64, 64])
    before = network(planes, paddle.zeros([1, 12]))
    planes[:, plane] = 1.0
    assert float(abs(network(planes, paddle.zeros([1, 12])) - before).max().item()) > 1e-4


def test_the_palette_reaches_every_pixel(network: ColorNet) -> None:
    planes = paddle.rand([1, 4, 64, 64])
    change = abs(network(planes, paddle.ones([1, 12])) - network(planes, paddle.zeros([1, 12])))
    assert float(change.max(axis=1).min().item()) > 1e-6


def test_pictures_of_a_batch_do_not_touch_each_other(network: ColorNet) -> None:
    planes, palette = paddle.rand([3, 4, 32, 64]), paddle.rand([3, 12])
    together = network(planes, palette)[1]
    alone = network(planes[1:2], palette[1:2])[0]
    assert float(abs(together - alone).max().item()) < 1e-4


@pytest.mark.parametrize("wrong", [{"width": 0}, {"bins": 1}, {"bn_momentum": 1.0}, {"kind": "x"}])
def test_impossible_networks_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"invalid NetworkConfig|unknown kind of network"):
        NetworkConfig(**wrong)  # type: ignore[arg-type]
