"""An operator whose convolutions are superkernels, and the weights of its slices by the names of the standalone module."""

from torch import Tensor, nn

from netchip.methods.autogan_distiller.space.modules import passed
from netchip.methods.autogan_distiller.space.operator import Operator
from netchip.methods.autogan_distiller.supernet.kernel import Segments, SuperKernel, activated


class SuperOperator(nn.Module):
    """`operator` between at most `inputs` and at most `outputs` channels.

    At any widths it computes what `OperatorModule` does. `as_paper`: the shortcut is a 1x1 convolution also where widths agree,
    and there are always as many hidden channels as at the widest input, as in the paper's code; then it differs from it.
    """

    def __init__(self, operator: Operator, inputs: int, outputs: int, *, as_paper: bool = False) -> None:
        super().__init__()
        self.operator, self._widest, self._as_paper = operator, inputs, as_paper
        pairs = operator.widths(inputs, outputs)
        last = len(operator.body) - 1
        self.body = nn.ModuleList(
            SuperKernel(conv, *pair, summed=operator.shortcut and index == last)
            for index, (conv, pair) in enumerate(zip(operator.body, pairs, strict=True))
        )
        self.projection = SuperKernel(operator.projection, inputs, outputs) if operator.shortcut else None

    def forward(self, maps: Tensor, segments: Segments, outputs: int) -> Tensor:
        """[B, C, H, W] -> [B, outputs, H scale, W scale], C the channels in `segments` of the widest input."""
        if not self.operator.body:
            return passed(maps, self.operator, outputs)
        inputs, made = sum(count for _, count in segments), maps
        hidden = self.operator.expansion * self._widest if self._as_paper else None
        chain = self._chain(segments, self.operator.widths(inputs, outputs, hidden))
        for kernel, (channels, after) in zip(self.body, chain, strict=True):
            made = kernel(made, channels, after)
        if self.projection is None:
            return made
        return activated(made + self._shortcut(maps, segments, outputs), self.operator.activation)

    def weights(self, segments: Segments, outputs: int) -> dict[str, Tensor]:
        """The sliced weights at these widths, under the names they have in `OperatorModule`."""
        found: dict[str, Tensor] = {}
        inputs = sum(count for _, count in segments)
        chain = self._chain(segments, self.operator.widths(inputs, outputs))
        for index, (kernel, (channels, after)) in enumerate(zip(self.body, chain, strict=True)):
            found |= _named(f"body.{index}", kernel, channels, after)  # pyright: ignore[reportArgumentType]
        if self.projection is not None and inputs != outputs:
            found |= _named("projection", self.projection, segments, outputs)
        return found

    def _shortcut(self, maps: Tensor, segments: Segments, outputs: int) -> Tensor:
        if maps.shape[1] == outputs and not self._as_paper:
            return maps
        return self.projection(maps, segments, outputs)  # pyright: ignore[reportOptionalCall]

    def _chain(self, segments: Segments, widths: list[tuple[int, int]]) -> list[tuple[Segments, int]]:
        """What each convolution reads and how many channels it makes: the operator's own segments until one mixes them."""
        found: list[tuple[Segments, int]] = []
        own = segments
        for conv, (_, after) in zip(self.operator.body, widths, strict=True):
            found.append((own, after))
            own = own if conv.depthwise else ((0, after),)
        return found


def _named(prefix: str, kernel: SuperKernel, segments: Segments, outputs: int) -> dict[str, Tensor]:
    weight, bias = kernel.sliced(segments, outputs)
    found = {f"{prefix}.conv.weight": weight.detach().clone()}
    return found if bias is None else found | {f"{prefix}.conv.bias": bias.detach().clone()}
