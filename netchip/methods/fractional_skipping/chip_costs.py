"""What each block costs under each option on a chip, from the hardware cost model, and a budget in pJ or seconds. No torch.

Memory traffic is in it as well as multiply-accumulates: few bits save traffic in proportion, work by its square at most.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from netchip.errors import BudgetError, ConfigError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.budget import Budget
from netchip.hardware.mapper.mappers import EvolutionaryMapper, Mapper
from netchip.hardware.network_cost import Progress, cost
from netchip.methods.fractional_skipping.blocks.site import BlockSite, SiteLayers, layers_of
from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.options import Bits, Option, OptionSet, Skip
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload

Quantity = Literal["energy", "latency"]
_SEARCH = EvolutionaryMapper()
_UNITS = {"energy": "pJ", "latency": "s"}


def chip_cost_table(
    quantity: Quantity,
    chip: Accelerator,
    sites: Sequence[BlockSite],
    options: OptionSet,
    plain: Workload,
    *,
    gate: Sequence[Layer] = (),
    full: Precision | None = None,
    mapper: Mapper = _SEARCH,
    cached: bool = True,
    progress: Progress | None = None,
) -> CostTable:
    """Energy in pJ or latency in s of one input, for each gated block under each option, and for all that always runs.

    `plain` is the workload of the plain network for one input; `gate` what the gate multiplies. What always runs, and a shortcut
    whose block is skipped, has the precision `full`; by default the reference's: 32 bits, or 8. Every layer is mapped for
    `quantity` alone. Layers run one after the other, so that costs add up; what stays on the chip between two is not saved.

    Raises `ConfigError` for an unknown quantity, `RequestError` where a layer cannot run on the chip.
    """
    if quantity not in _UNITS:
        raise ConfigError(f"quantity = {quantity!r}: a chip's costs are of {' or '.join(_UNITS)}")
    bits = options.reference_bits
    full = full or Precision(weight_bits=bits, input_bits=bits, output_bits=bits)
    blocks = layers_of(plain, sites)
    asked = _Asked(full)
    gated = {layer.name for each in blocks for layer in (*each.body, *each.shortcut)}
    always = [asked.at(layer, None) for layer in (*plain.layers, *gate) if layer.name not in gated]
    parts = [[[asked.at(layer, option) for layer in _run(block, option)] for option in options] for block in blocks]
    costs = asked.costs(quantity, chip, mapper, cached, progress)
    table = np.array([[sum(costs[name] for name in names) for names in row] for row in parts])
    _where_not_skippable(table, sites, options)
    return CostTable(
        blocks=tuple(site.name for site in sites),
        options=options,
        costs=table,
        reference=float(table[:, options.reference].sum()),
        always_on=float(sum(costs[name] for name in always)),
        unit=f"{_UNITS[quantity]} on {chip.name}",
    )


class ChipBudget(NamedTuple):
    """A table in the unit of a budget, and the share of the gated blocks' cost that it leaves them: a controller's target."""

    table: CostTable
    share: float


def chip_budget(
    budget: Budget,
    chip: Accelerator,
    sites: Sequence[BlockSite],
    options: OptionSet,
    plain: Workload,
    *,
    gate: Sequence[Layer] = (),
    full: Precision | None = None,
    mapper: Mapper = _SEARCH,
    cached: bool = True,
) -> ChipBudget:
    """What a controller needs to keep `budget`, the energy or the latency of one input on average, on `chip`.

    Raises `ConfigError` unless the budget limits exactly one of the two, `BudgetError` that names what is reachable.
    """
    limits = budget.limits
    if set(limits) not in ({"energy_pj"}, {"latency_s"}):
        shown = ", ".join(limits) or "nothing"
        raise ConfigError(f"the budget limits {shown}; gates are held to one of energy_pj and latency_s")
    quantity: Quantity = "energy" if "energy_pj" in limits else "latency"
    table = chip_cost_table(quantity, chip, sites, options, plain, gate=gate, full=full, mapper=mapper, cached=cached)
    [most] = limits.values()
    return ChipBudget(table, share_left(table, most))


def share_left(table: CostTable, most: float) -> float:
    """The share of the reference that gated blocks may cost where the whole network may cost `most`, in the table's unit.

    At most that of the costliest route. Raises `BudgetError` where no route is that cheap.
    """
    always = table.always_on or 0.0
    low, high = table.reachable
    share = (most - always) / table.reference
    if share < low:
        cheapest, dearest = (always + each * table.reference for each in (low, high))
        raise BudgetError(
            f"a budget of {most:.4g} {table.unit} is out of reach: the options {', '.join(table.options.names)} reach "
            f"{cheapest:.4g} to {dearest:.4g}, of which {always:.4g} always runs; allow more, or choose other options"
        )
    return min(share, high)


class _Asked:
    """Layers at the precisions that are asked for, each priced once; alike ones under one search of the mapper."""

    def __init__(self, full: Precision) -> None:
        self._full = full
        self._layers: dict[str, Layer] = {}

    def at(self, layer: Layer, option: Option | None) -> str:
        """The name of `layer` under an option."""
        precision = self._full
        if isinstance(option, Bits):
            precision = replace(
                precision, weight_bits=option.weight, input_bits=option.input_bits, output_bits=option.input_bits
            )
        name = f"{layer.name}@{precision.weight_bits}x{precision.input_bits}"
        self._layers[name] = replace(layer, name=name, precision=precision, execution_rate=1.0)
        return name

    def costs(
        self, quantity: Quantity, chip: Accelerator, mapper: Mapper, cached: bool, progress: Progress | None
    ) -> dict[str, float]:
        """By name: pJ or s."""
        workload = Workload(tuple(self._layers.values()))
        report = cost(workload, chip, mapper=mapper, objective=quantity, cached=cached, progress=progress)
        if quantity == "energy":
            return {each.name: each.cost.energy_pj for each in report.layers}
        return {each.name: each.cost.cycles / report.frequency_hz for each in report.layers}


def _run(block: SiteLayers, option: Option) -> tuple[Layer, ...]:
    return block.shortcut if isinstance(option, Skip) else (*block.body, *block.shortcut)


def _where_not_skippable(table: np.ndarray, sites: Sequence[BlockSite], options: OptionSet) -> None:
    """A block that cannot be skipped costs what its cheapest other option does."""
    if options.skip is not None:
        for row, site in zip(table, sites, strict=True):
            if not site.skippable:
                row[options.skip] = np.delete(row, options.skip).min()
