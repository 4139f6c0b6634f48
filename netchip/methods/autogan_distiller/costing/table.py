"""The cost of every choice of a space: a table a layer, over its operator and the widths that it reads and makes.

A layer's cost depends on no other choice, so the cost of a network is a sum over the tables, and its mean over independent
choices is in closed form: no sampling, and a gradient to every logit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netchip.methods.autogan_distiller.costing.counting import input_sizes
from netchip.methods.autogan_distiller.costing.measures import Measure, Priced
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.space import INPUT, Layer, Space
from netchip.workload.shape import Pair


@dataclass(frozen=True, eq=False)
class LayerCosts:
    """One layer's costs [K operators, one axis a variable of `variables`], these each once and in the order it reads them."""

    layer: str
    variables: tuple[str, ...]
    costs: np.ndarray


@dataclass(frozen=True, eq=False)
class CostTable:
    """All costs of `space` under `measure` for an image of `image` (height, width)."""

    space: Space
    measure: Measure
    image: Pair
    layers: tuple[LayerCosts, ...]

    def by_layer(self, architecture: Architecture) -> dict[str, float]:
        """What each layer of an architecture costs. Raises `DataError` where it is not of this space."""
        self.space.check(architecture)
        widths = {INPUT: self.space.inputs} | dict(architecture.widths)
        places = {name: given.index(widths[name]) for name, given in self.space.variables.items()}
        found: dict[str, float] = {}
        for layer, costs in zip(self.space.layers, self.layers, strict=True):
            names = [each.name for each in layer.choices]
            operator = names.index(architecture.operators[layer.name])
            found[layer.name] = float(costs.costs[(operator, *(places[name] for name in costs.variables))])
        return found

    def of(self, architecture: Architecture) -> float:
        """What an architecture costs."""
        total = 0.0
        for cost in self.by_layer(architecture).values():
            total += cost
        return total

    def expected(self, operators: Mapping[str, Tensor], widths: Mapping[str, Tensor]) -> Tensor:
        """The mean cost, a scalar, when each layer's operator [K] and each variable's width are drawn by these probabilities.

        Layers and variables with one choice may be left out. One-hot probabilities give the cost of one architecture.
        """
        like = next(iter([*operators.values(), *widths.values()]), torch.zeros(()))
        dtype = torch.float32 if like.device.type == "mps" else torch.float64
        total = torch.zeros((), dtype=dtype, device=like.device)
        for each in self.layers:
            mean = torch.as_tensor(each.costs, dtype=dtype, device=like.device)
            for name in reversed(each.variables):
                mean = mean @ widths[name].to(dtype) if name in widths else mean[..., 0]
            total = total + (mean @ operators[each.layer].to(dtype) if each.layer in operators else mean[0])
        return total


def cost_table(space: Space, measure: Measure, image: Pair) -> CostTable:
    """Prices every choice of `space`; what is alike is priced once. Raises `ConfigError` for an image that does not divide."""
    sizes = input_sizes(space, image, measure.count)
    plans = [(layer, *_items(space, layer, sizes[layer.name])) for layer in space.layers]
    distinct = list(dict.fromkeys(item for _, _, items in plans for item in items))
    prices = dict(zip(distinct, measure.prices(distinct), strict=True))
    layers = tuple(
        LayerCosts(layer.name, variables, _array(space, layer, variables, [prices[item] for item in items]))
        for layer, variables, items in plans
    )
    return CostTable(space, measure, image, layers)


def _items(space: Space, layer: Layer, size: Pair) -> tuple[tuple[str, ...], list[Priced]]:
    """The layer's variables, and every choice in the order of its table."""
    read, made = space.read_variables(layer), space.variable(layer.name)
    variables = tuple(dict.fromkeys((*read, made)))
    items: list[Priced] = []
    for operator in layer.choices:
        for given in product(*(space.variables[name] for name in variables)):
            width: dict[str, Any] = dict(zip(variables, given, strict=True))
            items.append(Priced(operator, sum(width[name] for name in read), width[made], size))
    return variables, items


def _array(space: Space, layer: Layer, variables: tuple[str, ...], prices: list[float]) -> np.ndarray:
    shape = (len(layer.choices), *(len(space.variables[name]) for name in variables))
    return np.array(prices, dtype=np.float64).reshape(shape)
