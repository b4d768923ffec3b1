"""EfficientNet-Lite0 without its classifier: lightness -> features at three scales.

Tan and Le 2019 (arXiv 1905.11946) in the Lite variant: no squeeze-and-excitation, ReLU6, and
TensorFlow's "same" padding, which for stride 2 pads more at the bottom and right than at the top and left.
The published weights were trained on color; here the input is lightness alone, so the three filters
of the stem are summed into one, and L/50 - 1 replaces the (x - 127) / 128 they were trained on.
"""

from collections.abc import Sequence

import paddle.nn.functional as F
from paddle import Tensor, nn

# (blocks, kernel, stride of the first, output channels, expansion)
STAGES = (
    (1, 3, 1, 16, 1),
    (2, 3, 2, 24, 6),
    (2, 5, 2, 40, 6),
    (3, 3, 2, 80, 6),
    (3, 5, 1, 112, 6),
    (4, 5, 2, 192, 6),
    (1, 3, 1, 320, 6),
)
STEM_CHANNELS = 32
FEATURE_BLOCKS = (4, 10, 15)  # their outputs are the features at 1/8, 1/16 and 1/32
FEATURE_CHANNELS = (40, 112, 320)
PYRAMID_BLOCKS = (2, 4, 7, 10, 14, 15)  # the last of each stage from 1/4 on


def _conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2D:
    """Make a convolution without bias, padded as TensorFlow does for even input sizes."""
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    padding = [before, after, before, after]
    return nn.Conv2D(
        inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, bias_attr=False
    )


def _norm(channels: int) -> nn.BatchNorm2D:
    """Make a BatchNorm with frozen published statistics; its scale and shift are trainable."""
    return nn.BatchNorm2D(channels, epsilon=1e-3, use_global_stats=True)


class InvertedResidual(nn.Layer):
    """1x1 expansion, depthwise convolution, 1x1 projection, and a residual connection where shapes allow."""

    NORMALIZED = (("expand", "bn0"), ("depthwise", "bn1"), ("project", "bn2"))

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        inner = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.expand = None
        if expansion > 1:
            self.expand, self.bn0 = _conv(inputs, inner, 1), _norm(inner)
        self.depthwise = _conv(inner, inner, kernel, stride=stride, groups=inner)
        self.bn1 = _norm(inner)
        self.project = _conv(inner, outputs, 1)
        self.bn2 = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.bn0(self.expand(x)))
        y = F.relu6(self.bn1(self.depthwise(y)))
        y = self.bn2(self.project(y))
        return y + x if self.residual else y


class EfficientNetLite0(nn.Layer):
    """The backbone: lightness L/50 - 1 (N, 1, H, W) -> features (N, 40 / 112 / 320, h, w) at 1/8, 1/16 and 1/32."""

    NORMALIZED = (("stem", "bn"),)

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(1, STEM_CHANNELS, 3, stride=2)
        self.bn = _norm(STEM_CHANNELS)
        self.blocks = nn.LayerList()
        inputs = STEM_CHANNELS
        for count, kernel, first_stride, outputs, expansion in STAGES:
            for number in range(count):
                stride = 1 if number else first_stride
                self.blocks.append(
                    InvertedResidual(
                        inputs, outputs, kernel=kernel, stride=stride, expansion=expansion
                    )
                )
                inputs = outputs

    def forward(self, lightness: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f8, f16, f32 = self.features(lightness, FEATURE_BLOCKS)
        return f8, f16, f32

    def features(self, lightness: Tensor, blocks: Sequence[int]) -> list[Tensor]:
        """Return the outputs of the blocks with these numbers."""
        x = F.relu6(self.bn(self.stem(lightness)))
        features = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in blocks:
                features.append(x)
        return features
