"""What chips would take for the networks that a sweep found: any trial on any chip, after all runs. Modelled, never measured."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netchip.compose.pricing import load_chips, price
from netchip.compose.sweep.record import Swept, write_record
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.mapper.mappers import EvolutionaryMapper
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
    chips = load_chips(swept.spec.chips)
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


def _on(stem: str, chip: Accelerator, folder: Path, mapper: EvolutionaryMapper) -> dict[str, Any]:
    own, dense = (price(stem, chip, Workload.load(folder / file), mapper) for file in (EFFICIENT, DENSE))
    energy = f"{stem}_energy_pj"
    if energy not in own or energy not in dense:
        return own
    return own | {f"{stem}_energy_of_dense_percent": 100 * own[energy] / dense[energy]}
