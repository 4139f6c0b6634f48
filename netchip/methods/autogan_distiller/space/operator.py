"""Operators as values: short chains of convolutions, described once for the standalone module, the superkernel and the cost.

No torch here: `modules.py` builds them, `supernet/` slices them, `costing/` counts them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from netchip.errors import ConfigError
from netchip.workload.shape import LayerShape, Pair

Norm = Literal["instance", "none"]
Activation = Literal["relu", "leaky_relu", "none"]
Width = Literal["out", "in", "hidden"]
Mode = Literal["nearest", "bilinear", "bicubic"]


@dataclass(frozen=True, kw_only=True)
class Conv:
    """One convolution with what goes along with it: enlargement before it; PixelShuffle, norm and activation after it.

    It makes as many channels as `to` says: those of the operator's output, of its input, or the "hidden" ones. A `transposed`
    one multiplies the size by `stride`, others divide it (rounded up); `enlarge` is a nearest-neighbour enlargement, `shuffle`
    a PixelShuffle. Padding is with zeros and keeps the size at stride 1. Norm "instance" has no parameters. With `from_zero`
    its weights start at zero, so that an untrained network gives what its result is added to.
    """

    kernel: int = 3
    to: Width = "out"
    stride: int = 1
    dilation: int = 1
    transposed: bool = False
    depthwise: bool = False
    enlarge: int = 1
    shuffle: int = 1
    bias: bool = False
    norm: Norm = "instance"
    activation: Activation = "relu"
    from_zero: bool = False

    def __post_init__(self) -> None:
        if min(self.kernel, self.stride, self.dilation, self.enlarge, self.shuffle) < 1:
            raise ConfigError(f"{self}: kernel, stride, dilation, enlarge and shuffle are whole numbers of at least 1")
        if not self.transposed and self.kernel % 2 == 0:
            raise ConfigError(f"a convolution of kernel {self.kernel} cannot keep its size; give an odd kernel")
        if self.transposed and (self.kernel < self.stride or self.dilation > 1 or self.depthwise or self.shuffle > 1):
            raise ConfigError(
                "a transposed convolution has a kernel no smaller than its stride, and neither dilation, groups nor shuffle"
            )
        if self.depthwise and (self.to == "out" or self.shuffle > 1):
            raise ConfigError("a depthwise convolution keeps its channels: give to='in' or to='hidden', and no shuffle")

    @property
    def padding(self) -> int:
        """On each side."""
        if self.transposed:
            return -((self.stride - self.kernel) // 2)
        return self.dilation * (self.kernel - 1) // 2

    @property
    def output_padding(self) -> int:
        """Rows that a transposed convolution adds at one end, so that it multiplies the size exactly."""
        return self.stride - self.kernel + 2 * self.padding if self.transposed else 0

    @property
    def scale(self) -> Fraction:
        """Output size over input size."""
        step = Fraction(self.stride) if self.transposed else Fraction(1, self.stride)
        return self.enlarge * self.shuffle * step

    def shape(self, inputs: int, outputs: int, size: Pair) -> LayerShape:
        """Its loops between `inputs` and `outputs` channels on a map of `size` (height, width), before `enlarge`."""
        return LayerShape.conv(
            in_channels=inputs,
            out_channels=outputs * self.shuffle**2,
            in_size=(size[0] * self.enlarge, size[1] * self.enlarge),
            kernel=(self.kernel, self.kernel),
            stride=(self.stride, self.stride),
            padding=(self.padding, self.padding),
            dilation=(self.dilation, self.dilation),
            groups=inputs if self.depthwise else 1,
            transposed=self.transposed,
            output_padding=(self.output_padding, self.output_padding),
        )


@dataclass(frozen=True)
class Counted:
    """One convolution at definite widths and size: `leaky` elements pass a leaky ReLU after it, `bias` is one an output channel."""

    name: str
    conv: Conv
    shape: LayerShape
    leaky: int

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.shape.weights + self.biases

    @property
    def biases(self) -> int:
        """One an output channel, or none."""
        return self.shape.total_out_channels if self.conv.bias else 0


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A way from `inputs` channels to `outputs` channels: the convolutions of `body` one after the other.

    With a `shortcut` the input is added to what `body` makes, as it is where widths agree, else by a 1x1 convolution, and
    `activation` comes after the sum. Hidden channels are `expansion` times those of the input. An empty `body` is the
    identity: it passes the first channels, and zeros for those that its input lacks; `enlarge` makes the map larger by
    interpolation in `mode`, without a convolution.
    """

    name: str
    body: tuple[Conv, ...] = ()
    shortcut: bool = False
    activation: Activation = "none"
    expansion: int = 1
    enlarge: int = 1
    mode: Mode = "nearest"

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ConfigError(f"operator {self.name!r}: a name is letters, digits and underscores, as of a variable")
        if self.body and self.body[-1].to != "out" and not self.body[-1].depthwise:
            raise ConfigError(f"operator {self.name!r}: its last convolution must make the output's channels, to='out'")
        if self.body and self.body[-1].depthwise:
            raise ConfigError(f"operator {self.name!r}: a depthwise convolution cannot be the last; follow it by a 1x1")
        if self.enlarge < 1 or (self.enlarge > 1 and self.body):
            raise ConfigError(f"operator {self.name!r}: enlarge = {self.enlarge} is for operators without convolutions")
        if self.shortcut and (self.scale != 1 or not self.body):
            raise ConfigError(f"operator {self.name!r}: a shortcut goes around convolutions that keep the size")
        self._check_depthwise()

    @property
    def scale(self) -> Fraction:
        """Output size over input size."""
        scale = Fraction(self.enlarge)
        for conv in self.body:
            scale *= conv.scale
        return scale

    @property
    def projection(self) -> Conv:
        """The 1x1 convolution of the shortcut, where it needs one."""
        return Conv(kernel=1, norm=self.body[-1].norm, activation="none")

    def widths(self, inputs: int, outputs: int, hidden: int | None = None) -> list[tuple[int, int]]:
        """Channels before and after each convolution of `body`; `hidden` overrides the hidden ones."""
        wide = self.expansion * inputs if hidden is None else hidden
        made = {"in": inputs, "out": outputs, "hidden": wide}
        pairs: list[tuple[int, int]] = []
        for conv in self.body:
            before = pairs[-1][1] if pairs else inputs
            pairs.append((before, made[conv.to]))
        return pairs

    def convolutions(self, inputs: int, outputs: int, size: Pair) -> tuple[Counted, ...]:
        """Every convolution at these widths on a map of `size` (height, width), that of the shortcut last."""
        return tuple(self._convolutions(inputs, outputs, size))

    def out_size(self, size: Pair) -> Pair:
        """The size after the operator: that of the input times `scale`, rounded up at each stride."""
        height, width = size[0] * self.enlarge, size[1] * self.enlarge
        for conv in self.body:
            shape = conv.shape(1, 1, (height, width))
            height, width = shape.out_height * conv.shuffle, shape.out_width * conv.shuffle
        return height, width

    def _convolutions(self, inputs: int, outputs: int, size: Pair) -> Iterator[Counted]:
        start = size
        for index, (conv, (before, after)) in enumerate(zip(self.body, self.widths(inputs, outputs), strict=True)):
            shape = conv.shape(before, after, size)
            yield Counted(f"body.{index}", conv, shape, shape.outputs if conv.activation == "leaky_relu" else 0)
            size = (shape.out_height * conv.shuffle, shape.out_width * conv.shuffle)
        if self.shortcut and inputs != outputs:
            yield Counted("projection", self.projection, self.projection.shape(inputs, outputs, start), 0)

    def _check_depthwise(self) -> None:
        for conv, (before, after) in zip(self.body, self.widths(2, 3, 5), strict=True):
            if conv.depthwise and before != after:
                raise ConfigError(
                    f"operator {self.name!r}: a depthwise convolution to {conv.to!r} follows one that makes other channels"
                )
