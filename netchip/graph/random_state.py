"""What runs on a copy of a model may draw random numbers; the user's generators are afterwards as they were."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def same_random_state() -> Iterator[None]:
    """Whatever is drawn inside, the states of Python's, NumPy's and torch's generators afterwards are those of before."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
