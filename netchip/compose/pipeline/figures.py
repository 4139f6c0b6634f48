"""The row of a network: what was counted, measured and modelled of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netchip.compose.pipeline.context import Context
from netchip.compose.pipeline.product import Product
from netchip.compose.pricing import price
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.mapper.mappers import EvolutionaryMapper
from netchip.measure.accuracy import accuracy_percent
from netchip.measure.latency import measure_latency
from netchip.methods.method import Arm
from netchip.units import seconds_to_ms


def arm_of(
    product: Product, file: Path, context: Context, chips: Mapping[str, Accelerator], mapper: EvolutionaryMapper
) -> tuple[Arm, tuple[str, ...]]:
    """The row, and a line for each chip that cannot run it."""
    priced: dict[str, Any] = {}
    for stem, chip in chips.items():
        priced |= price(stem, chip, product.workload, mapper)
    arm = Arm(
        name=product.name,
        role="baseline" if product.name == "dense" else "ours",
        counted={
            "macs": product.workload.macs,
            "parameters": product.parameters,
            "weight_bits": product.workload.weight_bits,
        },
        measured={
            "test_accuracy_percent": accuracy_percent(product.network, context.test()),
            "file_bytes": file.stat().st_size,
            "latency_batch1_ms": _latency_ms(product, context),
        },
        modelled={name: value for name, value in priced.items() if not isinstance(value, str)},
    )
    reasons = {name.removesuffix("_why_not"): value for name, value in priced.items() if isinstance(value, str)}
    return arm, tuple(f"{product.name} on {stem.replace('_', '-')}: {why}" for stem, why in reasons.items())


def _latency_ms(product: Product, context: Context) -> float:
    """Of one image in eager torch, one thread."""
    [found] = measure_latency(product.network, context.example, batch_sizes=(1,))
    return seconds_to_ms(found.median_s)
