"""What a route costs: a table of every block under every option, and the shares that follow from it. No torch.

The computation percentage (CP) of the paper counts every gated block 1 and an option by its bits: (b / 32)^2. It
leaves out the stem, the first block, the classifier and the shortcuts that run where a block is skipped; `whole` puts
them back. SkipNet's CP counts the first block too, so the two are not to be compared as they are printed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.site import BlockSite, SiteLayers, layers_of
from netchip.methods.fractional_skipping.options import OptionSet
from netchip.workload.network import Workload

Rule = Literal["paper", "macs", "int8"]


@dataclass(frozen=True, eq=False)
class CostTable:
    """Cost of each of L gated blocks under each of K options, in `unit`, for one input.

    `costs` [L, K]; `reference` is what all gated blocks cost together in the network it is compared with; `always_on`
    what runs for every input beside them, None where it was not counted. Where a block cannot be skipped, `Skip` costs
    what its cheapest other option does.
    """

    blocks: tuple[str, ...]
    options: OptionSet
    costs: np.ndarray
    reference: float
    always_on: float | None
    unit: str

    def __post_init__(self) -> None:
        wanted = (len(self.blocks), len(self.options))
        if self.costs.shape != wanted:
            raise ConfigError(
                f"a cost table of {self.costs.shape}: {wanted[0]} blocks and {wanted[1]} options need {wanted}"
            )
        if not np.isfinite(self.costs).all() or (self.costs < 0).any() or not self.reference > 0:
            raise ConfigError(
                "a cost is negative or no number, or the reference costs nothing; costs are amounts of work"
            )

    @property
    def relative(self) -> np.ndarray:
        """[L, K]: the costs as shares of the reference; what a controller multiplies masks with."""
        return self.costs / self.reference

    @property
    def reachable(self) -> tuple[float, float]:
        """The lowest and the highest share of the gated blocks that any route has."""
        return float(self.relative.min(1).sum()), float(self.relative.max(1).sum())

    def of_routes(self, routes: Any) -> np.ndarray:
        """[B]: the cost in `unit` of the gated blocks on routes [B, L] of option indices, or [1] for one route [L]."""
        chosen = np.atleast_2d(np.asarray(routes))
        if chosen.shape[1] != len(self.blocks):
            raise ConfigError(f"routes of {chosen.shape[1]} blocks; this table has {len(self.blocks)}")
        return self.costs[np.arange(len(self.blocks)), chosen].sum(1)

    def gated(self, routes: Any) -> np.ndarray:
        """[B]: the share of the reference that each route costs, gated blocks alone; the paper's CP / 100."""
        return self.of_routes(routes) / self.reference

    def whole(self, routes: Any) -> np.ndarray:
        """[B]: the share of the whole network, with what always runs. Raises `ConfigError` where that was not counted."""
        always = self._counted()
        return (always + self.of_routes(routes)) / (always + self.reference)

    def gated_of_rates(self, rates: Any) -> float:
        """The mean share from rates [L, K]: how often each block took each option."""
        return float((self.relative * np.asarray(rates)).sum())

    def gated_of_masks(self, masks: Any) -> Any:
        """[B]: the share of each sample from masks [B, L, K], a torch tensor; its gradient reaches the masks."""
        return (masks * masks.new_tensor(self.relative)).sum((1, 2))

    def whole_of_gated(self, share: float) -> float:
        """The share of the whole network where the gated blocks cost `share` of the reference."""
        always = self._counted()
        return (always + share * self.reference) / (always + self.reference)

    def _counted(self) -> float:
        if self.always_on is None:
            raise ConfigError("what runs beside the gated blocks was not counted; make the table with a workload")
        return self.always_on


def cost_table(
    rule: Rule,
    sites: Sequence[BlockSite],
    options: OptionSet,
    workload: Workload | None = None,
    *,
    always_on_bits: int | None = None,
) -> CostTable:
    """The table by a rule; `workload` is that of the plain network for one input.

    "paper": every block counts 1, a skip nothing. "macs": a block counts its multiply-accumulates, and a skip those of
    the shortcut that runs instead, at the bits of the reference. "int8": as "macs", with 8 x 8 bits as the unit and
    the network at 8 bits as the reference, whatever that of `options` is. What always runs counts at
    `always_on_bits`, by default those of the reference.

    Raises `ConfigError` for an unknown rule, no blocks, or a rule that needs a workload without one.
    """
    if rule not in get_args(Rule):
        raise ConfigError(f"rule = {rule!r}: costs follow one of {', '.join(get_args(Rule))}")
    if not sites:
        raise ConfigError("there is no gated block to cost")
    if workload is None and rule != "paper":
        raise ConfigError(f"rule = {rule!r} counts multiply-accumulates; give the workload of the plain network")
    layers = None if workload is None else layers_of(workload, sites)
    bits = 8 if rule == "int8" else options.reference_bits
    always = 0.0 if workload is None or layers is None else workload.macs - sum(each.macs for each in layers)
    always *= ((always_on_bits or bits) / bits) ** 2
    if rule == "paper":
        return _by_blocks(sites, options, layers, always)
    return _by_macs(sites, options, layers or (), always, bits)


def _by_blocks(
    sites: Sequence[BlockSite], options: OptionSet, layers: Sequence[SiteLayers] | None, always: float
) -> CostTable:
    costs = np.tile(np.array(options.costs), (len(sites), 1))
    count = len(sites)
    counted = None if layers is None else always / sum(each.macs for each in layers) * count
    return CostTable(_names(sites), options, _where_skippable(costs, sites, options), float(count), counted, "blocks")


def _by_macs(
    sites: Sequence[BlockSite], options: OptionSet, layers: Sequence[SiteLayers], always: float, bits: int
) -> CostTable:
    products = np.array([option.bit_product / bits**2 for option in options])
    costs = np.outer([each.macs for each in layers], products)
    if options.skip is not None:
        shortcut = (options.reference_bits / bits) ** 2
        costs[:, options.skip] = [each.shortcut_macs * shortcut for each in layers]
    reference = float(sum(each.macs for each in layers))
    unit = f"MACs of {bits} x {bits} bits"
    return CostTable(_names(sites), options, _where_skippable(costs, sites, options), reference, always, unit)


def _where_skippable(costs: np.ndarray, sites: Sequence[BlockSite], options: OptionSet) -> np.ndarray:
    if options.skip is not None:
        for row, site in zip(costs, sites, strict=True):
            if not site.skippable:
                row[options.skip] = min(np.delete(row, options.skip))
    return costs


def _names(sites: Sequence[BlockSite]) -> tuple[str, ...]:
    return tuple(site.name for site in sites)
