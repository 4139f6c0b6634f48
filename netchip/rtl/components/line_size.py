"""The sizes of one line of SmartExchange's array, and the numbers that follow from them."""

from dataclasses import dataclass

from netchip.errors import RequestError

CODE_BITS, BASIS_BITS, INPUT_BITS, SUM_BITS = 4, 8, 8, 32
POWERS = 7
"""Powers of two that a code of 4 bits can name: of magnitude m the coefficient is 2^(7 - m)."""


@dataclass(frozen=True, kw_only=True)
class LineSize:
    """One line: rows of `length` weights, `lanes` output columns side by side, each `stride` columns of inputs from the next.

    Inputs are of 8 bits, `signed_inputs` or 0 to 255. The index selector looks at `rows_in_word` rows at once. All counters and
    addresses have `address_bits`. Raises `RequestError` for rows of one weight, which do not slide, and for other sizes below 1.
    """

    length: int = 3
    lanes: int = 8
    stride: int = 1
    signed_inputs: bool = False
    rows_in_word: int = 16
    address_bits: int = 12

    def __post_init__(self) -> None:
        if self.length < 2:
            raise RequestError(f"rows of {self.length} weights: the line slides its inputs under rows of at least 2")
        if min(self.lanes, self.stride, self.address_bits) < 1:
            raise RequestError(f"{self}: lanes, stride and address_bits are whole numbers of at least 1")
        if self.rows_in_word < 2 or self.rows_in_word & (self.rows_in_word - 1):
            raise RequestError(f"rows_in_word = {self.rows_in_word}: give a power of two of at least 2")

    @property
    def weight_bits(self) -> int:
        """Bits of a rebuilt weight, of which none is lost: a sum of `length` elements of the basis, shifted by up to 6."""
        return (self.length * 2 ** (BASIS_BITS - 1) << (POWERS - 1)).bit_length() + 1

    @property
    def digits(self) -> int:
        """Radix-4 Booth digits of an input."""
        return INPUT_BITS // 2 + (not self.signed_inputs)

    @property
    def window(self) -> int:
        """Inputs that a row of weights slides over."""
        return (self.lanes - 1) * self.stride + self.length

    @property
    def window_bits(self) -> int:
        """A word of the input buffer: the inputs, and above them a bit for each lane that has an output."""
        return self.window * INPUT_BITS + self.lanes
