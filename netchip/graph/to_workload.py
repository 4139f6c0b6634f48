"""A torch model as a `Workload`: the layers that hold its multiply-accumulates, and which feeds which."""

import warnings
from collections.abc import Mapping

from torch import nn

from netchip.errors import GraphError, NetchipWarning
from netchip.graph.capture import UNKNOWN_SIZE, CapturedOp, capture
from netchip.graph.exporting import Example
from netchip.graph.operators import has_no_macs
from netchip.graph.products import Part, parts
from netchip.workload.encoding import Precision
from netchip.workload.layer import Layer
from netchip.workload.network import Workload


def to_workload(
    model: nn.Module, example: Example, precision: Precision | None = None, *, strict: bool = False
) -> Workload:
    """The layers of `model` on `example`, each at `precision` (8-bit by default); the layers' batch is the example's.

    Counted are convolutions (1d, 2d, transposed, grouped, dilated), linear layers and products of matrices, attention
    as two of them; MACs agree with torch's FlopCounterMode / 2. Normalisation, activation, pooling and what moves
    data count zero. An operation that is neither is named in one `NetchipWarning` and in `Workload.uncounted` ("lstm
    (aten.lstm)"); with `strict` it raises `GraphError` instead. Raises `GraphError` where the model cannot be
    captured (see `capture`).

    >>> to_workload(nn.Linear(4, 2), torch.zeros(1, 4)).macs
    8
    """
    made: dict[str, tuple[Part, ...]] = {}
    uncounted: list[str] = []
    ops = capture(model, example).ops
    for op in ops:
        found = _parts(op)
        made[op.layer] = found or ()
        if found is None:
            uncounted.append(_named(op))
    _report(uncounted, strict)
    layers = tuple(
        Layer(op.layer + part.suffix, part.shape, precision=precision or Precision())
        for op in ops
        for part in made[op.layer]
    )
    return Workload(layers, _edges(ops, made), uncounted=tuple(uncounted))


def _parts(op: CapturedOp) -> tuple[Part, ...] | None:
    """The layers in `op`; None where they are not known."""
    if has_no_macs(op.op):
        return ()
    return None if _unknown_size(op) else parts(op)


def _unknown_size(op: CapturedOp) -> bool:
    return any(UNKNOWN_SIZE in operand.shape for operand in op.operands)


def _named(op: CapturedOp) -> str:
    reason = ", of a size that depends on the input's values" if _unknown_size(op) else ""
    return f"{op.layer} ({op.op}{reason})"


def _report(uncounted: list[str], strict: bool) -> None:
    if not uncounted:
        return
    message = f"not counted, since netchip does not know their multiply-accumulates: {', '.join(uncounted)}"
    if strict:
        raise GraphError(
            f"{message}; replace them by layers it knows, or leave strict out to get a workload without them"
        )
    warnings.warn(f"{message}; the workload's MACs are without them", NetchipWarning, stacklevel=3)


def _edges(ops: tuple[CapturedOp, ...], made: Mapping[str, tuple[Part, ...]]) -> tuple[tuple[str, str], ...]:
    """From each counted layer to those that read it, directly or through operations that are not counted."""
    sources: dict[str, tuple[str, ...]] = {}
    edges: dict[tuple[str, str], None] = {}
    for op in ops:
        reads = {each.argument: _known(each.producers, sources) for each in op.operands}
        found = made[op.layer]
        names = [op.layer + part.suffix for part in found]
        for name, part in zip(names, found, strict=True):
            before = [source for argument in part.reads for source in reads[argument]]
            edges.update(dict.fromkeys((source, name) for source in (*before, *(names[index] for index in part.after))))
        passed = tuple(dict.fromkeys(source for each in reads.values() for source in each))
        sources[op.layer] = (names[-1],) if names else passed
    return tuple(edges)


def _known(producers: tuple[str, ...], sources: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for producer in producers for source in sources.get(producer, ())))
