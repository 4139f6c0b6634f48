"""One layer as the nest of loops it runs: batch, groups, channels, output positions, kernel positions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, cast, get_args

from netchip.errors import RequestError

Pair = tuple[int, int]
Kind = Literal["conv", "matmul"]

_COUNTS = (
    "batch",
    "groups",
    "out_channels",
    "in_channels",
    "out_height",
    "out_width",
    "kernel_height",
    "kernel_width",
    "in_height",
    "in_width",
)


@dataclass(frozen=True, kw_only=True)
class LayerShape:
    """The integers that fix how much a layer multiplies and moves; every field is a count of elements or positions.

    `out_channels` and `in_channels` are those of one group (the loop bounds K and C). `in_height` and `in_width` are
    the input's own size, without padding; `padding` is added on each side. `transposed` marks a transposed convolution.
    `kind` is "conv" where the second operand is weights (a linear layer is a 1x1 convolution on a map one row high) and
    "matmul" where it is an activation too. Built more easily by `conv`, `linear` and `matmul`.

    Raises `RequestError`, which names the field, when a value is no whole number in its range, or when the output size
    is not the one that input size, kernel, stride, padding and dilation give.

    >>> LayerShape.conv(batch=1, in_channels=3, out_channels=16, in_size=(32, 32), kernel=(3, 3), padding=(1, 1)).macs
    442368
    """

    batch: int
    groups: int
    out_channels: int
    in_channels: int
    out_height: int
    out_width: int
    kernel_height: int
    kernel_width: int
    in_height: int
    in_width: int
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Pair = (0, 0)
    transposed: bool = False
    kind: Kind = "conv"

    def __post_init__(self) -> None:
        for name in _COUNTS:
            _check_count(name, getattr(self, name), least=1)
        for name, least in (("stride", 1), ("dilation", 1), ("padding", 0)):
            _check_pair(name, getattr(self, name), least)
        if self.kind not in get_args(Kind):
            raise RequestError(f"kind = {self.kind!r}: a layer is one of {', '.join(map(repr, get_args(Kind)))}")
        if type(self.transposed) is not bool:
            raise RequestError(f"transposed = {self.transposed!r}: give True or False")
        self._check_size("height", self.in_height, self.out_height, self.kernel_height, 0)
        self._check_size("width", self.in_width, self.out_width, self.kernel_width, 1)

    @classmethod
    def conv(
        cls,
        *,
        batch: int = 1,
        in_channels: int,
        out_channels: int,
        in_size: Pair,
        kernel: Pair,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        transposed: bool = False,
        output_padding: Pair = (0, 0),
    ) -> Self:
        """A convolution, as torch names its arguments: channels are totals over all groups, sizes are (height, width).

        `output_padding` belongs to transposed convolutions only. Raises `RequestError` when the groups do not divide
        the channels or the kernel does not fit into the padded input.
        """
        _check_count("groups", groups, least=1)
        for name, total in (("in_channels", in_channels), ("out_channels", out_channels)):
            _check_count(name, total, least=1)
            if total % groups:
                raise RequestError(
                    f"{name} = {total} cannot be split into groups = {groups}; give a multiple of {groups}"
                )
        for name, pair, least in (
            ("in_size", in_size, 1),
            ("kernel", kernel, 1),
            ("stride", stride, 1),
            ("dilation", dilation, 1),
            ("padding", padding, 0),
            ("output_padding", output_padding, 0),
        ):
            _check_pair(name, pair, least)
        if not transposed and output_padding != (0, 0):
            raise RequestError(
                f"output_padding = {output_padding}: only a transposed convolution has one; leave it (0, 0)"
            )
        height, width = (
            _out_size(in_size[i], kernel[i], stride[i], padding[i], dilation[i], output_padding[i], transposed)
            for i in (0, 1)
        )
        return cls(
            batch=batch,
            groups=groups,
            out_channels=out_channels // groups,
            in_channels=in_channels // groups,
            out_height=height,
            out_width=width,
            kernel_height=kernel[0],
            kernel_width=kernel[1],
            in_height=in_size[0],
            in_width=in_size[1],
            stride=stride,
            dilation=dilation,
            padding=padding,
            transposed=transposed,
        )

    @classmethod
    def linear(cls, *, batch: int = 1, in_features: int, out_features: int, positions: int = 1) -> Self:
        """A linear layer on `positions` vectors (tokens) of each of `batch` inputs: a 1x1 convolution, one row high."""
        return cls.conv(
            batch=batch, in_channels=in_features, out_channels=out_features, in_size=(1, positions), kernel=(1, 1)
        )

    @classmethod
    def matmul(cls, *, batch: int = 1, rows: int, inner: int, columns: int) -> Self:
        """`batch` independent products [rows, inner] x [inner, columns] of activations; each product is one group."""
        return cls(
            batch=1,
            groups=batch,
            out_channels=columns,
            in_channels=inner,
            out_height=1,
            out_width=rows,
            kernel_height=1,
            kernel_width=1,
            in_height=1,
            in_width=rows,
            kind="matmul",
        )

    @property
    def loop_bounds(self) -> dict[str, int]:
        """How often each loop runs, by the letters B G K C OY OX FY FX; their product is `macs`.

        A transposed convolution scatters: its position loops OY and OX run over the input's positions.
        """
        rows, columns = (self.in_height, self.in_width) if self.transposed else (self.out_height, self.out_width)
        return {
            "B": self.batch,
            "G": self.groups,
            "K": self.out_channels,
            "C": self.in_channels,
            "OY": rows,
            "OX": columns,
            "FY": self.kernel_height,
            "FX": self.kernel_width,
        }

    @classmethod
    def of_loops(cls, bounds: Mapping[str, int], **rest: Any) -> Self:
        """The shape of an ordinary layer with these `loop_bounds`; `rest` says what loops do not: the input's size, stride, ..."""
        return cls(
            batch=bounds["B"],
            groups=bounds["G"],
            out_channels=bounds["K"],
            in_channels=bounds["C"],
            out_height=bounds["OY"],
            out_width=bounds["OX"],
            kernel_height=bounds["FY"],
            kernel_width=bounds["FX"],
            **rest,
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates, those with padding included, as torch's FlopCounterMode / 2 counts them."""
        return math.prod(self.loop_bounds.values())

    @property
    def total_out_channels(self) -> int:
        """Output channels of all groups."""
        return self.groups * self.out_channels

    @property
    def total_in_channels(self) -> int:
        """Input channels of all groups."""
        return self.groups * self.in_channels

    @property
    def weights(self) -> int:
        """Elements of the second operand: the weights without bias, or the second activation of a "matmul"."""
        return self.groups * self.out_channels * self.in_channels * self.kernel_height * self.kernel_width

    @property
    def inputs(self) -> int:
        """Elements of the first operand, without padding."""
        return self.batch * self.total_in_channels * self.in_height * self.in_width

    @property
    def outputs(self) -> int:
        """Elements of the result."""
        return self.batch * self.total_out_channels * self.out_height * self.out_width

    def _check_size(self, side: str, given: int, found: int, kernel: int, axis: int) -> None:
        stride, padding, dilation = self.stride[axis], self.padding[axis], self.dilation[axis]
        least = _out_size(given, kernel, stride, padding, dilation, 0, self.transposed)
        most = least + max(stride, dilation) - 1 if self.transposed else least
        if not least <= found <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise RequestError(
                f"out_{side} = {found}, but in_{side} = {given} with kernel {kernel}, stride {stride}, padding "
                f"{padding} and dilation {dilation} gives {wanted}; set out_{side} to that, or use LayerShape.conv"
            )


def _out_size(
    given: int, kernel: int, stride: int, padding: int, dilation: int, output_padding: int, transposed: bool
) -> int:
    reach = dilation * (kernel - 1) + 1
    if transposed:
        size = (given - 1) * stride - 2 * padding + reach + output_padding
    else:
        size = (given + 2 * padding - reach) // stride + 1
    if size < 1:
        raise RequestError(
            f"kernel {kernel} with dilation {dilation} and padding {padding} leaves no output on an input of {given} "
            "positions; use a larger input, a smaller kernel or other padding"
        )
    return size


def _check_count(name: str, value: Any, *, least: int) -> None:
    if type(value) is not int or value < least:
        raise RequestError(f"{name} = {value!r}: give a whole number of at least {least}")


def _check_pair(name: str, value: Any, least: int) -> None:
    pair = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else ()
    if len(pair) != 2 or any(type(each) is not int or each < least for each in pair):
        raise RequestError(f"{name} = {value!r}: give (height, width), two whole numbers of at least {least}")
