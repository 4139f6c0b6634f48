"""Layers that are never called, since the module around them computes with their weights itself: few bits cannot reach them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from netchip.methods.fractional_skipping.blocks.quantised import QUANTISED


class WeightReads:
    """What a pass showed, once it is through: see `watching`."""

    def __init__(self) -> None:
        self._called: set[nn.Module] = set()
        self._given: set[int] = set()

    def of(self, module: nn.Module) -> tuple[str, ...]:
        """Names within `module` of layers that were not called although their weights were used."""
        layers = [(name, each) for name, each in module.named_modules() if isinstance(each, QUANTISED)]
        return tuple(name for name, each in layers if each not in self._called and id(each.weight) in self._given)

    def note(self, layer: nn.Module, *_: Any) -> None:
        """A hook of layers."""
        self._called.add(layer)

    def given(self, values: Any) -> None:
        """Arguments of a function of torch."""
        self._given.update(id(each) for each in pytree.tree_leaves(values) if isinstance(each, Tensor))


@contextmanager
def watching(modules: Sequence[nn.Module]) -> Iterator[WeightReads]:
    """Watches the layers inside `modules` in the passes that are made in here."""
    reads = WeightReads()
    layers = {each for module in modules for each in module.modules() if isinstance(each, QUANTISED)}
    handles = [layer.register_forward_hook(reads.note) for layer in layers]
    try:
        with _Arguments(reads):
            yield reads
    finally:
        for handle in handles:
            handle.remove()


class _Arguments(TorchFunctionMode):
    """Tells `reads` what each function of torch is given."""

    def __init__(self, reads: WeightReads) -> None:
        super().__init__()
        self._reads = reads

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self._reads.given((args, dict(kwargs or {})))
        return func(*args, **(kwargs or {}))
