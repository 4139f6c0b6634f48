"""The supernet: every option of every position with weights of its own, and the choices among them as logits."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.blocks import MBConv
from netchip.methods.dna.space.quantized import at_bits, set_bits
from netchip.methods.dna.space.space import Frame, NetworkSpace
from netchip.methods.dna.supernet.route import Drawn, Route, drawn, probabilities, settle
from netchip.methods.dna.supernet.sharing import SharedKernels, without_kernels
from netchip.nn.choice import Choice


class Supernet(Frame):
    """All networks of `space`, [B, in_channels, H, W] -> [B, classes] along a `Route`: one path runs.

    Where choices learn, `active` options of each are run, and all but the first count exactly nothing forward; so the result is
    that of the path, bit for bit, and every active option has a gradient. With `share` the inverted residuals of a
    position have kernels in common, of which each takes its part; else every option has its own, as in the released code.
    """

    def __init__(self, space: NetworkSpace, *, active: int = 2, share: bool = False) -> None:
        super().__init__(space)
        self.active, self.searches_bits = active, len(space.bits) > 1
        self.options = nn.ModuleList(
            nn.ModuleList(self._option(each.build(at.inputs, at.outputs, at.stride)) for each in at.options)
            for at in space.positions
        )
        self.kernels = nn.ModuleDict()
        if share:
            self._share()
        self.block_choices = nn.ModuleList(Choice(len(at.options), name=at.name) for at in space.positions)
        self.bit_choices = nn.ModuleList(Choice(len(space.bits), name=f"{at.name}'s bits") for at in space.positions)

    def forward(self, images: Tensor, route: Route) -> Tensor:
        """[B, in_channels, H, W] -> [B, classes]."""
        maps = self.stem(images)
        for place in range(len(self.space.positions)):
            maps = self._at(place, maps, route.blocks[place], route.bits[place])
        return self.classified(maps)

    # Routes and choices ----------------------------------------------------------------------------------------------------

    def route(self, *, learn: bool = False, generator: torch.Generator | None = None) -> Route:
        """A path drawn by the probabilities; with `learn` it has what the choices need to learn from it."""
        blocks, bits = [], []
        for block, precision in self._pairs():
            blocks.append(drawn(block, self.active, learn=learn, generator=generator))
            bits.append(drawn(precision, self.active, learn=learn and self.searches_bits, generator=generator))
        return Route(tuple(blocks), tuple(bits))

    def fair_routes(self, count: int) -> list[Route]:
        """`count` paths drawn evenly, on which the options of a position come up equally often, to within one (FairNAS, arXiv
        1907.01845).
        """
        blocks = [_dealt(choice.options, count) for choice, _ in self._pairs()]
        bits = [_dealt(choice.options, count) for _, choice in self._pairs()]
        return [
            Route(tuple(Drawn((each[path],)) for each in blocks), tuple(Drawn((each[path],)) for each in bits))
            for path in range(count)
        ]

    def route_of(self, architecture: Architecture) -> Route:
        """The path of one network; raises `DataError` where it is not of this space."""
        places = self.space.places(architecture)
        return Route(tuple(Drawn((block,)) for block, _ in places), tuple(Drawn((bits,)) for _, bits in places))

    def chances(self, route: Route | None = None) -> list[tuple[Tensor, Tensor]]:
        """Probabilities of blocks and of bits at every position; with gradients to what is active on `route`."""
        if route is None:
            return [(block.probabilities.detach(), bits.probabilities.detach()) for block, bits in self._pairs()]
        draws = zip(self._pairs(), route.blocks, route.bits, strict=True)
        return [
            (probabilities(block, of_block), probabilities(bits, of_bits)) for (block, bits), of_block, of_bits in draws
        ]

    def joint_chances(self) -> list[np.ndarray]:
        """The probability of every block with every number of bits, [options, bits] a position."""
        return [np.outer(block.double().cpu().numpy(), bits.double().cpu().numpy()) for block, bits in self.chances()]

    def logits(self) -> list[Tensor]:
        """A copy of the logits, those of blocks and bits of a position in turn."""
        return [choice.logits.detach().clone() for pair in self._pairs() for choice in pair]

    def settle(self, before: Sequence[Tensor], route: Route) -> None:
        """After the choices' step: what was not active keeps its probability. `before` is what `logits` gave."""
        choices = [choice for pair in self._pairs() for choice in pair]
        draws = [draw for pair in zip(route.blocks, route.bits, strict=True) for draw in pair]
        for choice, old, draw in zip(choices, before, draws, strict=True):
            if draw.weights is not None:
                settle(choice, old, draw)

    def architecture_parameters(self) -> list[nn.Parameter]:
        """The logits."""
        return [*self.block_choices.parameters(), *self.bit_choices.parameters()]

    def weight_parameters(self) -> list[nn.Parameter]:
        """Everything else."""
        logits = {id(each) for each in self.architecture_parameters()}
        return [each for each in self.parameters() if id(each) not in logits]

    def weights_of(self, architecture: Architecture) -> dict[str, Tensor]:
        """The state of the derived network of that architecture, as these weights have it."""
        prefixes = {name: name for name in ("stem.", "head.", "classifier.")}
        parts: dict[str, Tensor] = {}
        for place, (block, _) in enumerate(self.space.places(architecture)):
            prefix = f"blocks.{self.space.positions[place].name}."
            prefixes[f"options.{place}.{block}."] = prefix
            parts |= {prefix + name: part.detach() for name, part in self._kernels_of(place, block).items()}
        own = {
            new + name.removeprefix(old): value
            for name, value in self.state_dict().items()
            for old, new in prefixes.items()
            if name.startswith(old)
        }
        return own | parts

    def _share(self) -> None:
        for place, position in enumerate(self.space.positions):
            blocks = [option for option in position.options if isinstance(option, MBConv)]
            if len(blocks) > 1:
                self.kernels[str(place)] = SharedKernels(position, blocks)
                for block in blocks:
                    without_kernels(self.get_submodule(f"options.{place}.{position.option(block.name)}"))

    def _shared(self, place: int, block: int) -> tuple[SharedKernels, MBConv] | None:
        """What an option takes its kernels from; none where it has its own."""
        option = self.space.positions[place].options[block]
        if str(place) not in self.kernels or not isinstance(option, MBConv):
            return None
        kernels = self.kernels[str(place)]
        return (kernels, option) if isinstance(kernels, SharedKernels) else None

    def _kernels_of(self, place: int, block: int) -> dict[str, Tensor]:
        shared = self._shared(place, block)
        return {} if shared is None else shared[0].of(shared[1])

    def _option(self, module: nn.Module) -> nn.Module:
        return at_bits(module, self.space.bits[-1]) if self.searches_bits else module

    def _at(self, place: int, maps: Tensor, block: Drawn, bits: Drawn) -> Tensor:
        found = self._run(place, block.first, bits.first, maps)
        if block.weights is None and bits.weights is None:
            return found
        of_block, of_bits = block.factors(), bits.factors()
        total = found * of_block[0].to(found) * of_bits[0].to(found)
        for option, factor in zip(block.active[1:], of_block[1:], strict=True):
            total = total + self._run(place, option, bits.first, maps) * factor
        for option, factor in zip(bits.active[1:], of_bits[1:], strict=True):
            total = total + self._run(place, block.first, option, maps) * factor
        return total

    def _run(self, place: int, block: int, bits: int, maps: Tensor) -> Tensor:
        module = self.get_submodule(f"options.{place}.{block}")
        if self.searches_bits:
            set_bits(module, self.space.bits[bits])
        shared = self._shared(place, block)
        return module(maps) if shared is None else shared[0].run(module, shared[1], maps)

    def _pairs(self) -> list[tuple[Choice, Choice]]:
        return [
            (block, bits)
            for block, bits in zip(self.block_choices, self.bit_choices, strict=True)
            if isinstance(block, Choice) and isinstance(bits, Choice)
        ]


def _dealt(options: int, count: int) -> list[int]:
    """`count` numbers below `options`: shuffled decks one after another."""
    decks = [torch.randperm(options) for _ in range(-(-count // options))]
    return torch.cat(decks)[:count].tolist()


@contextmanager
def batch_statistics(network: nn.Module) -> Generator[None]:
    """BatchNorm normalises by the batch at hand, and its running averages stay: for paths whose averages were never taken."""
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    before = [(each, each.training, each.momentum) for each in norms]
    for each in norms:
        each.train()
        each.momentum = 0.0
    try:
        yield
    finally:
        for each, training, momentum in before:
            each.train(training)
            each.momentum = momentum
