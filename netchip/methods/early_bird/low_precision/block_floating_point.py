"""Training in emulated block floating point: the five roundings of the paper's low-precision search, for any loop.

Early-Bird (arXiv 1909.11957) as released: weights, gradients, momentum, activations and errors are rounded
stochastically, with one exponent an entry of dimension 0. BatchNorm's arithmetic and statistics, the input of the first
layer, softmax and loss stay float32.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from netchip.data.streams import random_words
from netchip.errors import CheckpointMismatch, ConfigError
from netchip.graph.optimizer_state import inner_optimizers
from netchip.graph.wrappers import unwrapped
from netchip.methods.early_bird.low_precision.shared_exponent import check_bits, quantize_block, quantize_together

__all__ = ["BlockFloatingPoint", "quantize_block"]

_LAYERS = (nn.modules.conv._ConvNd, nn.Linear)
_MOMENTA = ("momentum_buffer", "exp_avg", "exp_avg_sq")
_GRADIENT, _WEIGHT, _MOMENTUM = range(3)


class BlockFloatingPoint:
    """Trains `model` as if its numbers had `bits` bits, one exponent a block: an emulation in float32.

    It saves no time and no energy on this hardware (it takes more of both), and results made with it are labelled as
    emulated.

        precision = BlockFloatingPoint(model, seed=1)
        loss_of(model(images), labels).backward()
        search.regularize()                 # the L1 pull comes before the gradients are rounded
        precision.after_backward()          # with DDP after the all-reduce, with a GradScaler after unscale_
        optimizer.step()                    # decay and momentum in float32 arithmetic, as in the released code
        precision.after_step(optimizer)
        precision.remove()                  # the network computes in float32 from here on

    From its making on, what every convolution and linear layer gives is rounded in the forward pass, and the error that
    comes back to it in the backward pass, an exponent a sample (entry of dimension 0); in evaluation too, as in the
    released code. The last of these layers in the order of `model.modules()`, which is taken for the classifier, is
    left alone. Layers that are cut later stay rounded. Layers whose forward pass is not run (inside
    nn.MultiheadAttention) are not reached. A deep or pickled copy of the model is a plain float32 network.

    There is no copy of the weights in float32. Weights are as they were until the first `after_step`. BatchNorm's
    gamma and beta are rounded like all parameters, and as 1-D tensors have an exponent an element.

    Gradients, weights and momentum are rounded by draws that depend on `seed` and the number of the step alone, so
    ranks with equal gradients keep equal weights; activations and errors use torch's global generator.

    Adam's second moments are rounded like the rest, and those that become zero make for steps of any size, so that even
    digits are not learnt: train with SGD, as the paper does.

    Raises `ConfigError` for a network without such layers, one that is emulated already, and settings that cannot work.
    """

    def __init__(self, model: nn.Module, *, bits: int = 8, seed: int = 0) -> None:
        self._model = unwrapped(model)
        layers = {name: layer for name, layer in self._model.named_modules() if isinstance(layer, _LAYERS)}
        _check(layers, bits, seed)
        self.bits, self.seed = bits, seed
        #: the layers whose outputs and errors are rounded: all but the last
        self.layer_names = tuple(layers)[:-1]
        self._handles = [layers[name].register_forward_hook(_RoundOutput(bits)) for name in self.layer_names]
        self._step = 0
        self._removed = False

    def after_backward(self) -> None:
        """Rounds the gradient of every parameter in place; call once an optimizer step, before it.

        Raises `ConfigError` after `remove()`.
        """
        self._refuse_removed()
        self._round([parameter.grad for parameter in self._parameters() if parameter.grad is not None], _GRADIENT)

    def after_step(self, optimizer: Any) -> None:
        """Rounds every parameter in place, then its momentum in `optimizer`; call once, right after the step.

        `optimizer` is SGD (`momentum_buffer`), Adam or AdamW (`exp_avg`, `exp_avg_sq`), a list of them, or what
        accelerate made of one. Raises `ConfigError` after `remove()` and for an optimizer that keeps something else of
        a parameter's shape, `GraphError` for what is no optimizer; nothing is changed then.
        """
        self._refuse_removed()
        momenta = [tensor for one in inner_optimizers(optimizer) for tensor in self._momenta(one)]
        self._round(list(self._parameters()), _WEIGHT)
        self._round(momenta, _MOMENTUM)
        self._step += 1

    def remove(self) -> None:
        """Ends the emulation: layers compute in float32 again. What was rounded stays on its grid."""
        for handle in self._handles:
            handle.remove()
        self._removed = True

    def state_dict(self) -> dict[str, int]:
        """The number of steps rounded so far, with the settings that the draws depend on."""
        return {"step": self._step, "bits": self.bits, "seed": self.seed}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Goes on from a saved step. Raises `CheckpointMismatch` for one of other bits or another seed."""
        if (state["bits"], state["seed"]) != (self.bits, self.seed):
            raise CheckpointMismatch(
                f"the saved low-precision training has bits {state['bits']} and seed {state['seed']}, this one bits "
                f"{self.bits} and seed {self.seed}; go on with the saved settings"
            )
        self._step = int(state["step"])

    def _parameters(self) -> Iterator[nn.Parameter]:
        return (parameter for parameter in self._model.parameters() if parameter.is_floating_point())

    def _momenta(self, optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
        for parameter in self._parameters():
            for key, value in optimizer.state.get(parameter, {}).items():
                if key in _MOMENTA and value is not None:
                    yield value
                elif key != "step" and isinstance(value, Tensor) and value.shape == parameter.shape:
                    raise ConfigError(
                        f"{type(optimizer).__name__} keeps {key!r} beside a parameter, and only {', '.join(_MOMENTA)} "
                        "are rounded; train with SGD, or with Adam or AdamW without amsgrad"
                    )

    def _round(self, tensors: Sequence[Tensor], role: int) -> None:
        """Rounds `tensors` in place, all of one device and type at once, with draws of this step and `role`."""
        alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
        for tensor in tensors:
            alike.setdefault((tensor.device, tensor.dtype), []).append(tensor)
        for place, ((device, _), group) in enumerate(alike.items()):
            [word] = random_words(1, self.seed, self._step, role, place)
            quantize_together(group, bits=self.bits, generator=torch.Generator(device).manual_seed(int(word)))

    def _refuse_removed(self) -> None:
        if self._removed:
            raise ConfigError("this emulation was removed from its network; make a new BlockFloatingPoint to go on")


class _RoundOutput:
    """The forward hook of one layer. A copy of it, by copying or pickling the model, does nothing."""

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def __call__(self, layer: nn.Module, inputs: Any, output: Tensor) -> Any:
        return _Rounded.apply(output, self._bits)

    def __reduce__(self) -> Any:
        return _copied_hook, ()


def _copied_hook() -> Any:
    return _left_alone


def _left_alone(layer: nn.Module, inputs: Any, output: Any) -> None:
    """What stands in a copy where the hook was."""


class _Rounded(torch.autograd.Function):
    """Rounds the activation on its way forward and the error on its way back."""

    @staticmethod
    def forward(output: Tensor, bits: int) -> Tensor:  # type: ignore[override]
        return quantize_block(output, bits=bits)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.bits = inputs[1]

    @staticmethod
    def backward(ctx: Any, error: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return quantize_block(error, bits=ctx.bits), None


def _check(layers: Mapping[str, nn.Module], bits: int, seed: int) -> None:
    check_bits(bits, [torch.float32])
    if seed < 0:
        raise ConfigError(f"seed = {seed}: it is a whole number from 0 on")
    if not layers:
        raise ConfigError("this network has no convolution and no linear layer, so there is nothing to round")
    for name, layer in layers.items():
        if any(isinstance(hook, _RoundOutput) for hook in layer._forward_hooks.values()):
            raise ConfigError(
                f"{name}: this network is emulated already; call remove() on its BlockFloatingPoint first"
            )
