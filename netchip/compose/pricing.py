"""A workload on a chip, as figures of an arm: modelled, and named so that no one takes them for measured ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netchip.errors import ConfigError, RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.hardware.network_cost import cost
from netchip.workload.network import Workload


def load_chips(names: Sequence[str]) -> dict[str, Accelerator]:
    """Chips by the first words of their figures: "edge_npu" of edge-npu and of lab/edge-npu.yaml.

    Raises `ConfigError` for one that is not known, and for two of one name.
    """
    chips: dict[str, Accelerator] = {}
    for name in names:
        stem = Path(name).stem.replace("-", "_")
        if stem in chips:
            raise ConfigError(f"chips: two are called {stem.replace('_', '-')}; name each once, or rename a file")
        chips[stem] = load_chip(name)
    return chips


def price(stem: str, chip: Accelerator, workload: Workload, mapper: EvolutionaryMapper) -> dict[str, Any]:
    """`<stem>_energy_pj` and `<stem>_latency_s` at the bits the workload states; or `<stem>_why_not`, for what cannot run there."""
    try:
        report = cost(workload, chip, mapper=mapper)
    except RequestError as error:
        return {f"{stem}_why_not": str(error)}
    return {f"{stem}_energy_pj": report.energy_pj, f"{stem}_latency_s": report.latency_s}
