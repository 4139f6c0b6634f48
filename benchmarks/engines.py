"""Five sparse engines on a network of the zoo with made-up sparsity, and how long counting and estimating take.

python benchmarks/engines.py --model vgg19_bn --zero-rows 0.9
Weights are random, with a share of their rows zeroed: the same rows in each group of 64 filters (`--rows shared`), or each
filter's own (`--rows own`). Activations are normal noise through a ReLU, in 8 bits, whatever the layer. So the figures show
what the model of the engines does, not what a trained network gains.
"""

import argparse
import platform
import time
from dataclasses import dataclass

import numpy as np

from netchip.graph.to_workload import to_workload
from netchip.hardware.engines.compare import compare_engines
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec
from netchip.workload.activation_statistics import activation_sparsity
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import CoefficientStorage, LayerSparsity
from netchip.workload.sparsity_file import NetworkSparsity
from netchip.workload.weight_statistics import assumed_weights, nonzero_rows, weight_sparsity

ROWS_IN_BLOCK = 192


@dataclass(frozen=True)
class Made:
    """How sparse weights are made."""

    zero_rows: float
    shared: bool
    seed: int


def length_of(shape: LayerShape) -> int:
    return shape.kernel_width if shape.kernel_width > 1 else 3


def made_weights(shape: LayerShape, made: Made) -> np.ndarray:
    """Ones where a weight is kept [filters, channels, height, width]."""
    random = np.random.default_rng(made.seed)
    size = (shape.total_out_channels, shape.in_channels, shape.kernel_height, shape.kernel_width)
    rows, layout = nonzero_rows(np.ones(size, np.uint8), length_of(shape))
    groups = -(-len(rows) // 64) if made.shared else len(rows)
    kept = random.random((groups, layout.rows)) >= made.zero_rows
    spread = np.repeat(kept, 64, axis=0)[: len(rows)] if made.shared else kept
    flat = np.repeat(spread, layout.length, axis=1)[:, : int(np.prod(size[1:]))]
    return flat.reshape(size)


def stored(shape: LayerShape, weight: np.ndarray) -> CoefficientStorage:
    rows, layout = nonzero_rows(weight, length_of(shape))
    starts = list(range(0, layout.rows, ROWS_IN_BLOCK))
    blocks = int(np.logical_or.reduceat(rows, starts, axis=1).sum())
    return CoefficientStorage(
        nonzero_coefficients=int(rows.sum()) * layout.length,
        basis_elements=blocks * layout.length**2,
        index_bits=rows.size,
    )


def counted(layer: Layer, made: Made) -> LayerSparsity:
    shape, random = layer.shape, np.random.default_rng(made.seed)
    if shape.in_channels == 1 or shape.kind != "conv":  # depthwise: stored as it is
        weights = assumed_weights(shape)
    else:
        weight = made_weights(shape, made)
        weights = weight_sparsity(
            weight, groups=shape.groups, row_length=length_of(shape), storage=stored(shape, weight)
        )
    noise = random.standard_normal((1, shape.total_in_channels, shape.in_height, shape.in_width))
    codes = np.clip(np.round(noise * 64), 0, 255).astype(np.uint8)
    return LayerSparsity(
        layer=layer.name,
        weights=weights,
        activations=activation_sparsity(codes, channels_in_row=weights.channels_in_row),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vgg19_bn")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--zero-rows", type=float, default=0.9)
    parser.add_argument("--rows", choices=("shared", "own"), default="shared")
    parser.add_argument("--baseline-weights", choices=("own", "same_sparsified"), default="own")
    parser.add_argument("--layers", choices=("all", "convolutions"), default="all")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    spec = ModelSpec(name=given.model, image_size=given.image_size)
    workload = to_workload(build(spec).eval(), example_input(spec))
    if given.layers == "convolutions":
        workload = Workload(tuple(each for each in workload.layers if each.shape.out_height * each.shape.out_width > 1))
    made = Made(given.zero_rows, given.rows == "shared", given.seed)
    start = time.perf_counter()
    layers = tuple(counted(each, made) for each in workload.layers)
    source = f"made up, {given.zero_rows:.0%} of the rows zero ({given.rows}), ReLU of normal noise"
    between = time.perf_counter()
    found = compare_engines(workload, NetworkSparsity(layers, source), baseline_weights=given.baseline_weights)
    end = time.perf_counter()
    size = f"{len(workload.layers)} layers, {workload.macs / 1e6:,.0f} M MACs"
    print(f"{given.model} at {given.image_size}, {size}; {platform.machine()}")
    print(f"counting {between - start:.2f} s, estimating five engines {(end - between) * 1e3:.1f} ms")
    print(found.text())
    print(found.costs["smart_exchange"].text())
    print(found.costs["diannao"].text())


if __name__ == "__main__":
    main()
