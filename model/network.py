"""The network: lightness and hints -> logits over the Q bins of ab at quarter size; and their annealed mean.

A ResNet of basic blocks, fused with the features of a pretrained image classifier (as deep-koalarization
fuses Inception's; Baldassarre, Morin, Rodes-Guirao 2017), and a U-shaped decoder back to quarter size. The
classifier was trained on 1.28 million labeled photographs, so only colors remain to be learned. All upsampling
is a 1x1 convolution and a pixel shuffle, which trains twice as fast on a CPU as a transposed convolution;
``model.export`` converts it into one, which is faster for inference.
"""

from dataclasses import dataclass

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from model.contract import PLANES
from model.efficientnet_lite import FEATURE_CHANNELS, EfficientNetLite0

KIND = "resnet+efficientnet-lite0"


@dataclass(frozen=True)
class NetworkConfig:
    """Hyperparameters of a network; stored in every weights file."""

    width: int = 32
    bins: int = 261
    bn_momentum: float = 0.5
    kind: str = KIND

    def __post_init__(self) -> None:
        whole = isinstance(self.width, int) and isinstance(self.bins, int)
        if not whole or self.width < 1 or self.bins < 2 or not 0 <= self.bn_momentum < 1:
            raise ValueError(
                f"invalid {self}: expected integer width >= 1, integer bins >= 2, 0 <= bn_momentum < 1"
            )
        if self.kind != KIND:
            raise ValueError(f"unknown kind of network {self.kind!r}: expected {KIND!r}")


def _conv(
    inputs: int, outputs: int, size: int, *, stride: int = 1, bias: bool = False
) -> nn.Conv2D:
    attribute = None if bias else False
    return nn.Conv2D(inputs, outputs, size, stride=stride, padding=size // 2, bias_attr=attribute)


class BasicBlock(nn.Layer):
    """Two 3x3 convolutions and a shortcut."""

    NORMALIZED = (("conv1", "bn1"), ("conv2", "bn2"))

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
    """Double the size, concatenate the skip connection, convolve."""

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

    BatchNorm statistics are updated in training, except the backbone's, which are frozen as published.

    forward(planes, palette)
        planes : (N, 4, H, W) float32: L/50 - 1, hint a/110, hint b/110, hint mask (zeros without
            hints); H and W multiples of 32 (callers pad by reflection)
        palette : (N, Q + 1) float32: share of each bin in the desired picture, then 1; or all zeros
        returns logits (N, Q, H/4, W/4)
    """

    NORMALIZED = (("stem", "stem_bn"), ("fuse", "fuse_bn"))

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        w, m = config.width, config.bn_momentum
        at8, at16, at32 = FEATURE_CHANNELS
        self.backbone = EfficientNetLite0()
        self.stem = _conv(PLANES, w, 7, stride=2)
        self.stem_bn = nn.BatchNorm2D(w, momentum=m)
        self.stage1 = _stage(w, w, stride=1, momentum=m)
        self.stage2 = _stage(w, 2 * w, stride=2, momentum=m)
        self.stage3 = _stage(2 * w, 4 * w, stride=2, momentum=m)
        self.context1 = nn.Linear(at32 + config.bins + 1, 4 * w)
        self.context2 = nn.Linear(4 * w, 4 * w)
        # Without the norm the global vector grows until it dominates the local features.
        self.context_norm = nn.LayerNorm(4 * w, epsilon=1e-5)
        self.backbone_expand = _conv(at32, 4 * 2 * w, 1, bias=True)
        self.fuse = _conv(4 * w + at16 + 2 * w, 4 * w, 1)
        self.fuse_bn = nn.BatchNorm2D(4 * w, momentum=m)
        self.bottom = BasicBlock(4 * w, 4 * w, stride=1, momentum=m)
        self.up2 = UpBlock(4 * w, 2 * w + at8, upper=2 * w, outputs=2 * w, momentum=m)
        self.up1 = UpBlock(2 * w, w, upper=2 * w, outputs=2 * w, momentum=m)
        self.head = _conv(2 * w, config.bins, 1, bias=True)

    def forward(self, planes: Tensor, palette: Tensor) -> Tensor:
        f8, f16, f32 = self.backbone(planes[:, :1])
        x = F.relu(self.stem_bn(self.stem(planes)))  # (N, w, H/2, W/2)
        at4 = self.stage1(F.max_pool2d(x, 3, stride=2, padding=1))  # (N, w, H/4, W/4)
        at8 = self.stage2(at4)  # (N, 2w, H/8, W/8)
        known = F.pixel_shuffle(self.backbone_expand(f32), 2)  # (N, 2w, H/16, W/16)
        x = paddle.concat([self.stage3(at8), f16, known], axis=1)
        x = F.relu(self.fuse_bn(self.fuse(x)))  # (N, 4w, H/16, W/16)
        x = self.bottom(x + self.context(f32, palette))
        x = self.up2(x, paddle.concat([at8, f8], axis=1))  # (N, 2w, H/8, W/8)
        return self.head(self.up1(x, at4))  # (N, Q, H/4, W/4)

    def context(self, f32: Tensor, palette: Tensor) -> Tensor:
        """Encode the whole picture and the palette in a global vector (N, 4w, 1, 1)."""
        # x.mean() makes oneDNN in Paddle 3.3.1 print a debugging line for every predictor.
        mean = F.adaptive_avg_pool2d(f32, 1).flatten(1)
        vector = self.context2(F.relu(self.context1(paddle.concat([mean, palette], axis=1))))
        return self.context_norm(vector).unsqueeze([2, 3])


def annealed(logits: Tensor, *, temperature: Tensor) -> Tensor:
    """Convert logits (N, Q, h, w) to the annealed distribution over the bins, (N, Q, h, w).

    temperature : (1,); 1 leaves it unchanged, toward 0 only the mode remains (Zhang, Isola, Efros 2016)
    """
    cold = paddle.reciprocal(temperature).reshape([1, 1, 1, 1])
    return F.softmax(logits * cold, axis=1)


def annealed_mean(logits: Tensor, filters: Tensor, *, temperature: Tensor) -> Tensor:
    """Average over the annealed distribution of logits (N, Q, h, w): (N, C, h, w).

    filters : (C, Q, 1, 1), the averaged values of each bin: a, b, chroma
    """
    return F.conv2d(annealed(logits, temperature=temperature), filters)
