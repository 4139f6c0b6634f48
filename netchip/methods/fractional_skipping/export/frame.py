"""What runs for every input of a batch: the stem, what lies between gated blocks, the classifier, and the gate.

The user's network runs with its gated blocks taken out: what enters each of them is noted, and what leaves it is handed in.
So one export holds all of it, to be cut at the values that enter and leave the blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.fractional_block import FractionalBlock
from netchip.methods.fractional_skipping.blocks.route import on_route
from netchip.methods.fractional_skipping.export.onnx_graph import Value, cut, exported
from netchip.methods.fractional_skipping.gates.protocol import Gate
from netchip.methods.fractional_skipping.network import FractionalNetwork

INPUT, OUTPUT, PLAN = "input", "output", "plan"


@dataclass(frozen=True, eq=False)
class Frame:
    """The graphs around L gated blocks. They read and write values by name; `input` is the images, `output` the answer.

    `before[i]` computes what enters block i; None where that is what left the block before. `gates[i]` computes its logits
    [B, K]; an upfront gate is `gates[0]` alone, with those of all blocks [B, L, K]. `entering` and `leaving` are the values at
    the borders of the blocks, `features` what entered them on the images that were given.
    """

    before: tuple[Any, ...]
    gates: tuple[Any, ...]
    head: Any
    entering: tuple[Value, ...]
    leaving: tuple[Value, ...]
    features: tuple[Tensor, ...]
    upfront: bool


@torch.no_grad()
def frame_of(network: FractionalNetwork, images: Tensor) -> Frame:
    """The graphs of `network` around its blocks; `images` [B, ...] tell the sizes, B at least 2.

    Raises `ConfigError` for a single image, a network whose output is no tensor, or whose blocks take further arguments.
    """
    if len(images) < 2:
        raise ConfigError(
            f"images of shape {tuple(images.shape)}: give at least 2, so that the batch can be told from other sizes"
        )
    around = _Around(network)
    with torch.enable_grad():  # without gradients a gate carries products computed once, which are no state
        noted = around.noted(images, None)
    leaving = [Value.of(f"leave.{index}", each) for index, each in enumerate(noted.left)]
    values = {INPUT: Value.of(INPUT, images)} | {each.name: each for each in leaving}
    written = noted.written()
    given = (images, *noted.left)
    whole = exported(around, given, list(values), list(written), optimised=True)
    _read_batch_from_input(whole, list(values))
    values |= {name: Value.of(name, each) for name, each in written.items()}
    entering = [values[noted.entering_name(index)] for index in range(len(leaving))]
    before = [_graph(whole, values, [each]) if each.name.startswith("enter") else None for each in entering]
    return Frame(
        before=tuple(before),
        gates=tuple(_graph(whole, values, [values[name] for name in names]) for names in noted.gate_names()),
        head=_graph(whole, values, [values[OUTPUT]]),
        entering=tuple(entering),
        leaving=tuple(leaving),
        features=tuple(each.detach() for each in noted.entered),
        upfront=around.gate.upfront,
    )


def _graph(whole: Any, values: dict[str, Value], outputs: Sequence[Value]) -> Any:
    return cut(whole, values, outputs)


def _read_batch_from_input(whole: Any, given: Sequence[str]) -> None:
    """All that is given has one batch; the exporter asks any of them for it, and only the input is always there."""
    for node in whole.graph.node:
        bounds = {each.name: each.i for each in node.attribute}
        if node.op_type == "Shape" and node.input[0] in given and bounds == {"start": 0, "end": 1}:
            node.input[0] = INPUT


class _Around(nn.Module):
    """The network without its blocks, as a function of its input and of what leaves each block."""

    def __init__(self, network: FractionalNetwork) -> None:
        super().__init__()
        self.model, self.own_gate = network.model, network.gate
        self.blocks = len(network.blocks)

    @property
    def gate(self) -> Gate:
        """The gate."""
        return cast("Gate", self.own_gate)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """What `_Noting.written` lists."""
        return tuple(self.noted(tensors[0], tensors[1:]).written().values())

    def noted(self, images: Tensor, left: Sequence[Tensor] | None) -> "_Noting":
        """What passed; with `left` that is what leaves the blocks, else they run under the reference."""
        route = _Noting(self.gate, left, self.gate.begin(images))
        with on_route(route):
            route.output = self.model(images)
        if not isinstance(route.output, Tensor):
            kind = type(route.output).__name__
            raise ConfigError(f"the network returns a {kind}; only networks that return one tensor are exported")
        if len(route.entered) < self.blocks:
            raise ConfigError(
                f"{len(route.entered)} of {self.blocks} gated blocks ran; gate only blocks that always do"
            )
        return route


@dataclass(eq=False)
class _Noting:
    """A route that notes what enters and leaves each block, and what the gate makes of it."""

    gate: Gate
    given: Sequence[Tensor] | None
    state: Any
    output: Any = None
    entered: list[Tensor] = field(default_factory=list[Tensor])
    left: list[Tensor] = field(default_factory=list[Tensor])
    passed_on: list[bool] = field(default_factory=list[bool])
    logits: list[Tensor] = field(default_factory=list[Tensor])
    states: list[list[Tensor]] = field(default_factory=list[list[Tensor]])

    def through(self, block: FractionalBlock, x: Tensor, rest: tuple[Any, ...]) -> Tensor:
        """What leaves `block`."""
        index = len(self.entered)
        if rest or block.index != index:
            why = (
                "takes further arguments" if rest else f"runs as number {index} and not {block.index}; give an example"
            )
            raise ConfigError(f"block {block.site.name!r} {why}: such a block cannot be exported by itself")
        before = self._leaves()
        logits, self.state = self.gate.step(index, x, self.state)
        known = [*(each for states in self.states for each in states)]
        self.states.append([each for each in [*(before if not index else []), *self._leaves()] if _new(each, known)])
        self.logits.append(logits)
        self.entered.append(x)
        self.passed_on.append(bool(self.left) and x is self.left[-1])
        self.left.append(block.run(len(block.options) - 1, x) if self.given is None else self.given[index])
        return self.left[-1]

    def entering_name(self, index: int) -> str:
        """The name of what enters block `index`."""
        return f"leave.{index - 1}" if self.passed_on[index] else f"enter.{index}"

    def gate_names(self) -> list[list[str]]:
        """The values that each graph of the gate writes."""
        if self.gate.upfront:
            return [[PLAN]]
        return [
            [f"logits.{index}", *(f"state.{index}.{place}" for place in range(len(each)))]
            for index, each in enumerate(self.states)
        ]

    def written(self) -> dict[str, Tensor]:
        """What the network without its blocks computes, by name."""
        found = {OUTPUT: self.output}
        found |= {f"enter.{index}": x for index, x in enumerate(self.entered) if not self.passed_on[index]}
        if self.gate.upfront:
            return found | {PLAN: self.state}
        for index, states in enumerate(self.states):
            found[f"logits.{index}"] = self.logits[index]
            found |= {f"state.{index}.{place}": each for place, each in enumerate(states)}
        return found

    def _leaves(self) -> list[Tensor]:
        return [each for each in pytree.tree_leaves(self.state) if isinstance(each, Tensor)]


def _new(tensor: Tensor, known: Sequence[Tensor]) -> bool:
    return not any(tensor is each for each in known)
