"""A network of whole numbers on the chunks of a board: which chunk runs which step, and what the model says of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from netchip.errors import RequestError
from netchip.hardware.fpga.assignment import Assignment
from netchip.hardware.fpga.board import Board
from netchip.hardware.fpga.chunk import ENGINES, Chunk, ChunkBatch, engine_index
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.pipeline import PipelineReport, evaluate_pipeline
from netchip.hardware.fpga.predictor import FpgaPredictor
from netchip.hardware.suggest import did_you_mean
from netchip.rtl.folding import FloatLayer, FloatNetwork
from netchip.rtl.plan import EngineSize
from netchip.rtl.program import Program
from netchip.rtl.simulation import program_of
from netchip.rtl.steps import ChipStep, IntegerNetwork
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

_WORDS = (("<", " below "), (">=", " at least "))


@dataclass(frozen=True, eq=False)
class Floorplan:
    """Chunks by name on a board, and the place of the chunk of each layer, by the layer's name."""

    board: Board
    names: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    places: Mapping[str, int]

    def __post_init__(self) -> None:
        for name, chunk in zip(self.names, self.chunks, strict=True):
            try:
                EngineSize(chunk)
            except RequestError as error:
                raise RequestError(f"chunk {name!r}: {error}") from error

    def report(self, shapes: Mapping[str, LayerShape]) -> PipelineReport:
        """What the model says of these layers here; raises `RequestError` for one that its chunk cannot run, and says why."""
        places = tuple(self.places[name] for name in shapes)
        layers = [
            _layer(name, shape, self.chunks[place]) for (name, shape), place in zip(shapes.items(), places, strict=True)
        ]
        return evaluate_pipeline(layers, self.chunks, Assignment(self.names, places), self.board)

    def completed(self, network: FloatNetwork) -> "Floorplan":
        """With every step that a chunk runs: a mean of maps goes where it leaves the slowest chunk the quickest.

        Raises `RequestError` for a layer that has no place.
        """
        steps = network.layers
        plan = self
        for step in steps:
            if not step.mean and step.name not in self.places:
                raise RequestError(
                    f"no chunk is given the layer {step.name}{did_you_mean(step.name, list(self.places))}"
                )
        for step in (step for step in steps if step.name not in plan.places):
            own = [each for each in steps if each.name in plan.places]
            plan = replace(plan, places={**plan.places, step.name: plan._quickest(own, step)})
        return replace(plan, places={step.name: plan.places[step.name] for step in steps})

    def _quickest(self, steps: Sequence[FloatLayer], more: FloatLayer) -> int:
        loads = [0.0] * len(self.chunks)
        for step in steps:
            place = self.places[step.name]
            loads[place] += self._cycles(step, place)
        used = sorted({self.places[step.name] for step in steps})
        return min(used, key=lambda place: max(*loads, loads[place] + self._cycles(more, place)))

    def _cycles(self, step: FloatLayer, place: int) -> float:
        """What a step takes on a chunk; infinite where it cannot run."""
        table = LayerTable.of([_layer(step.name, step.shape, self.chunks[place])])
        found = FpgaPredictor(self.board)(table, ChunkBatch.of([self.chunks[place]]))
        return float(found.cycles[0, 0]) if found.runs[0, 0] else float("inf")


@dataclass(frozen=True, eq=False)
class ChipDesign:
    """A network on a floorplan. Chunks without steps are left out; only `steps` (none: all that a chunk runs) are built."""

    network: IntegerNetwork
    plan: Floorplan
    only: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        there = [step.name for step in self.network.chip]
        for name in self.only or ():
            if name not in there:
                raise RequestError(
                    f"no chunk runs a layer {name!r}{did_you_mean(name, there)}; there are {', '.join(there)}"
                )

    @property
    def whole(self) -> bool:
        """Whether all steps are built that a chunk runs."""
        return self.only is None or len(set(self.only)) == len(self.network.chip)

    @cached_property
    def steps(self) -> tuple[ChipStep, ...]:
        """What is built."""
        return tuple(step for step in self.network.chip if self.only is None or step.name in self.only)

    @cached_property
    def built(self) -> tuple[int, ...]:
        """Places of the chunks that are built."""
        return tuple(sorted({self.plan.places[step.name] for step in self.steps}))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the chunks that are built."""
        return tuple(self.plan.names[place] for place in self.built)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The chunks that are built."""
        return tuple(self.plan.chunks[place] for place in self.built)

    @cached_property
    def owned(self) -> tuple[tuple[ChipStep, ...], ...]:
        """The steps of each of them."""
        return tuple(tuple(step for step in self.steps if self.plan.places[step.name] == place) for place in self.built)

    @cached_property
    def programs(self) -> tuple[Program, ...]:
        """What each of them knows of its layers."""
        return tuple(
            program_of([step.layer for step in own], chunk) for own, chunk in zip(self.owned, self.chunks, strict=True)
        )

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """Names of the chunks as hardware has them, all different."""
        found: list[str] = []
        for name in self.names:
            word = module_word(name)
            found.append(word if word not in found else f"{word}_{len(found)}")
        return tuple(found)

    @cached_property
    def report(self) -> PipelineReport:
        """What the model says of it."""
        return self.plan.report({step.name: step.layer.shape for step in self.steps})


def module_word(name: str) -> str:
    """A name as a Verilog identifier.

    >>> module_word("conv >= 8")
    'conv_at_least_8'
    """
    for sign, words in _WORDS:
        name = name.replace(sign, words)
    word = "_".join(re.findall(r"[A-Za-z0-9]+", name)) or "chunk"
    return word if word[0].isalpha() else f"chunk_{word}"


def multipliers_of(chunk: Chunk) -> int:
    """Multipliers side by side."""
    size = EngineSize(chunk)
    return size.out * size.inputs * size.rows * size.columns


def is_depthwise(chunk: Chunk) -> bool:
    """Whether its engine is a depthwise one."""
    return ENGINES[engine_index(chunk.engine)].depthwise


def _layer(name: str, shape: LayerShape, chunk: Chunk) -> Layer:
    """A layer as the model sees it, at the bits of its chunk."""
    bits = Precision(weight_bits=chunk.weight_bits, input_bits=chunk.input_bits, output_bits=chunk.output_bits)
    return Layer(name, shape, precision=bits)
