"""Contiguous partitions and chunks found in turns: the best chunks for a partition, the best partition for those chunks."""

from dataclasses import replace

import numpy as np

from netchip.errors import BudgetError
from netchip.hardware.fpga.assignment import Assignment, contiguous
from netchip.hardware.fpga.problem import PipelineProblem
from netchip.hardware.search.exact import Optimum, solve


def solve_contiguous(problem: PipelineProblem, *, rounds: int = 10) -> tuple[Optimum, Assignment]:
    """Chunks and a partition of the layers, kept in order, that suit each other; the problem's own assignment is not looked at.

    Each half step is exact for what it changes; together they end in a design that neither betters, which need not be the best of
    all. Begins with equal shares of the multiplications. Raises `RequestError` where no partition runs every layer, `BudgetError`
    where the chunks of the first one meet no limits.
    """
    assignment = _even(problem)
    best, kept = solve(replace(problem, assignment=assignment)), assignment
    for _ in range(rounds):
        assignment = contiguous(_cycles(problem, best), kept.names)
        if assignment == kept:
            break
        try:
            found = solve(replace(problem, assignment=assignment))
        except BudgetError:  # larger layers may need larger buffers
            break
        if found.cost >= best.cost:
            break
        best, kept = found, assignment
    return best, kept


def _even(problem: PipelineProblem) -> Assignment:
    """Runs of layers of about equal multiplications, cut so that each layer can run on some design of its chunk."""
    names = tuple(space.name for space in problem.spaces)
    macs = np.asarray(problem.layers.macs * problem.layers.rate)[:, 0]
    able = np.stack([layers_able(problem, place) for place in range(len(names))])
    return contiguous(np.where(able, macs, np.inf), names)


def layers_able(problem: PipelineProblem, place: int) -> np.ndarray:
    """Which layers some design of a chunk runs, [L]: a layer's fit depends on the engine and the bits only."""
    space = problem.spaces[place]
    picks = np.array([[0]] * len(space.choices))
    found = np.zeros(len(problem.layers), dtype=bool)
    deciding = [
        row for row, choice in enumerate(space.choices.each) if choice.name == "engine" or choice.name.endswith("_bits")
    ]
    for options in np.ndindex(*(space.choices.sizes[row] for row in deciding)):
        picks[deciding, 0] = options
        runs = problem.predictor(problem.layers, space.batch(space.choices.repaired(picks))).runs
        found |= np.asarray(runs)[:, 0]
    return found


def _cycles(problem: PipelineProblem, best: Optimum) -> np.ndarray:
    """What the chunks found take for each layer, [C, L]; infinite where they cannot run it."""
    rows: list[np.ndarray] = []
    start = 0
    for space in problem.spaces:
        picks = best.picks[start : start + len(space.choices)][:, None]
        start += len(space.choices)
        found = problem.predictor(problem.layers, space.batch(picks))
        rows.append(np.where(np.asarray(found.runs), np.asarray(found.cycles), np.inf)[:, 0])
    return np.stack(rows)
