"""The cost of a layer as plain data, both ways."""

from collections.abc import Mapping
from typing import Any

from netchip.errors import DataError
from netchip.hardware.costs import Held, LayerCost
from netchip.hardware.counting.flows import Action

_BY_ACTION = ("accesses", "elements", "access_energy_pj")
_BY_NAME = ("work", "work_energy_pj")
_PLAIN = (
    "compute_cycles",
    "stall_cycles",
    "first_load_cycles",
    "last_drain_cycles",
    "utilisation",
)


def layer_cost_to_json(cost: LayerCost) -> dict[str, Any]:
    """Plain values; what is by action is a list of [memory, operand, move, value]."""
    return (
        {name: [[*action, value] for action, value in getattr(cost, name).items()] for name in _BY_ACTION}
        | {name: dict(getattr(cost, name)) for name in _BY_NAME}
        | {name: getattr(cost, name) for name in _PLAIN}
        | {
            "bound_by": cost.bound_by,
            "held_bits": [[*held, value] for held, value in cost.held_bits.items()],
            "too_small": list(cost.too_small),
        }
    )


def layer_cost_from_json(data: Mapping[str, Any]) -> LayerCost:
    """The cost that `layer_cost_to_json` wrote; raises `DataError` where it is none."""
    try:
        by_action: dict[str, Any] = {
            name: {Action(*row[:3]): float(row[3]) for row in data[name]} for name in _BY_ACTION
        }
        by_name: dict[str, Any] = {name: {key: float(value) for key, value in data[name].items()} for name in _BY_NAME}
        plain: dict[str, Any] = {name: float(data[name]) for name in _PLAIN}
        return LayerCost(
            **(by_action | by_name | plain),
            bound_by=str(data["bound_by"]),
            held_bits={Held(*row[:2]): float(row[2]) for row in data["held_bits"]},
            too_small=tuple(map(str, data["too_small"])),
        )
    except KeyError as error:
        raise DataError(f"this cost of a layer lacks the key {error}") from None
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(f"this is not the cost of a layer: {error}") from None
