"""The supernet: every network of a space as slices of shared weights, and the choices among them as logits."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError
from netchip.methods.autogan_distiller.costing.stages import Scores
from netchip.methods.autogan_distiller.costing.table import CostTable
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.modules import Derived, run, start_grey
from netchip.methods.autogan_distiller.space.space import Layer, Space
from netchip.methods.autogan_distiller.supernet.kernel import Segments
from netchip.methods.autogan_distiller.supernet.operators import SuperOperator
from netchip.methods.autogan_distiller.supernet.route import Mixed, One, Route
from netchip.nn.choice import Choice, mixed, one_hot

OperatorMode = Literal["softmax", "sampled"]
GateMode = Literal["channels", "scalar"]
Widths = Literal["drawn", "widest", "narrowest", "random"]
Operators = Literal["mixed", "drawn", "random"]


class Supernet(nn.Module):
    """All networks of `space`, [B, inputs, H, W] -> [B, outputs, H scale, W scale] along a `Route`.

    `operators`: "softmax" runs all of a layer and sums them (the paper), "sampled" runs one, drawn by its probability. `gates`
    say how widths learn: "scalar" multiplies a layer's result by the drawn entries of its input's and its output's one-hot (the
    paper; a norm in the next layer divides that away again), "channels" multiplies each channel by the chance that it is there.
    Gates are exactly 1, so neither changes what the network computes.

    `operator_choices` and `width_choices` hold the logits of layers and variables with more than one choice.
    """

    def __init__(self, space: Space, *, operators: OperatorMode = "sampled", gates: GateMode = "channels") -> None:
        super().__init__()
        self.space, self.mode, self.gate_mode = space, operators, gates
        self.layers = nn.ModuleDict({layer.name: self._operators(layer) for layer in space.layers})
        start_grey(self.layers, space)
        self.operator_choices = nn.ModuleDict(
            {each.name: Choice(len(each.choices), name=each.name) for each in space.layers if len(each.choices) > 1}
        )
        for name, widths in space.variables.items():  # [widths, channels]: 1 where a channel is there at a width
            there = torch.tensor(widths)[:, None] > torch.arange(widths[-1])
            self.register_buffer(f"there_{name}", there.float(), persistent=False)
        self.width_choices = nn.ModuleDict(
            {
                name: Choice(len(each), name=f"width of {name}")
                for name, each in space.variables.items()
                if len(each) > 1
            }
        )

    # Routes --------------------------------------------------------------------------------------------------------------

    def route(
        self,
        widths: Widths = "drawn",
        operators: Operators | None = None,
        *,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        learn: bool = False,
        compare: int = 1,
    ) -> Route:
        """A way through: `widths` drawn by their probabilities, at random, or all at one end; `operators` mixed by softmax, drawn
        by their probabilities, or at random. None is what the supernet's mode says.

        `learn` adds gates, so that the loss has gradients to the logits; a drawn operator is then compared with `compare` others.
        Random numbers are drawn on the CPU. Raises `DivergedError` where logits are not finite.
        """
        gates: dict[str, Tensor] = {}
        places = dict.fromkeys(self.space.variables, 0)
        for name, choice in self._choices(self.width_choices):
            if widths == "drawn":
                drawn = choice.draw(temperature, generator)
                places[name] = int(drawn.argmax())
                gates |= {name: drawn} if learn else {}
            else:
                places[name] = _place(widths, choice.options, generator)
        how = operators or ("mixed" if self.mode == "softmax" else "drawn")
        chosen = {
            name: self._operate(choice, how, temperature, generator, learn, compare)
            for name, choice in self._choices(self.operator_choices)
        }
        return Route(places, chosen, gates)

    def route_of(self, architecture: Architecture) -> Route:
        """The way of one network. Raises `DataError` where it is not of this space."""
        self.space.check(architecture)
        places = {
            name: each.index(architecture.widths.get(name, each[0])) for name, each in self.space.variables.items()
        }
        names = {layer.name: [each.name for each in layer.choices] for layer in self.space.layers}
        chosen = {
            name: One(names[name].index(architecture.operators[name]))
            for name, _ in self._choices(self.operator_choices)
        }
        return Route(places, chosen)

    # Running -------------------------------------------------------------------------------------------------------------

    def forward(self, images: Tensor, route: Route) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H scale, W scale]."""
        return run(self.space, images, lambda layer, maps: self._layer(layer, maps, route))

    def _layer(self, layer: Layer, maps: Sequence[Tensor], route: Route) -> Tensor:
        joined = maps[0] if len(maps) == 1 else torch.cat(list(maps), 1)
        segments = self._segments(layer, route)
        variable = self.space.variable(layer.name)
        outputs = self.space.variables[variable][route.places[variable]]
        made = self._operated(layer, joined, segments, outputs, route)
        return self._gated(layer, made, route)

    def _operated(self, layer: Layer, maps: Tensor, segments: Segments, outputs: int, route: Route) -> Tensor:
        operators, how = self.layers[layer.name], route.operators.get(layer.name, One(0))
        if isinstance(how, Mixed):
            return mixed([operator(maps, segments, outputs) for operator in operators], how.weights)  # pyright: ignore[reportGeneralTypeIssues]
        made = operators[how.operator](maps, segments, outputs)  # pyright: ignore[reportIndexIssue]
        if how.gate is None:
            return made
        if not how.compared:
            return made * how.gate[how.operator]
        often = (len(layer.choices) - 1) / len(how.compared)  # each other operator is compared once in so many draws
        for other in how.compared:
            with torch.no_grad():
                instead = operators[other](maps, segments, outputs) - made  # pyright: ignore[reportIndexIssue]
            made = made + instead * (often * how.gate[other])
        return made

    def _gated(self, layer: Layer, made: Tensor, route: Route) -> Tensor:
        variable = self.space.variable(layer.name)
        if self.gate_mode == "scalar":
            for name in dict.fromkeys((*self.space.read_variables(layer), variable)):
                if name in route.gates:
                    made = made * route.gates[name][route.places[name]]
            return made
        if variable not in route.gates:
            return made
        there = self.get_buffer(f"there_{variable}")[:, : made.shape[1]]
        return made * (route.gates[variable] @ there).view(1, -1, 1, 1)

    def _segments(self, layer: Layer, route: Route) -> Segments:
        first, segments = 0, []
        for name in self.space.read_variables(layer):
            widths = self.space.variables[name]
            segments.append((first, widths[route.places[name]]))
            first += widths[-1]
        return segments

    # Choosing ------------------------------------------------------------------------------------------------------------

    def architecture_parameters(self) -> list[nn.Parameter]:
        """The logits."""
        return [*self.operator_choices.parameters(), *self.width_choices.parameters()]

    def weight_parameters(self) -> list[nn.Parameter]:
        """The superkernels."""
        return list(self.layers.parameters())

    def probabilities(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Those of operators by layer and of widths by variable, with gradients."""
        operators = {name: choice.probabilities for name, choice in self._choices(self.operator_choices)}
        return operators, {name: choice.probabilities for name, choice in self._choices(self.width_choices)}

    def expected_cost(self, table: CostTable) -> Tensor:
        """The mean cost of a drawn network, in closed form, with a gradient to every logit.

        Raises `ConfigError` for another space's table.
        """
        self._check(table)
        return table.expected(*self.probabilities())

    def paper_cost(self, table: CostTable, route: Route, shares: tuple[float, float] = (1 / 4, 3 / 4)) -> Tensor:
        """The cost term of the paper's code: a share of the mean cost over operators at full width, and a share of that of equally
        likely operators at the drawn widths, through the gates of `route`. (2/7, 5/7) for super-resolution.
        """
        self._check(table)
        operators, widths = self.probabilities()
        widest = {
            name: one_hot(torch.arange(len(each), dtype=each.dtype, device=each.device))
            for name, each in widths.items()
        }
        alike = {name: torch.full_like(each, 1 / len(each)).detach() for name, each in operators.items()}
        drawn = widest | dict(route.gates)
        return shares[0] * table.expected(operators, widest) + shares[1] * table.expected(alike, drawn)

    def scores(self) -> Scores:
        """The log-probability of every choice: what the derived network maximises within the budget."""
        groups = [
            {n: each.detach().double().log().cpu().numpy() for n, each in group.items()}
            for group in self.probabilities()
        ]
        return Scores(*groups)

    def most_likely(self) -> Architecture:
        """The largest logit everywhere, whatever it costs (the paper's way to derive)."""
        operators, widths = (
            {name: choice.most_likely() for name, choice in self._choices(group)}
            for group in (self.operator_choices, self.width_choices)
        )
        return self.space.architecture(operators, widths)

    def derive(self, architecture: Architecture) -> Derived:
        """The network of an architecture, standing alone, with the weights that it has here.

        Raises `DataError` for one of another space.
        """
        network = self.space.derive(architecture)
        network.load_state_dict(self.weights_of(architecture))
        return network.to(next(self.parameters()).device)

    def weights_of(self, architecture: Architecture) -> dict[str, Tensor]:
        """The weights of an architecture, by their names in the network that stands alone: a warm start."""
        route, weights = self.route_of(architecture), dict[str, Tensor]()
        widths = self.space.widths(architecture)
        for layer in self.space.layers:
            how = route.operators.get(layer.name, One(0))
            operator = self.layers[layer.name][how.operator if isinstance(how, One) else 0]  # pyright: ignore[reportIndexIssue]
            own = operator.weights(self._segments(layer, route), widths[layer.name])
            weights |= {f"layers.{layer.name}.{name}": value for name, value in own.items()}
        return weights

    def _check(self, table: CostTable) -> None:
        if table.space != self.space:
            raise ConfigError(f"this cost table is of space {table.space.name!r}, the supernet of {self.space.name!r}")

    def _operators(self, layer: Layer) -> nn.ModuleList:
        inputs = sum(self.space.variables[name][-1] for name in self.space.read_variables(layer))
        outputs = self.space.variables[self.space.variable(layer.name)][-1]
        return nn.ModuleList(
            SuperOperator(each, inputs, outputs, as_paper=self.space.as_paper) for each in layer.choices
        )

    def _operate(
        self,
        choice: Choice,
        how: Operators,
        temperature: float,
        generator: torch.Generator | None,
        learn: bool,
        compare: int,
    ) -> Mixed | One:
        if how == "mixed":
            return Mixed(choice.probabilities if learn else choice.probabilities.detach())
        if how == "random":
            return One(_place("random", choice.options, generator))
        drawn = choice.draw(temperature, generator)
        operator = int(drawn.argmax())
        if not learn:
            return One(operator)
        others = [each for each in torch.randperm(choice.options, generator=generator).tolist() if each != operator]
        return One(operator, drawn, tuple(others[:compare]))

    def _choices(self, group: nn.ModuleDict) -> list[tuple[str, Choice]]:
        return [(name, choice) for name, choice in group.items() if isinstance(choice, Choice)]


def _place(widths: str, options: int, generator: torch.Generator | None) -> int:
    if widths == "random":
        return int(torch.randint(options, (), generator=generator))
    return options - 1 if widths == "widest" else 0
