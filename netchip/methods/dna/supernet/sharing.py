"""Kernels that all inverted residuals of a position share: each option takes its part of the largest (as in OFA, arXiv 1908.09791).

With weights of its own an option of nine learns from a ninth of the steps, and what follows it meets nine unlike inputs; then a
short search learns nothing. BatchNorm stays each option's own.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from netchip.methods.dna.space.blocks import MBConv
from netchip.methods.dna.space.space import Position

_PARTS = ("expand", "depthwise", "project")


class SharedKernels(nn.Module):
    """The kernels of the largest expansion and kernel among the inverted residuals of a position."""

    def __init__(self, position: Position, blocks: list[MBConv]) -> None:
        super().__init__()
        kernel, expansion = max(each.kernel for each in blocks), max(each.expansion for each in blocks)
        largest: Any = MBConv(kernel, expansion).build(position.inputs, position.outputs, position.stride)
        self.inputs = position.inputs
        for part in _PARTS:
            self.register_parameter(part, getattr(largest, part).conv.weight)

    def of(self, block: MBConv) -> dict[str, Tensor]:
        """The weights of one option's convolutions, by their names in its module: the first channels, the middle of the kernel."""
        inner = self.inputs * block.expansion
        kernels = {part: self.get_parameter(part) for part in _PARTS}
        margin = (kernels["depthwise"].shape[-1] - block.kernel) // 2
        middle = slice(margin, margin + block.kernel)
        return {
            "expand.conv.weight": kernels["expand"][:inner, : self.inputs // block.groups],
            "depthwise.conv.weight": kernels["depthwise"][:inner, :, middle, middle],
            "project.conv.weight": kernels["project"][:, : inner // block.groups],
        }

    def run(self, module: nn.Module, block: MBConv, maps: Tensor) -> Tensor:
        """An option's result with its part of the kernels; BatchNorm and ranges are those of `module`."""
        return functional_call(module, self.of(block), (maps,))


def without_kernels(module: nn.Module) -> nn.Module:
    """`module` with empty convolutions, whose weights come from elsewhere at every pass."""
    for each in module.modules():
        if isinstance(each, nn.Conv2d):
            each.weight = nn.Parameter(torch.empty(0), requires_grad=False)
    return module
