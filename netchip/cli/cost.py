"""`netchip cost`: what a network costs on a chip, or on several side by side. Modelled, not measured."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from netchip.cli.output import say, show_json, show_table
from netchip.errors import ConfigError
from netchip.units import format_count

if TYPE_CHECKING:
    from netchip.cli.network import Network
    from netchip.hardware.accelerator import Accelerator
    from netchip.hardware.mapper.mappers import EvolutionaryMapper
    from netchip.report.cost_study import ChipCost, CostStudy


def command(
    model: Annotated[str, Parameter(name="MODEL|FILE")],
    /,
    *,
    chip: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    input: str | None = None,
    classes: int | None = None,
    bits: int | None = None,
    objective: str = "edp",
    mappings: int = 20_000,
    seed: int = 0,
    calibrated: bool = False,
    json: bool = False,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> None:
    """Energy, latency and area of a network on one chip or several: modelled, not measured.

    Parameters
    ----------
    model
        What `netchip inspect` takes, a workload (.json), an ONNX model (.onnx), or a SCALE-Sim topology (.csv).
    chip
        Names from `netchip list`, or YAML files of chips; several are compared.
    input
        Shape of the input, batch first, such as 1,3,224,224; else the model's own.
    classes
        Classes that the model tells apart; else 10, or 1000 where it is made for 224 x 224.
    bits
        Bits of weights, inputs and outputs; else what a workload file states, and for all others each chip's native precision.
    objective
        What the mappings make small for the whole network: edp (energy x latency), energy or latency.
    mappings
        Mappings tried for each kind of layer.
    seed
        Of the search; equal seeds find equal mappings.
    calibrated
        Apply the chip's calibration against silicon to the totals; each chip must have one.
    json
        Write JSON to stdout, nothing else.
    output
        Also write an HTML page with the tables, the energy of each layer and the roofline.
    """
    chips = _chips(chip)
    mapper = _mapper(mappings, seed, objective)
    from netchip.cli.network import find_network

    study = _study(find_network(model, input, classes), chips, bits, mapper, objective, calibrated)
    if output is not None:
        from netchip.report.cost_page import write_cost_page

        write_cost_page(study, output)
    if json:
        show_json(_to_json(study, mapper))
        return
    _show(study)
    if output is not None:
        say(f"\npage: {output}")


def _chips(names: Sequence[str]) -> "list[Accelerator]":
    """The chips; all are read before any work begins."""
    from netchip.hardware.chips import chip_names, load_chip

    if not names:
        raise ConfigError(f"name a chip: --chip NAME or a YAML file; there are {', '.join(chip_names())}")
    chips = [load_chip(name) for name in names]
    twice = {each.name for each in chips if [other.name for other in chips].count(each.name) > 1}
    if twice:
        raise ConfigError(
            f"two chips are called {', '.join(sorted(twice))}; name each once, or change the name in its file"
        )
    return chips


def _mapper(mappings: int, seed: int, objective: str) -> "EvolutionaryMapper":
    from netchip.hardware.mapper.mappers import EvolutionaryMapper
    from netchip.hardware.mapper.objective import check_objective

    check_objective(objective)  # type: ignore[arg-type]
    for flag, value, least in (("--mappings", mappings, 1), ("--seed", seed, 0)):
        if value < least:
            raise ConfigError(f"{flag} {value}: give a whole number of at least {least}")
    return EvolutionaryMapper(samples=mappings, seed=seed)


def _study(
    network: "Network",
    chips: "Sequence[Accelerator]",
    bits: int | None,
    mapper: "EvolutionaryMapper",
    objective: Any,
    calibrated: bool,
) -> "CostStudy":
    from netchip.cli.network import at_bits
    from netchip.cli.search_progress import searching
    from netchip.hardware.network_cost import cost
    from netchip.report.cost_study import ChipCost, CostStudy

    def on(chip: "Accelerator") -> ChipCost:
        workload, words = at_bits(network, chip.precision, bits)
        with searching(chip.name) as progress:
            report = cost(workload, chip, mapper=mapper, objective=objective, calibrated=calibrated, progress=progress)
        return ChipCost(chip=chip, bits=words, report=report)

    return CostStudy(
        network=network.title,
        inputs=network.inputs,
        macs=network.workload.macs,
        search=f"by evolution, {mapper.samples:,} tried for each kind of layer, seed {mapper.seed}",
        chips=tuple(on(chip) for chip in chips),
        uncounted=network.workload.uncounted,
    )


def _show(study: "CostStudy") -> None:
    from netchip.report.cost_study import MODELLED
    from netchip.report.cost_tables import chip_tables, summary_tables

    at_once = f"{study.inputs} input{'s' * (study.inputs > 1)} at once"
    say(f"{study.network}: {format_count(study.macs)} MACs a pass, {at_once}; {MODELLED}")
    for cost in study.chips:
        for table in chip_tables(cost):
            show_table(table.title, table.columns, table.rows)
    for table in summary_tables(study):
        show_table(table.title, table.columns, table.rows)
    say()
    for line in study.how():
        say(line)
    if study.uncounted:
        say(f"Not counted, and in no figure here: {', '.join(study.uncounted)}")


def _to_json(study: "CostStudy", mapper: "EvolutionaryMapper") -> dict[str, Any]:
    return {
        "network": study.network,
        "inputs": study.inputs,
        "macs": study.macs,
        "uncounted": list(study.uncounted),
        "search": mapper.settings(),
        "modelled": [dict(_cost_json(study, cost)) for cost in study.chips],
    }


def _cost_json(study: "CostStudy", cost: "ChipCost") -> "Iterator[tuple[str, Any]]":
    bound, share = cost.bound_by
    yield "chip", cost.report.accelerator
    yield "bits", cost.bits
    yield "inputs_per_s", study.inputs_per_s(cost)
    yield "macs_per_cycle", cost.macs_per_cycle
    yield "bound_by", {"name": bound, "share_of_cycles": share}
    yield "report", cost.report.to_json()
