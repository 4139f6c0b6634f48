"""Energy and latency of teacher and student on chips, by netchip's cost model; modelled, never beside measured figures."""

from collections.abc import Iterator, Mapping, Sequence

from netchip.errors import RequestError
from netchip.hardware.chips import load_chip
from netchip.hardware.cost_report import CostReport
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.hardware.network_cost import cost
from netchip.workload.network import Workload

Reports = dict[str, dict[str, CostReport]]
"""By network, then by chip."""

_MAPPER = EvolutionaryMapper(samples=2000)


def on_chips(workloads: Mapping[str, Workload], chips: Sequence[str], notes: list[str]) -> Reports:
    """Every network at 8 bits on every chip, for least energy; what does not fit a chip is left out, with a line in `notes`.

    Raises `ConfigError` for a chip that is not known.
    """
    accelerators = {name: load_chip(name) for name in chips}
    found: Reports = {name: {} for name in workloads}
    for name, workload in workloads.items():
        for chip, accelerator in accelerators.items():
            try:
                found[name][chip] = cost(workload, accelerator, mapper=_MAPPER, objective="energy")
            except RequestError as error:
                notes.append(f"{name} on {chip}: left out, {error}")
    if chips:
        notes.append(f"modelled on {', '.join(chips)}: at 8 bits, layer after layer, norms and activations free")
    return found


def figures_of(chip: str, report: CostReport) -> Iterator[tuple[str, float]]:
    """The modelled figures of an arm on one chip."""
    stem = chip.replace("-", "_")
    yield f"{stem}_energy_pj", report.energy_pj
    yield f"{stem}_latency_s", report.latency_s
