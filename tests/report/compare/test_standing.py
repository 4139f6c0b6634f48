"""Which network a run is about, what says that it is good, and what it costs."""

from collections.abc import Callable
from typing import Any

import pytest

from netchip.report.compare.standing import baseline_arm, chosen_arm, costs_of, device_of, quality_of, task_of
from netchip.report.record import ArmRecord, RunRecord

Make = Callable[..., Any]


def test_the_chosen_network_is_the_last_of_ours_unless_the_run_names_one(run: Make, arm: Make) -> None:
    roles = (("dense", "baseline"), ("a", "ours"), ("int8", "baseline"), ("b", "ours"))
    arms = [arm(name, role, macs=1.0, accuracy=1.0) for name, role in roles]
    for found, name in ((run(arms), "b"), (run(arms, metrics={"own_arm": "a"}), "a")):
        assert (chosen := chosen_arm(found))
        assert chosen.name == name
    assert chosen_arm(run(arms, metrics={"own_arm": "gone"})) is None
    assert chosen_arm(run(arms[:1])) is None
    assert (baseline := baseline_arm(run(arms)))
    assert baseline.name == "dense"


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({"psnr_to_teacher_db": 1.0, "psnr_to_truth_db": 2.0}, "psnr_to_truth_db"),
        ({"training_seconds": 1.0, "test_accuracy_percent": 2.0}, "test_accuracy_percent"),
        ({"top5_accuracy_percent": 1.0}, "top5_accuracy_percent"),
        ({"psnr_to_teacher_db": 1.0}, "psnr_to_teacher_db"),
    ],
)
def test_what_says_that_a_network_is_good(measured: dict[str, float], expected: str) -> None:
    assert quality_of([ArmRecord(name="a", role="ours", measured=measured)]) == ("measured", expected)
    assert quality_of([ArmRecord(name="a", role="ours", measured={"training_seconds": 1.0})]) is None


def test_costs_are_counted_measured_or_modelled_and_stay_so() -> None:
    modelled = {"eyeriss_energy_pj": 1.0, "eyeriss_area_mm2": 1.0}
    arms = [
        ArmRecord(name="a", role="ours", counted={"macs": 1.0, "parameters": 2.0}, modelled=modelled),
        ArmRecord(name="b", role="ours", measured={"file_bytes": 1.0, "test_accuracy_percent": 1.0}),
    ]
    assert costs_of(arms) == [("counted", "macs"), ("measured", "file_bytes"), ("modelled", "eyeriss_energy_pj")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"name": "digits", "image_size": 16}, "digits, 16 px"),
        ({"name": "photos", "scale": 2}, "photos, ×2"),
        ({"name": "cifar10-small", "image_size": None}, "cifar10-small"),
        ({}, "digits"),
    ],
)
def test_the_task_is_named_by_its_data(run: Make, data: dict[str, Any], expected: str) -> None:
    assert task_of(run([], data=data)) == expected


def test_the_device_is_named_with_its_threads(run: Make) -> None:
    def named(**measured_on: Any) -> RunRecord:
        return run([], measured_on=measured_on)

    assert device_of(named(name="AMD EPYC", threads=2, latency_threads=1)) == "AMD EPYC, 1 thread"
    assert device_of(named(device="cuda")) == "cuda"
    assert device_of(named()) == "an unknown device"
