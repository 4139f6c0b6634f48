"""Which grid a weight is rounded to: its bits, the weights that share a scale, and whether zero lies in the middle."""

from dataclasses import dataclass

from netchip.errors import ConfigError

FEWEST_BITS, MOST_BITS = 2, 8
SCALE_BITS = 16  # float16
GROUP = 64


@dataclass(frozen=True)
class Scheme:
    """Rounding to nearest, after training, with one float16 scale a group.

    `group`: how many weights of a filter, one after the other, share a scale (a filter's last group may be short); None: the
    whole filter, "per channel". Symmetric grids have 2^bits - 1 levels about zero; affine ones 2^bits levels from the lowest to
    the highest weight and a zero point of `bits` bits a group. Raises `ConfigError` outside 2 to 8 bits or for a group below 1.
    """

    bits: int
    group: int | None = None
    symmetric: bool = True

    def __post_init__(self) -> None:
        if type(self.bits) is not int or not FEWEST_BITS <= self.bits <= MOST_BITS:
            raise ConfigError(f"bits = {self.bits!r}: rounding takes {FEWEST_BITS} to {MOST_BITS} bits")
        if self.group is not None and (type(self.group) is not int or self.group < 1):
            raise ConfigError(f"group = {self.group!r}: give a whole number of weights, or None for a scale a filter")

    @property
    def name(self) -> str:
        """Such as 'int8', 'int4-g64' or 'int4-g64-affine'."""
        group = "" if self.group is None else f"-g{self.group}"
        return f"int{self.bits}{group}{'' if self.symmetric else '-affine'}"

    @property
    def levels(self) -> int:
        """How many different codes there are."""
        return 2**self.bits - 1 if self.symmetric else 2**self.bits

    def group_in(self, filter_size: int) -> int:
        """Weights that share a scale in a filter of `filter_size` weights."""
        return filter_size if self.group is None else min(self.group, filter_size)


INT8 = Scheme(8)
INT4 = Scheme(4, GROUP)
INT3 = Scheme(3, GROUP)
INT2 = Scheme(2, GROUP)


def scheme_named(name: str) -> Scheme:
    """The scheme whose `name` this is; raises `ConfigError` that shows the form of names."""
    first, *rest = name.split("-")
    bits, affine = first.removeprefix("int"), rest[-1:] == ["affine"]
    group = rest[: len(rest) - affine]
    sizes = [part.removeprefix("g") for part in group]
    scheme = Scheme(int(bits), int(sizes[0]) if sizes else None, symmetric=not affine) if _whole(bits, *sizes) else None
    if scheme is None or scheme.name != name:
        raise ConfigError(f"{name!r} names no rounding; names look like 'int8', 'int4-g64' or 'int4-g64-affine'")
    return scheme


def _whole(*numbers: str) -> bool:
    return all(number.isascii() and number.isdigit() and len(number) < 10 for number in numbers)
