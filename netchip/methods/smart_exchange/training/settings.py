"""What decomposition and training take, as one checked value. No torch: the configuration of a run holds it.

Sections are those of arXiv 2005.03403 (SmartExchange); "SmartDeal" is arXiv 2101.01163.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from netchip.methods.smart_exchange.decomposition.target import parse_target
from netchip.spec import Spec

ModeName = Literal["project", "straight_through", "bucket"]
RangeName = Literal["minmax", "percentile", "moving"]


class SmartExchangeSettings(Spec):
    """How weights become factors, which weights, and how training goes with it."""

    mode: ModeName = Field(
        default="project",
        description="project: after each epoch (section III-D); straight_through: at every step, gradients go to dense weights "
        "kept aside; bucket: exponents move by counted signs (SmartDeal)",
    )
    bits: int = Field(default=4, ge=2, le=8, description="bits of a coefficient, zero among its codes (section IV-A)")
    width: int | None = Field(
        default=None,
        ge=1,
        description="S: weights of a row; none: the kernel's width, 3 for 1x1 and linear (III-C)",
    )
    height: int | None = Field(default=None, ge=1, description="rows of a block at most; none: 64 x width (III-C)")
    stacking: bool = Field(default=True, description="short filters (depthwise) share a block; off: a block each")
    element_threshold: float = Field(
        default=0.05, ge=0, description="coefficients below this share of their block's RMS become zero (section III-B)"
    )
    row_sparsity: float = Field(
        default=0.0, ge=0, lt=1, description="share of the rows of every weight that become zero (vector-wise, III-B)"
    )
    row_sparsity_of: Mapping[str, float] = Field(
        default={},
        description='shares for weights by name pattern, the first that fits counts: "head=0,features.*=0.8"; a table in YAML',
    )
    lock_step: int = Field(
        default=1, ge=1, description="consecutive filters that lose the same rows, for arrays that skip in lock-step"
    )
    ramp: int = Field(default=1, ge=1, description="projections over which the row sparsity grows to its full value")
    channel_share: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of a layer's filters, those of least |BatchNorm gamma|, that go whole",
    )
    target: str | None = Field(
        default=None,
        description='size that row sparsities are chosen for: "8x" (than fp32), "1.2MB", "3.5 bits" (a weight), "40% rows" (kept)',
    )
    only: tuple[str, ...] = Field(default=(), description="name patterns of the weights to treat; none: all that gain")
    skip: tuple[str, ...] = Field(default=(), description="name patterns of weights to leave as they are")
    iterations: int = Field(default=30, ge=1, description="of a decomposition from nothing (section III-B)")
    warm_iterations: int = Field(default=5, ge=1, description="of one that starts from the stored factors")
    step_iterations: int = Field(
        default=0, ge=0, description="straight_through: iterations at every step; 0: the basis is fixed between epochs"
    )
    every: int = Field(default=1, ge=1, description="epochs between two projections")
    quantise_basis: bool = Field(
        default=True, description="the basis is rounded to 8 bits inside the iteration; off: only after it"
    )
    switch_bar: int = Field(
        default=8,
        ge=1,
        le=30_000,
        description="bucket: signs of one kind more than of the other that move an exponent by one",
    )
    step_threshold: float = Field(
        default=0.01, ge=0, description="bucket: steps of at most this share of the coefficient are not counted"
    )

    @field_validator("row_sparsity_of", mode="before")
    @classmethod
    def _as_table(cls, value: Any) -> Any:
        """A table from its text."""
        if not isinstance(value, str):
            return value
        pairs = [part.rpartition("=") for part in value.split(",")]
        try:
            return {_pattern(pattern): float(share) for pattern, _, share in pairs}
        except ValueError:
            raise ValueError('write patterns with their shares, such as "head=0,features.*=0.8"') from None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for pattern, share in self.row_sparsity_of.items():
            if not 0.0 <= share < 1.0:
                raise ValueError(f"row_sparsity_of[{pattern!r}] = {share}: it is a share, at least 0 and below 1")
        if self.target is not None:
            parse_target(self.target)
        if self.target is not None and (self.row_sparsity or self.row_sparsity_of):
            raise ValueError(f"target = {self.target!r} chooses the row sparsities itself; leave row_sparsity out")
        return self


class ActivationSettings(Spec):
    """Inputs of treated layers rounded to a grid of `bits` bits (section V-A: 8)."""

    bits: int = Field(default=8, ge=2, le=16, description="bits of an activation")
    range: RangeName = Field(
        default="percentile",
        description="of calibration batches: least and largest value, or percentiles; moving: follows the training batches",
    )
    percentile: float = Field(
        default=99.9, gt=50, le=100, description="percentile: values above it, and below its mirror, are clipped"
    )
    momentum: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="moving: share of the old range that stays at each batch (the released code's 0.1)",
    )


def _pattern(written: str) -> str:
    """A pattern without the spaces around it; raises `ValueError` for none."""
    if not written.strip():
        raise ValueError("no pattern")
    return written.strip()
