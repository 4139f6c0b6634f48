"""Energy and latency of a space on a chip: those of the whole network, layer by layer."""

import pytest
import torch

from netchip.errors import ConfigError
from netchip.graph.to_workload import to_workload
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.hardware.network_cost import cost
from netchip.methods.autogan_distiller.costing.modelled import Modelled
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.space.operators import conv, nearest, residual, transposed
from netchip.methods.autogan_distiller.space.space import Layer, Space

SPACE = Space("s", (Layer("a", (conv(1), residual()), (4, 8)), Layer("out", (nearest(), transposed()), 3)))
MAPPER = EvolutionaryMapper(samples=200)


@pytest.mark.parametrize(("quantity", "objective"), [("energy_pj", "energy"), ("latency_s", "latency")])
def test_a_table_adds_up_to_what_the_cost_model_says(quantity: str, objective: str) -> None:
    chip = load_chip("eyeriss")
    measure = Modelled(chip, quantity, mapper=MAPPER)  # type: ignore[arg-type]
    table = cost_table(SPACE, measure, (8, 8))
    for architecture in (SPACE.architecture({}, {}), SPACE.architecture({"a": 1, "out": 1}, {"a": 1})):
        network, example = SPACE.derive(architecture), torch.zeros(1, 3, 8, 8)
        report = cost(to_workload(network, example), chip, mapper=MAPPER, objective=objective)  # type: ignore[arg-type]
        assert table.of(architecture) == pytest.approx(getattr(report, quantity), rel=1e-12)
        assert measure.of_model(network, example) == pytest.approx(table.of(architecture), rel=1e-12)


def test_names_and_units() -> None:
    chip = load_chip("eyeriss")
    assert (Modelled(chip).name, Modelled(chip).written(2e9)) == ("energy", "2 mJ")
    latency = Modelled(chip, "latency_s")
    assert (latency.name, latency.written(3.5e-3)) == ("modelled_latency", "3.50 ms")
    with pytest.raises(ConfigError, match="is energy_pj or latency_s"):
        Modelled(chip, "area_mm2")  # type: ignore[arg-type]
