"""An independent forward pass of the network in NumPy, by the names of its arrays."""

import numpy as np
from small_network import Arrays


def conv(x: np.ndarray, w: np.ndarray, stride: int = 1) -> np.ndarray:
    pad = w.shape[-1] // 2
    return windowed(np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad))), w, stride)


def windowed(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    how = "nchwij,ocij->nohw" if w.shape[1] == x.shape[1] else "nchwij,cuij->nchw"  # or depthwise
    return np.einsum(how, windows[:, :, ::stride, ::stride], w, optimize=True)


def same(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """Pad as TensorFlow does: as much as the last window needs, the odd pixel at the bottom and right."""
    pads = [(0, 0), (0, 0)]
    for length in x.shape[2:]:
        total = max((-(-length // stride) - 1) * stride + w.shape[-1] - length, 0)
        pads.append((total // 2, total - total // 2))
    return windowed(np.pad(x, pads), w, stride)


def norm(x: np.ndarray, a: Arrays, name: str, epsilon: float = 1e-5) -> np.ndarray:
    w, b, mean, var = (
        a[f"{name}.{key}"][:, None, None]
        for key in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(var + epsilon) * w + b


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def block(x: np.ndarray, a: Arrays, name: str, stride: int) -> np.ndarray:
    y = relu(norm(conv(x, a[f"{name}.conv1.weight"], stride), a, f"{name}.bn1"))
    y = norm(conv(y, a[f"{name}.conv2.weight"]), a, f"{name}.bn2")
    if f"{name}.short.0.weight" in a:
        x = norm(conv(x, a[f"{name}.short.0.weight"], stride), a, f"{name}.short.1")
    return relu(x + y)


def classifier(x: np.ndarray, a: Arrays) -> list[np.ndarray]:
    """Compute EfficientNet-Lite0 from its published table: kernel, stride and repeats of each stage."""
    steps = [(3, 1), *[(3, 2), (3, 1)], *[(5, 2), (5, 1)], *[(3, 2), (3, 1), (3, 1)]]
    steps += [*[(5, 1)] * 3, *[(5, 2), (5, 1), (5, 1), (5, 1)], (3, 1)]

    def normed(x: np.ndarray, name: str, bn: str, stride: int = 1) -> np.ndarray:
        return norm(same(x, a[f"{name}.weight"], stride), a, bn, epsilon=1e-3)

    x = np.clip(normed(x, "backbone.stem", "backbone.bn", 2), 0, 6)
    features = []
    for number, (kernel, stride) in enumerate(steps):
        name, y = f"backbone.blocks.{number}", x
        assert a[f"{name}.depthwise.weight"].shape[-1] == kernel
        if number:
            y = np.clip(normed(y, f"{name}.expand", f"{name}.bn0"), 0, 6)
        y = np.clip(normed(y, f"{name}.depthwise", f"{name}.bn1", stride), 0, 6)
        y = normed(y, f"{name}.project", f"{name}.bn2")
        x = x + y if x.shape == y.shape else y
        features.append(x)
    return [features[4], features[10], features[15]]


def shuffled(x: np.ndarray, a: Arrays, name: str) -> np.ndarray:
    x = conv(x, a[f"{name}.weight"]) + a[f"{name}.bias"][:, None, None]
    n, c, h, w = x.shape
    return (
        x.reshape(n, c // 4, 2, 2, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // 4, 2 * h, -1)
    )


def recipe(x: np.ndarray, palette: np.ndarray, a: Arrays) -> np.ndarray:
    f8, f16, f32 = classifier(x[:, :1], a)
    x = relu(norm(conv(x, a["stem.weight"], 2), a, "stem_bn"))
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    x = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    x, skips = x.max((4, 5)), []
    for stage in range(1, 4):
        x = block(x, a, f"stage{stage}.0", 1 if stage == 1 else 2)
        x = block(x, a, f"stage{stage}.1", 1)
        skips.append(x)
    v = np.concatenate([f32.mean((2, 3)), palette], 1)
    v = relu(v @ a["context1.weight"].T + a["context1.bias"])
    v = v @ a["context2.weight"].T + a["context2.bias"]
    v = (v - v.mean(1, keepdims=True)) / np.sqrt(v.var(1, keepdims=True) + 1e-5)
    x = np.concatenate([skips[2], f16, shuffled(f32, a, "backbone_expand")], 1)
    x = relu(norm(conv(x, a["fuse.weight"]), a, "fuse_bn"))
    x = x + (v * a["context_norm.weight"] + a["context_norm.bias"])[:, :, None, None]
    x = block(x, a, "bottom", 1)
    for name, joined in (("up2", [skips[1], f8]), ("up1", [skips[0]])):
        x = np.concatenate([shuffled(x, a, f"{name}.expand"), *joined], 1)
        x = relu(norm(conv(x, a[f"{name}.conv.weight"]), a, f"{name}.bn"))
    return conv(x, a["head.weight"]) + a["head.bias"][:, None, None]
