"""Which positions of which layers hold the same channel: every channel is followed through the traced network."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from netchip.graph.relations import Link, Mixed, Relation, Spread, relate
from netchip.graph.slicing import (
    AXES,
    CHANNEL_NORMS,
    LAYER_NORMS,
    axis_length,
    bare_parameter_dim,
    computed_tensors,
    is_per_channel_conv,
    layer_cut,
    positions_that_go_together,
)
from netchip.graph.tracing import Node, Trace

Layer = nn.Module | nn.Parameter


@dataclass(frozen=True)
class Ban:
    """Why channels stay. `inexact` ones could go if the cut network need not equal the masked one."""

    reason: str
    inexact: bool = False


@dataclass(frozen=True)
class Unit:
    """Positions that can only go together: (layer, axis) -> sorted positions; `ban` says why they stay, if they do."""

    positions: dict[tuple[Layer, str], tuple[int, ...]]
    ban: Ban | None


def coupled_units(trace: Trace) -> list[Unit]:
    """Every unit of channels that some convolution, linear layer or embedding makes, in the order of discovery."""
    closure = _Closure(trace)
    closure.follow()
    closure.tie_within_layers()
    closure.tie_shared_parameters()
    return closure.units()


class _Closure:
    """Atoms are positions along a dimension of a tensor or an axis of a layer; pairs of them are the same channel."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._starts: dict[tuple[object, int | str], int] = {}
        self._sizes: dict[tuple[object, int | str], int] = {}
        self._count = 0
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []
        self._bans: list[tuple[np.ndarray, Ban]] = []
        self._todo: deque[tuple[Node, int]] = deque()
        self._undecided: deque[tuple[Node, int]] = deque()
        self._results: dict[nn.Module, list[Node]] = {}
        self._entries: dict[nn.Module, list[Node]] = {}
        for node in trace.nodes:
            if node.layer is not None:
                self._results.setdefault(node.layer, []).append(node)
            if node.enters is not None:
                self._entries.setdefault(node.enters, []).append(node)

    def follow(self) -> None:
        for layer, nodes in self._results.items():
            dim = _made_dim(layer, nodes[0])
            if dim is not None:
                self._tensor(nodes[0], dim)
        while self._todo or self._undecided:
            if self._todo:
                self._visit(*self._todo.popleft())
            else:
                node, dim = self._undecided.popleft()
                self._backward(node, dim, self._tensor(node, dim), decide=True)

    def tie_within_layers(self) -> None:
        """Grouped convolutions, GroupNorms; and nothing goes from layers whose tensors are computed from others."""
        for (layer, axis), _ in list(self._layer_ports()):
            atoms = self._layer(layer, axis)
            labels = positions_that_go_together(layer, axis)
            _, first = np.unique(labels, return_index=True)
            self._tie(atoms, atoms[first][np.searchsorted(labels[first], labels)])
            if isinstance(layer, nn.Module) and (computed := computed_tensors(layer)):
                self._ban(atoms, Ban(f"belong to a layer whose weight is computed by {computed}"))

    def tie_shared_parameters(self) -> None:
        holders = _holders(self._trace.model)
        for (layer, axis), _ in list(self._layer_ports()):
            for name, dim, tensor in _sliced(layer, axis):
                for other, other_name in holders.get(id(tensor), ()):
                    if other is not layer:
                        self._tie_shared(layer, axis, name, dim, other, other_name)

    def units(self) -> list[Unit]:
        labels = self._components()
        bans: dict[int, Ban] = {}
        for atoms, ban in sorted(self._bans, key=lambda item: item[1].inexact):
            for label in np.unique(labels[atoms]):
                bans.setdefault(int(label), ban)
        found: dict[int, dict[tuple[Layer, str], list[int]]] = {}
        for port, start in self._layer_ports():
            for position, label in enumerate(labels[start : start + self._sizes[port]]):
                found.setdefault(int(label), {}).setdefault(port, []).append(position)
        return [
            Unit({port: tuple(positions) for port, positions in ports.items()}, bans.get(label))
            for label, ports in found.items()
            if any(axis == "out" for _, axis in ports)
        ]

    def _visit(self, node: Node, dim: int) -> None:
        atoms = self._tensor(node, dim)
        if node.end:
            end = "reach the model's output" if node.end == "output" else "hold the model's input"
            self._ban(atoms, Ban(end))
        if node.parameter is not None:
            self._visit_parameter(node.parameter, dim, atoms)
        elif node.layer is not None:
            self._cross(node.layer, node, dim, made=True)
        elif node.end != "input":
            self._backward(node, dim, atoms)
        if node.enters is not None:
            self._cross(node.enters, node, dim, made=False)
        for edge in node.outputs:
            self._apply(relate(edge.step, dim), node, dim, edge.target)

    def _visit_parameter(self, parameter: nn.Parameter, dim: int, atoms: np.ndarray) -> None:
        if dim == bare_parameter_dim(tuple(parameter.shape)):
            self._tie(atoms, self._layer(parameter, "channels"))
        else:
            self._ban(atoms, Ban("meet a bare parameter that is not one value for each channel"))

    def _backward(self, node: Node, dim: int, atoms: np.ndarray, *, decide: bool = False) -> None:
        """To whatever the operands hold there; positions that no operand holds are constants, which cannot shrink."""
        held = np.zeros(len(atoms), bool)
        mixed: Mixed | None = None
        for edge in node.inputs:
            relations = [(d, relate(edge.step, d)) for d in range(len(edge.step.source))]
            links = [(d, relation) for d, relation in relations if isinstance(relation, Link) and relation.dim == dim]
            known = [(d, relation) for d, relation in links if (edge.source, d) in self._starts]
            if len(links) > 1 and not known and not decide:
                self._undecided.append((node, dim))
                return
            for source_dim, relation in known or links[:1]:
                self._apply(relation, edge.source, source_dim, node)
                held[relation.target] = True
            held |= any(isinstance(relation, Spread) and relation.fills(dim) for _, relation in relations)
            mixed = next((relation for _, relation in relations if isinstance(relation, Mixed)), mixed)
        if not held.all():
            self._ban(atoms[~held], _unheld(node, mixed))

    def _apply(self, relation: Relation, source: Node, dim: int, target: Node) -> None:
        if isinstance(relation, Link):
            ends = self._tensor(source, dim)[relation.source], self._tensor(target, relation.dim)[relation.target]
            self._tie(*ends)
        elif isinstance(relation, Mixed):
            self._ban(self._tensor(source, dim), Ban(f"are {relation.reason}", relation.inexact))

    def _cross(self, layer: nn.Module, node: Node, dim: int, *, made: bool) -> None:
        """From a layer's result (`made`) or from what it reads to its own axes, and to its other side."""
        atoms = self._tensor(node, dim)
        crossing = _crossing(layer, node, dim, made=made)
        if isinstance(crossing, Ban):
            self._ban(atoms, crossing)
            return
        axis, passes = crossing
        if axis is not None and axis_length(layer, axis) is None:
            self._ban(atoms, Ban(f"enter a {type(layer).__name__}, which cannot be cut"))
            return
        if axis is not None and len(atoms) % self._size(layer, axis):
            self._ban(atoms, Ban(f"do not fit {self._name(layer)} ({type(layer).__name__}) one by one"))
            return
        if axis is not None:
            self._tie(atoms, np.repeat(self._layer(layer, axis), len(atoms) // self._size(layer, axis)))
        if isinstance(layer, LAYER_NORMS) and axis is not None:
            self._ban(
                atoms, Ban(f"are normalised together by {self._name(layer)} ({type(layer).__name__})", inexact=True)
            )
        if passes:
            for other in self._entries.get(layer, []) if made else self._results.get(layer, []):
                self._pass_on(layer, atoms, other, dim, axis)

    def _pass_on(self, layer: nn.Module, atoms: np.ndarray, other: Node, dim: int, axis: str | None) -> None:
        across = self._tensor(other, dim)
        if len(across) == len(atoms):
            self._tie(atoms, across)
        elif axis is not None:
            self._tie(across, np.repeat(self._layer(layer, axis), len(across) // self._size(layer, axis)))

    def _tie_shared(self, layer: Layer, axis: str, name: str, dim: int, other: nn.Module, other_name: str) -> None:
        for other_axis in AXES:
            known = (other, other_axis) in self._starts
            cuts = {(found, at) for found, at, _ in _sliced(other, other_axis)} if known else set()
            if (other_name, dim) in cuts and self._size(other, other_axis) == self._size(layer, axis):
                self._tie(self._layer(layer, axis), self._layer(other, other_axis))
                return
        reason = f"share the tensor `{name or 'parameter'}` with {self._name(other)}, which cannot follow"
        self._ban(self._layer(layer, axis), Ban(reason))

    def _tensor(self, node: Node, dim: int) -> np.ndarray:
        if (node, dim) not in self._starts:
            self._todo.append((node, dim))
        return self._atoms((node, dim), node.shape[dim])

    def _layer(self, layer: Layer, axis: str) -> np.ndarray:
        return self._atoms((layer, axis), axis_length(layer, axis) or 0)

    def _size(self, layer: Layer, axis: str) -> int:
        return len(self._layer(layer, axis))

    def _atoms(self, key: tuple[object, int | str], size: int) -> np.ndarray:
        if key not in self._starts:
            self._starts[key], self._sizes[key] = self._count, size
            self._count += size
        return np.arange(self._starts[key], self._starts[key] + self._sizes[key])

    def _layer_ports(self) -> Iterator[tuple[tuple[Layer, str], int]]:
        for (owner, axis), start in self._starts.items():
            if isinstance(owner, (nn.Module, nn.Parameter)) and isinstance(axis, str):
                yield (owner, axis), start

    def _tie(self, left: np.ndarray, right: np.ndarray) -> None:
        self._pairs.append((left, right))

    def _ban(self, atoms: np.ndarray, ban: Ban) -> None:
        self._bans.append((atoms, ban))

    def _name(self, layer: nn.Module) -> str:
        return next((name for name, module in self._trace.model.named_modules() if module is layer), "") or "the model"

    def _components(self) -> np.ndarray:
        """A label [atoms]: the smallest atom that is tied to it, directly or not."""
        labels = np.arange(self._count)
        if not self._pairs:
            return labels
        left = np.concatenate([pair[0] for pair in self._pairs])
        right = np.concatenate([pair[1] for pair in self._pairs])
        while True:
            least = np.minimum(labels[left], labels[right])
            if (labels[left] == least).all() and (labels[right] == least).all():
                return labels
            np.minimum.at(labels, labels[left], least)
            np.minimum.at(labels, labels[right], least)
            while not np.array_equal(labels, labels[labels]):
                labels = labels[labels]


def _unheld(node: Node, mixed: Mixed | None) -> Ban:
    """Why positions stay that none of an operation's operands holds."""
    if mixed is not None:
        return Ban(f"are {mixed.reason}", mixed.inexact)
    made = type(node.grad_fn).__name__.rstrip("0123456789").removesuffix("Backward")
    if "View" in made:
        return Ban("come out of a reshape that cannot be followed", inexact=True)
    return Ban(f"are joined to constants (`{made}`), which cannot shrink")


def _made_dim(layer: nn.Module, node: Node) -> int | None:
    """The dimension of a layer's result that it makes anew, None for layers that pass channels on."""
    if isinstance(layer, nn.modules.conv._ConvNd):
        return len(node.shape) - len(layer.kernel_size) - 1
    return len(node.shape) - 1 if isinstance(layer, (nn.Linear, nn.Embedding)) else None


def _crossing(layer: nn.Module, node: Node, dim: int, *, made: bool) -> tuple[str | None, bool] | Ban:
    """(the layer's axis that this dimension is, whether it goes on at the other side), or why it must stay."""
    rank = len(node.shape)
    if isinstance(layer, nn.modules.conv._ConvNd):
        if dim != rank - len(layer.kernel_size) - 1:
            return Ban("lie along a direction in which a convolution slides")
        per_channel = is_per_channel_conv(layer)
        return ("channels" if per_channel else "out" if made else "in"), per_channel
    if isinstance(layer, nn.Linear):
        return ("out" if made else "in", False) if dim == rank - 1 else (None, True)
    if isinstance(layer, nn.Embedding):
        return ("out", False) if dim == rank - 1 else Ban("run over the tokens of an embedding")
    if isinstance(layer, (*CHANNEL_NORMS, nn.PReLU)):
        return _norm_crossing(layer, dim)
    if isinstance(layer, LAYER_NORMS):
        return _layer_norm_crossing(layer, node, dim)
    return Ban(f"enter a {type(layer).__name__}, whose heads or gates share them")


def _norm_crossing(layer: nn.Module, dim: int) -> tuple[str | None, bool] | Ban:
    if dim == 1:
        return (None if axis_length(layer, "channels") is None else "channels"), True
    if isinstance(layer, (nn.GroupNorm, nn.modules.instancenorm._InstanceNorm)):
        return Ban(f"are normalised together by a {type(layer).__name__}", inexact=True)
    return None, True


def _layer_norm_crossing(layer: nn.Module, node: Node, dim: int) -> tuple[str | None, bool] | Ban:
    """The last dimensions; a subclass may permute (timm's LayerNorm2d works over dimension 1)."""
    normalized = tuple(getattr(layer, "normalized_shape", ()))
    dims = range(len(node.shape) - len(normalized), len(node.shape))
    if len(normalized) == 1 and node.shape[-1] != normalized[0] and node.shape[1] == normalized[0]:
        dims = range(1, 2)
    if dim not in dims:
        return None, True
    if len(normalized) > 1:
        return Ban(f"are normalised together with other dimensions by a {type(layer).__name__}")
    return "channels", True


def _holders(model: nn.Module) -> dict[int, list[tuple[nn.Module, str]]]:
    """Parameters held by more than one module: id -> the (module, name) that hold it."""
    found: dict[int, list[tuple[nn.Module, str]]] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                found.setdefault(id(parameter), []).append((module, name))
    return {key: holders for key, holders in found.items() if len(holders) > 1}


def _sliced(layer: Layer, axis: str) -> Iterator[tuple[str, int, Tensor]]:
    """The parameters that lose something when `layer` is cut along `axis`: name, dimension, parameter."""
    length = axis_length(layer, axis)
    if length is None or isinstance(layer, nn.Parameter):
        return
    for name, dims in layer_cut(layer, {axis: np.arange(length)}).tensors.items():
        for dim in dims:
            yield name, dim, getattr(layer, name)
