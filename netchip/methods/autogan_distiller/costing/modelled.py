"""Energy or latency on a chip, by netchip's cost model: each layer under the mapping that suits it best.

The layers of a network run one after the other, so that both add up. What lies between them (norms, activations) is free.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.graph.to_workload import to_workload
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.mapper.mappers import EvolutionaryMapper, Mapper
from netchip.hardware.network_cost import cost
from netchip.methods.autogan_distiller.costing.counting import Count
from netchip.methods.autogan_distiller.costing.measures import Priced
from netchip.units import format_energy_pj, format_seconds
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

Quantity = Literal["energy_pj", "latency_s"]


@dataclass(frozen=True)
class Modelled:
    """`quantity` of one image on `chip`, at `precision`. A table has hundreds of layers, so `mapper` tries fewer mappings than a
    single cost would; what was searched once is kept on disk.
    """

    chip: Accelerator
    quantity: Quantity = "energy_pj"
    precision: Precision = field(default_factory=Precision)
    mapper: Mapper = field(default_factory=lambda: EvolutionaryMapper(samples=2000))
    count: Count = "macs"

    def __post_init__(self) -> None:
        if self.quantity not in ("energy_pj", "latency_s"):
            raise ConfigError(f"quantity = {self.quantity!r}: a modelled cost is energy_pj or latency_s")

    @property
    def name(self) -> str:
        """As in a budget."""
        return "energy" if self.quantity == "energy_pj" else "modelled_latency"

    def prices(self, items: Sequence[Priced]) -> list[float]:
        """Modelled; layers that are alike are mapped once. Raises `RequestError` where one does not fit the chip."""
        shapes = [
            [each.shape for each in item.operator.convolutions(item.inputs, item.outputs, item.size)] for item in items
        ]
        known = self._known(list(dict.fromkeys(shape for own in shapes for shape in own)))
        return [sum(known[shape] for shape in own) for own in shapes]

    def of_model(self, model: nn.Module, example: Tensor) -> float:
        """Modelled, its layers one after the other."""
        workload = to_workload(model, example, self.precision)
        known = self._known(list(dict.fromkeys(layer.shape for layer in workload.layers)))
        return sum(known[layer.shape] for layer in workload.layers)

    def written(self, cost: float) -> str:
        """ "2.00 mJ", "3.50 ms"."""
        return format_energy_pj(cost) if self.quantity == "energy_pj" else format_seconds(cost)

    def _known(self, shapes: Sequence[LayerShape]) -> dict[LayerShape, float]:
        if not shapes:
            return {}
        layers = tuple(Layer(f"layer{i}", shape, precision=self.precision) for i, shape in enumerate(shapes))
        objective = "energy" if self.quantity == "energy_pj" else "latency"
        report = cost(Workload(layers), self.chip, mapper=self.mapper, objective=objective)
        return {
            shape: each.cost.energy_pj if self.quantity == "energy_pj" else each.cost.cycles / report.frequency_hz
            for shape, each in zip(shapes, report.layers, strict=True)
        }
