"""A chip as a section of a page: tables of what was predicted, simulated and synthesised, its blocks, a tile's waveform."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netchip.files import write_atomic
from netchip.report.chip_record import RESOURCES, ChipFigures, ChunkFigures, read_chip
from netchip.report.cost_tables import Listing
from netchip.report.drawing.blocks import Block, draw_blocks
from netchip.report.drawing.waveform import draw_waveform
from netchip.report.gallery import FigureView
from netchip.report.template import fill

_NAMES = {"dsp": "DSP", "bram18": "BRAM18", "lut": "LUT", "ff": "FF"}


@dataclass(frozen=True)
class ChipView:
    """A chip as the template shows it."""

    sentence: str
    figures: tuple[FigureView, ...]
    tables: tuple[Listing, ...]
    host: tuple[str, ...]


def chip_view(chip: ChipFigures) -> ChipView:
    """Everything a page shows of a chip."""
    return ChipView(chip.sentence, tuple(_figures(chip)), tuple(chip_tables(chip)), tuple(_beside(chip)))


def write_chip_page(record: Path, path: Path) -> Path:
    """Writes the page of a `chip.json` to `path`, whole or not at all; returns `path`."""
    chip = read_chip(record)
    write_atomic(path, fill("chip.html", title=f"The chip of {chip.network}", view=chip_view(chip)))
    return path


def chip_tables(chip: ChipFigures) -> Iterator[Listing]:
    """The chunks, and their layers."""
    columns = ["chunk", "engine", ">multipliers", "bits", ">cycles\npredicted", ">simulated"]
    columns += [
        f">{_NAMES[name]}\npredicted" if place == 0 else ">synthesised" for name in RESOURCES for place in range(2)
    ]
    rows = [_chunk_row(chunk) for chunk in chip.chunks]
    yield Listing("Chunks", tuple(columns), (*rows, _total(chip)), ends_in_total=True)
    layers = [
        (layer.name, layer.shape, chunk.name, *_pair(layer.predicted_cycles, layer.simulated_cycles))
        for chunk in chip.chunks
        for layer in chunk.layers
    ]
    yield Listing("Layers", ("layer", "shape", "chunk", ">cycles\npredicted", ">simulated"), tuple(layers))


def _chunk_row(chunk: ChunkFigures) -> tuple[str, ...]:
    synthesised = chunk.synthesised or {}
    counts = [text for name in RESOURCES for text in _pair(chunk.predicted.get(name), synthesised.get(name))]
    bits = "/".join(map(str, chunk.bits))
    cycles = _pair(chunk.predicted_cycles, chunk.simulated_cycles)
    return (chunk.name, chunk.engine, f"{chunk.multipliers}", bits, *cycles, *counts)


def _total(chip: ChipFigures) -> tuple[str, ...]:
    """An image takes what the slowest chunk takes; resources add up."""
    counts: list[str] = []
    for name in RESOURCES:
        found = [chunk.synthesised.get(name) if chunk.synthesised else None for chunk in chip.chunks]
        known = [each for each in found if each is not None]
        whole = sum(known) if len(known) == len(found) else None
        counts += _pair(sum(chunk.predicted.get(name, 0.0) for chunk in chip.chunks), whole)
    simulated = chip.simulation.cycles_per_image if chip.simulation else None
    multipliers = sum(chunk.multipliers for chunk in chip.chunks)
    return ("an image; all", "", f"{multipliers}", "", *_pair(chip.predicted_cycles_per_image, simulated), *counts)


def _pair(first: float | None, second: float | None) -> tuple[str, str]:
    return _count(first), _count(second)


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _figures(chip: ChipFigures) -> Iterator[FigureView]:
    blocks = [
        Block(
            chunk.name,
            (
                f"{chunk.engine}, {chunk.multipliers} x {chunk.bits[0]} bits",
                f"{len(chunk.layers)} layer{'s' * (len(chunk.layers) > 1)}, {chunk.predicted_cycles:,.0f} cycles",
            ),
            f"{chunk.port_bits} bits" + ("" if chunk.shared_port else " x 3"),
        )
        for chunk in chip.chunks
    ]
    yield FigureView("Blocks", draw_blocks(blocks, [step.name for step in chip.host]))
    if chip.waveform is not None:
        cycles = len(next(iter(chip.waveform.signals.values())))
        title = f"A tile of {chip.waveform.layer}, {cycles:,} cycles"
        yield FigureView(title, draw_waveform(chip.waveform.signals))


def _beside(chip: ChipFigures) -> Iterator[str]:
    if chip.simulation is not None:
        yield (
            f"{chip.simulation.simulator} ran {chip.simulation.images} images in {chip.simulation.rounds} rounds, "
            f"{chip.simulation.cycles:,.0f} cycles: in a round each layer works at another image."
        )
    for step in chip.host:
        yield f"{step.name} runs on the host beside the chip: {step.what}."
