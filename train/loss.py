"""The two losses of the network's head, as pure tensor functions.

Notation: N pictures, Q bins, K nearest bins of the soft encoding, h w a quarter of the picture's size.
"""

import paddle
from paddle import Tensor

VARIANCE_PENALTY = 26.7  # from the training recipe, in squared ab units
EPSILON = 1e-2  # squared ab units; keeps the penalty of an all-gray batch finite


def cross_entropy(logits: Tensor, bins: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """Compute the weighted cross-entropy of logits with a sparse soft encoding.

    logits : (N, Q, h, w) float32
    bins : (N, K, h, w) int64, bins of the soft encoding
    shares : (N, K, h, w) float32, their shares, which sum to 1 over K
    weights : (N, 1, h, w) float32, expected value 1 under the prior
    """
    chosen = paddle.take_along_axis(logits, bins, axis=1)  # (N, K, h, w)
    total = paddle.logsumexp(logits, axis=1, keepdim=True)  # (N, 1, h, w)
    return (weights * (total - (shares * chosen).sum(axis=1, keepdim=True))).mean()


def variance_penalized_error(
    predicted: Tensor, true: Tensor, *, penalty: float = VARIANCE_PENALTY
) -> Tensor:
    """Compute the mean squared error plus a penalty over the variance of the prediction, in squared ab units.

    ``mean((p - t)^2) + penalty / mean((p - mean(p))^2)`` with all means over the whole batch. In the recipe's
    source, the second term is also divided by the number of elements, which makes it about 1e-9 and without
    effect; this version is effective, as a desaturated (nearly constant) prediction costs as much as a wrong one.
    """
    variance = ((predicted - predicted.mean()) ** 2).mean()
    return ((predicted - true) ** 2).mean() + penalty / (variance + EPSILON)
