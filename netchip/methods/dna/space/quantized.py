"""Convolutions whose weights and inputs are put on a grid of so many bits; the bits can change from pass to pass."""

from torch import Tensor, nn

from netchip.nn.quantize import affine_grid, fake_quantize, quantize_weight
from netchip.nn.ranges import RunningRange

FLOAT_BITS = 16
"""From here on nothing is rounded: 16-bit grids change no prediction that could be measured here."""


class BitConv2d(nn.Conv2d):
    """A convolution at `bits`: weights on one symmetric grid a channel, inputs on the grid of their measured range.

    The range is shared by all bits. At 16 bits or more it is a plain convolution.
    """

    def __init__(self, like: nn.Conv2d, bits: int) -> None:
        super().__init__(
            like.in_channels,
            like.out_channels,
            (like.kernel_size[0], like.kernel_size[1]),
            (like.stride[0], like.stride[1]),
            like.padding if isinstance(like.padding, str) else (like.padding[0], like.padding[1]),
            (like.dilation[0], like.dilation[1]),
            like.groups,
            like.bias is not None,
        )
        self.weight, self.bias = like.weight, like.bias
        self.bits = bits
        self.range = RunningRange()

    def forward(self, input: Tensor) -> Tensor:
        """[B, in, H, W] -> [B, out, H', W']."""
        if self.training:
            self.range.observe(input)
        if self.bits >= FLOAT_BITS:
            return super().forward(input)
        values = fake_quantize(input, affine_grid(*self.range.kept(), self.bits))
        return self._conv_forward(values, quantize_weight(self.weight, self.bits), self.bias)


def at_bits(module: nn.Module, bits: int) -> nn.Module:
    """`module` with its convolutions replaced by ones at `bits`, their parameters kept; itself where it is one."""
    if isinstance(module, nn.Conv2d):
        return BitConv2d(module, bits)
    for name, child in module.named_children():
        setattr(module, name, at_bits(child, bits))
    return module


def set_bits(module: nn.Module, bits: int) -> None:
    """The bits of every convolution that `at_bits` made, from the next pass on."""
    for each in module.modules():
        if isinstance(each, BitConv2d):
            each.bits = bits
