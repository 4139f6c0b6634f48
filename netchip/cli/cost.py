"""`netchip cost`: what a network takes on one chip or several. Everything here is modelled, and says so."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from netchip.cli.output import note, say, show_json, show_table
from netchip.errors import ConfigError
from netchip.units import format_count, format_energy_pj, format_seconds


def command(
    model: Annotated[str, Parameter(name="MODEL")],
    /,
    *,
    chip: Annotated[list[str], Parameter(consume_multiple=True, negative=())],
    input: str | None = None,
    classes: int | None = None,
    bits: int | None = None,
    objective: Literal["edp", "energy", "latency"] = "edp",
    mappings: int = 20_000,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Energy, latency and area of a network on chips, layer by layer, each layer under the best mapping found. Modelled.

    Parameters
    ----------
    model
        What `netchip inspect` takes; or a workload (.json), an ONNX file (.onnx) or a SCALE-Sim topology (.csv).
    chip
        One or several: names from `netchip list`, or YAML files.
    input
        Shape of the input, batch first, such as 1,3,224,224; else the model's own.
    classes
        Classes that the model tells apart; else 10, or 1000 where it is made for 224 x 224.
    bits
        Bits of weights, inputs and outputs; else each chip's native ones.
    objective
        What a mapping is chosen for: the network's energy times latency, its energy, or its latency.
    mappings
        Mappings tried a layer; layers that are alike are searched once, and the result is kept in the cache.
    seed
        Seed of the search.
    json
        Write JSON to stdout, nothing else.
    """
    from netchip.hardware.chips import load_chip
    from netchip.hardware.mapper.mappers import RandomMapper
    from netchip.hardware.network_cost import cost

    if mappings < 1:
        raise ConfigError(f"--mappings {mappings}: try at least one mapping a layer")
    chips = [load_chip(name) for name in chip]
    name, workload = _workload(model, input, classes)
    mapper = RandomMapper(samples=mappings, seed=seed)
    reports = [
        cost(_at(workload, each, bits), each, mapper=mapper, objective=objective, progress=_progress(each.name))
        for each in chips
    ]
    if json:
        show_json({"model": name, "modelled": True, "reports": [report.to_json() for report in reports]})
        return
    say(f"{name}: {len(workload.layers)} layers, {format_count(workload.macs)} MACs. Modelled, not measured.")
    for each, report in zip(chips, reports, strict=True):
        _show_layers(each, report)
    _show_totals(chips, reports, mappings)


def _workload(model: str, shape: str | None, classes: int | None) -> tuple[str, Any]:
    """The last network of a model (of a run: the efficient one) as a workload, or the one in a file."""
    path = Path(model)
    if path.suffix == ".json":
        from netchip.workload.network import Workload

        return path.name, Workload.load(path)
    if path.suffix == ".onnx":
        from netchip.export.onnx_reading import read_onnx

        return path.name, read_onnx(path)
    if path.suffix == ".csv":
        from netchip.export.scalesim_topology import read_scalesim_topology

        return path.name, read_scalesim_topology(path)
    from netchip.cli.subject import find_subject
    from netchip.graph.to_workload import to_workload

    subject = find_subject(model, shape, classes)
    name, network = list(subject.models.items())[-1]
    return name, to_workload(network, subject.example)


def _at(workload: Any, chip: Any, bits: int | None) -> Any:
    """The workload at the chip's native precision, or with `bits` bits for everything but the sums."""
    precision = chip.precision
    if bits is not None:
        precision = dataclasses.replace(precision, weight_bits=bits, input_bits=bits, output_bits=bits)
    layers = tuple(dataclasses.replace(layer, precision=precision) for layer in workload.layers)
    return dataclasses.replace(workload, layers=layers)


def _progress(chip: str) -> Callable[[str, int, int], None]:
    """A line on stderr for every layer that had to be searched."""
    return lambda layer, done, total: note(f"{chip}: {done}/{total} {layer}")


def _show_layers(chip: Any, report: Any) -> None:
    levels = [memory.name for memory in chip.memories]
    columns = ("layer", ">MACs", ">energy", *(f">{level}" for level in levels), ">MAC", ">cycles", ">used", "bound by")
    rows = [
        (
            layer.name,
            format_count(layer.macs),
            format_energy_pj(layer.cost.energy_pj),
            *(_share(_by_memory(layer.cost).get(level, 0.0), layer.cost.energy_pj) for level in levels),
            _share(sum(layer.cost.work_energy_pj.values()), layer.cost.energy_pj),
            format_count(layer.cost.cycles),
            f"{100 * layer.cost.utilisation:.0f} %",
            layer.cost.bound_by,
        )
        for layer in report.layers
    ]
    show_table(
        f"{report.accelerator}: modelled energy of each layer, and the share of each memory level", columns, rows
    )


def _show_totals(chips: Sequence[Any], reports: Sequence[Any], mappings: int) -> None:
    columns = ("chip", ">energy", ">latency", ">a second", ">EDP", ">area", ">MACs used", "calibrated")
    rows = [
        (
            report.accelerator,
            format_energy_pj(report.energy_pj),
            format_seconds(report.latency_s),
            f"{1 / report.latency_s:.4g}",
            f"{report.edp_pj_s * 1e-12:.3g} J s",
            "not known" if report.area_mm2 is None else f"{report.area_mm2:.3g} mm2",
            f"{100 * report.macs / (report.cycles * chip.units):.0f} %",
            "no" if report.calibration is None else "yes",
        )
        for chip, report in zip(chips, reports, strict=True)
    ]
    show_table("Whole network: modelled, not measured", columns, rows)
    first = reports[0]
    say(
        f"note: conventions {first.conventions!r}, cycles with {first.latency!r}, mapping for {first.objective!r}, at most "
        f"{format_count(mappings)} mappings a layer; layers run one after the other; EDP is total energy times total latency"
    )


def _by_memory(cost: Any) -> Mapping[str, float]:
    """pJ of all accesses, by memory."""
    found: dict[str, float] = {}
    for action, energy in cost.access_energy_pj.items():
        found[action.memory] = found.get(action.memory, 0.0) + energy
    return found


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
