"""What is inside a wrapper, and what it is called."""

import torch
from torch import nn

from netchip.graph.wrappers import unwrapped, wrapper_name


def test_plain_wrapped_and_wrapped_twice() -> None:
    inner = nn.Linear(2, 2)
    parallel = nn.DataParallel(inner)
    compiled = torch.compile(parallel)
    assert wrapper_name(inner) is None
    assert (wrapper_name(parallel), wrapper_name(compiled)) == ("DataParallel", "OptimizedModule")
    assert unwrapped(compiled) is unwrapped(parallel) is unwrapped(inner) is inner
