"""At least as good as ZigZag's LOMA on its recorded searches, in a fraction of a second a layer."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from netchip.hardware.conventions import ZIGZAG
from netchip.hardware.cost import evaluate
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.mappers import EvolutionaryMapper, Mapper, RandomMapper
from netchip.hardware.mapper.problem import problem_of
from netchip.hardware.mapping_batch import MappingBatch


@pytest.mark.parametrize("machine", ["eyeriss_like", "r3_shared"])
@pytest.mark.parametrize("mapper", [RandomMapper(samples=8192), EvolutionaryMapper(samples=6000)])
def test_energy_is_at_most_lomas(
    reference: Callable[[str], Path], tools: ModuleType, machine: str, mapper: Mapper
) -> None:
    folder, ratios = reference("zigzag"), []
    chip = tools.zigzag_accelerator(folder / "inputs" / tools.ZIGZAG_MACHINES[machine])
    for known in tools.loma_searches(folder, machine):
        problem = problem_of(known.layer, chip, ZIGZAG, Constraints(spatial=known.spatial))
        front = mapper.search(problem, lambda energy, cycles: energy)
        winner = MappingBatch.of(front.mappings[:1], chip)
        costs = evaluate([known.layer], chip, winner, conventions=ZIGZAG)
        assert np.all(costs.fits)
        ratios.append(float(costs.energy_pj[0]) / known.energy_pj)
    assert np.exp(np.mean(np.log(ratios))) < 1.0
    assert max(ratios) <= 1.01
