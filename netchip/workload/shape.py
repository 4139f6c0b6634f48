"""The shape of one layer: its loop bounds, and what they mean on a map."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from netchip.errors import RequestError

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class LayerShape:
    """One layer as eight loops, B G K C OY OX FY FX. All sizes are element counts.

    `out_channels` (K) and `in_channels` (C) are per group. `in_height` and `in_width` are those of the unpadded map;
    `stride`, `dilation` and `padding` are (height, width), padding on the leading side. A linear layer is a 1x1
    convolution of a map of one row. `kind` "matmul" has two activation operands: G independent products of
    [OX, C] by [C, K]. Raises `RequestError` that names the field, its value and the mend.
    """

    batch: int = 1
    groups: int = 1
    out_channels: int = 1
    in_channels: int = 1
    out_height: int = 1
    out_width: int = 1
    kernel_height: int = 1
    kernel_width: int = 1
    in_height: int = 1
    in_width: int = 1
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Pair = (0, 0)
    transposed: bool = False
    kind: Literal["conv", "matmul"] = "conv"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("transposed", "kind"):
                _check_sizes(field.name, value, least=0 if field.name == "padding" else 1)
        if self.kind not in ("conv", "matmul"):
            raise RequestError(f"kind = {self.kind!r}: a layer is a 'conv' or a 'matmul'")

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
        """A convolution by torch's arguments: `in_channels` and `out_channels` are totals over all groups."""
        _check_sizes("groups", groups, least=1)
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise RequestError(f"{name} = {channels} cannot be shared by {groups} groups; use a multiple of {groups}")
        out = [
            _out_transposed(size, *rest, extra) if transposed else _out(size, *rest)
            for size, *rest, extra in zip(in_size, kernel, stride, padding, dilation, output_padding, strict=True)
        ]
        return cls(
            batch=batch,
            groups=groups,
            out_channels=out_channels // groups,
            in_channels=in_channels // groups,
            out_height=out[0],
            out_width=out[1],
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
        """A linear layer on `positions` vectors an item (1 for a plain vector, the length of a sequence else)."""
        return cls(batch=batch, in_channels=in_features, out_channels=out_features, out_width=positions, in_width=positions)

    @classmethod
    def matmul(cls, *, batch: int = 1, rows: int, inner: int, columns: int) -> Self:
        """`batch` independent products of [rows, inner] by [inner, columns], both operands activations."""
        return cls(groups=batch, out_channels=columns, in_channels=inner, out_width=rows, in_width=rows, kind="matmul")

    @property
    def loop_bounds(self) -> dict[str, int]:
        """The eight loops by their letters."""
        return {
            "B": self.batch,
            "G": self.groups,
            "K": self.out_channels,
            "C": self.in_channels,
            "OY": self.out_height,
            "OX": self.out_width,
            "FY": self.kernel_height,
            "FX": self.kernel_width,
        }

    @property
    def macs(self) -> int:
        """Multiply-accumulates, padding included; a transposed convolution works once per input position and kernel element."""
        positions = self.in_height * self.in_width if self.transposed else self.out_height * self.out_width
        return self.batch * positions * self.weights

    @property
    def weights(self) -> int:
        """Elements of the second operand: G K C FY FX."""
        return self.groups * self.out_channels * self.in_channels * self.kernel_height * self.kernel_width

    @property
    def inputs(self) -> int:
        """Elements of the unpadded input: B G C and its map."""
        return self.batch * self.total_in_channels * self.in_height * self.in_width

    @property
    def outputs(self) -> int:
        """Elements of the output: B G K OY OX."""
        return self.batch * self.total_out_channels * self.out_height * self.out_width

    @property
    def total_out_channels(self) -> int:
        """Output channels over all groups."""
        return self.groups * self.out_channels

    @property
    def total_in_channels(self) -> int:
        """Input channels over all groups."""
        return self.groups * self.in_channels

    def to_json(self) -> dict[str, Any]:
        """Plain values, pairs as lists."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """What `to_json` gave. Raises `RequestError` on an unknown field."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise RequestError(f"shape: unknown field {unknown[0]!r}; a shape has {', '.join(sorted(known))}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})


def _out(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    reach = dilation * (kernel - 1) + 1
    if size + 2 * padding < reach:
        raise RequestError(f"a kernel that reaches over {reach} does not fit a map of {size} with padding {padding}; pad more or enlarge the map")
    return (size + 2 * padding - reach) // stride + 1


def _out_transposed(size: int, kernel: int, stride: int, padding: int, dilation: int, extra: int) -> int:
    return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1


def _check_sizes(name: str, value: Any, *, least: int) -> None:
    values = value if isinstance(value, tuple) else (value,)
    if any(isinstance(v, bool) or not isinstance(v, int) or v < least for v in values):
        raise RequestError(f"{name} = {value!r}: give whole numbers of at least {least}")
