"""A network as a list of the operations it runs on its input, under the model's own layer names."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import nn

from netchip.graph.exporting import Example, export

UNKNOWN_SIZE = -1
"""A size that depends on the values of the input (boolean masks, nonzero)."""


@dataclass(frozen=True, kw_only=True)
class Operand:
    """One tensor that an operation reads.

    `argument` is its name in the operator's schema ("input", "weight", "tensors[0]"); `shape` its sizes, where
    `UNKNOWN_SIZE` marks one that depends on the input's values; `expanded` the dimensions that repeat one element
    (stride 0). `from_input` says whether its values depend on the model's input; `producers` are the `layer` names of
    the operations it comes from; `parameters` the names, all of them, of the parameters and buffers it is computed
    from and of nothing else.
    """

    argument: str
    shape: tuple[int, ...]
    dtype: str
    expanded: tuple[int, ...] = ()
    from_input: bool
    producers: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CapturedOp:
    """One operation that depends on the model's input.

    `layer` is unique: the model's own module name where a module is this one operation ("layer1.0.conv1", at its
    second call "layer1.0.conv1#2"), the parameter's name for a functional call on a raw parameter, else module and
    operator ("attn.matmul"). `op` is the operator without overload ("aten.conv2d"), `module` the first name of the
    module that runs it ("" is the model), `module_names` every name under which that module is registered.
    `attributes` are the arguments that are no tensors.
    """

    layer: str
    op: str
    module: str
    module_names: tuple[str, ...]
    operands: tuple[Operand, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    attributes: Mapping[str, Any]

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the operands that depend on the model's input."""
        return tuple(operand.shape for operand in self.operands if operand.from_input)

    @property
    def weight_shape(self) -> tuple[int, ...] | None:
        """Shape of the operand called weight; None where the operator has none."""
        weight = self.operand("weight")
        return weight.shape if weight is not None else None

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the first output."""
        return self.output_shapes[0] if self.output_shapes else ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """`layer` names of the operations whose results this one reads, without repeats."""
        return tuple(dict.fromkeys(name for operand in self.operands for name in operand.producers))

    def operand(self, argument: str) -> Operand | None:
        """The operand of that schema name; None where it is not given."""
        return next((operand for operand in self.operands if operand.argument == argument), None)


@dataclass(frozen=True)
class Captured:
    """The operations of one network in the order they run, and the `layer` names of those that make its outputs."""

    ops: tuple[CapturedOp, ...]
    outputs: tuple[str, ...]

    @cached_property
    def by_layer(self) -> Mapping[str, CapturedOp]:
        """The operations by their `layer` name."""
        return {op.layer: op for op in self.ops}


def capture(model: nn.Module, example: Example) -> Captured:
    """What `model` computes on `example`, through torch.export on a copy in eval mode.

    `example` is a tensor, a tuple of positional or a dict of keyword arguments. The model, its
    mode, buffers, gradients and the random state stay as they are; DDP and torch.compile wrappers are looked through.
    Operations on parameters and constants alone are left out. Raises `GraphError`, naming the layer, where the model
    cannot be copied, does not run on the example, or takes a path that depends on the values of its input.

    >>> [op.layer for op in capture(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), torch.zeros(1, 4)).ops]
    ['0', '1']
    """
    from netchip.graph.walk import walk

    copied, program = export(model, example)
    return walk(copied, program)
