"""What every gate is: a module that says, for each sample and block, how much it favours each option."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from netchip.workload.layer import Layer


@runtime_checkable
class Gate(Protocol):
    """Gives logits; what lasts between blocks is an argument and a result, so that nothing of a call stays on the module.

    `options` is K, `upfront` whether the first step's state holds the logits of all blocks, [B, L, K].
    """

    options: int
    upfront: bool

    def begin(self, inputs: Tensor) -> Any:
        """The state before the first block, from the network's input [B, ...]."""
        ...

    def step(self, index: int, features: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits [B, K] for gated block `index`, from the features that enter it, and the state for the next."""
        ...

    def layers(self, inputs: tuple[int, ...]) -> tuple[Layer, ...]:
        """The products a gate multiplies for one input of shape `inputs` (without batch), for the cost model."""
        ...
