"""The two losses on the one head, as pure tensor functions.

Letters: N parts of a batch, Q bins, K nearest bins of the soft code, h w a quarter of the picture.
"""

import paddle
from paddle import Tensor

VARIANCE_PENALTY = 26.7  # from the training recipe, in squared ab units
EPSILON = 1e-2  # squared ab units; keeps the penalty of an all-gray batch finite


def cross_entropy(logits: Tensor, bins: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """Compare logits with a sparse soft code, each pixel counting as much as its weight.

    logits : (N, Q, h, w) float32
    bins : (N, K, h, w) int64, the bins the true color is shared among
    shares : (N, K, h, w) float32, their shares, which sum to 1 over K
    weights : (N, 1, h, w) float32, expected value 1 under the prior
    """
    chosen = paddle.take_along_axis(logits, bins, axis=1)  # (N, K, h, w)
    total = paddle.logsumexp(logits, axis=1, keepdim=True)  # (N, 1, h, w)
    return (weights * (total - (shares * chosen).sum(axis=1, keepdim=True))).mean()


def variance_penalized_error(
    predicted: Tensor, true: Tensor, *, penalty: float = VARIANCE_PENALTY
) -> Tensor:
    """Mean squared error plus a penalty over the variance of the prediction, in ab units squared.

    ``mean((p - t)^2) + penalty / mean((p - mean(p))^2)`` with every mean over the whole batch. As
    typeset in the recipe's source the second term is divided by the number of elements once more,
    which makes it about 1e-9 and without effect; this is the working reading, in which a
    desaturated (nearly constant) prediction costs as much as being wrong.
    """
    variance = ((predicted - predicted.mean()) ** 2).mean()
    return ((predicted - true) ** 2).mean() + penalty / (variance + EPSILON)
