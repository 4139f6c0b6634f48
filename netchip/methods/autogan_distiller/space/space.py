"""A search space as a value: steps in the order they run, each with operators and widths to choose from.

A layer reads the step before it, or those it names; several are concatenated. A layer has widths of its own, or shares those
of an earlier step, as layers do whose results are added. Every free width is a *variable*, named after the layer that has it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from netchip.errors import ConfigError, DataError
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.operator import Operator
from netchip.workload.shape import Pair

if TYPE_CHECKING:
    from netchip.methods.autogan_distiller.space.modules import Derived

INPUT = "input"
Output = Literal["none", "tanh", "unit"]


@dataclass(frozen=True)
class Layer:
    """One of `operators` at one of `widths` output channels: a number, several to choose from, or the name of an earlier step
    whose width it shares ("input" is the image).

    `reads` names the steps it reads; the one before it where it is empty.
    """

    name: str
    operators: Operator | tuple[Operator, ...]
    widths: int | tuple[int, ...] | str
    reads: str | tuple[str, ...] = ()

    @property
    def choices(self) -> tuple[Operator, ...]:
        """The operators, also where there is one."""
        return (self.operators,) if isinstance(self.operators, Operator) else tuple(self.operators)

    def operator(self, name: str) -> Operator:
        """The one called `name`."""
        return next(each for each in self.choices if each.name == name)


@dataclass(frozen=True)
class Add:
    """scale * first + second, of two steps with one width and size: what closes a residual."""

    name: str
    reads: tuple[str, str]
    scale: float = 1.0


Step = Layer | Add


@dataclass(frozen=True)
class Space:
    """All networks that choose an operator and a width for each layer of `steps`, for images of `inputs` channels.

    The last step is the output; `output` says what happens to it: nothing, "tanh", or "unit", (tanh + 1) / 2. `as_paper` makes
    the supernet differ from the derived networks as the paper's code does: shortcuts always by a 1x1 convolution, and hidden
    channels always of the widest input.

    Raises `ConfigError`, which names the step, where steps do not fit together.
    """

    name: str
    steps: tuple[Step, ...]
    inputs: int = 3
    output: Output = "none"
    as_paper: bool = False

    def __post_init__(self) -> None:
        if not self.steps or self.inputs < 1:
            raise ConfigError(f"space {self.name!r}: give at least one layer, and images of at least one channel")
        for index, step in enumerate(self.steps):
            _check_name(self, step, self.steps[:index])
        for index, step in enumerate(self.steps):
            _check_reads(self, step, self.steps[:index])
        for layer in self.layers:
            _check_layer(self, layer)
        for step in self.steps:
            _check_joined(self, step)
        last = self.variables[self.variable(self.steps[-1].name)]
        if len(last) != 1:
            raise ConfigError(
                f"space {self.name!r}: the last step {self.steps[-1].name!r} makes the output, so it has one width, not {last}"
            )

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The steps with operators."""
        return tuple(step for step in self.steps if isinstance(step, Layer))

    @cached_property
    def variables(self) -> Mapping[str, tuple[int, ...]]:
        """The widths of every variable, ascending; "input" is one of them."""
        own = {each.name: each.widths for each in self.layers if not isinstance(each.widths, str)}
        widths = {name: (given,) if isinstance(given, int) else tuple(given) for name, given in own.items()}
        return {INPUT: (self.inputs,)} | widths

    def variable(self, step: str) -> str:
        """The variable that gives the width of `step`."""
        return self._owners[step]

    def reads(self, step: Step) -> tuple[str, ...]:
        """The steps that `step` reads."""
        if isinstance(step, Add):
            return step.reads
        named = (step.reads,) if isinstance(step.reads, str) else tuple(step.reads)
        return named or (self._before[step.name],)

    def read_variables(self, step: Step) -> tuple[str, ...]:
        """The variables of what `step` reads, one each."""
        return tuple(self.variable(read) for read in self.reads(step))

    @cached_property
    def scales(self) -> Mapping[str, Fraction]:
        """The size of every step over that of the image."""
        scales = {INPUT: Fraction(1)}
        for step in self.steps:
            scale = scales[self.reads(step)[0]]
            scales[step.name] = scale * step.choices[0].scale if isinstance(step, Layer) else scale
        return scales

    @property
    def scale(self) -> Fraction:
        """The size of the output over that of the image."""
        return self.scales[self.steps[-1].name]

    @property
    def size(self) -> int:
        """How many networks there are."""
        operators = math.prod(len(layer.choices) for layer in self.layers)
        return operators * math.prod(len(widths) for widths in self.variables.values())

    def sizes(self, image: Pair) -> dict[str, Pair]:
        """The (height, width) of every step, "input" too, for an image of that size.

        Raises `ConfigError` where operators or steps disagree there: an image whose sides do not divide.
        """
        sizes = {INPUT: image}
        for step in self.steps:
            found = {sizes[read] for read in self.reads(step)}
            if isinstance(step, Layer):
                found = {each.out_size(size) for each in step.choices for size in found}
            if len(found) != 1:
                raise ConfigError(
                    f"space {self.name!r}: at an image of {image[0]}x{image[1]} {step.name!r} would join maps of {sorted(found)}; "
                    f"give sides that are multiples of {self.multiple}"
                )
            sizes[step.name] = found.pop()
        return sizes

    @property
    def multiple(self) -> int:
        """What the sides of an image should be a multiple of."""
        return math.lcm(*(scale.denominator for scale in self.scales.values()))

    def architecture(self, operators: Mapping[str, int], widths: Mapping[str, int]) -> Architecture:
        """That of these places in the lists of operators and of widths; what has no place here takes its first."""
        return Architecture(
            self.name,
            {each.name: each.choices[operators.get(each.name, 0)].name for each in self.layers},
            {name: given[widths.get(name, 0)] for name, given in self.variables.items() if name != INPUT},
        )

    def widths(self, architecture: Architecture) -> dict[str, int]:
        """The width of every step, "input" too."""
        given = {INPUT: self.inputs} | dict(architecture.widths)
        return {INPUT: self.inputs} | {step.name: given[self.variable(step.name)] for step in self.steps}

    def check(self, architecture: Architecture) -> None:
        """Raises `DataError`, which names the layer, where an architecture is not one of this space."""
        operators = {each.name: tuple(op.name for op in each.choices) for each in self.layers}
        widths = {name: given for name, given in self.variables.items() if name != INPUT}
        if architecture.space != self.name:
            raise DataError(f"this architecture is of space {architecture.space!r}, not of {self.name!r}")
        for what, chosen, known in (
            ("operator", architecture.operators, operators),
            ("width", architecture.widths, widths),
        ):
            if chosen.keys() != known.keys():
                odd = sorted(chosen.keys() ^ known.keys())
                raise DataError(f"space {self.name!r}: the {what}s of {', '.join(odd[:3])} are missing or too many")
            for name, value in chosen.items():
                if value not in known[name]:
                    raise DataError(
                        f"space {self.name!r}: {name} has no {what} {value!r}; known: {', '.join(map(str, known[name]))}"
                    )

    def derive(self, architecture: Architecture) -> "Derived":
        """The network of an architecture, standing alone, with fresh weights. Raises `DataError` where it is not of this space."""
        from netchip.methods.autogan_distiller.space.modules import Derived

        return Derived(self, architecture)

    @cached_property
    def _before(self) -> Mapping[str, str]:
        names = [INPUT, *(step.name for step in self.steps)]
        return dict(zip(names[1:], names, strict=False))

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        owners = {INPUT: INPUT}
        for step in self.steps:
            shared = step.reads[1] if isinstance(step, Add) else step.widths
            owners[step.name] = owners[shared] if isinstance(shared, str) else step.name
        return owners


def _check_name(space: Space, step: Step, before: tuple[Step, ...]) -> None:
    known = [INPUT, *(each.name for each in before)]
    if not step.name.isidentifier() or step.name in known:
        raise ConfigError(
            f"space {space.name!r}: step {step.name!r} needs a name of its own, of letters, digits, underscores"
        )


def _check_reads(space: Space, step: Step, before: tuple[Step, ...]) -> None:
    known = [INPUT, *(each.name for each in before)]
    shared = [step.widths] if isinstance(step, Layer) and isinstance(step.widths, str) else []
    for read in (*space.reads(step), *shared):
        if read not in known:
            raise ConfigError(f"space {space.name!r}: {step.name!r} names {read!r}; before it come {', '.join(known)}")


def _check_layer(space: Space, layer: Layer) -> None:
    where = f"space {space.name!r}: layer {layer.name!r}"
    names = [each.name for each in layer.choices]
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"{where} has the operators {names}; give at least one, each under a name of its own")
    scales = {each.name: each.scale for each in layer.choices}
    if len(set(scales.values())) > 1:
        listed = ", ".join(f"{name} by {scale}" for name, scale in scales.items())
        raise ConfigError(f"{where}: its operators change the size differently: {listed}")
    if not isinstance(layer.widths, str):
        given = (layer.widths,) if isinstance(layer.widths, int) else tuple(layer.widths)
        if not given or min(given) < 1 or list(given) != sorted(set(given)):
            raise ConfigError(f"{where}: widths = {given}; give numbers of channels, ascending, each once")


def _check_joined(space: Space, step: Step) -> None:
    scales = {read: space.scales[read] for read in space.reads(step)}
    if len(set(scales.values())) > 1:
        listed = ", ".join(f"{read} ({scale} of the image)" for read, scale in scales.items())
        raise ConfigError(f"space {space.name!r}: {step.name!r} joins maps of several sizes: {listed}")
    if isinstance(step, Add):
        _check_added(space, step)


def _check_added(space: Space, step: Add) -> None:
    first, second = (space.variable(read) for read in step.reads)
    widths = space.variables[first], space.variables[second]
    if first != second and not (len(widths[0]) == 1 and widths[0] == widths[1]):
        raise ConfigError(
            f"space {space.name!r}: {step.name!r} adds {step.reads[0]!r} and {step.reads[1]!r}, whose widths {widths[0]} and "
            f"{widths[1]} are chosen apart; give one of them the other's name as its widths"
        )
