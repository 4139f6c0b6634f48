"""The route of one call: how the blocks inside a network of the user's learn what was decided, without leaving it on a module."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from netchip.methods.fractional_skipping.blocks.fractional_block import FractionalBlock


class Route(Protocol):
    """Takes one batch through the gated blocks."""

    def through(self, block: "FractionalBlock", x: Tensor, rest: tuple[Any, ...]) -> Tensor:
        """The output of `block` on `x` [B, ...] under the options that the route decides on."""
        ...


_CURRENT: ContextVar[Route | None] = ContextVar("route", default=None)


@contextmanager
def on_route(route: Route) -> Iterator[None]:
    """Blocks that run in here, in this thread, ask `route`."""
    token = _CURRENT.set(route)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_route() -> Route | None:
    """The route of the call that is running; None outside of one."""
    return _CURRENT.get()
