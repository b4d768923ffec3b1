"""The network: lightness (and hints) in, logits over the Q bins of ab at quarter size out.

A ResNet of basic blocks with a U-shaped decoder back to quarter size. Everything upsamples with a
1x1 convolution and a pixel shuffle: it trains twice as fast on a CPU as a transposed convolution,
into which ``model.export`` rearranges it (there it is the faster one).
"""

from dataclasses import dataclass

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

PLANES = 4  # L/50 - 1, hint a/110, hint b/110, hint mask
STRIDE = 32  # both sides of the input must be multiples of it
REDUCTION = 4  # the output is at a quarter of the input's size


@dataclass(frozen=True)
class NetworkConfig:
    """What a network is made of; stored with every weights file."""

    width: int = 64
    bins: int = 261
    bn_momentum: float = 0.5

    def __post_init__(self) -> None:
        if self.width < 1 or self.bins < 2 or not 0 <= self.bn_momentum < 1:
            raise ValueError(
                f"no network can be made of {self}: width >= 1, bins >= 2, 0 <= momentum < 1"
            )


def _conv(
    inputs: int, outputs: int, size: int, *, stride: int = 1, bias: bool = False
) -> nn.Conv2D:
    attribute = None if bias else False
    return nn.Conv2D(inputs, outputs, size, stride=stride, padding=size // 2, bias_attr=attribute)


class BasicBlock(nn.Layer):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, momentum: float) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, outputs, 3, stride=stride)
        self.bn1 = nn.BatchNorm2D(outputs, momentum=momentum)
        self.conv2 = _conv(outputs, outputs, 3)
        self.bn2 = nn.BatchNorm2D(outputs, momentum=momentum)
        self.short = None
        if stride != 1 or inputs != outputs:
            self.short = nn.Sequential(
                _conv(inputs, outputs, 1, stride=stride), nn.BatchNorm2D(outputs, momentum=momentum)
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.short is None else self.short(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class UpBlock(nn.Layer):
    """Double the size, join the skip connection, mix."""

    def __init__(
        self, inputs: int, skip: int, *, upper: int, outputs: int, momentum: float
    ) -> None:
        super().__init__()
        self.expand = _conv(inputs, 4 * upper, 1, bias=True)
        self.conv = _conv(upper + skip, outputs, 3)
        self.bn = nn.BatchNorm2D(outputs, momentum=momentum)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = paddle.concat([F.pixel_shuffle(self.expand(x), 2), skip], axis=1)
        return F.relu(self.bn(self.conv(x)))


def _stage(inputs: int, outputs: int, *, stride: int, momentum: float) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(inputs, outputs, stride=stride, momentum=momentum),
        BasicBlock(outputs, outputs, stride=1, momentum=momentum),
    )


class ColorNet(nn.Layer):
    """Predict a distribution over the Q bins of ab for every 4x4 pixels.

    forward(planes, palette)
        planes : (N, 4, H, W) float32: L/50 - 1, hint a/110, hint b/110, hint mask (zeros without
            hints); H and W multiples of 32 (callers pad by reflection).
        palette : (N, Q + 1) float32: share of each bin in the wanted picture, then 1; or zeros.
        returns logits (N, Q, H/4, W/4).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        w, m = config.width, config.bn_momentum
        self.stem = _conv(PLANES, w, 7, stride=2)
        self.stem_bn = nn.BatchNorm2D(w, momentum=m)
        self.stage1 = _stage(w, w, stride=1, momentum=m)
        self.stage2 = _stage(w, 2 * w, stride=2, momentum=m)
        self.stage3 = _stage(2 * w, 4 * w, stride=2, momentum=m)
        self.stage4 = _stage(4 * w, 8 * w, stride=2, momentum=m)
        self.context1 = nn.Linear(8 * w + config.bins + 1, 8 * w)
        self.context2 = nn.Linear(8 * w, 8 * w)
        # Without the norm the global path grows until it drowns the picture.
        self.context_norm = nn.LayerNorm(8 * w, epsilon=1e-5)
        self.up3 = UpBlock(8 * w, 4 * w, upper=4 * w, outputs=4 * w, momentum=m)
        self.up2 = UpBlock(4 * w, 2 * w, upper=2 * w, outputs=2 * w, momentum=m)
        self.up1 = UpBlock(2 * w, w, upper=2 * w, outputs=2 * w, momentum=m)
        self.head = _conv(2 * w, config.bins, 1, bias=True)

    def forward(self, planes: Tensor, palette: Tensor) -> Tensor:
        x = F.relu(self.stem_bn(self.stem(planes)))  # (N, w, H/2, W/2)
        skip1 = self.stage1(F.max_pool2d(x, 3, stride=2, padding=1))  # (N, w, H/4, W/4)
        skip2 = self.stage2(skip1)  # (N, 2w, H/8, W/8)
        skip3 = self.stage3(skip2)  # (N, 4w, H/16, W/16)
        bottom = self.stage4(skip3)  # (N, 8w, H/32, W/32)
        x = bottom + self.context(bottom, palette)
        x = self.up1(self.up2(self.up3(x, skip3), skip2), skip1)  # (N, 2w, H/4, W/4)
        return self.head(x)  # (N, Q, H/4, W/4)

    def context(self, bottom: Tensor, palette: Tensor) -> Tensor:
        """Sum up the whole picture and the wanted palette: (N, 8w, 1, 1)."""
        seen = paddle.concat([bottom.mean(axis=[2, 3]), palette], axis=1)  # (N, 8w + Q + 1)
        vector = self.context_norm(self.context2(F.relu(self.context1(seen))))
        return vector.unsqueeze([2, 3])
