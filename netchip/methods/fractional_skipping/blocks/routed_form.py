"""The routed form: only what was decided runs. A single sample branches; a batch is grouped by option and put back together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from netchip.methods.fractional_skipping.blocks.fractional_block import FractionalBlock
from netchip.methods.fractional_skipping.decide import first_largest, refuse_nan
from netchip.methods.fractional_skipping.gates.protocol import Gate


@dataclass(eq=False)
class RoutedForm:
    """One call. `bias` [L, K] is added to logits; `forced` [L][B] are options by block and sample.

    Decisions are read from the device once a block; once in all where the gate is upfront or routes are forced. Groups of
    fewer than `min_group` samples run under the next higher option that is taken, and then a sample's result may depend on
    its batch mates. `routes` [L] holds what ran, a list of B options each.
    """

    gate: Gate
    bias: Tensor
    state: Any
    forced: Sequence[Sequence[int]] | None = None
    min_group: int = 1
    routes: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    plan: list[list[int]] | None = None
    bias_rows: list[list[float]] | None = None

    def through(self, block: FractionalBlock, x: Tensor, rest: tuple[Any, ...]) -> Tensor:
        """The block's output [B, ...], each sample under its own option."""
        chosen = self._chosen(block, x)
        self.routes[block.index] = chosen
        if len(chosen) == 1:
            return block.run(chosen[0], x, rest)
        groups = _groups(chosen, len(block.options))
        if self.min_group > 1:
            groups = _raised(groups, min(self.min_group, len(chosen)))
            for option, members in groups.items():
                for member in members:
                    chosen[member] = option
        if len(groups) == 1:
            return block.run(next(iter(groups)), x, rest)
        return _grouped(block, groups, x, rest)

    def _chosen(self, block: FractionalBlock, x: Tensor) -> list[int]:
        if self.forced is not None:
            return list(self.forced[block.index])
        if self.plan is not None:
            return self.plan[block.index]
        logits, self.state = self.gate.step(block.index, x, self.state)
        if self.gate.upfront:
            self.plan = self._planned(block, self.state)
            return self.plan[block.index]
        return [self._single(block, logits)] if len(logits) == 1 else _read(logits + self.bias[block.index], block)

    def _single(self, block: FractionalBlock, logits: Tensor) -> int:
        """One sample's option from logits [1, K]; a bias is added on the host, where the logits are read to anyway."""
        if self.bias_rows is None:
            self.bias_rows = self.bias.tolist()
        [row] = logits.tolist()
        chosen = first_largest([logit + bias for logit, bias in zip(row, self.bias_rows[block.index], strict=True)])
        if chosen < 0:
            raise refuse_nan(block.site.name)
        return chosen

    def _planned(self, block: FractionalBlock, logits: Tensor) -> list[list[int]]:
        """The whole route of every sample from logits [B, L, K]."""
        rows = (logits + self.bias).transpose(0, 1)
        if bool(rows.sum(2).isnan().any()):
            raise refuse_nan(block.site.name)
        return rows.argmax(2).tolist()


def _read(logits: Tensor, block: FractionalBlock) -> list[int]:
    """Each sample's option from logits [B, K], read from the device once."""
    *chosen, broken = torch.cat([logits.argmax(1), logits.sum()[None].isnan().long()]).tolist()
    if broken:
        raise refuse_nan(block.site.name)
    return chosen


def _groups(chosen: Sequence[int], options: int) -> dict[int, list[int]]:
    """Samples by option, cheapest first, without empty groups."""
    groups: list[list[int]] = [[] for _ in range(options)]
    for sample, option in enumerate(chosen):
        groups[option].append(sample)
    return {option: members for option, members in enumerate(groups) if members}


def _raised(groups: dict[int, list[int]], least: int) -> dict[int, list[int]]:
    """Groups below `least` samples joined to the next higher one that is there."""
    kept: dict[int, list[int]] = {}
    waiting: list[int] = []
    for option, members in groups.items():
        waiting = sorted([*waiting, *members])
        if len(waiting) >= least:
            kept[option], waiting = waiting, []
    if waiting:
        top = max(groups)
        kept[top] = sorted([*kept.get(top, []), *waiting])
    return kept


def _grouped(block: FractionalBlock, groups: dict[int, list[int]], x: Tensor, rest: tuple[Any, ...]) -> Tensor:
    """One pass a group, scattered back. Samples that skip to their own input are copied with the rest of it."""
    skip = block.skip
    passing = skip in groups and block.site.shortcut is None
    result = x.clone() if passing else None
    for option, members in groups.items():
        if passing and option == skip:
            continue
        where = torch.tensor(members, device=x.device)
        part = block.run(option, x.index_select(0, where), _those(rest, where, len(x)))
        if result is None:
            result = part.new_empty(len(x), *part.shape[1:])
        result.index_copy_(0, where, part.to(result.dtype))
    return x if result is None else result


def _those(rest: tuple[Any, ...], where: Tensor, batch: int) -> tuple[Any, ...]:
    """Further arguments of a block for the samples at `where`: tensors of the batch's length are cut, all else is passed on."""
    return tuple(
        each.index_select(0, where) if isinstance(each, Tensor) and each.ndim and len(each) == batch else each
        for each in rest
    )
