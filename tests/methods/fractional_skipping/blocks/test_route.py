"""A route belongs to one call, in one thread."""

import threading
from typing import Any

import pytest
from torch import Tensor

from netchip.methods.fractional_skipping.blocks.route import current_route, on_route


class _Route:
    def through(self, block: Any, x: Tensor, rest: tuple[Any, ...]) -> Tensor:
        return x


def test_ends_with_the_call_even_when_it_fails() -> None:
    one, other = _Route(), _Route()
    with on_route(one):
        with on_route(other):
            assert current_route() is other
        assert current_route() is one
        with pytest.raises(RuntimeError, match="inside"), on_route(other):
            raise RuntimeError("inside")
        assert current_route() is one
    assert current_route() is None


def test_another_thread_does_not_see_it() -> None:
    seen: list[Any] = []
    with on_route(_Route()):
        thread = threading.Thread(target=lambda: seen.append(current_route()))
        thread.start()
        thread.join()
    assert seen == [None]
