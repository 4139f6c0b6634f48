"""What goes along with training, for `fit`: the search on the dense network, and the pull on what was drawn from it."""

from typing import Any

from torch import nn
from torch.optim import Optimizer

from netchip.methods.early_bird.low_precision.arithmetic import Arithmetic
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.stages.draws import Draws


class Pulled:
    """The pull of `search` on a network with its layers, cut or not: it stays on for what was drawn, as in the paper."""

    def __init__(self, search: TicketSearch, arithmetic: Arithmetic) -> None:
        self.search, self.arithmetic = search, arithmetic

    def after_backward(self, model: nn.Module) -> None:
        """The pull on the scales, then what the arithmetic does to the gradients."""
        self.search.pull_on(model)
        self.arithmetic.after_backward()

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """The pull in its proximal form, then what the arithmetic does to the weights."""
        self.search.shrink_on(model, optimizer)
        self.arithmetic.after_step(optimizer)

    def end_epoch(self, model: nn.Module, optimizer: Optimizer, epoch: int) -> bool:
        """Never ends early."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """That of the arithmetic."""
        return self.arithmetic.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes it up."""
        self.arithmetic.load_state_dict(state)


class Searching:
    """The search on the dense network. Ends when every ticket is drawn, at `latest_epoch` at the latest when that is given.

    Each draw goes to `draws`, with network and optimizer as they are at the end of the epoch in which the rule held.
    """

    def __init__(self, search: TicketSearch, arithmetic: Arithmetic, draws: Draws, latest_epoch: int | None) -> None:
        self.search, self.arithmetic, self.draws, self.latest_epoch = search, arithmetic, draws, latest_epoch
        self._written: set[str] = set()

    def after_backward(self, model: nn.Module) -> None:
        """The pull on the scales, then what the arithmetic does to the gradients."""
        self.search.regularize()
        self.arithmetic.after_backward()

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """The pull in its proximal form, the arithmetic, and a mask where they are drawn by steps."""
        self.search.shrink(optimizer)
        self.arithmetic.after_step(optimizer)
        self.search.end_step()

    def end_epoch(self, model: nn.Module, optimizer: Optimizer, epoch: int) -> bool:
        """Draws the epoch's masks; True once every ticket is there."""
        self.search.end_epoch()
        if self.latest_epoch is not None and epoch + 1 >= self.latest_epoch and not self.search.finished:
            self.search.draw()
        for label, ticket in self.search.tickets.items():
            if label not in self._written:
                self.draws.write(label, ticket, epoch + 1, model, optimizer)
                self._written.add(label)
        return self.search.finished

    def state_dict(self) -> dict[str, Any]:
        """The search with its queues of masks, the arithmetic, and which draws are on disk."""
        return {
            "search": self.search.state_dict(),
            "arithmetic": self.arithmetic.state_dict(),
            "written": sorted(self._written),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes the search up where it was."""
        self.search.load_state_dict(state["search"])
        self.arithmetic.load_state_dict(state["arithmetic"])
        self._written = set(state["written"])
