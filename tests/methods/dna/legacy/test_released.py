"""The released predictor bug for bug: five golden points and seven exact optima, from executing the released code.

The figures are those of the notes on DNA (sections 2.2 and 3.3), where the code of Auto-NBA 8ddaf3e was run as released.
"""

import numpy as np
import pytest

from netchip.errors import RequestError
from netchip.hardware.fpga.assignment import by_map_size
from netchip.hardware.fpga.chunk import Chunk, ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.problem import PipelineProblem
from netchip.hardware.search.exact import Optimum, solve
from netchip.methods.dna.legacy.network import EXAMPLE, Dataset, example_layers
from netchip.methods.dna.legacy.predictor import FREQUENCY_HZ, LIMITS, LegacyPredictor, legacy_cycles
from netchip.methods.dna.legacy.space import MAP_BOUND, released_spaces
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.shape import LayerShape


def layer_of(inputs: int, outs: int, size: int, kernel: int, bits: int, *, deep: bool) -> Layer:
    shape = LayerShape.conv(
        in_channels=outs if deep else inputs,
        out_channels=outs,
        groups=outs if deep else 1,
        in_size=(size, size),
        kernel=(kernel, kernel),
        padding=(kernel // 2, kernel // 2),
    )
    return Layer("layer", shape, precision=Precision(weight_bits=bits, input_bits=bits))


def chunk_of(engine: str, design: tuple[int, ...], bits: int) -> Chunk:
    names = [f"{kind}_{part}" for kind in ("tile", "unroll") for part in ("rows", "columns", "out", "in")]
    return Chunk(engine=engine, **dict(zip(names, design, strict=True)), weight_bits=bits, input_bits=bits)


GOLDEN = [
    ("tree", (16, 16, 8, 8, 16, 16, 8, 4), (16, 96, 32, 1), 16, (512, 512, 16, 768, 87_552), (32, 16)),
    ("broadcast", (4, 4, 32, 32, 4, 4, 32, 4), (64, 384, 8, 1), 16, (512, 128, 256, 144, 80_640), (32, 40)),
    ("rows", (16, 16, 8, 8, 16, 16, 8, 4), (24, 72, 32, 1), 16, (1024, 512, 64, 640, 140_544), (16, 49)),
    ("depthwise_channels", (4, 4, 32, 1, 2, 2, 32, 1), (1, 384, 8, 5), 16, (400, 288, 200, 144, 35_712), (32, 96)),
    ("depthwise_rows", (16, 16, 8, 1, 16, 16, 8, 1), (1, 96, 32, 3), 8, (1152, 324, 12, 320, 71_232), (8, 55)),
]


@pytest.mark.parametrize(
    ("engine", "design", "layer", "bits", "cycles", "taken"), GOLDEN, ids=[each[0] for each in GOLDEN]
)
def test_golden_points(
    engine: str,
    design: tuple[int, ...],
    layer: tuple[int, int, int, int],
    bits: int,
    cycles: tuple[int, ...],
    taken: tuple[int, int],
) -> None:
    table = LayerTable.of([layer_of(*layer, bits, deep=engine.startswith("depthwise"))])
    batch = ChunkBatch.of([chunk_of(engine, design, bits)])
    assert tuple(float(each.flat[0]) for each in legacy_cycles(table, batch, np)) == cycles
    found = LegacyPredictor()(table, batch)
    assert (float(found.dsp[0]), float(found.bram18[0])) == taken
    assert found.cycles.tolist() == [[cycles[-1]]]


def problem(dataset: Dataset = "cifar", bits: int = 16, *, fixed: bool = True, share: float = 1.0) -> PipelineProblem:
    table = LayerTable.of(example_layers(dataset, bits=bits))
    spaces = released_spaces(dataset, bits=bits, fixed_engine=fixed)
    limits = {name: most * share for name, most in LIMITS.items()}
    return PipelineProblem(table, spaces, by_map_size(table, (MAP_BOUND[dataset],)), LegacyPredictor(), limits)


def test_the_example_network() -> None:
    layers = example_layers()
    assert sum(layer.shape.groups if "depthwise" not in layer.name else 1 for layer in layers) == 70
    assert sum(layer.macs for layer in layers) == 100_283_904


def test_sizes_of_the_released_space() -> None:
    assert [space.choices.count for space in released_spaces(fixed_engine=False)] == [67_500, 47_628, 4_500, 1_512]


@pytest.mark.parametrize(
    ("dataset", "bits", "fixed", "fps"),
    [
        ("cifar", 16, True, 126.15),
        ("cifar", 16, False, 129.70),
        ("cifar", 8, True, 134.58),
        ("cifar", 8, False, 253.32),
        ("imagenet", 16, True, 49.02),
        ("imagenet", 16, False, 49.02),
        ("imagenet", 8, True, 76.49),
        ("imagenet", 8, False, 83.55),
    ],
)
def test_exact_optima(dataset: Dataset, bits: int, fixed: bool, fps: float) -> None:
    own = problem(dataset, bits, fixed=fixed)
    found = solve(own)
    assert round(FREQUENCY_HZ / found.cost, 2) == fps
    assert scored(own, found) == found.cost


def scored(own: PipelineProblem, found: Optimum) -> float:
    scores = own.score(found.picks[:, None])
    assert bool(scores.feasible[0])
    return float(scores.cost[0])


def test_the_budget_never_binds() -> None:
    assert solve(problem(share=0.5)).cost == solve(problem()).cost


def test_the_published_optimum_chunk_by_chunk() -> None:
    own, designs = (
        problem(),
        ((16, 16, 8, 8, 16, 16, 8, 4), (4, 4, 32, 32, 4, 4, 32, 4), (16, 16, 8, 1) * 2, (4, 4, 32, 1) * 2),
    )
    for place, (design, cycles) in enumerate(zip(designs, (919_392, 1_542_048, 867_632, 1_585_376), strict=True)):
        engine = "tree" if place < 2 else "depthwise_rows"
        values = {
            name: value
            for name, value in vars(chunk_of(engine, design, 16)).items()
            if name.startswith(("tile", "unr"))
        }
        space = own.spaces[place].choices
        picks = space.picks_of({**values, "engine": space.each[0].options[0]})
        assert own.part_costs(place, picks).cycles.tolist() == [cycles]


def test_a_chunk_without_layers_takes_nothing() -> None:
    small = example_layers(blocks=["skip"] * 18 + ["k3_e1"] * 4)
    table = LayerTable.of(small)
    own = PipelineProblem(table, released_spaces(), by_map_size(table), LegacyPredictor(), LIMITS)
    found = solve(own)
    assert found.part_cycles["a0"] == 0
    assert scored(own, found) == found.cost


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: example_layers(blocks=EXAMPLE[:3]), "3 blocks were given; the released network has 22"),
        (lambda: example_layers(blocks=["mb3"] * 22), "no block is called 'mb3'; write 'skip', or such as"),
        (
            lambda: LegacyPredictor()(
                LayerTable.of([layer_of(4, 4, 4, 1, 16, deep=False)]), ChunkBatch.of([chunk_of("free", (1,) * 8, 16)])
            ),
            "the released code has the engines broadcast, tree, rows",
        ),
    ],
)
def test_what_the_released_code_does_not_know_is_refused(make, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        make()
