"""What an arm cost, by hand, and the order of arms."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import nn

from netchip.graph.surgery import CutPlan
from netchip.methods.early_bird.stages.trained import Trained, folder_of, in_order
from netchip.models.spec import ModelSpec


def arm(*phases: tuple[float, float | None], search: int = 5, retrain: int = 0, cut: bool = False) -> Trained:
    made: Any = tuple(SimpleNamespace(seconds=seconds, energy_j=energy) for seconds, energy in phases)
    plan = CutPlan((), {}, {}) if cut else None
    return Trained(
        network=nn.Identity(),
        source=ModelSpec(),
        phases=made,
        images=100,
        search_epochs=search,
        retrain_epochs=retrain,
        plan=plan,
    )


def test_seconds_and_joules_are_those_of_all_phases() -> None:
    assert arm((2.5, 10.0), (4.0, 20.0)).seconds == 6.5
    assert arm((2.5, 10.0), (4.0, 20.0)).energy_j == 30.0


def test_joules_that_were_measured_in_part_are_unknown() -> None:
    assert arm((2.5, 10.0), (4.0, None)).energy_j is None
    assert arm().energy_j is None


def test_the_ledger_of_what_was_cut_and_of_what_was_not() -> None:
    cut = arm(search=2, retrain=3, cut=True).ledger(4, 10, 5)
    assert (cut.search_macs, cut.retrain_macs) == (3 * 100 * 10 * 2, 3 * 100 * 4 * 3)
    narrow = arm(search=5).ledger(4, 10, 5)
    assert (narrow.search_macs, narrow.retrain_macs, narrow.dense_total_macs) == (0, 3 * 100 * 4 * 5, 3 * 100 * 10 * 5)


def test_the_ticket_comes_last_after_its_baselines() -> None:
    names = ["ticket", "ticket-0.3", "random", "dense"]
    assert list(in_order({name: arm() for name in names})) == ["dense", "random", "ticket-0.3", "ticket"]
    assert (folder_of("ticket", Path("run")), folder_of("late", Path("run"))) == (Path("run"), Path("run/late"))
