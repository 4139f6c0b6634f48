"""What is inside a wrapper, and what it is called."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from netchip.errors import GraphError
from netchip.graph.coupling import channel_groups
from netchip.graph.surgery import cut, plan
from netchip.graph.wrappers import unwrapped, wrapper_name


def test_plain_wrapped_and_wrapped_twice() -> None:
    inner = nn.Linear(2, 2)
    parallel = nn.DataParallel(inner)
    compiled = torch.compile(parallel)
    assert wrapper_name(inner) is None
    assert (wrapper_name(parallel), wrapper_name(compiled)) == ("DataParallel", "OptimizedModule")
    assert unwrapped(compiled) is unwrapped(parallel) is unwrapped(inner) is inner


@pytest.mark.usefixtures("process_group")
def test_a_really_sharded_network_is_recognised_and_not_cut() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))
    example = torch.zeros(1, 1, 2, 2)
    [group] = channel_groups(network, example).groups
    half = plan(channel_groups(network, example), {group.name: np.arange(4) < 2})
    fully_shard(network, mesh=init_device_mesh("cpu", (1,)))
    assert wrapper_name(network) == "FSDPModule"
    with pytest.raises(GraphError, match="FSDP"):
        cut(network, half)
