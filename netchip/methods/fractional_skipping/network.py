"""A network of the user's whose blocks decide, for each input, whether to be skipped, to run at few bits, or in full.

Shen et al., Fractional Skipping (arXiv 2001.00705). In training all options are computed and decisions are multipliers; in
evaluation only what was decided runs, and a sample gets the same answer alone or in any batch.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast, get_args

import torch
from torch import Tensor, nn

from netchip.errors import CheckpointMismatch, ConfigError
from netchip.graph.wrappers import unwrapped
from netchip.methods.fractional_skipping.blocks.arithmetic import Arithmetic, arithmetic_of
from netchip.methods.fractional_skipping.blocks.finding import Found, find_blocks
from netchip.methods.fractional_skipping.blocks.fractional_block import FractionalBlock
from netchip.methods.fractional_skipping.blocks.route import on_route
from netchip.methods.fractional_skipping.blocks.routed_form import RoutedForm
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.blocks.static_form import Deciding, StaticForm
from netchip.methods.fractional_skipping.decide import check_logits
from netchip.methods.fractional_skipping.gates.feed_forward import FeedForwardGate
from netchip.methods.fractional_skipping.gates.protocol import Gate
from netchip.methods.fractional_skipping.gates.recurrent import RecurrentGate
from netchip.methods.fractional_skipping.gates.upfront import UpfrontGate
from netchip.methods.fractional_skipping.options import Bits, OptionSet

Form = Literal["auto", "static", "routed"]
Routes = Tensor | Sequence[Any] | str | int
MakeGate = Callable[[Sequence[int], int], nn.Module]

GATES: Mapping[str, MakeGate] = {"recurrent": RecurrentGate, "feed_forward": FeedForwardGate, "upfront": UpfrontGate}
"""The gates by name, each made from the channels that enter the gated blocks, and K."""


class Passed(NamedTuple):
    """What a call with `detail` returns.

    `routes` [B, L] are the options that ran. In the static form `masks` [B, L, K] are the decisions with their gradient (what a
    budget is kept with) and `logits` [B, L, K] those of the gate, None where routes were forced; in the routed form both are None.
    """

    outputs: Any
    routes: Tensor
    masks: Tensor | None
    logits: Tensor | None


class FractionalNetwork(nn.Module):
    """`model` with gated blocks inside, a gate, and the options; made by `make_fractional`.

    `deciding` are the settings of training, `min_group` that of the routed form. `logit_bias` [L, K] is added to the gate's
    logits: zero until a budget is moved at run time. Without a call of this network the `model` inside is the user's own.
    """

    logit_bias: Tensor
    forbidden: Tensor

    def __init__(
        self, model: nn.Module, gate: nn.Module, options: OptionSet, *, deciding: Deciding | None = None
    ) -> None:
        super().__init__()
        self.model, self.gate, self.options = model, gate, options
        self.deciding = Deciding() if deciding is None else deciding
        self.min_group = 1
        blocks = [each for each in model.modules() if isinstance(each, FractionalBlock)]
        self._blocks = sorted(blocks, key=lambda block: block.index)
        device = _device_of(model)
        self.register_buffer("logit_bias", torch.zeros(len(blocks), len(options), device=device))
        self.register_buffer("forbidden", _forbidden(self.sites, options).to(device), persistent=False)

    @property
    def blocks(self) -> tuple[FractionalBlock, ...]:
        """The gated blocks in the order they run."""
        return tuple(self._blocks)

    @property
    def sites(self) -> tuple[BlockSite, ...]:
        """Where they lie in the user's model, by its own names."""
        return tuple(block.site for block in self._blocks)

    def forward(self, *inputs: Any, routes: Routes | None = None, detail: bool = False, form: Form = "auto") -> Any:
        """The model's outputs on `inputs`, whose first is [B, ...]; with `detail` a `Passed`.

        `routes` are taken in place of decisions: [B, L] or [L] of option indices or names, or one option for all blocks.
        `form`: "static" computes all options and lets decisions multiply them, "routed" runs only what was decided; "auto" is the
        static form in training and while the network is captured, else the routed one. Both give the same to within 1e-5 of
        rounding; where torch convolves a single sample by another kernel than a batch, a value that lies on the border of
        two levels of few bits may fall to either.

        Raises `DivergedError` that names the block whose gate gave NaN, `ConfigError` for routes that do not fit.
        """
        if form not in get_args(Form):
            raise ConfigError(f"form = {form!r}: there are {', '.join(get_args(Form))}")
        forced = None if routes is None else self._checked(routes, len(inputs[0]))
        capturing = torch.compiler.is_compiling()
        if form == "static" or (form == "auto" and (self.training or capturing)):
            return self._static(inputs, forced, detail, capturing)
        return self._routed(inputs, forced, detail)

    def calibrate(self, *inputs: Any) -> None:
        """Measures what options of few bits need, on a batch of inputs: ranges that training would measure in its first steps.

        Every option runs for all blocks in turn. BatchNorm statistics and weights stay as they are.
        """
        layers = [layer for block in self._blocks for layer in block.quantised_layers()]
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        for layer in layers:
            layer.training = True
        try:
            with torch.no_grad():
                for option in range(len(self.options)):
                    if option != self.options.skip:
                        self.forward(*inputs, routes=option, form="static")
        finally:
            self.eval()
            for module, mode in modes:
                module.training = mode
            for block in self._blocks:
                block.match_twins()

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Weights of the plain model, by its own names, into all options.

        Raises `CheckpointMismatch` that lists the names that are missing, unknown or of another shape; nothing has changed then.
        """
        own = self.model.state_dict()
        mine = {self._plain_name(name): name for name in own if self._of_user(name)}
        faults = [f"missing {name}" for name in mine if name not in state]
        faults += [f"unknown {name}" for name in state if name not in mine]
        faults += [
            f"{name} is {tuple(state[name].shape)} there and {tuple(own[full].shape)} here"
            for name, full in mine.items()
            if name in state and state[name].shape != own[full].shape
        ]
        if faults:
            more = f" and {len(faults) - 8} more" if len(faults) > 8 else ""
            raise CheckpointMismatch(
                f"these weights are not of this network: {', '.join(faults[:8])}{more}; "
                "load those that the plain model was trained to"
            )
        self.model.load_state_dict({full: state[name] for name, full in mine.items()}, strict=False)
        for block in self._blocks:
            block.start_from_weights()

    def plain(self) -> nn.Module:
        """A copy of the user's model as it was handed in, with the weights and statistics of now."""
        copied = copy.deepcopy(self.model)
        for name, module in list(copied.named_modules()):
            if isinstance(module, FractionalBlock):
                _replace(copied, name, module.block)
        return copied

    def _static(self, inputs: tuple[Any, ...], forced: Tensor | None, detail: bool, capturing: bool) -> Any:
        gate = cast("Gate", self.gate)
        state = None if forced is not None else gate.begin(inputs[0])
        run = StaticForm(gate, self.logit_bias + self.forbidden, state, self.deciding, forced)
        with on_route(run):
            outputs = self.model(*inputs)
        self._all_ran(run.masks)
        logits = [run.logits[index] for index in sorted(run.logits)]
        if not capturing:
            check_logits(logits, [site.name for site in self.sites])
        if not detail:
            return outputs
        masks = torch.stack([run.masks[index] for index in range(len(self._blocks))], 1)
        return Passed(outputs, masks.detach().argmax(2), masks, torch.stack(logits, 1) if logits else None)

    def _routed(self, inputs: tuple[Any, ...], forced: Tensor | None, detail: bool) -> Any:
        gate = cast("Gate", self.gate)
        listed = None if forced is None else forced.expand(len(inputs[0]), -1).t().tolist()
        state = None if listed is not None else gate.begin(inputs[0])
        run = RoutedForm(gate, self.logit_bias + self.forbidden, state, listed, self.min_group)
        with on_route(run):
            outputs = self.model(*inputs)
        self._all_ran(run.routes)
        if not detail:
            return outputs
        routes = torch.tensor([run.routes[index] for index in range(len(self._blocks))]).t()
        return Passed(outputs, routes.contiguous(), None, None)

    def _all_ran(self, ran: Mapping[int, Any]) -> None:
        if len(ran) < len(self._blocks):
            lost = next(block for block in self._blocks if block.index not in ran)
            raise ConfigError(f"block {lost.site.name!r} did not run in this pass; gate only blocks that always do")

    def _checked(self, routes: Routes, batch: int) -> Tensor:
        """[B, L] or [1, L] of option indices."""
        if isinstance(routes, (str, int)):
            return torch.tensor([self._throughout(self._index(routes))])
        found = routes if isinstance(routes, Tensor) else torch.tensor(_indices(routes, self._index))
        found = found.detach().cpu().long()
        found = found[None] if found.ndim == 1 else found
        blocks, last = len(self._blocks), len(self.options) - 1
        if found.ndim != 2 or found.shape[1] != blocks or len(found) not in (1, batch):
            raise ConfigError(
                f"routes of shape {tuple(found.shape)}: give option indices [{batch}, {blocks}] or [{blocks}]"
            )
        if found.numel() and not 0 <= int(found.min()) <= int(found.max()) <= last:
            raise ConfigError(f"routes hold {int(found.min())} to {int(found.max())}; option indices are 0 to {last}")
        for site, column in zip(self.sites, found.t(), strict=True):
            if not site.skippable and bool((column == self.options.skip).any()):
                raise ConfigError(f"block {site.name!r} cannot be skipped: {site.why_not}")
        return found

    def _throughout(self, option: int) -> list[int]:
        """One option for all blocks; where a block cannot be skipped, the cheapest that runs it."""
        return [option if site.skippable or option != self.options.skip else option + 1 for site in self.sites]

    def _index(self, option: Any) -> int:
        return self.options.index(option) if isinstance(option, str) else int(option)

    def _of_user(self, name: str) -> bool:
        return not any(
            name.startswith(f"{block.site.name}.") and not name.startswith(f"{block.site.name}.block.")
            for block in self._blocks
        )

    def _plain_name(self, name: str) -> str:
        for block in self._blocks:
            prefix = f"{block.site.name}.block."
            if name.startswith(prefix):
                return f"{block.site.name}.{name.removeprefix(prefix)}"
        return name


def make_fractional(
    model: nn.Module,
    options: OptionSet | Sequence[str] | str,
    gate: str | nn.Module | MakeGate = "recurrent",
    *,
    blocks: Sequence[str] | None = None,
    mode: str | Arithmetic = "modern",
    example: Any = None,
    gate_first: bool = False,
    deciding: Deciding | None = None,
) -> FractionalNetwork:
    """A copy of `model` whose residual blocks decide between `options` for each input; the model itself stays as it is.

    `gate`: a name, a module, or a function of (channels of the blocks, K) that makes one, such as
    `functools.partial(RecurrentGate, hidden=16)`. `blocks`: name patterns, where the residual blocks are not known by their class.
    The first block always runs, unless `gate_first`. `example`: an input that tells sizes and the order of the blocks, where the
    layers do not; with one the ranges of few bits are calibrated on it too. `mode`: the arithmetic of few bits, "modern", "paper"
    or "paper_legacy" (see `blocks/arithmetic.py`).

    Raises `ConfigError` for a network without residual blocks, options that are no set or that a block cannot run, an unknown gate
    or mode.
    """
    chosen = options if isinstance(options, OptionSet) else OptionSet.parse(options)
    arithmetic = arithmetic_of(mode)
    copied = copy.deepcopy(unwrapped(model))
    found = find_blocks(copied, blocks, example, gate_first=gate_first)
    _check_few_bits(found, chosen)
    decider = _gate(gate, [each.channels for each in found], len(chosen))
    for index, each in enumerate(found):
        block = FractionalBlock(each.module, each.site, index, chosen, arithmetic)
        _replace(copied, each.site.name, block.to(_device_of(each.module)))
    network = FractionalNetwork(copied, _placed_like(decider, found), chosen, deciding=deciding).train(model.training)
    if example is not None:
        network.calibrate(*(example if isinstance(example, tuple) else (example,)))
    return network


def _gate(gate: str | nn.Module | MakeGate, channels: Sequence[int], options: int) -> nn.Module:
    if isinstance(gate, str):
        if gate not in GATES:
            raise ConfigError(f"gate = {gate!r}: there are {', '.join(GATES)}, or hand in a module")
        gate = GATES[gate]
    made = gate if isinstance(gate, nn.Module) else gate(channels, options)
    if not isinstance(made, Gate):
        raise ConfigError(f"gate is a {type(made).__name__}; a gate has options, upfront, begin, step and layers")
    if made.options != options:
        raise ConfigError(f"the gate chooses between {made.options} options, the set has {options}; make them agree")
    return cast("nn.Module", made)


def _placed_like(gate: nn.Module, found: Sequence[Found]) -> nn.Module:
    first = next(found[0].module.parameters(), None)
    return gate if first is None else gate.to(first)


def _device_of(module: nn.Module) -> torch.device:
    """Where its first parameter lies: what is new in it goes there too."""
    first = next(module.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def _forbidden(sites: Sequence[BlockSite], options: OptionSet) -> Tensor:
    """[L, K]: minus infinity where a block cannot take an option, else zero."""
    closed = torch.zeros(len(sites), len(options))
    if options.skip is not None:
        for row, site in zip(closed, sites, strict=True):
            if not site.skippable:
                row[options.skip] = -torch.inf
    return closed


def _check_few_bits(found: Sequence[Found], options: OptionSet) -> None:
    few = [option.name for option in options if isinstance(option, Bits)]
    for each in found if few else ():
        if each.reads_weights_of:
            raise ConfigError(
                f"block {each.site.name!r} computes with the weight of {each.reads_weights_of[0]!r} and does not call it (as "
                f"torch's attention does), so it cannot run at {few[0]} bits; gate it with 'skip, full', or leave it out"
            )


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, module)


def _indices(routes: Sequence[Any], index: Callable[[Any], int]) -> list[Any]:
    return [index(each) if isinstance(each, (str, int)) else [index(one) for one in each] for each in routes]
