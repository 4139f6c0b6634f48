"""Examples are moved to where their model is; `meta` stands in for a GPU."""

import torch
from torch import nn

from netchip.graph.placing import placed


def test_every_tensor_of_a_nest_follows_the_model() -> None:
    example = {"x": torch.zeros(1, 2), "pair": (torch.ones(1), 3)}
    moved = placed(example, nn.Linear(2, 2, device="meta"))
    assert moved["x"].device.type == moved["pair"][0].device.type == "meta"
    assert moved["pair"][1] == 3
    assert example["x"].device.type == "cpu"


def test_a_model_on_several_devices_or_none_keeps_the_example() -> None:
    example = torch.zeros(1, 2)
    split = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta"))
    assert placed(example, split) is example
    assert placed(example, nn.ReLU()) is example
