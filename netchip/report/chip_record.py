"""`chip.json` as a checked value: a chip as predicted, simulated and synthesised. It is untrusted input, as is all of a page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from netchip.files import read_json
from netchip.report.figure import Text
from netchip.report.record import checked

RESOURCES = ("dsp", "bram18", "lut", "ff")
_Count = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Samples = Annotated[str, Field(pattern=r"^[01]{1,10000}$")]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class LayerCycles(_Read):
    """One layer: what it is, and its cycles."""

    name: Text
    shape: Text
    predicted_cycles: _Count
    simulated_cycles: _Count | None = None


class ChunkFigures(_Read):
    """One chunk with its layers; resources by name."""

    name: Text
    module: Text
    engine: Text
    multipliers: Annotated[int, Field(ge=1)]
    bits: tuple[int, int, int]
    port_bits: Annotated[int, Field(ge=1)]
    shared_port: bool
    predicted_cycles: _Count
    layers: Annotated[tuple[LayerCycles, ...], Field(min_length=1)]
    predicted: Mapping[str, _Count]
    synthesised: Mapping[str, _Count] | None = None

    @property
    def simulated_cycles(self) -> float | None:
        """Of all its layers; None where one was not simulated."""
        found = [layer.simulated_cycles for layer in self.layers]
        known = [each for each in found if each is not None]
        return sum(known) if len(known) == len(found) else None


class HostStep(_Read):
    """A step that the host runs."""

    name: Text
    what: Text


class Accuracy(_Read):
    """Percent of test images right."""

    images: Annotated[int, Field(ge=0)] = 0
    float_percent: _Count | None = None
    integer_percent: _Count | None = None


class SimulationFigures(_Read):
    """Images that were run through the simulated chip, every number as the reference has it."""

    simulator: Text
    images: Annotated[int, Field(ge=1)]
    rounds: Annotated[int, Field(ge=1)]
    cycles: _Count
    cycles_per_image: _Count


class WaveformFigure(_Read):
    """What a chunk did in each cycle of a tile: a string of 0 and 1 a signal."""

    layer: Text
    signals: Annotated[Mapping[Text, _Samples], Field(min_length=1)]


class ChipFigures(_Read):
    """A whole chip."""

    format: Literal[1]
    network: Text
    board: Text
    frequency_hz: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    limits: Mapping[str, _Count]
    predicted_cycles_per_image: _Count
    bound_by: Text
    chunks: Annotated[tuple[ChunkFigures, ...], Field(min_length=1)]
    host: tuple[HostStep, ...] = ()
    accuracy: Accuracy = Accuracy()
    simulation: SimulationFigures | None = None
    waveform: WaveformFigure | None = None

    @property
    def sentence(self) -> str:
        """What it comes to."""
        words = [f"{self.network} on {self.board}, {len(self.chunks)} chunks"]
        if self.accuracy.float_percent is not None and self.accuracy.integer_percent is not None:
            words.append(
                f"{self.accuracy.integer_percent:.2f} % of {self.accuracy.images} test images right on whole numbers, "
                f"{self.accuracy.float_percent:.2f} % in floats"
            )
        words.append(f"{self.predicted_cycles_per_image:,.0f} cycles an image predicted")
        if self.simulation is not None:
            images = f"{self.simulation.images} image{'s' * (self.simulation.images > 1)}"
            words.append(
                f"{self.simulation.cycles_per_image:,.0f} simulated, and every output of {images} the reference's"
            )
        return "; ".join(words) + "."


def read_chip(path: Path) -> ChipFigures:
    """The chip of a `chip.json`; raises `DataError` that names the file and its first fault."""
    return checked(ChipFigures, read_json(path), path)
