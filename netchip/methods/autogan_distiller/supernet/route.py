"""One way through a supernet: the widths that run, the operators that run, and the gates that carry gradients to the choices."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mixed:
    """All operators of a layer run, and their results are summed with these weights [K]."""

    weights: Tensor


@dataclass(frozen=True, eq=False)
class One:
    """One operator of a layer runs. With a `gate`, exactly one-hot [K], its logits learn from it.

    `compared` are operators that are computed beside it without a graph. What they would have made instead enters times their
    gate, which is exactly zero, so that only the gradient sees it: over draws of `compared` its mean is the gradient of all K
    operators run and gated. Without any the gate sees the drawn operator alone, and a norm after it hides even that.
    """

    operator: int
    gate: Tensor | None = None
    compared: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Route:
    """The place of every variable's width among its widths, how every layer with a choice runs, and the gates of widths.

    `gates` are exactly one-hot [widths] by variable; none where nothing is to be learned about widths.
    """

    places: Mapping[str, int]
    operators: Mapping[str, Mixed | One]
    gates: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
