"""A block of the user's that can run under every option: skipped, at few bits, or as it is."""

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.arithmetic import Arithmetic
from netchip.methods.fractional_skipping.blocks.norms import BATCH_NORM, QuietNorm
from netchip.methods.fractional_skipping.blocks.quantised import QUANTISED, LearnedInput, MinMaxInput, QuantisedLayer
from netchip.methods.fractional_skipping.blocks.route import current_route
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.blocks.twins import twin
from netchip.methods.fractional_skipping.options import Bits, OptionSet, Skip
from netchip.nn.learned_step import LearnedStep
from netchip.nn.ranges import RunningRange

_Replaced = Mapping[nn.Module, nn.Module]


class FractionalBlock(nn.Module):
    """`block` under K options. All share its weights; the costliest option (the reference) is the block itself.

    An option of few bits runs a twin of the block whose convolutions and linear layers quantise their weights and inputs,
    the shortcut's too; what it adds of its own (steps, ranges, BatchNorms) is registered here, under the option's name.
    `Skip` runs the shortcut in full, or nothing. Outside of a route the block runs as the user's.

    `index` is its place among the gated blocks.
    """

    def __init__(
        self, block: nn.Module, site: BlockSite, index: int, options: OptionSet, arithmetic: Arithmetic
    ) -> None:
        super().__init__()
        self.block, self.site, self.index, self.options = block, site, index, options
        self.arithmetic = arithmetic
        self.skip = options.skip
        self.ranges = nn.ModuleDict()  # of inputs, where all options share one
        self.steps = nn.ModuleDict()  # learned: option -> layer -> weight and input
        self.norms = nn.ModuleDict()  # option -> norm
        for module in block.modules():
            if getattr(module, "inplace", False):
                module.inplace = False  # pyright: ignore - one candidate must not write into the input of the next
        pairs = [self._forms(option, place == options.reference) for place, option in enumerate(options)]
        self._loud, self._quiet = [loud for loud, _ in pairs], [quiet for _, quiet in pairs]

    def forward(self, x: Tensor, *rest: Any, **named: Any) -> Tensor:
        """The block's output on the route of this call; the user's own block where there is none.

        Raises `ConfigError` for an argument that the block takes by keyword only.
        """
        if named:
            rest = self._in_order(x, rest, named)
        route = current_route()
        return self.block(x, *rest) if route is None else route.through(self, x, rest)

    def run(self, option: int, x: Tensor, rest: tuple[Any, ...] = ()) -> Tensor:
        """All of `x` [B, ...] under one option, by index."""
        form = self._loud[option]
        if form is None:
            return x
        return form(x) if option == self.skip else form(x, *rest)

    def candidates(self, options: Sequence[int], x: Tensor, rest: tuple[Any, ...] = ()) -> list[Tensor]:
        """All of `x` under each of `options`; of those that share BatchNorms the costliest moves the statistics, in training."""
        updating = max(options)
        found: list[Tensor] = []
        for option in options:
            form = (self._loud if option == updating else self._quiet)[option]
            found.append(x if form is None else form(x) if option == self.skip else form(x, *rest))
        return found

    def train(self, mode: bool = True) -> "FractionalBlock":
        """As for every module; the twins too, which are not registered."""
        super().train(mode)
        self.match_twins()
        return self

    def match_twins(self) -> None:
        """Puts what only the twins hold into this block's own mode, and drops what was computed for evaluation."""
        registered = set(self.modules())
        for form in self._forms_made():
            for module in form.modules():
                if module not in registered:
                    module.training = self.training
                if isinstance(module, QuantisedLayer):
                    module.forget()

    def quantised_layers(self) -> list[QuantisedLayer]:
        """Every layer that runs at few bits, of all options."""
        modules = (module for form in self._forms_made() for module in form.modules())
        return list({id(each): each for each in modules if isinstance(each, QuantisedLayer)}.values())

    def start_from_weights(self) -> None:
        """Sets what options of few bits add to what the block's weights and BatchNorms are now."""
        names = dict(self.block.named_modules())
        for own in self.norms.values():
            for key, norm in cast("nn.ModuleDict", own).items():
                norm.load_state_dict(names[_name(key)].state_dict())
        for own in self.steps.values():
            for key, steps in cast("nn.ModuleDict", own).items():
                step: Any = cast("nn.ModuleDict", steps)["weight"]
                step.calibrate(names[_name(key)].weight)

    def _in_order(self, x: Tensor, rest: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """What the block is given beside `x`, by place."""
        bound = inspect.signature(self.block.forward).bind(x, *rest, **named)
        bound.apply_defaults()
        if bound.kwargs:
            raise ConfigError(
                f"block {self.site.name!r} takes {', '.join(bound.kwargs)} by keyword only, which a gated block cannot pass on; "
                "take it by place, or leave this block out"
            )
        return bound.args[1:]

    def _forms_made(self) -> list[nn.Module]:
        return [form for form in (*self._loud, *self._quiet) if form is not None]

    def _forms(self, option: Any, is_reference: bool) -> tuple[nn.Module | None, nn.Module | None]:
        """What runs under an option where it moves the BatchNorm statistics, and where it does not."""
        if isinstance(option, Skip):
            return self._skip_forms()
        layers = self._layers(option) if isinstance(option, Bits) else {}
        own = {} if is_reference or not self.arithmetic.norm_per_option else self._own_norms(option.name)
        loud = twin(self.block, layers | own)
        return loud, loud if own else twin(self.block, layers | self._quiet_norms(self.block))

    def _skip_forms(self) -> tuple[nn.Module | None, nn.Module | None]:
        if self.site.shortcut is None:
            return None, None
        shortcut = self.block.get_submodule(self.site.shortcut.removeprefix(f"{self.site.name}."))
        return shortcut, twin(shortcut, self._quiet_norms(shortcut))

    def _quiet_norms(self, module: nn.Module) -> dict[nn.Module, nn.Module]:
        if self.arithmetic.norm_updates_each:
            return {}
        return {each: QuietNorm(each) for each in module.modules() if isinstance(each, BATCH_NORM)}

    def _own_norms(self, option: str) -> dict[nn.Module, nn.Module]:
        norms = {name: each for name, each in self.block.named_modules() if isinstance(each, BATCH_NORM)}
        own = {_key(name): copy.deepcopy(each) for name, each in norms.items()}
        self.norms[option] = nn.ModuleDict(own)
        return {each: own[_key(name)] for name, each in norms.items()}

    def _layers(self, option: Bits) -> dict[nn.Module, nn.Module]:
        make = self._learned if self.arithmetic.learned_step else self._min_max
        layers = {name: each for name, each in self.block.named_modules() if isinstance(each, QUANTISED)}
        return {layer: make(option, _key(name), layer) for name, layer in layers.items()}

    def _min_max(self, option: Bits, key: str, layer: nn.Module) -> QuantisedLayer:
        arithmetic = self.arithmetic
        if key not in self.ranges:
            self.ranges[key] = RunningRange(new_share=arithmetic.range_new_share, from_zero=arithmetic.range_from_zero)
        running = cast("RunningRange", self.ranges[key])
        inputs = MinMaxInput(running, option.input_bits, stochastic=arithmetic.stochastic)
        return QuantisedLayer(layer, inputs, option.weight, None)

    def _learned(self, option: Bits, key: str, layer: nn.Module) -> QuantisedLayer:
        weight: Any = layer.weight
        of_weight, of_inputs = LearnedStep(option.weight, channels=len(weight)), LearnedStep(option.input_bits)
        of_weight.calibrate(weight)
        if option.name not in self.steps:
            self.steps[option.name] = nn.ModuleDict()
        cast("nn.ModuleDict", self.steps[option.name])[key] = nn.ModuleDict({"weight": of_weight, "input": of_inputs})
        return QuantisedLayer(layer, LearnedInput(of_inputs), option.weight, of_weight)


def _key(name: str) -> str:
    """A submodule's name as a key of nn.ModuleDict, which takes no dots; "." is the block itself."""
    return name.replace(".", "/") or "block"


def _name(key: str) -> str:
    return "" if key == "block" else key.replace("/", ".")
