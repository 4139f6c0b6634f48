"""Three generators are left as they were, also when what ran inside failed."""

import random

import numpy as np
import pytest
import torch

from netchip.graph.random_state import same_random_state


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


@pytest.mark.parametrize("fails", [False, True])
def test_the_next_draws_are_those_that_would_have_come(fails: bool) -> None:
    def seed() -> None:
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)

    seed()
    expected = draws()
    seed()
    try:
        with same_random_state():
            assert draws() == expected
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert draws() == expected
