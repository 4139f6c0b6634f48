"""One mapping for each layer, such that the whole network meets the objective: energies add, latencies add, their product does not.

The product of two sums is least at a point that also makes energy + price x latency least for some price of a cycle, so all
prices at which a layer changes its mind are tried; then single layers are changed as long as that helps (a budget's corners).
"""

from collections.abc import Sequence

import numpy as np

from netchip.hardware.mapper.objective import Objective, best_of, score

Points = tuple[np.ndarray, np.ndarray]
"""Energies and latencies of one layer's front, the least energy first."""


def chosen(fronts: Sequence[Points], objective: Objective) -> list[int]:
    """For each front the index of the point to take."""
    if objective == "energy":
        return [0] * len(fronts)
    if objective == "latency":
        return [len(latency) - 1 for _, latency in fronts]
    picks = _by_price(fronts)
    energy, latency = (
        np.sum([points[side][pick] for points, pick in zip(fronts, picks, strict=True)], axis=0) for side in (0, 1)
    )
    best = best_of(objective, energy, latency)
    return _improved(fronts, [int(pick[best]) for pick in picks], objective)


def _by_price(fronts: Sequence[Points]) -> list[np.ndarray]:
    """For each front the point that each price of latency chooses: [price]."""
    slopes = [_slopes(energy, latency) for energy, latency in fronts]
    prices = np.unique(np.concatenate([np.zeros(1), *slopes]))
    prices = np.concatenate([prices, prices * (1 + 1e-9), prices[-1:] * 2 + 1])
    return [np.argmin(energy + prices[:, None] * latency, axis=1) for energy, latency in fronts]


def _slopes(energy: np.ndarray, latency: np.ndarray) -> np.ndarray:
    """Energy that each step to the next point takes for a second less; a layer that no input runs has none."""
    quicker = np.diff(latency) < 0
    return -np.diff(energy)[quicker] / np.diff(latency)[quicker]


def _improved(fronts: Sequence[Points], picks: list[int], objective: Objective) -> list[int]:
    """The picks after single changes, each of them to the better."""
    energy = sum(float(points[0][pick]) for points, pick in zip(fronts, picks, strict=True))
    latency = sum(float(points[1][pick]) for points, pick in zip(fronts, picks, strict=True))
    for _ in range(4):
        before = list(picks)
        for place, (energies, latencies) in enumerate(fronts):
            here = picks[place]
            others = energy - energies[here] + energies, latency - latencies[here] + latencies
            scores = score(objective, *others)
            best = best_of(objective, *others)
            if scores[best] < scores[here] * (1 - 1e-12):
                picks[place], energy, latency = best, float(others[0][best]), float(others[1][best])
        if picks == before:
            break
    return picks
