"""The roofline: a roof by hand, layers by hand, and that no layer rises above its roof."""

from dataclasses import replace
from typing import Literal

import pytest

from netchip.hardware.chips import chip_names, load_chip
from netchip.hardware.counting.flows import Action
from netchip.hardware.mapper.mappers import RandomMapper
from netchip.hardware.network_cost import cost
from netchip.hardware.roofline import Roof, roof_of, roofline_points
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

FEW = RandomMapper(samples=200)
SHAPES = {
    "conv": LayerShape.conv(in_channels=16, out_channels=32, in_size=(8, 8), kernel=(3, 3), padding=(1, 1)),
    "depthwise": LayerShape.conv(in_channels=32, out_channels=32, in_size=(8, 8), kernel=(3, 3), groups=32),
    "fc": LayerShape.linear(in_features=256, out_features=64),
}


def network(bits_of: str) -> Workload:
    precision = load_chip(bits_of).precision
    return Workload(tuple(Layer(name, shape, precision=precision) for name, shape in SHAPES.items()))


def test_the_roof_is_the_lower_of_array_and_memory() -> None:
    chip = load_chip("edge-npu")  # 8 x 16 MACs, a DRAM of 32 bits a cycle
    assert roof_of(chip) == Roof(macs_per_cycle=128, bytes_per_cycle=4)
    assert roof_of(chip).at(10) == 40
    assert roof_of(chip).at(1000) == 128


def test_a_memory_without_ports_is_no_limit() -> None:
    chip = load_chip("edge-npu")
    dram = chip.memories[-1].model_copy(update={"ports": (), "access_bits": 32})
    free = chip.model_copy(update={"memories": (*chip.memories[:-1], dram)})
    assert roof_of(free) == Roof(macs_per_cycle=128, bytes_per_cycle=None)
    assert roof_of(free).at(0.001) == 128
    bare = free.model_copy(update={"memories": (*chip.memories[:-1], dram.model_copy(update={"access_bits": None}))})
    report = cost(network("edge-npu"), free, mapper=FEW, cached=False)
    assert len(roofline_points(report, free)) == 3
    assert roofline_points(report, bare) == ()


def test_a_point_counts_the_accesses_of_the_outermost_memory() -> None:
    chip = load_chip("edge-npu")
    report = cost(network("edge-npu"), chip, mapper=FEW, cached=False)
    layer = report.layers[2]
    accesses = {Action("dram", "W", "read"): 4096.0, Action("buffer", "W", "read"): 1e9}
    changed = replace(layer, cost=replace(layer.cost, accesses=accesses))
    (point,) = roofline_points(replace(report, layers=(changed,)), chip)
    assert point.macs_per_byte == 256 * 64 / (4096 * 4)  # a DRAM access moves 32 bits
    assert point.macs_per_cycle == 256 * 64 / layer.cost.cycles
    assert (point.layer, point.cycles) == ("fc", layer.cost.cycles)


def test_a_layer_that_never_runs_has_no_point() -> None:
    layers = [replace(layer, execution_rate=0.0 if layer.name == "fc" else 0.5) for layer in network("edge-npu").layers]
    chip = load_chip("edge-npu")
    half = roofline_points(cost(Workload(tuple(layers)), chip, mapper=FEW, cached=False), chip)
    whole = roofline_points(cost(network("edge-npu"), chip, mapper=FEW, cached=False), chip)
    assert [point.layer for point in half] == ["conv", "depthwise"]
    for part, full in zip(half, whole[:2], strict=True):  # a layer that half of the inputs run is as fast
        assert part.macs_per_byte == pytest.approx(full.macs_per_byte)
        assert part.macs_per_cycle == pytest.approx(full.macs_per_cycle)


@pytest.mark.parametrize("latency", ["bound", "stalls"])
@pytest.mark.parametrize("name", chip_names())
def test_no_layer_rises_above_the_roof(name: str, latency: Literal["bound", "stalls"]) -> None:
    chip = load_chip(name)
    report = cost(network(name), chip, mapper=FEW, cached=False, latency=latency)
    points = roofline_points(report, chip)
    assert len(points) == 3
    for point in points:
        assert 0 < point.macs_per_cycle <= roof_of(chip).at(point.macs_per_byte) * (1 + 1e-9)
