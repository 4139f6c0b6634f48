"""The figures a run leaves for its report: accuracy against bits, and what each layer came to. Plain JSON, drawn elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netchip.files import write_json
from netchip.methods.method import Arm
from netchip.methods.smart_exchange.accounting import table as accounting
from netchip.methods.smart_exchange.accounting.layers import LayerCounts
from netchip.methods.smart_exchange.accounting.of_file import sizes_by_rule
from netchip.methods.smart_exchange.baselines.comparison import Point, RateDistortion
from netchip.methods.smart_exchange.baselines.distortion import relative_error
from netchip.methods.smart_exchange.baselines.model import dense_rest
from netchip.methods.smart_exchange.packing.packed import Packed, unpack
from netchip.methods.smart_exchange.stages.made import Made
from netchip.train.distributed import is_main


def write_figures(folder: Path, made: Mapping[str, Made], arms: Mapping[str, Arm], distortion: RateDistortion) -> None:
    """Writes `folder`/figures/*.json."""
    if not is_main():
        return
    packed = {name: each for name, each in made.items() if each.packed}
    figures = {
        "1-accuracy-bits": _accuracy_against_bits(arms),
        "2-accuracy": _accuracy(made),
        "3-error-bits": _error_against_bits(distortion),
        "4-bits": _bits(made),
        "5-rows": _rows(packed),
        "6-exponents": _exponents(packed),
        "8a-accounting": _accounting(packed),
    }
    errors = _errors(made)
    if errors["series"]:
        figures["7-error"] = errors
    for name, figure in figures.items():
        write_json(folder / "figures" / f"{name}.json", figure)


def _accuracy_against_bits(arms: Mapping[str, Arm]) -> dict[str, Any]:
    return {
        "kind": "scatter",
        "title": "Test accuracy against bits a weight",
        "x_label": "bits a weight",
        "y_label": "accuracy, %",
        "series": [
            {
                "name": name,
                "x": [arm.counted["bits_per_weight"]],
                "y": [arm.measured["test_accuracy_percent"]],
            }
            for name, arm in arms.items()
        ],
    }


def _accuracy(made: Mapping[str, Made]) -> dict[str, Any]:
    """By epoch, the retrained arms from where the dense training ends."""
    series: list[dict[str, Any]] = []
    dense = made["dense"].fits
    for name, each in made.items():
        fits = dense if name == "dense" else each.fits[len(dense) :]
        start = 0 if name == "dense" else dense[-1].epochs_done
        rows = [row for fit in fits for row in fit.history]
        if rows:
            accuracy = [row.get("validation_accuracy_percent") for row in rows]
            series.append({"name": name, "x": [start + row["epoch"] + 1 for row in rows], "y": accuracy})
    return {
        "kind": "line",
        "title": "Accuracy on the validation part, after projection",
        "x_label": "epoch",
        "y_label": "accuracy, %",
        "series": series,
    }


def _error_against_bits(distortion: RateDistortion) -> dict[str, Any]:
    groups = {"SmartExchange": distortion.own, "rounding": distortion.rounded}
    return {
        "kind": "scatter",
        "title": "Error of the dense weights against bits a weight",
        "x_label": "bits a weight",
        "y_label": "relative error",
        "series": [
            {
                "name": name,
                "x": [point.bits_per_weight for point in points],
                "y": [point.relative_error for point in points],
                "labels": [_short(point) for point in points],
            }
            for name, points in groups.items()
        ],
    }


def _short(point: Point) -> str:
    """Its name beside a point whose colour says SmartExchange or rounding."""
    return f"{point.row_sparsity:.0%} zero rows" if point.method.startswith("SmartExchange") else point.method


def _accounting(made: Mapping[str, Made]) -> dict[str, Any]:
    """Bits by component under the three rules."""
    rows: list[tuple[str, ...]] = []
    for name, each in made.items():
        layers = [LayerCounts.of(key, packed) for key, packed in each.packed.items()]
        rows += accounting.rows(sizes_by_rule(layers, dense_rest(each.network, each.packed)), of=name)
    return {
        "kind": "table",
        "title": accounting.TITLE,
        "columns": accounting.COLUMNS,
        "rows": rows,
        "notes": (
            "A ratio is over the weights its rule counts: the paper leaves biases and norms out, the official code also kernels "
            "other than 1x1 and 3x3; against 8 bits without scales.",
        ),
    }


def _bits(made: Mapping[str, Made]) -> dict[str, Any]:
    weights = made["dense"].weights
    return {
        "kind": "bars",
        "title": "Bits a weight in each layer",
        "y_label": "bits a weight",
        "categories": list(weights),
        "series": [
            {"name": name, "values": [each.bits_of(key) / weight.numel() for key, weight in weights.items()]}
            for name, each in made.items()
            if name != "dense"
        ],
    }


def _rows(made: Mapping[str, Made]) -> dict[str, Any]:
    """Zero rows, and zero coefficients in the rows that are left, in per cent, layer by layer."""
    first = next(iter(made.values())).packed
    series: list[dict[str, Any]] = []
    for name, each in made.items():
        rows, elements = zip(*(_zeros_percent(each.packed[key]) for key in first), strict=True)
        series += [{"name": f"{name}: rows", "values": rows}, {"name": f"{name}: coefficients", "values": elements}]
    return {
        "kind": "bars",
        "title": "Zero rows, and zero coefficients in the others",
        "y_label": "%",
        "categories": list(first),
        "series": series,
    }


def _zeros_percent(packed: Packed) -> tuple[float, float]:
    counts = packed.counts
    elements = counts.kept_rows * counts.width
    return (
        100.0 * (1 - counts.kept_rows / counts.real_rows),
        100.0 * (1 - counts.nonzero / elements) if elements else 0.0,
    )


def _exponents(made: Mapping[str, Made]) -> dict[str, Any]:
    """How often each power occurs among the non-zero coefficients, counted down from the layer's largest."""
    powers = max(packed.alphabet.powers for each in made.values() for packed in each.packed.values())
    return {
        "kind": "bars",
        "title": "Exponents of the non-zero coefficients, below the layer's largest",
        "y_label": "% of the coefficients",
        "categories": [f"-{step}" if step else "0" for step in range(powers)],
        "series": [{"name": name, "values": _histogram(each.packed, powers)} for name, each in made.items()],
    }


def _histogram(packed: Mapping[str, Packed], powers: int) -> list[float]:
    """Shares in per cent, [powers]."""
    counts = [0] * (powers + 1)
    for each in packed.values():
        found = unpack(each).levels.abs().flatten().long().bincount(minlength=powers + 1)
        counts = [own + int(more) for own, more in zip(counts, found, strict=True)]
    total = max(1, sum(counts[1:]))
    return [round(100.0 * count / total, 3) for count in counts[1:]]


def _errors(made: Mapping[str, Made]) -> dict[str, Any]:
    """Of what was not trained since: rounding and post-training factors."""
    dense = made["dense"]
    return {
        "kind": "bars",
        "title": "Relative error of each layer's weights",
        "y_label": "error",
        "categories": list(dense.weights),
        "series": [
            {
                "name": name,
                "values": [relative_error(weight, each.weights[key]) for key, weight in dense.weights.items()],
            }
            for name, each in made.items()
            if each.fits == dense.fits and name != "dense"
        ],
    }
