"""Runs that differ only in their seed, together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netchip.report.record import ArmRecord, RunRecord, mean_and_spread
from netchip.report.tables import SECTIONS, Table, columns_of, spread_table


@dataclass(frozen=True)
class Variant:
    """The runs of one experiment and configuration, by seed."""

    runs: tuple[RunRecord, ...]

    @property
    def first(self) -> RunRecord:
        """The run of the least seed."""
        return self.runs[0]

    @property
    def seeds(self) -> str:
        """'seed 1' or 'seeds 1, 2, 3'."""
        return f"seed{'s' * (len(self.runs) > 1)} {', '.join(str(run.result.seed) for run in self.runs)}"

    @property
    def title(self) -> str:
        """Method, experiment, configuration and seeds."""
        result = self.first.result
        return f"{result.method} {result.experiment} ({result.config_hash}), {self.seeds}"

    def arms(self) -> dict[str, list[ArmRecord]]:
        """The networks by name, one of each run that has it."""
        grouped: dict[str, list[ArmRecord]] = {}
        for run in self.runs:
            for arm in run.result.arms:
                grouped.setdefault(arm.name, []).append(arm)
        return grouped

    def table(self) -> Table:
        """A row a network: mean and sample standard deviation over the seeds."""
        return spread_table(self.arms())

    def to_json(self) -> dict[str, object]:
        """Plain values: of each figure of each network the mean, the sample standard deviation and how many there were."""
        result = self.first.result
        return {
            "method": result.method,
            "experiment": result.experiment,
            "config_hash": result.config_hash,
            "seeds": [run.result.seed for run in self.runs],
            "arms": {name: _summary(arms) for name, arms in self.arms().items()},
        }


def variants(runs: Sequence[RunRecord]) -> tuple[Variant, ...]:
    """The runs grouped by what they share beside their seed, in the order in which they come."""
    grouped: dict[tuple[str, str, str], list[RunRecord]] = {}
    for run in runs:
        grouped.setdefault(run.variant, []).append(run)
    return tuple(Variant(tuple(sorted(group, key=lambda run: run.result.seed))) for group in grouped.values())


def _summary(arms: Sequence[ArmRecord]) -> dict[str, dict[str, dict[str, float | int | None]]]:
    found: dict[str, dict[str, dict[str, float | int | None]]] = {section: {} for section in SECTIONS}
    for section, key, values in _values(arms):
        mean, deviation = mean_and_spread(values)
        found[section][key] = {"mean": mean, "deviation": deviation, "runs": len(values)}
    return found


def _values(arms: Sequence[ArmRecord]) -> Iterator[tuple[str, str, list[float]]]:
    for section, key in columns_of(arms):
        if values := [value for arm in arms if (value := getattr(arm, section).get(key)) is not None]:
            yield section, key, values
