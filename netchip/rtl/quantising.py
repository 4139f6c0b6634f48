"""From a network in floats to one of whole numbers: ranges measured on images, weights that no sum overflows with."""

from collections.abc import Mapping

import torch
from torch import Tensor

from netchip.errors import RequestError
from netchip.hardware.fpga.chunk import Chunk
from netchip.nn.quantize import symmetric_grid
from netchip.rtl.folding import FloatLayer, FloatMove, FloatNetwork, FloatSum
from netchip.rtl.levels import Levels
from netchip.rtl.reference import SUM_BITS, IntegerLayer, signed_range
from netchip.rtl.scaling import LEAST_SHIFT, SHIFT_BITS
from netchip.rtl.steps import IMAGE, ChipStep, IntegerNetwork, MoveStep, Step, SumStep

LARGEST_SUM = 2 ** (SUM_BITS - 1) - 1
_LEAST_SCALE, _MIDDLE_SCALE = 2.0 ** -(LEAST_SHIFT + SHIFT_BITS + 2), 0.5


def integer_network(network: FloatNetwork, images: Tensor, chunks: Mapping[str, Chunk]) -> IntegerNetwork:
    """The network on whole numbers, of the bits that the chunk of each layer (`chunks`, by name) has.

    The range of each map is its smallest to its largest value over `images` [N, C, H, W]; a layer's weights are symmetric, a step
    a filter, as fine as their bits and the 32 bits of its sum allow. Raises `RequestError` that names a layer whose scale a chip
    cannot hold.
    """
    values = network.values(images)
    ranges = {name: (float(each.amin()), float(each.amax())) for name, each in values.items()}
    return _Quantising(network, ranges, chunks).network()


class _Quantising:
    def __init__(
        self, network: FloatNetwork, ranges: Mapping[str, tuple[float, float]], chunks: Mapping[str, Chunk]
    ) -> None:
        self.floats, self.ranges, self.chunks = network, ranges, chunks
        first = next(chunks[step.name] for step in network.steps if step.name in chunks)
        self.levels = {IMAGE: Levels.of(*ranges[IMAGE], first.input_bits)}
        self.steps: list[Step] = []

    def network(self) -> IntegerNetwork:
        """All steps."""
        for step in self.floats.steps:
            if isinstance(step, FloatLayer):
                self._layer(step)
            elif isinstance(step, FloatSum):
                self._sum(step)
            else:
                self._move(step)
        return IntegerNetwork(tuple(self.steps), self.floats.output, self.levels)

    def _layer(self, step: FloatLayer) -> None:
        chunk, weight, bias = self.chunks[step.name], step.weight.double(), step.bias.double()
        source = self._at_bits(step.sources[0], chunk.input_bits)
        read = self.levels[source]
        written = self.levels[step.name] = Levels.of(*self.ranges[step.name], chunk.output_bits)
        steps = weight_steps(weight, bias, chunk.weight_bits, read, written)
        try:
            layer = IntegerLayer.scaled(
                step.shape,
                torch.round(weight / steps[:, None, None, None]),
                torch.round(bias / (steps * read.step)),
                steps * read.step / written.step,
                weight_bits=chunk.weight_bits,
                input_bits=chunk.input_bits,
                output_bits=chunk.output_bits,
                input_zero_point=read.zero,
                output_zero_point=written.zero,
                relu=step.relu,
            )
        except RequestError as error:
            raise RequestError(f"{step.name}: {error}") from error
        self.steps.append(ChipStep(step.name, source, layer))

    def _at_bits(self, source: str, bits: int) -> str:
        """The name of a map at so many bits: its own, or that of a step that brings it to them."""
        if self.levels[source].bits == bits:
            return source
        name = f"{source} at {bits} bits"
        if name not in self.levels:
            self.levels[name] = Levels.of(*self.ranges[source], bits)
            self.steps.append(SumStep(name, (source,), (self.levels[source],), self.levels[name]))
        return name

    def _sum(self, step: FloatSum) -> None:
        read = tuple(self.levels[source] for source in step.sources)
        levels = Levels.of(*self.ranges[step.name], max(each.bits for each in read))
        self.levels[step.name] = levels
        self.steps.append(SumStep(step.name, step.sources, read, levels, step.relu))

    def _move(self, step: FloatMove) -> None:
        self.levels[step.name] = self.levels[step.sources[0]]
        self.steps.append(MoveStep(step.name, step.sources[0], step.sizes, step.swapped))


def weight_steps(weight: Tensor, bias: Tensor, bits: int, read: Levels, written: Levels) -> Tensor:
    """The step of each filter's weights [M]: the finest of its bits with which no sum of any inputs passes 32 bits.

    Numbers that are read are at most 2^bits - 1 away from their zero; each weight is rounded by at most half a step.
    """
    finest = symmetric_grid(weight, bits, channel_dim=0).scale.reshape(-1)
    least, most = signed_range(read.bits)
    reach, count = most - least, weight[0].numel()
    total = weight.abs().sum((1, 2, 3)) * reach + bias.abs() / read.step
    room = LARGEST_SUM - 1 - count * reach / 2
    if room <= 0:
        raise RequestError(
            f"{count} products of {bits} and {read.bits} bits pass the {SUM_BITS} bits of a sum; give the layer fewer bits"
        )
    unit = written.step / read.step
    held = torch.maximum(torch.maximum(finest, total / room), torch.tensor(_LEAST_SCALE * unit))
    return torch.where(
        weight.abs().sum((1, 2, 3)) > 0, held, torch.maximum(held.new_tensor(_MIDDLE_SCALE * unit), total / room)
    )
