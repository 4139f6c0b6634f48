"""The operators that spaces are made of. All take their norm and activation, so that one list serves every space."""

from dataclasses import replace

from netchip.methods.autogan_distiller.space.operator import Activation, Conv, Mode, Norm, Operator


def conv(kernel: int = 3, *, norm: Norm = "instance", activation: Activation = "relu", bias: bool = False) -> Operator:
    """One convolution: conv1x1 (the paper's "skip", which is none), conv3x3, conv7x7."""
    return Operator(
        name=f"conv{kernel}x{kernel}", body=(Conv(kernel=kernel, norm=norm, activation=activation, bias=bias),)
    )


def residual(*, norm: Norm = "instance", activation: Activation = "relu") -> Operator:
    """The paper's ResBlock: two 3x3 convolutions, the shortcut added, the activation after the sum."""
    return Operator(
        name="residual",
        body=(Conv(norm=norm, activation=activation), Conv(norm=norm, activation="none")),
        shortcut=True,
        activation=activation,
    )


def depthwise(*, expansion: int = 4, norm: Norm = "instance", activation: Activation = "relu") -> Operator:
    """The paper's DwsBlock: 1x1 to `expansion` times the channels, 3x3 depthwise, 1x1 back, the shortcut added, activation."""
    inner = Conv(kernel=1, to="hidden", norm=norm, activation=activation)
    return Operator(
        name="depthwise",
        body=(
            inner,
            replace(inner, kernel=3, depthwise=True),
            Conv(kernel=1, norm=norm, activation="none"),
        ),
        shortcut=True,
        activation=activation,
        expansion=expansion,
    )


def identity() -> Operator:
    """Nothing: a layer that chooses it is not there. Depth is searched with it."""
    return Operator(name="identity")


def down(
    kernel: int = 3, *, stride: int = 2, norm: Norm = "instance", activation: Activation = "relu", bias: bool = False
) -> Operator:
    """A convolution with a stride: the map becomes `stride` times smaller."""
    return Operator(
        name="down", body=(Conv(kernel=kernel, stride=stride, norm=norm, activation=activation, bias=bias),)
    )


def transposed(
    factor: int = 2,
    *,
    kernel: int | None = None,
    norm: Norm = "instance",
    activation: Activation = "relu",
    bias: bool = False,
) -> Operator:
    """A transposed convolution: the map becomes `factor` times larger. The kernel is 3, or `factor` where that is more."""
    body = Conv(
        kernel=kernel or max(3, factor), stride=factor, transposed=True, norm=norm, activation=activation, bias=bias
    )
    return Operator(name="transposed", body=(body,))


def nearest(
    factor: int = 2, *, kernel: int = 3, norm: Norm = "instance", activation: Activation = "relu", bias: bool = False
) -> Operator:
    """A nearest-neighbour enlargement by `factor`, then a convolution at the large size."""
    return Operator(
        name="nearest", body=(Conv(kernel=kernel, enlarge=factor, norm=norm, activation=activation, bias=bias),)
    )


def shuffle(
    factor: int = 2, *, kernel: int = 3, norm: Norm = "instance", activation: Activation = "relu", bias: bool = False
) -> Operator:
    """A convolution at the small size to factor^2 times the channels, then PixelShuffle (arXiv 1609.05158)."""
    return Operator(
        name="shuffle", body=(Conv(kernel=kernel, shuffle=factor, norm=norm, activation=activation, bias=bias),)
    )


def enlarged(factor: int, *, mode: Mode = "bicubic") -> Operator:
    """The input itself, `factor` times larger by interpolation: what a network for super-resolution adds its detail to."""
    return Operator(name="enlarged", enlarge=factor, mode=mode)


def upsamplers(
    factor: int = 2, *, norm: Norm = "instance", activation: Activation = "relu", bias: bool = False
) -> tuple[Operator, ...]:
    """The three ways to enlarge a map by `factor`, to choose from."""
    return (
        nearest(factor, norm=norm, activation=activation, bias=bias),
        shuffle(factor, norm=norm, activation=activation, bias=bias),
        transposed(factor, norm=norm, activation=activation, bias=bias),
    )
