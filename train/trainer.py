"""The trainer: one optimizer step and its loss, the moving average of the weights, and the state as arrays.

The training loop is in `train.train`.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor, nn

from color.arrays import Floats
from model.network import ColorNet, NetworkConfig, annealed_mean
from model.weights_file import BACKBONE_PREFIX, load_into
from train.config import TrainConfig
from train.fileReader import SampleSet
from train.loss import cross_entropy, variance_penalized_error

Arrays = dict[str, NDArray[Any]]
Batch = dict[str, Tensor]


def learning_rate(config: TrainConfig, step: int) -> float:
    """Return the learning rate of a step: linear warm-up, then cosine decay to zero at the last step."""
    if step < config.warmup:
        return config.peak_learning_rate * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(config.steps - config.warmup, 1)
    return config.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * min(progress, 1)))


class Trainer:
    """A network, the moving average of its weights, and its optimizer."""

    def __init__(
        self, config: TrainConfig, centers: Floats, *, precision: str, static: bool
    ) -> None:
        paddle.seed(config.seed)
        self.config = config
        self.filters = paddle.to_tensor(centers.T[:, :, None, None])  # (2, Q, 1, 1)
        made_of = NetworkConfig(config.width, len(centers), config.bn_momentum)
        self.network, self.averaged = ColorNet(made_of), ColorNet(made_of)
        self.averaged.set_state_dict(self.network.state_dict())
        self.optimizer = paddle.optimizer.AdamW(
            config.peak_learning_rate,
            beta1=config.beta1,
            parameters=self._parameter_groups(),
            weight_decay=config.weight_decay,
            grad_clip=nn.ClipGradByGlobalNorm(config.clip),
        )
        self.precision = precision
        # The range of float16 is too small for gradients; the scaler keeps them within it.
        self.scaler = paddle.amp.GradScaler(enable=precision == "float16")
        # Tensor cores are fastest with channels last; Paddle changes the layout where that is faster.
        if precision != "float32":
            paddle.incubate.autotune.set_config({"layout": {"enable": True}})
        self._static, self._tunes_backbone = static, False
        self._select_trainable(0)

    def train_step(self, step: int, parts: Iterable[Batch]) -> Tensor:
        """Take one optimizer step over the parts of a batch; return their mean loss."""
        if self.config.tunes_backbone(step) != self._tunes_backbone:
            self._select_trainable(step)
        self.network.train()
        if self.config.fit != "all":  # frozen layers keep their statistics
            for layer in self.network.sublayers():
                if isinstance(layer, nn.BatchNorm2D):
                    layer.eval()
        self.optimizer.set_lr(learning_rate(self.config, step))
        total = paddle.zeros([])
        for part in parts:
            loss = self.loss(part) / self.config.parts
            self.scaler.scale(loss).backward()
            total = total + loss.detach()
        total = self._summed_over_processes(total)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.clear_grad()
        self._average(step)
        return total

    def loss(self, batch: Batch) -> Tensor:
        """Return the combined loss of one part of a batch, a scalar."""
        mixed = self.precision != "float32"
        with paddle.amp.auto_cast(mixed, dtype=self.precision if mixed else "bfloat16"):
            logits = self._forward(batch["planes"], batch["palette"])
        logits = logits.astype("float32")
        terms = []
        if self.config.entropy:
            entropy = cross_entropy(logits, batch["bins"], batch["shares"], batch["weights"])
            terms.append(self.config.entropy * entropy)
        if self.config.squared:
            predicted = annealed_mean(logits, self.filters, temperature=paddle.ones([1]))
            error = variance_penalized_error(predicted, batch["ab"], penalty=self.config.penalty)
            terms.append(self.config.squared * error)
        return sum(terms[1:], terms[0])

    def start_from(self, arrays: Mapping[str, NDArray[Any]], *, prefix: str = "") -> None:
        """Replace random weights, or those under `prefix`, with trained ones."""
        for network in (self.network, self.averaged):
            load_into(network, arrays, prefix=prefix)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Split the parameters into two groups: the backbone has a lower learning rate."""
        every = dict(self.network.named_parameters())
        backbone = [p for name, p in every.items() if name.startswith(BACKBONE_PREFIX)]
        own = [p for name, p in every.items() if not name.startswith(BACKBONE_PREFIX)]
        return [
            {"params": own},
            {"params": backbone, "learning_rate": self.config.tune_backbone},
        ]

    def _select_trainable(self, step: int) -> None:
        """Freeze and unfreeze parameters for the steps from `step` on; frozen ones need no gradient.

        The compiled forward pass (25 against 19 pictures/s) shares its parameters with the network, but fixes which
        of them are frozen, so it is recompiled.
        """
        self._tunes_backbone = self.config.tunes_backbone(step)
        for name, parameter in self.network.named_parameters():
            trainable = self.config.fit == "all" or name.startswith(("context", "head"))
            if name.startswith(BACKBONE_PREFIX):
                trainable = self._tunes_backbone
            parameter.stop_gradient = not trainable
        forward = self.network.forward
        self._forward = paddle.jit.to_static(forward, full_graph=True) if self._static else forward

    def _summed_over_processes(self, total: Tensor) -> Tensor:
        """Sum loss and gradients over all processes, in one all-reduce."""
        if paddle.distributed.get_world_size() == 1:
            return total
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        flat = paddle.concat([g.flatten() for g in gradients] + [total.flatten()])
        paddle.distributed.all_reduce(flat)
        sizes = [g.size for g in gradients] + [1]
        *summed, total = paddle.split(flat, sizes)
        for gradient, value in zip(gradients, summed, strict=True):
            gradient.set_value(value.reshape(gradient.shape))
        return total.reshape([])

    @paddle.no_grad()
    def _average(self, step: int) -> None:
        keep = min(self.config.average, (1 + step) / (10 + step))
        pairs = zip(self.averaged.parameters(), self.network.parameters(), strict=True)
        for mean, value in pairs:
            mean.lerp_(value, paddle.to_tensor(1 - keep, dtype="float32"))

    @paddle.no_grad()
    def recalibrate(self, batches: Iterable[Batch]) -> None:
        """Set the averaged network's BatchNorm statistics to the unweighted mean over many batches.

        With the recipe's momentum of 0.5, they would mostly reflect the last two batches.
        """
        norms = [
            layer
            for layer in self.averaged.sublayers()
            if isinstance(layer, nn.BatchNorm2D) and not layer._use_global_stats
        ]
        self.averaged.train()
        for number, batch in enumerate(batches):
            for norm in norms:
                norm._momentum = number / (number + 1)  # share of the statistics so far
            self.averaged(batch["planes"], batch["palette"])
        self.averaged.eval()

    @paddle.no_grad()
    def entropy(self, samples: SampleSet, *, size: int) -> float:
        """Return the averaged network's rebalanced cross-entropy over samples of a size in pixels.

        It is that of a pixel of mean weight: rare colors weigh more, so that the same network would otherwise seem worse
        on the more colorful of two sets of pictures.
        """
        total = weight = 0.0
        for index in range(len(samples)):
            one = samples[0, index, size]
            batch = {name: paddle.to_tensor(array[None]) for name, array in one.items()}
            logits = self.averaged(batch["planes"], batch["palette"])
            loss = cross_entropy(logits, batch["bins"], batch["shares"], batch["weights"])
            total += loss.item()
            weight += float(one["weights"].mean())
        return total / weight

    def arrays(self) -> Arrays:
        """Return the whole state as arrays for a checkpoint."""
        tensors = {name: np.array(tensor.numpy()) for name, tensor in self._tensors()}
        scaler = {f"scaler/{k}": np.array(v) for k, v in self.scaler.state_dict().items()}
        return tensors | scaler

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for part, network in (("network", self.network), ("average", self.averaged)):
            yield from ((f"{part}/{name}", t) for name, t in network.state_dict().items())
        owners = {p.name: name for name, p in self.network.named_parameters()}
        for key, tensor in self.optimizer.state_dict().items():
            if isinstance(tensor, Tensor):
                # Paddle numbers parameters per process; the network's own names are independent of that.
                owner = next(own for own in owners if key.startswith(f"{own}_"))
                yield f"optimizer/{owners[owner]}|{key.removeprefix(owner)}", tensor

    def restore(self, arrays: Arrays) -> None:
        """Restore a state returned by `arrays`."""
        names = ("network", "average", "optimizer", "scaler")
        states: dict[str, dict[str, Any]] = {name: {} for name in names}
        for name, array in arrays.items():
            part, _, rest = name.partition("/")
            states[part][rest] = array
        self.network.set_state_dict(states["network"])
        self.averaged.set_state_dict(states["average"])
        parameters = {name: p.name for name, p in self.network.named_parameters()}
        state = {}
        for key, array in states["optimizer"].items():
            owner, _, rest = key.partition("|")
            state[parameters[owner] + rest] = paddle.to_tensor(array)
        self.optimizer.set_state_dict(state)
        if states["scaler"]:  # present only for float16 training, on a GPU without bfloat16
            values = {k: v if v.ndim else v.item() for k, v in states["scaler"].items()}
            self.scaler.load_state_dict(values)
