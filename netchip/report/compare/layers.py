"""The layers of a run's network before and after, out of `workload_dense.json` and `workload_efficient.json`: counted."""

from collections.abc import Iterator, Sequence

from netchip.report.figure import TableFigure
from netchip.report.quantities import ratio
from netchip.units import format_count
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

_AT = "@"
"""Between a layer's name and the bits of one of its variants."""
_NONE = "–"
_MEANING = "MACs are of one pass, on average over inputs; bits are what memory holds for the weights."


def layer_tables(dense: Workload | None, efficient: Workload | None) -> tuple[TableFigure, ...]:
    """One table of both where they share layers by name, else one for each; none where there is no workload."""
    if dense is not None and efficient is not None and _shared(dense, efficient):
        return (_both(dense, efficient),)
    named = (("Layers before", dense), ("Layers after", efficient))
    return tuple(_single(title, workload) for title, workload in named if workload is not None and workload.layers)


def _shared(dense: Workload, efficient: Workload) -> bool:
    return bool(_by_name(dense).keys() & _by_name(efficient).keys())


def _by_name(workload: Workload) -> dict[str, list[Layer]]:
    """Layers by the module they come from; those that run at several bits are several layers of one module."""
    grouped: dict[str, list[Layer]] = {}
    for layer in workload.layers:
        grouped.setdefault(layer.name.split(_AT)[0], []).append(layer)
    return grouped


def _both(dense: Workload, efficient: Workload) -> TableFigure:
    before, after = _by_name(dense), _by_name(efficient)
    rows = [_pair(name, before.get(name, []), after.get(name, [])) for name in dict.fromkeys((*before, *after))]
    return TableFigure(
        kind="table",
        title="Layers before and after: counted",
        columns=("layer", "kernel", ">channels", ">MACs\nbefore", ">MACs\nafter", ">of\nbefore",
                 ">weight bits\nbefore", ">weight bits\nafter", ">of\nbefore", "bits of weights\nand inputs"),
        rows=tuple(rows),
        notes=(_MEANING, *_uncounted(dense, efficient)),
    )  # fmt: skip


def _pair(name: str, before: Sequence[Layer], after: Sequence[Layer]) -> tuple[str, ...]:
    shape = (after or before)[0].shape
    old, new = (_channels(layers[0].shape) if layers else _NONE for layers in (before, after))
    return (
        name,
        _kernel(shape),
        old if old == new else f"{old} to {new}",
        *_change(_macs(before), _macs(after)),
        *_change(_bits(before), _bits(after)),
        _precisions(after or before),
    )


def _single(title: str, workload: Workload) -> TableFigure:
    rows = [
        (
            name,
            _kernel(own[0].shape),
            _channels(own[0].shape),
            _written(_macs(own)),
            _written(_bits(own)),
            _precisions(own),
        )
        for name, own in _by_name(workload).items()
    ]
    columns = ("layer", "kernel", ">channels", ">MACs", ">weight bits", "bits of weights\nand inputs")
    return TableFigure(
        kind="table", title=f"{title}: counted", columns=columns, rows=tuple(rows), notes=tuple(_uncounted(workload))
    )


def _uncounted(*workloads: Workload) -> Iterator[str]:
    if names := dict.fromkeys(name for workload in workloads for name in workload.uncounted):
        yield f"Not counted: {', '.join(names)}."


def _change(old: float | None, new: float | None) -> tuple[str, str, str]:
    return _written(old), _written(new), ratio(new, old) or _NONE


def _written(value: float | None) -> str:
    return _NONE if value is None else format_count(value)


def _macs(layers: Sequence[Layer]) -> float | None:
    return sum(layer.macs for layer in layers) if layers else None


def _bits(layers: Sequence[Layer]) -> float | None:
    """Bits held for a module's weights: its variants round the same weights, so the widest of them is what is held."""
    return max(layer.stored_bits for layer in layers) if layers else None


def _kernel(shape: LayerShape) -> str:
    if shape.kind == "matmul":
        return "two inputs"
    size = f"{shape.kernel_height}x{shape.kernel_width}"
    words = [size] if shape.stride == (1, 1) else [size, f"stride {shape.stride[0]}"]
    return ", ".join(words + ["transposed"] * shape.transposed + [f"{shape.groups} groups"] * (shape.groups > 1))


def _channels(shape: LayerShape) -> str:
    return f"{shape.total_in_channels}→{shape.total_out_channels}"


def _precisions(layers: Sequence[Layer]) -> str:
    """'8/8'; where inputs choose, each with the share of them: '4/4 84 %, 8/8 16 %'."""
    told = [(f"{each.precision.weight_bits}/{each.precision.input_bits}", each.execution_rate) for each in layers]
    if len(told) == 1 and told[0][1] == 1.0:
        return told[0][0]
    return ", ".join(f"{bits} {rate:.0%}" for bits, rate in told)
