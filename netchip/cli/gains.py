"""A finished run as one row: its chosen network beside its baseline, in the figures that users ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netchip.cli.gated_latency import gated_latency_ms
from netchip.compose.pricing import price
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.report.compare.standing import baseline_arm, chosen_arm, figure_of, quality_of
from netchip.report.quantities import compared, written
from netchip.report.record import ArmRecord, RunRecord, read_run
from netchip.workload.network import Workload

COLUMNS = ("run: network, against", ">accuracy\nor dB", ">MACs", ">file", ">latency,\nbatch 1")
_FIGURES = (("counted", "macs"), ("measured", "file_bytes"))
_LATENCY = ("measured", "latency_batch1_ms")
_GATED, _PLAIN = "fractional-skipping", "dense"
_MAPPINGS = 1000
"""Tried for each kind of layer: enough for two digits of a ratio."""


@dataclass(frozen=True)
class Gain:
    """A row of the table: `cells` in the order of the columns, then one a chip; `line` is the run's own sentence."""

    name: str
    cells: tuple[str, ...]
    line: str


def gain(folder: Path, chips: Mapping[str, Accelerator]) -> Gain:
    """The row of a run; a figure that it does not have is a dash."""
    run = read_run(folder)
    own, base = chosen_arm(run), baseline_arm(run)
    name = f"{run.result.method}: {own.name if own else '–'}, {base.name if base else '–'}"
    quality = quality_of([own]) if own else None
    figures = [_cell(own, base, column) for column in (quality, *_FIGURES)]
    gated = run.result.method == _GATED and base is not None and base.name == _PLAIN
    latency = _gated_latency(folder) if gated else _cell(own, base, _LATENCY)
    same = base is not None and _is_of(run.dense, base)
    energies = [_energy(run, stem, chip, compare=same) for stem, chip in chips.items()]
    return Gain(run.result.method, (name, *figures, latency, *energies), run.result.headline)


def _gated_latency(folder: Path) -> str:
    found = gated_latency_ms(folder)
    return "–" if found is None else _written(_LATENCY[1], *found)


def _cell(own: ArmRecord | None, base: ArmRecord | None, column: tuple[str, str] | None) -> str:
    if own is None or column is None:
        return "–"
    value, before = figure_of(own, column), None if base is None else figure_of(base, column)
    return _written(column[1], value, before)


def _written(name: str, value: float | None, before: float | None) -> str:
    """'98.61 % (-0.84 pt)'."""
    if value is None:
        return "–"
    change = compared(name, value, before)
    return f"{written(name, value)} ({change})" if change else written(name, value)


def _is_of(workload: Workload | None, arm: ArmRecord) -> bool:
    """Whether a workload is that of a network: of as many MACs, within a thousandth."""
    macs = arm.counted.get("macs")
    return workload is not None and macs is not None and abs(workload.macs - macs) <= macs / 1000


def _energy(run: RunRecord, stem: str, chip: Accelerator, *, compare: bool) -> str:
    key = f"{stem}_energy_pj"
    own = _priced(run.efficient, stem, chip).get(key)
    return _written(key, own, _priced(run.dense, stem, chip).get(key) if compare else None)


def _priced(workload: Workload | None, stem: str, chip: Accelerator) -> dict[str, float]:
    if workload is None:
        return {}
    found = price(stem, chip, workload, EvolutionaryMapper(samples=_MAPPINGS))
    return {name: value for name, value in found.items() if not isinstance(value, str)}
