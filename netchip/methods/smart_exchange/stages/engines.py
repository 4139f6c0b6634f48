"""The run's own network on the five sparse engines, and its tables: error against bits, the engines, every layer."""

import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from netchip.files import write_json
from netchip.hardware.engines.figures import basis, engine_figures, headline, layers_table
from netchip.methods.smart_exchange.baselines.comparison import COLUMNS, RateDistortion
from netchip.methods.smart_exchange.baselines.distortion import relative_error
from netchip.methods.smart_exchange.engines.estimate import Estimate, estimate_engines
from netchip.methods.smart_exchange.stages.made import Made
from netchip.methods.smart_exchange.training.settings import ActivationSettings
from netchip.train.distributed import is_main

IMAGES = 32
"""Images whose activations are traced."""


def on_engines(
    made: Mapping[str, Made], own: str, example: Tensor, images: Iterator[Tensor], ranges: ActivationSettings
) -> Estimate:
    """The network of the arm `own` on the engines, the dense one on the other four; activations traced on the first `IMAGES`."""
    return estimate_engines(
        made[own].network,
        made[own].packed,
        example,
        list(_first(images, IMAGES)),
        dense=made["dense"].network,
        ranges=ranges,
    )


def write_engines(folder: Path, found: Estimate, made: Mapping[str, Made], distortion: RateDistortion) -> None:
    """Writes the tables and figures into `folder`/figures, and `folder`/engines.json and sparsity.json with all numbers."""
    if not is_main():
        return
    errors = _errors(made, found)
    figures = engine_figures(found.comparison, found.sparsity)
    figures["engines-layers"] = layers_table(found.comparison, found.sparsity, more=errors)
    write_json(folder / "figures" / "8-distortion.json", distortion_table(distortion))
    for letter, (name, figure) in zip(string.ascii_lowercase, figures.items(), strict=False):
        write_json(folder / "figures" / f"9{letter}-{name}.json", figure)
    write_json(folder / "engines.json", found.comparison.to_json())
    found.sparsity.save(folder / "sparsity.json")


def in_words(found: Estimate) -> tuple[str, ...]:
    """What of the result is an estimate, the result first."""
    return (headline(found.comparison), *basis(found.comparison))


def distortion_table(distortion: RateDistortion) -> dict[str, Any]:
    """Error against bits of the dense weights, the verdict under it."""
    return {
        "kind": "table",
        "title": "Error of the dense weights against bits a weight, SmartExchange beside rounding to nearest",
        "columns": COLUMNS,
        "rows": distortion.rows,
        "notes": distortion.verdict,
    }


def _errors(made: Mapping[str, Made], found: Estimate) -> dict[str, dict[str, str]]:
    """By column and layer: the relative error of the arms whose factors were not trained since."""
    dense = made["dense"]
    return {
        f">error of\n{name}": {
            layer: f"{relative_error(dense.weights[weight], each.weights[weight]):.3f}"
            for layer, weight in found.weight_of.items()
            if weight in each.packed
        }
        for name, each in made.items()
        if each.packed and each.fits == dense.fits
    }


def _first(batches: Iterator[Tensor], images: int) -> Iterator[Tensor]:
    """The first `images` of `batches`."""
    left = images
    for batch in batches:
        yield batch[:left]
        left -= len(batch)
        if left <= 0:
            return
