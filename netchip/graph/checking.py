"""Whether a cut network computes what the masked one computes, and which group is to blame when it does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from netchip.errors import CutMismatch, first_line
from netchip.graph.cut_plan import CutPlan
from netchip.graph.masked import masked
from netchip.graph.placing import placed
from netchip.graph.random_state import same_random_state
from netchip.graph.rebinding import apply, prepare
from netchip.graph.tracing import call, map_tensors, quiet_copy, tensors_of

TOLERANCE = 1e-5  # of the largest |output|; float32 sums in another order differ by about 1e-6 of it


@dataclass(frozen=True)
class Comparison:
    """`difference` is max|cut - masked| / max|masked| over all outputs; `fault` is set when the cut network failed."""

    difference: float
    fault: str = ""

    @property
    def equal(self) -> bool:
        return self.within(TOLERANCE)

    def within(self, tolerance: float) -> bool:
        return not self.fault and self.difference <= tolerance

    def __str__(self) -> str:
        return self.fault or f"its output differs by {self.difference:.2g} of the largest output"


def compare(model: nn.Module, plan: CutPlan, example: Any) -> Comparison:
    """Cuts a copy of `model` and compares it with the masked copy on `example`; `model` itself is not touched."""
    copied, example = quiet_copy(model), placed(example, model)
    if _dtypes(copied) & {torch.float16, torch.bfloat16}:
        copied, example = copied.float(), map_tensors(example, _as_float32)
    with same_random_state(), torch.inference_mode(False), torch.no_grad(), _full_precision():
        with masked(copied, plan):
            expected = _outputs(copied, example)
        apply(copied, prepare(copied, plan))
        try:
            found = _outputs(copied, example)
        except Exception as error:  # noqa: BLE001 (the model's own code may raise anything on a shape it does not expect)
            return Comparison(float("inf"), f"it fails with {type(error).__name__}: {first_line(error)}")
    return _compared(expected, found)


def verify(model: nn.Module, plan: CutPlan, example: Any) -> float:
    """The relative difference of cut and masked network. Raises `CutMismatch` that names the groups at fault."""
    comparison = compare(model, plan, example)
    if comparison.equal:
        return comparison.difference
    blamed = [group.name for group in plan.groups if not compare(model, plan.only(group.name), example).equal]
    alone = "cut alone, these groups already differ" if blamed else "no group differs alone, only all of them together"
    names = ", ".join((blamed or [group.name for group in plan.groups])[:8])
    raise CutMismatch(
        f"the cut network is not the masked one: {comparison} (allowed: {TOLERANCE:g}); {alone}: {names}. "
        "Nothing was changed. Leave these groups whole, or cut with check=False if that is meant"
    )


def _outputs(model: nn.Module, example: Any) -> list[Tensor]:
    return [tensor.clone() for tensor in tensors_of(call(model, example)) if tensor.is_floating_point()]


def _compared(expected: list[Tensor], found: list[Tensor]) -> Comparison:
    if [tensor.shape for tensor in expected] != [tensor.shape for tensor in found]:
        return Comparison(float("inf"), "its outputs have other shapes")
    largest = max((_largest(tensor) for tensor in expected), default=0.0)
    worst = max((_largest_difference(*pair) for pair in zip(expected, found, strict=True)), default=0.0)
    return Comparison(worst / largest if largest > 0 else worst)


def _largest(tensor: Tensor) -> float:
    finite = tensor[tensor.isfinite()]
    return float(finite.abs().max()) if finite.numel() else 0.0


def _largest_difference(expected: Tensor, found: Tensor) -> float:
    """Infinite when the two are not finite at the same places."""
    if not torch.equal(expected.isfinite(), found.isfinite()):
        return float("inf")
    return _largest((expected - found)[expected.isfinite()])


def _dtypes(model: nn.Module) -> set[torch.dtype]:
    return {parameter.dtype for parameter in model.parameters()}


def _as_float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


@contextmanager
def _full_precision() -> Iterator[None]:
    """TF32 off."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
