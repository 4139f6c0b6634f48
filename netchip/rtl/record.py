"""What `chip.json` says of a chip: predicted, simulated and synthesised side by side, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netchip.rtl.design import ChipDesign, multipliers_of
from netchip.rtl.rounds import NetworkRun
from netchip.rtl.steps import ChipStep
from netchip.rtl.synthesis import Synthesised
from netchip.rtl.waveform import Waveform

FORMAT = 1
RESOURCES = ("dsp", "bram18", "lut", "ff")


@dataclass(frozen=True, eq=False)
class Simulation:
    """A network's images in rounds on a simulated chip; all outputs were the reference's."""

    simulator: str
    run: NetworkRun

    def to_json(self) -> dict[str, Any]:
        """Plain values; a round of all layers is the longest, and what an image takes once the chip is full."""
        return {
            "simulator": self.simulator,
            "images": len(self.run.outputs),
            "rounds": len(self.run.cycles),
            "cycles": sum(self.run.cycles),
            "cycles_per_image": max(self.run.cycles),
        }


@dataclass(frozen=True, eq=False)
class ChipRecord:
    """A design, and what became of it; `accuracy` in percent by name, over `judged` images."""

    network: str
    design: ChipDesign
    accuracy: Mapping[str, float] = field(default_factory=dict)
    judged: int = 0
    simulation: Simulation | None = None
    synthesised: Mapping[str, Synthesised] = field(default_factory=dict)
    waveform: Waveform | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        design, report = self.design, self.design.report
        wave = self.waveform
        return {
            "format": FORMAT,
            "network": self.network,
            "board": report.board,
            "frequency_hz": report.frequency_hz,
            "limits": {name: report.limits[name] for name in RESOURCES},
            "predicted_cycles_per_image": report.cycles,
            "bound_by": report.bound_by,
            "chunks": [self._chunk(place) for place in range(len(design.chunks))],
            "host": [{"name": step.name, "what": step.told} for step in design.network.host] if design.whole else [],
            "accuracy": {"images": self.judged, **self.accuracy},
            "simulation": self.simulation.to_json() if self.simulation else None,
            "waveform": {"layer": wave.layer, "signals": dict(wave.signals)} if wave else None,
        }

    def _chunk(self, place: int) -> dict[str, Any]:
        design, report = self.design, self.design.report.chunks[place]
        chunk, module = design.chunks[place], design.modules[place]
        found = self.synthesised.get(module)
        rows = zip(design.owned[place], report.layers, strict=True)
        return {
            "name": design.names[place],
            "module": module,
            "engine": chunk.engine,
            "multipliers": multipliers_of(chunk),
            "bits": [chunk.weight_bits, chunk.input_bits, chunk.output_bits],
            "port_bits": chunk.port_bits,
            "shared_port": chunk.shared_port,
            "predicted_cycles": report.cycles,
            "layers": [
                {
                    "name": step.name,
                    "shape": shape_text(step),
                    "predicted_cycles": row.cycles,
                    "simulated_cycles": self._cycles(step),
                }
                for step, row in rows
            ],
            "predicted": {name: report.usage[name] for name in RESOURCES},
            "synthesised": {name: getattr(found, name) for name in RESOURCES} if found else None,
        }

    def _cycles(self, step: ChipStep) -> int | None:
        return self.simulation.run.layers.get(step.name) if self.simulation else None


def shape_text(step: ChipStep) -> str:
    """A layer in a few words, such as "3->8, 3x3 on 16x16, stride 2"."""
    shape = step.layer.shape
    words = f"{shape.total_in_channels}->{shape.total_out_channels}, {shape.kernel_height}x{shape.kernel_width}"
    words += f" on {shape.in_height}x{shape.in_width}"
    words += f", {shape.groups} groups" if shape.groups > 1 else ""
    return words + (f", stride {shape.stride[0]}" if max(shape.stride) > 1 else "")
