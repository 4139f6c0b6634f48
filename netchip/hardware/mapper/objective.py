"""What a search makes small. Every objective falls with energy and with latency, so the best mapping is always on the front."""

from typing import Literal

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.budget import Budget

ObjectiveName = Literal["energy", "latency", "edp"]
Objective = ObjectiveName | Budget

OBJECTIVES: tuple[ObjectiveName, ...] = ("energy", "latency", "edp")
_OVER = 1e200
"""Above every product of energy and latency: what is over budget comes after all that is not."""


def check_objective(objective: Objective) -> None:
    """Raises `RequestError` where there is no such objective."""
    if not isinstance(objective, Budget) and objective not in OBJECTIVES:
        raise RequestError(f"no objective is called {objective!r}; give {', '.join(OBJECTIVES)} or a Budget")


def score(objective: Objective, energy_pj: np.ndarray, latency_s: np.ndarray) -> np.ndarray:
    """What the objective makes small, [N] in float64; infinite where energy or latency is.

    Under a budget: the product of both where it is met, else the sum of the shares by which energy, latency and product are over.
    """
    energy, latency = np.asarray(energy_pj, dtype=np.float64), np.asarray(latency_s, dtype=np.float64)
    if objective == "energy":
        return energy
    if objective == "latency":
        return latency
    product = energy * latency
    if not isinstance(objective, Budget):
        return product
    over = np.zeros_like(product)
    for name, value in (("energy_pj", energy), ("latency_s", latency), ("edp_pj_s", product)):
        most = objective.limits.get(name)
        if most is not None:
            over = over + np.maximum(value / most - 1, 0.0)
    return np.where(over > 0, _OVER * (1 + over), product)


def best_of(objective: Objective, energy_pj: np.ndarray, latency_s: np.ndarray) -> int:
    """Index of the best; among those alike the one of less energy, then of less latency."""
    return int(np.lexsort((latency_s, energy_pj, score(objective, energy_pj, latency_s)))[0])
