"""The integers that the chip must give: a layer on whole numbers as plain torch functions, after ONNX QLinearConv.

Sums have 32 bits and wrap around, as the chip's do. A sum is scaled by a whole number and a shift, rounded to the nearest with
ties to even, moved by the output's zero point, and held to the output's range (below by the zero point, where a ReLU follows).
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from netchip.errors import RequestError
from netchip.rtl.scaling import LEAST_SHIFT, MULTIPLIER_BITS, SHIFT_BITS, multiplier_and_shift
from netchip.workload.shape import LayerShape

SUM_BITS = 32
BITS = (8, 16)
"""Bits of weights, inputs and outputs that there are engines for."""


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """A convolution or linear layer on signed whole numbers.

    `weights` [M, C, R, S] (M of all groups, C of one), `bias`, `multipliers`, `shifts` [M]; all int64. Inputs have the zero point
    `input_zero_point`, which padding holds too. Raises `RequestError` that names the field where sizes, bits or ranges disagree.
    """

    shape: LayerShape
    weights: Tensor
    bias: Tensor
    multipliers: Tensor
    shifts: Tensor
    weight_bits: int = 8
    input_bits: int = 8
    output_bits: int = 8
    input_zero_point: int = 0
    output_zero_point: int = 0
    relu: bool = False

    def __post_init__(self) -> None:
        shape, filters = self.shape, self.shape.total_out_channels
        if shape.kind != "conv" or shape.transposed or shape.batch != 1:
            raise RequestError(
                "only convolutions and linear layers, an image at a time, run on a chunk; this is another"
            )
        size = (filters, shape.in_channels, shape.kernel_height, shape.kernel_width)
        _check_size("weights", self.weights, size)
        for name in ("bias", "multipliers", "shifts"):
            _check_size(name, getattr(self, name), (filters,))
        for name in ("weight_bits", "input_bits", "output_bits"):
            if getattr(self, name) not in BITS:
                raise RequestError(f"{name} = {getattr(self, name)}: no engine is built for that; give 8 or 16")
        _check_range("weights", self.weights, *signed_range(self.weight_bits))
        _check_range("bias", self.folded_bias, *signed_range(SUM_BITS))
        _check_range("multipliers", self.multipliers, 0, 2**MULTIPLIER_BITS - 1)
        _check_range("shifts", self.shifts, LEAST_SHIFT, LEAST_SHIFT + 2**SHIFT_BITS - 1)
        _check_range("input_zero_point", torch.tensor(self.input_zero_point), *signed_range(self.input_bits))
        _check_range("output_zero_point", torch.tensor(self.output_zero_point), *signed_range(self.output_bits))

    @classmethod
    def scaled(cls, shape: LayerShape, weights: Tensor, bias: Tensor, scales: Tensor, **others: int | bool) -> Self:
        """The layer whose sums are multiplied by float `scales` [M], or one for all [1]."""
        filters = shape.total_out_channels
        pairs = [multiplier_and_shift(float(scale)) for scale in scales.expand(filters)]
        multipliers, shifts = torch.tensor(pairs, dtype=torch.int64).reshape(filters, 2).T
        return cls(shape, weights.long(), bias.long(), multipliers, shifts, **others)  # type: ignore[arg-type]

    @property
    def folded_bias(self) -> Tensor:
        """The bias of sums over raw inputs, [M]: the inputs' zero point is taken out by it."""
        return self.bias - self.input_zero_point * self.weights.sum((1, 2, 3))

    @property
    def lowest(self) -> int:
        """The smallest output: the zero point after a ReLU, else the least number of the output's bits."""
        return self.output_zero_point if self.relu else signed_range(self.output_bits)[0]


def signed_range(bits: int) -> tuple[int, int]:
    """The least and the largest signed number of so many bits."""
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def wrapped(values: Tensor, bits: int) -> Tensor:
    """Whole numbers brought into the range of `bits` as an adder does it: modulo 2^bits."""
    least = 2 ** (bits - 1)
    return (values + least) % (2 * least) - least


def sums(layer: IntegerLayer, inputs: Tensor) -> Tensor:
    """Sums [M, OY, OX] over raw inputs [C, H, W] and padding of zero points, with the folded bias; they wrap at 32 bits.

    Exact: products of 16 bits are summed in float64, which holds 2^22 of them. Raises `RequestError` where inputs do not belong.
    """
    shape = layer.shape
    _check_size("inputs", inputs, (shape.total_in_channels, shape.in_height, shape.in_width))
    _check_range("inputs", inputs, *signed_range(layer.input_bits))
    height, width = shape.padding
    padded = torch.nn.functional.pad(inputs.double(), (width, width, height, height), value=layer.input_zero_point)
    found = torch.nn.functional.conv2d(
        padded[None], layer.weights.double(), stride=shape.stride, dilation=shape.dilation, groups=shape.groups
    )
    return wrapped(found[0].long() + layer.folded_bias[:, None, None], SUM_BITS)


def requantised(layer: IntegerLayer, found: Tensor) -> Tensor:
    """Outputs [M, OY, OX] of sums [M, OY, OX]."""
    scaled = found * layer.multipliers[:, None, None]
    rounded = _shifted(scaled, layer.shifts[:, None, None]) + layer.output_zero_point
    return rounded.clamp(layer.lowest, signed_range(layer.output_bits)[1])


def run(layer: IntegerLayer, inputs: Tensor) -> Tensor:
    """Outputs [M, OY, OX], int64, of raw inputs [C, H, W]."""
    return requantised(layer, sums(layer, inputs))


def _shifted(values: Tensor, shifts: Tensor) -> Tensor:
    """values / 2^shifts, rounded to the nearest, ties to even."""
    whole = values >> shifts
    rest, half = values - (whole << shifts), torch.ones_like(values) << (shifts - 1)
    up = (rest > half) | ((rest == half) & (whole % 2 == 1))
    return whole + up


def _check_size(name: str, values: Tensor, size: tuple[int, ...]) -> None:
    if tuple(values.shape) != size:
        raise RequestError(f"{name} has size {list(values.shape)}; this layer needs {list(size)}")


def _check_range(name: str, values: Tensor, least: int, largest: int) -> None:
    if values.is_floating_point():
        raise RequestError(f"{name} is {values.dtype}; give whole numbers")
    if values.numel() and (int(values.min()) < least or int(values.max()) > largest):
        raise RequestError(
            f"{name} reaches from {int(values.min())} to {int(values.max())}; the chip holds {least} to {largest}"
        )
