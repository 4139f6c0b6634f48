"""A way through a supernet: at every position the option that runs, and those it is compared with while choices learn."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.nn.choice import Choice
from netchip.nn.straight_through import straight_through


@dataclass(frozen=True, eq=False)
class Drawn:
    """Options of one choice: the first of `active` runs, the others are run too but count nothing.

    `weights` [K]: the softmax over the active options alone, with gradients; none where nothing is learned.
    """

    active: tuple[int, ...]
    weights: Tensor | None = None

    @property
    def first(self) -> int:
        """The option that runs."""
        return self.active[0]

    def factors(self) -> list[Tensor]:
        """What each active option's result is multiplied by: exactly 1, 0, 0, ... forward, the softmax backward."""
        if self.weights is None:
            return [torch.ones(())]
        values = torch.zeros_like(self.weights)
        values[0] = 1.0
        return list(straight_through(values, self.weights))


@dataclass(frozen=True, eq=False)
class Route:
    """What was drawn at every position: its block, and its bits."""

    blocks: tuple[Drawn, ...]
    bits: tuple[Drawn, ...]


def drawn(choice: Choice, count: int, *, learn: bool, generator: torch.Generator | None = None) -> Drawn:
    """`count` different options drawn one after another by their probabilities (Gumbel top-k); all where there are fewer.

    Without `learn` only the first. Raises `ConfigError` for fewer than one, `DivergedError` for logits that are not finite.
    """
    if count < 1:
        raise ConfigError(f"active = {count}: at least one option runs")
    choice.most_likely()  # refuses logits that are not finite
    uniform = torch.rand(choice.options, generator=generator, dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
    noisy = choice.logits.detach().double().cpu() - torch.log(-torch.log(uniform))
    if not learn:
        return Drawn((int(noisy.argmax()),))
    active = noisy.topk(min(count, choice.options)).indices
    return Drawn(tuple(active.tolist()), choice.logits[active.to(choice.logits.device)].softmax(0))


def probabilities(choice: Choice, draw: Drawn) -> Tensor:
    """The softmax over all options [N], with gradients to the active ones alone: they share out what they have together.

    So the cost moves an option as often as the loss does, and what was not looked at keeps its probability.
    """
    whole = choice.probabilities.detach()
    if draw.weights is None:
        return whole
    active = torch.tensor(draw.active, device=whole.device)
    return whole.index_copy(0, active, draw.weights * whole[active].sum())


@torch.no_grad()
def settle(choice: Choice, before: Tensor, draw: Drawn) -> None:
    """After a step of an optimizer: options that were not active keep their probability (ProxylessNAS, arXiv 1812.00332).

    `before` are the logits as they were. The active ones are moved by one number, so that their sum of exponentials is as it was;
    the others are put back, since an optimizer with a memory moves them too.
    """
    active = torch.tensor(draw.active, device=before.device)
    after = choice.logits[active]
    shift = before[active].logsumexp(0) - after.logsumexp(0)
    choice.logits.copy_(before.index_copy(0, active, after + shift))
