import io
import random

import numpy as np
import torch

from netchip.train.seeding import rng_state, seed_everything, set_rng_state


def draw():
    return random.random(), float(np.random.rand()), float(np.random.randn()), float(torch.rand(())), random.gauss(0, 1)


def test_the_same_seed_gives_the_same_numbers_in_every_generator():
    seed_everything(3)
    first = draw()
    seed_everything(3)
    assert draw() == first
    seed_everything(4)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_state_survives_a_file_that_loads_without_unpickling():
    seed_everything(3)
    draw()  # leaves a cached gaussian in NumPy's and Python's generator
    file = io.BytesIO()
    torch.save(rng_state(), file)
    file.seek(0)
    expected = [draw() for _ in range(3)]
    set_rng_state(torch.load(file, weights_only=True))
    assert [draw() for _ in range(3)] == expected
