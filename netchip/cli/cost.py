"""`netchip cost`: what a network costs on a chip, or on several side by side. Modelled, not measured."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from netchip.cli.output import say, show_json, show_table
from netchip.cli.overwriting import check_place
from netchip.errors import BudgetError, ConfigError
from netchip.units import format_count

if TYPE_CHECKING:
    from netchip.cli.chips import Chip
    from netchip.cli.network import Network
    from netchip.hardware.budget import Budget
    from netchip.hardware.mapper.mappers import EvolutionaryMapper
    from netchip.hardware.mapper.objective import Objective
    from netchip.report.cost_study import ChipCost, CostStudy


def command(
    model: Annotated[str, Parameter(name="MODEL|FILE")],
    /,
    *,
    chip: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    input: str | None = None,
    classes: int | None = None,
    bits: str | None = None,
    clock: str | None = None,
    objective: str | None = None,
    budget: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    mappings: int = 20_000,
    seed: int = 0,
    calibrated: bool = False,
    calibration: Path | None = None,
    json: bool = False,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> None:
    """Energy, latency and area of a network on one chip or several: modelled, not measured.

    Parameters
    ----------
    model
        What `netchip inspect` takes, a workload (.json), an ONNX model (.onnx), or layers of SCALE-Sim (.csv) or ZigZag (.yaml).
    chip
        Names from `netchip list`, or YAML files: chips of netchip's form, or accelerators of ZigZag; several are compared. Or one
        pipeline of chunks on an FPGA: accelerator.json of a run of dna.
    input
        Shape of the input, batch first, such as 1,3,224,224; else the model's own.
    classes
        Classes that the model tells apart; else 10, or 1000 where it is made for 224 x 224.
    bits
        Bits of weights, inputs and outputs, such as 8, or of partial sums too, such as 8/8/8/16; else what a workload
        file states, and for all others each chip's native precision.
    clock
        Clock of an accelerator in a ZigZag file, which states none, such as 200MHz; else 1 GHz.
    objective
        What the mappings make small for the whole network: edp (energy x latency), energy or latency; else edp, with
        --budget the least edp within it.
    budget
        The most a pass may take, such as energy=5mJ latency=3.5ms; also edp (mJs), area (mm2), macs, weights (KiB).
        Where a chip takes more, the command says by how much and exits with 3.
    mappings
        Mappings tried for each kind of layer.
    seed
        Of the search; equal seeds find equal mappings.
    calibrated
        Apply the chip's calibration against silicon to the totals; each chip must have one.
    calibration
        Of a pipeline on an FPGA: bring its figures to the synthesised or measured points of a CSV, or as the JSON of a fit says.
    json
        Write JSON to stdout, nothing else.
    output
        Also write an HTML page with the tables, the energy of each layer and the roofline.
    """
    from netchip.cli.chips import find_chips
    from netchip.cli.cost_pipeline import cost_pipeline, is_pipeline
    from netchip.cli.network import find_network

    if any(map(is_pipeline, chip)):
        others = {
            "--clock": clock,
            "--objective": objective,
            "--budget": budget,
            "--calibrated": calibrated,
            "--output": output,
        }
        _check_alone(chip, others)
        cost_pipeline(find_network(model, input, classes), chip[0], bits, calibration, json=json)
        return
    if calibration is not None:
        raise ConfigError(
            "--calibration is for a pipeline of chunks, accelerator.json of a run of dna; a chip's own is applied with --calibrated"
        )
    check_place(output)
    chips = find_chips(chip, clock)
    limits, wanted = _budget(budget, chips, objective)
    mapper = _mapper(mappings, seed)
    study = _study(find_network(model, input, classes), chips, bits, mapper, wanted, calibrated, limits)
    if output is not None:
        from netchip.report.cost_page import write_cost_page

        write_cost_page(study, output)
    if json:
        show_json(_to_json(study, mapper))
    else:
        _show(study)
        if output is not None:
            say(f"\npage: {output}")
    _require(study)


def _check_alone(chips: Sequence[str], others: dict[str, Any]) -> None:
    """Refuses what a pipeline has no answer to."""
    given = [flag for flag, value in others.items() if value]
    if len(chips) > 1 or given:
        what = "other chips" if len(chips) > 1 else " and ".join(given)
        raise ConfigError(f"a pipeline of chunks is costed by itself; leave {what} out")


def _budget(words: Sequence[str], chips: "Sequence[Chip]", objective: str | None) -> "tuple[Budget | None, Objective]":
    """The budget, if there is one, and what the search makes small; refused before any work where it cannot be checked."""
    from netchip.hardware.budget import Budget
    from netchip.hardware.mapper.objective import check_objective
    from netchip.hardware.network_cost import area_mm2

    wanted: Any = objective or "edp"
    check_objective(wanted)
    if not words:
        return None, wanted
    budget = Budget.of(words)
    unknown = [chip.accelerator.name for chip in chips if area_mm2(chip.accelerator) is None]
    if budget.area_mm2 is not None and unknown:
        raise ConfigError(
            f"--budget limits the area, but the file of {', '.join(unknown)} states none; give it areas, or leave the limit out"
        )
    return budget, wanted if objective else budget


def _mapper(mappings: int, seed: int) -> "EvolutionaryMapper":
    from netchip.hardware.mapper.mappers import EvolutionaryMapper

    for flag, value, least in (("--mappings", mappings, 1), ("--seed", seed, 0)):
        if value < least:
            raise ConfigError(f"{flag} {value}: give a whole number of at least {least}")
    return EvolutionaryMapper(samples=mappings, seed=seed)


def _study(
    network: "Network",
    chips: "Sequence[Chip]",
    bits: str | None,
    mapper: "EvolutionaryMapper",
    objective: "Objective",
    calibrated: bool,
    limits: "Budget | None",
) -> "CostStudy":
    from netchip.cli.layer_progress import layer_by_layer
    from netchip.cli.network import at_bits
    from netchip.cores import available_cores
    from netchip.hardware.budget import Budget
    from netchip.hardware.network_cost import cost
    from netchip.hardware.within_budget import cost_within
    from netchip.report.cost_study import ChipCost, CostStudy

    ahead = available_cores() > 1

    def on(found: "Chip") -> ChipCost:
        chip = found.accelerator
        workload, words = at_bits(network, chip.precision, bits)
        with layer_by_layer("mapping", "kinds of layers mapped", of=chip.name) as progress:
            if isinstance(objective, Budget):
                report = cost_within(
                    workload, chip, objective, mapper=mapper, calibrated=calibrated, ahead=ahead, progress=progress
                )
            else:
                report = cost(
                    workload,
                    chip,
                    mapper=mapper,
                    objective=objective,
                    calibrated=calibrated,
                    ahead=ahead,
                    progress=progress,
                )
        return ChipCost(chip=chip, bits=words, report=report, assumed=found.assumed)

    return CostStudy(
        network=network.title,
        inputs=network.inputs,
        macs=network.workload.macs,
        search=f"by evolution, {mapper.samples:,} tried for each kind of layer, seed {mapper.seed}",
        chips=tuple(on(chip) for chip in chips),
        uncounted=network.workload.uncounted,
        budget=limits,
    )


def _require(study: "CostStudy") -> None:
    """Raises `BudgetError` that says by how much each chip is over, and which ones meet the budget."""
    if study.budget is None:
        return
    totals = {cost.report.accelerator: cost.report.totals() for cost in study.chips}
    over = [name for name, found in totals.items() if study.budget.violations(found)]
    if over:
        told = "; ".join(f"{name} {study.budget.verdict(totals[name])}" for name in over)
        met = [name for name in totals if name not in over]
        others = f"; it is met by {', '.join(met)}" if met else ""
        raise BudgetError(f"{told}{others} (allow more, search longer with --mappings, or change the chip)")


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
        "budget": study.budget.limits if study.budget else None,
        "modelled": [dict(_cost_json(study, cost)) for cost in study.chips],
    }


def _cost_json(study: "CostStudy", cost: "ChipCost") -> "Iterator[tuple[str, Any]]":
    bound, share = cost.bound_by
    yield "chip", cost.report.accelerator
    yield "bits", cost.bits
    yield "inputs_per_s", study.inputs_per_s(cost)
    yield "macs_per_cycle", cost.macs_per_cycle
    yield "bound_by", {"name": bound, "share_of_cycles": share}
    yield "assumed", list(cost.assumed)
    if study.budget:
        yield "over_budget", study.budget.violations(cost.report.totals())
    yield "report", cost.report.to_json()
