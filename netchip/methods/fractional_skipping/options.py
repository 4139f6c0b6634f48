"""What a block may do with an input: be skipped, run at a few bits, or run in full. Frozen values, no torch.

The costs are those of the paper (Shen et al., arXiv 2001.00705): weight bits times input bits, over the square of the
bits of the reference; 32 bits there, 8 in the regime where int8 is the network to beat.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from netchip.errors import ConfigError

FULL_BITS = 32
_FEWEST, _MOST = 2, 24  # a symmetric grid needs two bits, a float32 holds the levels of 24


@dataclass(frozen=True)
class Skip:
    """The block does not run: its input, or its shortcut where the shape changes, goes on."""

    @property
    def name(self) -> str:
        """ "skip"."""
        return "skip"

    @property
    def bit_product(self) -> int:
        """0."""
        return 0


@dataclass(frozen=True)
class Bits:
    """The block runs on weights and inputs of so many bits; `input` is `weight` where it is not given.

    Raises `ConfigError` for bits that are no whole number from 2 to 24.
    """

    weight: int
    input: int | None = None

    def __post_init__(self) -> None:
        for bits in (self.weight, self.input_bits):
            if type(bits) is not int or not _FEWEST <= bits <= _MOST:
                raise ConfigError(
                    f"Bits({self.weight}, {self.input}): give whole numbers of bits from {_FEWEST} to {_MOST}; "
                    "Skip() is no bits and Full() all of them"
                )
        object.__setattr__(self, "input", self.input_bits)  # Bits(8) and Bits(8, 8) are one value

    @property
    def input_bits(self) -> int:
        """Bits of the inputs."""
        return self.weight if self.input is None else self.input

    @property
    def name(self) -> str:
        """ "8" where both are alike, else "4x8": weight bits, then input bits."""
        return f"{self.weight}" if self.weight == self.input_bits else f"{self.weight}x{self.input_bits}"

    @property
    def bit_product(self) -> int:
        """Weight bits times input bits."""
        return self.weight * self.input_bits


@dataclass(frozen=True)
class Full:
    """The block runs as it was trained, in floating point of 32 bits."""

    @property
    def name(self) -> str:
        """ "full"."""
        return "full"

    @property
    def bit_product(self) -> int:
        """32 times 32."""
        return FULL_BITS * FULL_BITS


Option = Skip | Bits | Full


def parse_option(name: str) -> Option:
    """The option of a name: "skip", "full", "8" or "4x8". Raises `ConfigError` for anything else."""
    plain = name.strip().lower()
    if plain in ("skip", "full"):
        return Skip() if plain == "skip" else Full()
    parts = plain.split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise ConfigError(f"option {name!r}: write skip, full, 8 (weights and inputs) or 4x8 (weights x inputs)")
    return Bits(*(int(part) for part in parts))


@dataclass(frozen=True, init=False)
class OptionSet:
    """The options of every gated block, cheapest first; their number is the width of a gate's answer.

    `reference_bits`: the width whose cost counts as 1: 32 (the paper: `Full`) or 8 (`Bits(8)`). The set must hold that
    reference, which is also the costliest it may hold.

    Raises `ConfigError` for a set of fewer than two options, with an option twice, or without its reference.

    >>> options = OptionSet([Full(), Skip(), Bits(8)])
    >>> options.names, options.costs
    (('skip', '8', 'full'), (0.0, 0.0625, 1.0))
    """

    options: tuple[Option, ...]
    reference_bits: int

    def __init__(self, options: Iterable[Option], reference_bits: int = FULL_BITS) -> None:
        ordered = tuple(sorted(options, key=_order))
        object.__setattr__(self, "options", ordered)
        object.__setattr__(self, "reference_bits", reference_bits)
        _check(ordered, reference_bits)

    @classmethod
    def parse(cls, names: Iterable[str] | str, reference_bits: int = FULL_BITS) -> Self:
        """From names: `"skip, 8, full"` or a list of them. Raises `ConfigError` as the options and the set do."""
        parts = names.split(",") if isinstance(names, str) else names
        return cls([parse_option(part) for part in parts], reference_bits)

    @property
    def names(self) -> tuple[str, ...]:
        """Names, cheapest first."""
        return tuple(option.name for option in self.options)

    @property
    def costs(self) -> tuple[float, ...]:
        """Cost of running a block under each option, as a share of the reference's."""
        return tuple(option.bit_product / self.reference_bits**2 for option in self.options)

    @property
    def skip(self) -> int | None:
        """Index of `Skip`; None where the set has none."""
        return next((index for index, option in enumerate(self.options) if isinstance(option, Skip)), None)

    @property
    def reference(self) -> int:
        """Index of the reference: the last, for none may cost more."""
        return len(self.options) - 1

    def index(self, option: Option | str) -> int:
        """The place of an option, given as a value or by name; raises `ConfigError` that lists those there are."""
        name = option if isinstance(option, str) else option.name
        if name not in self.names:
            raise ConfigError(f"option {name!r} is not in this set; it has {', '.join(self.names)}")
        return self.names.index(name)

    def __len__(self) -> int:
        return len(self.options)

    def __iter__(self) -> Iterator[Option]:
        return iter(self.options)

    def __getitem__(self, index: int) -> Option:
        return self.options[index]


def _order(option: Option) -> tuple[int, int]:
    return (option.bit_product, option.weight if isinstance(option, Bits) else 0)


def _check(options: tuple[Option, ...], reference_bits: int) -> None:
    names = [option.name for option in options]
    shown = ", ".join(names) or "none"
    if reference_bits not in (8, FULL_BITS):
        raise ConfigError(f"reference_bits = {reference_bits}: costs are shares of {FULL_BITS} bits or of 8")
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise ConfigError(f"option {double!r} is in the set twice; the options given are {shown}")
    if len(options) < 2:
        raise ConfigError(f"the options given are {shown}: a gate needs at least two to choose from")
    reference: Option = Full() if reference_bits == FULL_BITS else Bits(8)
    if reference not in options:
        how = "add Full()" if reference_bits == FULL_BITS else "add Bits(8)"
        raise ConfigError(f"the options given are {shown}, without the reference of {reference_bits} bits; {how}")
    dearest = options[-1]
    if dearest.bit_product > reference.bit_product:
        raise ConfigError(
            f"option {dearest.name!r} costs {dearest.bit_product / reference.bit_product:g} times the reference of "
            f"{reference_bits} bits; leave it out, or set reference_bits = {FULL_BITS}"
        )


SKIPNET = OptionSet([Skip(), Full()])
"""Skip or run in full: SkipNet (arXiv 1711.09485)."""

PAPER_4 = OptionSet.parse("skip, 8, 16, full")
"""The set drawn in the paper's supplement."""

PAPER_7 = OptionSet.parse("skip, 8, 10, 12, 14, 16, full")
"""The default of the released code."""

PAPER_10 = OptionSet.parse("skip, 2, 4, 6, 8, 10, 12, 14, 16, full")
"""The largest set of the released code."""

INT8 = OptionSet.parse("skip, 2, 3, 4, 6, 8", reference_bits=8)
"""Few bits against a network that is int8 throughout: what saves anything today."""

PRESETS = {"skipnet": SKIPNET, "paper-4": PAPER_4, "paper-7": PAPER_7, "paper-10": PAPER_10, "int8": INT8}
"""The sets above by name."""
