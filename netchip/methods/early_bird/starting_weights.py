"""Which weights a ticket starts from: those of the draw, those of an earlier epoch, or fresh ones (section 3.3 of the paper's
re-initialisation study; the released code mixes the three up)."""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.graph.wrappers import unwrapped

WeightsName = Literal["inherit", "rewind", "reinit"]
Fresh = Callable[[], nn.Module]
_APART = 1_000_003  # fresh weights must not be the first weights of a network built from the same seed


class StartingWeights:
    """Gives the dense weights that a ticket is cut from.

    `inherit`: the network's own at the draw. `rewind`: those it had after `rewind_epoch` epochs (0: before training), kept on
    the CPU. `reinit`: those of `fresh()`, a newly built dense network; without it every layer's `reset_parameters` is called
    on a copy, with a generator seeded by `seed`.
    """

    def __init__(
        self, name: WeightsName, model: nn.Module, *, rewind_epoch: int, seed: int, fresh: Fresh | None
    ) -> None:
        self.name, self._rewind_epoch, self._seed, self._fresh = name, rewind_epoch, seed, fresh
        self._kept: dict[str, Tensor] | None = None
        if name == "reinit" and fresh is None:
            _check_can_reset(unwrapped(model))
        self.end_epoch(model, 0)

    @property
    def label(self) -> str:
        """As recorded in the ticket."""
        return f"rewind to epoch {self._rewind_epoch}" if self.name == "rewind" else self.name

    def first_epoch(self, drawn_epoch: int) -> int:
        """The epoch whose schedule the ticket's training takes up: that of its weights."""
        return {"inherit": drawn_epoch, "rewind": self._rewind_epoch, "reinit": 0}[self.name]

    def end_epoch(self, model: nn.Module, epochs: int) -> None:
        """Keeps the weights to rewind to, once `epochs` are trained."""
        if self.name == "rewind" and epochs == self._rewind_epoch and self._kept is None:
            state = unwrapped(model).state_dict()
            self._kept = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}

    def source(self, model: nn.Module) -> nn.Module:
        """A dense copy of `model` with the starting weights."""
        if self.name == "reinit":
            return self._made_fresh(unwrapped(model))
        copied = copy.deepcopy(unwrapped(model))
        if self._kept is not None:
            copied.load_state_dict(self._kept)
        return copied

    def state_dict(self) -> dict[str, Any]:
        """The weights kept, if any."""
        return {"kept": self._kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes them up."""
        self._kept = state["kept"]

    def _made_fresh(self, model: nn.Module) -> nn.Module:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(self._seed + _APART)
            if self._fresh is not None:
                return self._fresh().to(next(model.parameters()).device)
            copied = copy.deepcopy(model).cpu()
            for module in copied.modules():
                if callable(reset := getattr(module, "reset_parameters", None)):
                    reset()
            return copied.to(next(model.parameters()).device)


def _check_can_reset(model: nn.Module) -> None:
    """Raises `ConfigError` naming the first module with parameters of its own and no way to draw them anew."""
    for name, module in model.named_modules():
        own = [key for key, parameter in module._parameters.items() if parameter is not None]
        if own and not callable(getattr(module, "reset_parameters", None)):
            raise ConfigError(
                f"weights = 'reinit': {name or 'the model'} ({type(module).__name__}) has no reset_parameters() for its "
                f"{own[0]!r}; give a function that builds a fresh dense network: TicketSearch(..., fresh=build_my_model)"
            )
