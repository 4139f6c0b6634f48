"""What a network costs on a chip, layer by layer and in all, and its file."""

from collections.abc import Mapping as Table
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from netchip.errors import DataError, RequestError
from netchip.files import read_value, write_json
from netchip.hardware.budget import Budget
from netchip.hardware.calibration import Calibration
from netchip.hardware.cost_file import layer_cost_from_json, layer_cost_to_json
from netchip.hardware.costs import LayerCost
from netchip.hardware.mapper.objective import OBJECTIVES, Objective
from netchip.hardware.mapping import Mapping

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class LayerResult:
    """One layer: its `mapping`, what it costs on average over inputs, how many mappings were `tried` and how many `legal`."""

    name: str
    macs: float
    mapping: Mapping
    cost: LayerCost
    tried: int
    legal: int


@dataclass(frozen=True, kw_only=True)
class CostReport:
    """A network's cost. Energies in pJ and latencies in s of a pass over the batch; layers run one after the other.

    `latency` says how cycles were counted ("bound" or "stalls"), `conventions` how accesses were. `area_mm2` is not known of a chip
    without areas. `calibration` is applied to the totals where it is there; layers are as modelled.
    """

    accelerator: str
    frequency_hz: float
    conventions: str
    latency: str
    objective: Objective
    layers: tuple[LayerResult, ...]
    weight_bits: int
    area_mm2: float | None
    calibration: Calibration | None = None

    @property
    def cycles(self) -> float:
        """Latency in cycles."""
        cycles = sum(layer.cost.cycles for layer in self.layers)
        return self.calibration.cycles(cycles) if self.calibration else cycles

    @property
    def latency_s(self) -> float:
        """Latency."""
        return self.cycles / self.frequency_hz

    @property
    def energy_pj(self) -> float:
        """Energy."""
        energy = sum(layer.cost.energy_pj for layer in self.layers)
        if self.calibration is None:
            return energy
        return self.calibration.energy_pj(energy, sum(layer.cost.cycles for layer in self.layers), self.frequency_hz)

    @property
    def edp_pj_s(self) -> float:
        """Total energy times total latency."""
        return self.energy_pj * self.latency_s

    @property
    def macs(self) -> float:
        """Multiply-accumulates, on average over inputs."""
        return sum(layer.macs for layer in self.layers)

    def totals(self) -> dict[str, float]:
        """What a `Budget` may limit, by name; without the area where it is not known."""
        known = {
            name: float(getattr(self, name)) for name in ("energy_pj", "latency_s", "edp_pj_s", "macs", "weight_bits")
        }
        return known if self.area_mm2 is None else known | {"area_mm2": self.area_mm2}

    def to_json(self) -> dict[str, Any]:
        """Plain values, totals included."""
        objective = self.objective
        return {
            "format": FORMAT,
            "accelerator": self.accelerator,
            "frequency_hz": self.frequency_hz,
            "conventions": self.conventions,
            "latency": self.latency,
            "objective": objective.model_dump(mode="json") if isinstance(objective, Budget) else objective,
            "calibration": None if self.calibration is None else self.calibration.model_dump(mode="json"),
            "totals": self.totals(),
            "weight_bits": self.weight_bits,
            "area_mm2": self.area_mm2,
            "layers": [_layer_to_json(layer) for layer in self.layers],
        }

    @classmethod
    def from_json(cls, data: Table[str, Any]) -> Self:
        """The report that `to_json` wrote; raises `DataError` where it is of another format or no report."""
        if data.get("format") != FORMAT:
            raise DataError(f"this cost report is of format {data.get('format')!r}; this version reads format {FORMAT}")
        try:
            objective, calibration = data["objective"], data["calibration"]
            return cls(
                accelerator=str(data["accelerator"]),
                frequency_hz=float(data["frequency_hz"]),
                conventions=str(data["conventions"]),
                latency=str(data["latency"]),
                objective=_objective(objective),
                layers=tuple(_layer_from_json(layer) for layer in data["layers"]),
                weight_bits=int(data["weight_bits"]),
                area_mm2=None if data["area_mm2"] is None else float(data["area_mm2"]),
                calibration=None if calibration is None else Calibration.parse(calibration, source="calibration"),
            )
        except KeyError as error:
            raise DataError(f"this cost report lacks the key {error}") from None
        except (TypeError, ValueError, AttributeError, RequestError) as error:
            raise DataError(f"this is not a cost report: {error}") from None

    def save(self, path: Path | str) -> None:
        """Writes the report as JSON, whole or not at all."""
        write_json(Path(path), self.to_json())

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The report in a file; raises `DataError`, which names the file, when it holds none."""
        return read_value(Path(path), cls.from_json, "a cost report")


def _objective(data: Any) -> Objective:
    return data if data in OBJECTIVES else Budget.parse(data, source="budget")


def _layer_to_json(layer: LayerResult) -> dict[str, Any]:
    return {
        "name": layer.name,
        "macs": layer.macs,
        "mapping": str(layer.mapping),
        "cost": layer_cost_to_json(layer.cost),
        "tried": layer.tried,
        "legal": layer.legal,
    }


def _layer_from_json(data: Table[str, Any]) -> LayerResult:
    return LayerResult(
        name=str(data["name"]),
        macs=float(data["macs"]),
        mapping=Mapping.parse_text(data["mapping"]),
        cost=layer_cost_from_json(data["cost"]),
        tried=int(data["tried"]),
        legal=int(data["legal"]),
    )
