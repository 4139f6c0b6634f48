"""Which unrollings are worth a search: many use as many units, and they differ in what ports and buffers then have to carry."""

from dataclasses import replace

import numpy as np

from netchip.hardware.mapper.genes import Decoder, drawn
from netchip.hardware.mapper.pool import mixed_pool
from netchip.hardware.mapper.problem import Problem
from netchip.hardware.mapper.unrolling import Unrollings

DRAWS = 8
"""Mappings drawn of each unrolling."""


def promising(
    problem: Problem, unrollings: Unrollings, most: int, *, most_loops: int, rng: np.random.Generator
) -> Unrollings:
    """The `most` unrollings that do best in a few mappings drawn at random, by product of energy and latency, energy, or latency.

    The last one, which `free_unrollings` makes the one without any, always stays.
    """
    count = len(unrollings.passes)
    if count <= most:
        return unrollings
    pool = mixed_pool(unrollings, splits=1, most_loops=most_loops, rng=rng)
    genes = replace(drawn(rng, DRAWS * count, pool), variant=np.tile(np.arange(count), DRAWS))
    priced = problem.priced(Decoder(problem, pool)(genes))
    energy, cycles = priced.energy_pj.reshape(DRAWS, count), priced.cycles.reshape(DRAWS, count)
    ranks = np.array([_ranks(each.min(0)) for each in (energy * cycles, energy, cycles)]).min(0)
    order = np.argsort(ranks[:-1], kind="stable")
    return unrollings.at(np.append(np.sort(order[: most - 1]), count - 1))


def _ranks(values: np.ndarray) -> np.ndarray:
    """The place of each value, the least first."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks
