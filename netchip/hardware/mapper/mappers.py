"""The searches: at random, by evolution, through all there is. Equal seeds find equal mappings; more samples are never worse."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Protocol

import numpy as np
from pydantic import Field

from netchip.hardware.mapper.front import Front, best_part, front_of
from netchip.hardware.mapper.genes import Decoder, Genes, drawn
from netchip.hardware.mapper.pool import Pool, mixed_pool
from netchip.hardware.mapper.problem import Priced, Problem
from netchip.hardware.mapper.promising import promising
from netchip.spec import Spec

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""What is to be small, of energies in pJ and cycles; [N] each."""

CHUNK = 8192
"""Mappings costed at once: the arrays of that many stay in a core's cache."""

_Count = Annotated[int, Field(ge=1)]


class Mapper(Protocol):
    """A search for mappings of one layer."""

    def search(self, problem: Problem, score: Score) -> Front:
        """The best trade-offs found; `score` tells which part of them matters. Raises `RequestError` where no mapping fits."""
        ...

    def settings(self) -> dict[str, Any]:
        """What its result depends on, as plain values."""
        ...


class _Sampled(Spec):
    """What the searches that sample share.

    `samples` mappings are tried. Loop lists have at most `most_loops` loops, in `splits` ways for each of the `unrollings` most
    promising ways to use the array, of the `candidates` quickest ones. The few mappings that tell which are promising are not
    counted.
    """

    samples: _Count = 20_000
    seed: Annotated[int, Field(ge=0)] = 0
    most_loops: Annotated[int, Field(ge=1, le=60)] = 12
    splits: _Count = 8
    unrollings: _Count = 64
    candidates: _Count = 1024

    def settings(self) -> dict[str, Any]:
        """What its result depends on, as plain values."""
        return {"mapper": type(self).__name__} | self.model_dump(mode="json")

    def _pool(self, problem: Problem) -> tuple[Pool, Priced]:
        """The lists of loops, and the mappings with the smallest tiles, which are the first that are tried."""
        rng = np.random.default_rng([self.seed, 0])
        candidates = problem.unrollings(max(self.candidates, self.unrollings))
        unrollings = promising(problem, candidates, self.unrollings, most_loops=self.most_loops, rng=rng)
        splits = max(self.splits, 64 // len(unrollings.passes))
        pool = mixed_pool(unrollings, splits=splits, most_loops=self.most_loops, rng=rng)
        return pool, best_part(problem.priced(problem.least(unrollings)))


class RandomMapper(_Sampled):
    """Draws orders of loops, unrollings and shares of memories at random; see `genes` and `allocation`."""

    def search(self, problem: Problem, score: Score) -> Front:
        """The best trade-offs of all samples, whatever the score."""
        pool, least = self._pool(problem)
        decode = Decoder(problem, pool)

        def part(index: int, size: int) -> tuple[Priced, int]:
            rng = np.random.default_rng([self.seed, 1, index])
            priced = problem.priced(decode(drawn(rng, CHUNK, pool).at(slice(size))))
            return best_part(priced), priced.legal

        sizes = list(_sizes(self.samples, CHUNK))
        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            found = list(threads.map(part, range(len(sizes)), sizes))
        parts, legal = [each for each, _ in found], sum(count for _, count in found)
        return front_of(problem, [least, *parts], tried=self.samples, legal=legal)


class EvolutionaryMapper(_Sampled):
    """Generations of `population` mappings: the first at random, the later from the `elite` best by score so far, with changes.

    A child takes its parent's genes, in part those of a second parent, with a few loops moved; some are drawn anew.
    """

    population: _Count = 2560
    elite: _Count = 128

    def search(self, problem: Problem, score: Score) -> Front:
        """The best trade-offs of all generations."""
        pool, least = self._pool(problem)
        decode, parts, legal = Decoder(problem, pool), [least], 0
        genes: Genes | None = None
        scores = np.zeros(0)
        for generation, size in enumerate(_sizes(self.samples, self.population)):
            rng = np.random.default_rng([self.seed, 2, generation])
            fresh = drawn(rng, self.population, pool)
            born = (fresh if genes is None else _children(genes, fresh, rng)).at(slice(size))
            priced = problem.priced(decode(born))
            parts.append(best_part(priced))
            legal += priced.legal
            family = born if genes is None else genes.followed_by(born)
            scores = np.concatenate([scores, score(priced.energy_pj, priced.cycles)])
            kept = _unlike(scores, self.elite)
            genes, scores = family.at(kept), scores[kept]
        return front_of(problem, parts, tried=self.samples, legal=legal)


def _sizes(total: int, chunk: int) -> Iterator[int]:
    for start in range(0, total, chunk):
        yield min(chunk, total - start)


def _unlike(scores: np.ndarray, most: int) -> np.ndarray:
    """Indices of the best scores, at most four of each value: equal scores are mostly the same mapping."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.searchsorted(ranked, ranked, side="left")
    return order[np.arange(len(order)) - starts < 4][:most]


def _children(parents: Genes, fresh: Genes, rng: np.random.Generator) -> Genes:
    """A child for each of `fresh`, whose genes are what is drawn anew."""
    size, loops = int(fresh.key.shape[0]), int(fresh.key.shape[1])
    pairs = rng.integers(len(parents.variant), size=(2, size))
    first, second = parents.at(pairs[0]), parents.at(pairs[1])
    crossed = (second.variant == first.variant) & (rng.random(size) < 0.3)
    key = np.where(crossed[:, None] & (rng.random((size, loops)) < 0.5), second.key, first.key)
    moved = rng.random((size, loops)) < rng.choice([1.0, 2.0, 4.0], size=(size, 1)) / loops
    anew = rng.random((4, size)) < np.array([0.1, 0.15, 0.2, 0.2])[:, None]
    return Genes(
        variant=np.where(anew[0] | anew[1], fresh.variant, first.variant),
        key=np.where(moved | anew[0][:, None], fresh.key, key),
        turn=np.where(anew[2], fresh.turn, first.turn),
        share=np.where(anew[3], fresh.share, first.share),
    )
