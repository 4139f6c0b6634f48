"""What chips would take for the networks that a sweep found: any trial on any chip, after all runs. Modelled, never measured."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netchip.compose.sweep.record import Swept, write_record
from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.chips import load_chip
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.hardware.network_cost import cost
from netchip.workload.network import Workload

Told = Callable[[str, int, int], None]
"""Told the trial that is priced next, how many are, and how many there are."""
DENSE, EFFICIENT = "workload_dense.json", "workload_efficient.json"


def priced(swept: Swept, *, told: Told | None = None) -> Swept:
    """The sweep with energy and latency of every finished trial on every chip, also in its record.

    At the bits that a network's workload states. What does not fit a chip has no figures; `why_not` says which memory is too small.
    """
    if not swept.spec.chips:
        return swept
    chips = {Path(name).stem: load_chip(name) for name in swept.spec.chips}
    mapper = EvolutionaryMapper(samples=swept.spec.mappings)
    modelled: dict[str, Mapping[str, Any]] = {}
    for place, outcome in enumerate(swept.done):
        if told is not None:
            told(outcome.trial.label, place, len(swept.done))
        folder, found = swept.folder_of(outcome), dict[str, Any]()
        for name, chip in chips.items():
            found |= _on(name, chip, folder, mapper)
        modelled[outcome.trial.name] = found
    made = swept.with_modelled(modelled)
    write_record(made)
    return made


def _on(name: str, chip: Accelerator, folder: Path, mapper: EvolutionaryMapper) -> dict[str, Any]:
    stem = name.replace("-", "_")
    try:
        own, dense = (cost(Workload.load(folder / file), chip, mapper=mapper) for file in (EFFICIENT, DENSE))
    except RequestError as error:
        return {f"{stem}_why_not": str(error)}
    return {
        f"{stem}_energy_pj": own.energy_pj,
        f"{stem}_latency_s": own.latency_s,
        f"{stem}_energy_of_dense_percent": 100 * own.energy_pj / dense.energy_pj,
    }
