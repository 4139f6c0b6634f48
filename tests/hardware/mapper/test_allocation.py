"""Greedy allocation: full memories, nothing over, and the same sizes as `evaluate`."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import DEFAULT
from netchip.hardware.cost import evaluate
from netchip.hardware.dimensions import DIMS
from netchip.hardware.mapper.allocation import Allocation, Wishes
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape

LAYER = Layer("conv", LayerShape.conv(in_channels=8, out_channels=16, in_size=(8, 8), kernel=(3, 3), padding=(1, 1)))


def cut(chip: Accelerator, loops: list[tuple[str, int]], *, turn: int = 0, share: float = 1.0) -> np.ndarray:
    dim = np.array([[DIMS.index(name)] for name, _ in loops])
    bound = np.array([[float(steps)] for _, steps in loops], dtype=np.float32)
    wishes = Wishes(np.array([turn]), np.array([share], dtype=np.float32))
    return Allocation(LAYER, chip, DEFAULT).cuts(dim, bound, np.ones((2, 8, 1)), wishes)[:, :, 0]


def test_registers_of_one_element_keep_the_loops_that_reuse_it(tiny: Accelerator) -> None:
    found = cut(tiny, [("OX", 8), ("OY", 8), ("K", 16), ("C", 8), ("FX", 3), ("FY", 3)])
    assert found[0, 0] == 2  # the weight stays while OX and OY run
    assert found[2, 0] == 0  # the first loop changes the output
    found = cut(tiny, [("FX", 3), ("FY", 3), ("C", 8), ("OX", 8), ("K", 16), ("OY", 8)])
    assert found[0, 0] == 0
    assert found[2, 0] == 3  # the sum stays until it is finished


def test_the_turn_says_who_fills_a_shared_memory(tiny: Accelerator) -> None:
    loops = [("C", 8), ("K", 16), ("FX", 3), ("FY", 3), ("OX", 8), ("OY", 8)]
    # 4,096 bits: weights of C, K, FX, FY would take 9,216, of C, K, FX 3,072
    assert cut(tiny, loops, turn=0)[0, 1] == 3
    assert cut(tiny, loops, turn=0, share=0.5)[0, 1] == 2
    # inputs first: C, FX and FY, 8 of the columns: 8 x 3 x 8 of 8 bits, OX reaches the map's 8 columns
    assert cut(tiny, loops, turn=2)[1, 0] == 5
    assert cut(tiny, loops, turn=2)[0, 1] == 2  # 8 x 16 weights of 8 bits beside them, not 3 times as many


def test_unfinished_sums_are_wider(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][1] |= {"bits": 8 * 16}
    chip = Accelerator.parse(tiny_data, source="tiny")
    # 16 finished outputs of 8 bits fit; 16 sums of 32 bits do not, but the 4 of K's first loop do
    assert cut(chip, [("C", 8), ("FX", 3), ("FY", 3), ("K", 4), ("K", 4), ("OX", 8), ("OY", 8)])[2, 0] == 5
    assert cut(chip, [("K", 4), ("K", 4), ("OX", 8), ("OY", 8), ("C", 8), ("FX", 3), ("FY", 3)])[2, 0] == 1


def test_a_layer_of_one_output_keeps_its_sum_in_a_register(tiny: Accelerator) -> None:
    layer = Layer("sum", LayerShape.linear(in_features=64, out_features=1))
    dim, bound = np.full((2, 1), DIMS.index("C")), np.full((2, 1), 8, dtype=np.float32)
    wishes = Wishes(np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.float32))
    found = Allocation(layer, tiny, DEFAULT).cuts(dim, bound, np.ones((2, 8, 1)), wishes)[:, :, 0]
    assert found.tolist() == [[0, 2, 2], [2, 2, 2], [2, 2, 2]]


def test_an_operand_that_lies_in_a_shared_buffer_leaves_the_others_the_rest(tiny_data: dict[str, Any]) -> None:
    tiny_data["memories"][3]["operands"] = ["W", "I"]
    tiny_data["memories"][3]["ports"] = []
    tiny_data["memories"][2]["bits"] = 16 * 64 * 8 + 2048
    chip = Accelerator.parse(tiny_data, source="tiny")
    # all 1,024 outputs stay in the buffer; what is left holds 256 weights or inputs
    loops = [("C", 8), ("K", 16), ("FX", 3), ("FY", 3), ("OX", 8), ("OY", 8)]
    found = cut(chip, loops, turn=1)
    assert found[0, 1] == 2  # 128 weights
    assert found[1, 0] == 4  # 8 x 3 x 3 inputs
    assert _fits(chip, loops, found)


loops = st.permutations([("OX", 2), ("OX", 4), ("OY", 8), ("K", 4), ("K", 4), ("C", 2), ("C", 4), ("FX", 3), ("FY", 3)])


@settings(deadline=None, max_examples=60)
@given(order=loops, turn=st.integers(0, 5), share=st.floats(0.05, 1), bits=st.integers(600, 20_000))
def test_what_is_allocated_fits_and_registers_are_full(
    order: list[tuple[str, int]], turn: int, share: float, bits: int
) -> None:
    chip = _chip(bits)
    found = cut(chip, order, turn=turn, share=share)
    assert _fits(chip, order, found)
    more = found.copy()
    more[0, 0] += 1
    if more[0, 0] <= found[0, 1]:
        assert not _fits(chip, order, more)


def _fits(chip: Accelerator, order: list[tuple[str, int]], cuts: np.ndarray) -> bool:
    batch = MappingBatch(
        dim=np.array([[DIMS.index(name)] for name, _ in order]),
        bound=np.array([[float(steps)] for _, steps in order]),
        cut=cuts[:, :, None],
        spatial=np.ones((2, 8, 1)),
        layer=np.zeros(1, dtype=np.int64),
    )
    return bool(np.all(evaluate([LAYER], chip, batch).fits))


def _chip(bits: int) -> Accelerator:
    prices = {"read_pj": 1.0, "write_pj": 1.0, "source": "test"}
    data = {
        "name": "chip",
        "source": "test",
        "frequency_hz": 1e9,
        "array": {"D1": 4, "D2": 2},
        "memories": [
            {"name": "reg_w", "bits": 64, "operands": ["W"]},
            {"name": "reg_o", "bits": 256, "operands": ["O"], "serves": ["D2"]},
            {"name": "buffer", "bits": bits, "operands": ["W", "I", "O"], "serves": ["D1", "D2"]},
            {"name": "dram", "operands": ["W", "I", "O"], "serves": ["D1", "D2"]},
        ],
        "energy": {
            "mac": {"pj": 1.0, "source": "test"},
            "memories": dict.fromkeys(("reg_w", "reg_o", "buffer", "dram"), prices),
        },
    }
    return Accelerator.parse(data, source="test")
