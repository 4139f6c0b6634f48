"""Gradient descent on the logarithms of tiles and unrolls (the way of DOSA), from several starts, rounded and priced exactly.

Between options costs are those of the predictor with rounding up left out of the gradient; a design is always rounded to options
that are allowed, and only what was priced exactly counts. What has no order (the engine, bits) is drawn anew with each start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import array_api_compat.torch as namespace
import numpy as np
import torch

from netchip.errors import RequestError
from netchip.hardware.choices import Choices
from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.problem import PipelineProblem
from netchip.hardware.search.problem import Scores
from netchip.hardware.search.searching import Searcher, random_state

_BETAS, _TINY = (0.9, 0.999), 1e-8
_SLOPED = ("tile_", "unroll_")
_BARELY = 1 - 1e-9  # what the exponential of a logarithm adds is no reason to round up


class _Through:
    """torch's namespace with rounding that gradients pass as if it were not there."""

    def __getattr__(self, name: str) -> Any:
        return getattr(namespace, name)

    def ceil(self, value: torch.Tensor) -> torch.Tensor:
        return value + (torch.ceil(value * _BARELY) - value).detach()


@dataclass(frozen=True, eq=False)
class Continuous:
    """`starts` designs at a time for one problem, whose layers are assigned and whose predictor is ours.

    A start that has not got better for `patience` steps is drawn anew. A predictor call is a design priced exactly, and once more
    with gradients.
    """

    problem: PipelineProblem
    starts: int = 32
    learning_rate: float = 0.3
    patience: int = 25
    sharpness: float = 20.0
    name: str = "continuous"

    def begin(self, choices: Choices, *, seed: int, calls: int) -> Searcher:
        """Starts drawn at random; raises `RequestError` where layers choose their chunks or the predictor takes no tensors."""
        if self.problem.assignment is None or not hasattr(self.problem.predictor, "xp"):
            raise RequestError("a gradient needs assigned layers and a predictor with xp; use another engine")
        if choices is not self.problem.choices:
            raise RequestError("this engine was made for another problem; make it for the one that is searched")
        return _Continuous(self, choices, np.random.default_rng(seed))


class _Continuous:
    def __init__(self, engine: Continuous, choices: Choices, random: np.random.Generator) -> None:
        self._engine, self._choices, self._random = engine, choices, random
        self._sloped = np.array([choice.name.split(".")[-1].startswith(_SLOPED) for choice in choices.each])
        self._picks = choices.drawn(random, engine.starts)
        self._logs = self._logs_of(self._picks)
        self._moments = np.zeros((2, *self._logs.shape))
        self._best, self._since = np.full(engine.starts, np.inf), np.zeros(engine.starts, dtype=np.int64)
        self._age = np.zeros(engine.starts)

    def ask(self) -> np.ndarray:
        found = np.array(self._picks)
        for place, choice in enumerate(self._choices.each):
            if self._sloped[place]:
                options = np.log(np.asarray(choice.options))
                found[place] = np.abs(options[:, None] - self._logs[place]).argmin(0)
        self._picks = self._choices.repaired(found)
        return self._picks

    def tell(self, picks: np.ndarray, scores: Scores) -> None:
        size = picks.shape[1]
        if size < self._engine.starts:
            return  # the end of the budget
        better = scores.fitness < self._best - 1e-9
        self._best = np.where(better, scores.fitness, self._best)
        self._since = np.where(better, 0, self._since + 1)
        self._descend(self._gradient())
        self._begin_anew(np.flatnonzero(self._since >= self._engine.patience))

    def state_dict(self) -> dict[str, Any]:
        arrays = {name: getattr(self, f"_{name}").tolist() for name in _ARRAYS}
        return {"random": random_state(self._random), **arrays}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._random.bit_generator.state = state["random"]
        for name in _ARRAYS:
            own = getattr(self, f"_{name}")
            setattr(self, f"_{name}", np.asarray(state[name], dtype=own.dtype))

    def _logs_of(self, picks: np.ndarray) -> np.ndarray:
        values = self._choices.values(picks)
        return np.stack([np.log(np.maximum(values[choice.name], 1.0)) for choice in self._choices.each])

    def _gradient(self) -> np.ndarray:
        logs = torch.tensor(self._logs, requires_grad=True)
        _loss(self._engine, logs, self._picks, self._sloped).sum().backward()
        gradient = np.zeros_like(self._logs) if logs.grad is None else logs.grad.numpy()
        return np.where(self._sloped[:, None], np.nan_to_num(gradient), 0.0)

    def _descend(self, gradient: np.ndarray) -> None:
        """A step of Adam for each start, then back between the least and the largest option."""
        self._age += 1
        first = _BETAS[0] * self._moments[0] + (1 - _BETAS[0]) * gradient
        second = _BETAS[1] * self._moments[1] + (1 - _BETAS[1]) * gradient**2
        self._moments = np.stack([first, second])
        mean, square = first / (1 - _BETAS[0] ** self._age), second / (1 - _BETAS[1] ** self._age)
        moved = self._logs - self._engine.learning_rate * mean / (np.sqrt(square) + _TINY)
        least, most = (
            np.log([max(1.0, end(choice.options)) for choice in self._choices.each])[:, None] for end in (min, max)
        )
        self._logs = np.clip(moved, least, most)

    def _begin_anew(self, tired: np.ndarray) -> None:
        fresh = self._choices.drawn(self._random, len(tired))
        self._picks[:, tired], self._logs[:, tired] = fresh, self._logs_of(fresh)
        self._moments[:, :, tired], self._age[tired] = 0.0, 0.0
        self._best[tired], self._since[tired] = np.inf, 0


_ARRAYS = ("picks", "logs", "moments", "best", "since", "age")


def _loss(engine: Continuous, logs: torch.Tensor, picks: np.ndarray, sloped: np.ndarray) -> torch.Tensor:
    """Logarithm of a smooth maximum over chunks and DRAM, and what is over the limits, [N]."""
    problem, cycles, traffic, start = engine.problem, [], torch.zeros(1, dtype=torch.float64), 0
    usage = {name: torch.zeros(1, dtype=torch.float64) for name in problem.limits}
    for place, space in enumerate(problem.spaces):
        span = slice(start, start + len(space.choices))
        start = span.stop
        own = problem.assignment.layers_of(place) if problem.assignment else ()
        if own:
            found = _priced(problem, place, own, logs[span], picks[span], sloped[span])
            cycles.append(found.cycles.sum(0))
            traffic = traffic + found.traffic_bits.sum(0)
            usage = {name: usage[name] + found.usage[name] for name in usage}
    if np.isfinite(problem.bandwidth_bits_per_cycle):
        cycles.append(traffic / problem.bandwidth_bits_per_cycle)
    time = torch.logsumexp(engine.sharpness * torch.log(torch.stack(cycles)), 0) / engine.sharpness
    over = [torch.relu(usage[name] / limit - 1) for name, limit in problem.limits.items() if limit > 0]
    return time + sum(over, torch.zeros(1, dtype=torch.float64))


def _priced(
    problem: PipelineProblem,
    place: int,
    layers: tuple[int, ...],
    logs: torch.Tensor,
    picks: np.ndarray,
    sloped: np.ndarray,
) -> Any:
    """A chunk's costs at values between options; an unroll above its tile counts as the tile."""
    space = problem.spaces[place]
    fixed = space.choices.values(picks)
    values = {
        choice.name: torch.exp(logs[row]) if sloped[row] else torch.tensor(fixed[choice.name])
        for row, choice in enumerate(space.choices.each)
    }
    for choice in space.choices.each:
        if choice.at_most is not None and choice.name.startswith("unroll_"):
            values[choice.name] = torch.minimum(values[choice.name], values[choice.at_most])
    own = problem.layers.at(layers)
    relaxed: Any = replace(cast("Any", problem.predictor), xp=_Through())
    return relaxed(_as_tensors(own), ChunkBatch.over(space.base, values))


def _as_tensors(layers: LayerTable) -> LayerTable:
    arrays = {each.name: torch.as_tensor(getattr(layers, each.name)) for each in fields(layers) if each.name != "names"}
    return LayerTable(names=layers.names, **arrays)
