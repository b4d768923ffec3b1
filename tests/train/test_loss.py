"""The losses compared with NumPy, their gradients with finite differences."""

from collections.abc import Callable

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray

from model.network import annealed_mean
from train.loss import EPSILON, cross_entropy, variance_penalized_error

Q, K = 7, 3
CENTERS = np.random.default_rng(1).normal(0, 40, (Q, 2))


def soft_code(rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    bins = np.stack([rng.permutation(Q)[:K] for _ in range(2 * 3 * 2)]).reshape(2, 3, 2, K)
    shares = rng.random((2, 3, 2, K))
    shares /= shares.sum(axis=-1, keepdims=True)
    return bins.transpose(0, 3, 1, 2), shares.transpose(0, 3, 1, 2)


def mixed_loss(logits: paddle.Tensor) -> paddle.Tensor:
    """Return the sum of both losses on fixed targets in double precision."""
    rng = np.random.default_rng(5)
    bins, shares = soft_code(rng)
    weights = paddle.to_tensor(rng.random((2, 1, 3, 2)))
    true = paddle.to_tensor(rng.normal(0, 20, (2, 2, 3, 2)))
    entropy = cross_entropy(logits, paddle.to_tensor(bins), paddle.to_tensor(shares), weights)
    filters, once = CENTERS.T[:, :, None, None], paddle.ones([1], "float64")
    predicted = annealed_mean(logits, paddle.to_tensor(filters), temperature=once)
    return entropy + 0.02 * variance_penalized_error(predicted, true)


def finite_differences(
    loss: Callable[[paddle.Tensor], paddle.Tensor], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    gradient, step = np.empty_like(x), 1e-5
    for place in np.ndindex(x.shape):
        values = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * step
            values.append(loss(paddle.to_tensor(moved)).item())
        gradient[place] = (values[0] - values[1]) / (2 * step)
    return gradient


def gradient_of(
    loss: Callable[[paddle.Tensor], paddle.Tensor], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    tensor = paddle.to_tensor(x, stop_gradient=False)
    loss(tensor).backward()
    return np.asarray(tensor.grad.numpy())


def test_cross_entropy_is_that_of_the_dense_code() -> None:
    rng = np.random.default_rng(2)
    logits, (bins, shares) = rng.normal(0, 3, (2, Q, 3, 2)), soft_code(rng)
    weights = rng.random((2, 1, 3, 2))
    dense = np.zeros_like(logits)
    np.put_along_axis(dense, bins, shares, axis=1)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = (weights * -(dense * log_p).sum(axis=1, keepdims=True)).mean()
    got = cross_entropy(*(paddle.to_tensor(x) for x in (logits, bins, shares, weights)))
    assert got.item() == pytest.approx(expected, rel=1e-12)


def test_squared_error_is_the_formula() -> None:
    rng = np.random.default_rng(3)
    p, t = rng.normal(3, 20, (2, 2, 4, 4)), rng.normal(0, 30, (2, 2, 4, 4))
    expected = ((p - t) ** 2).mean() + 26.7 / (p.var() + EPSILON)
    got = variance_penalized_error(paddle.to_tensor(p), paddle.to_tensor(t))
    assert got.item() == pytest.approx(expected, rel=1e-12)


def test_the_variance_penalty_works_against_gray() -> None:
    true = paddle.to_tensor(np.random.default_rng(4).normal(0, 20, (1, 2, 4, 4)))
    dull, vivid = true * 0.05, true * 0.5
    share = [
        (variance_penalized_error(p, true) - variance_penalized_error(p, true, penalty=0)).item()
        for p in (dull, vivid)
    ]
    assert share[0] > 20 * share[1] > 0  # not 1e-9: the penalty dominates


def test_a_gray_batch_stays_finite() -> None:
    predicted = paddle.zeros([1, 2, 4, 4], dtype="float64")
    predicted.stop_gradient = False
    loss = variance_penalized_error(predicted, paddle.ones([1, 2, 4, 4], dtype="float64"))
    loss.backward()
    assert np.isfinite(loss.item())
    assert np.isfinite(predicted.grad.numpy()).all()


def test_gradients_are_finite_differences() -> None:
    logits = np.random.default_rng(6).normal(0, 2, (2, Q, 3, 2))
    np.testing.assert_allclose(
        gradient_of(mixed_loss, logits), finite_differences(mixed_loss, logits), atol=1e-7
    )
