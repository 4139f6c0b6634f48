"""Results as JSON: counted, measured and modelled figures apart."""

from netchip.methods import METHODS, all_methods
from netchip.methods.method import Arm, Result
from netchip.workload.network import Workload


def test_every_method_is_whole() -> None:
    for method in all_methods():
        assert "smoke" in method.experiments
        assert method.summary
        assert method.paper.arxiv
        assert issubclass(method.config_class, type(method.experiment("smoke")))
    assert len(all_methods()) == len(METHODS)


def test_a_result_keeps_its_kinds_of_figures_apart() -> None:
    arm = Arm("ticket", "ours", counted={"macs": 3}, measured={"latency_batch1_ms": 0.5})
    result = Result("done", {"macs": 3}, (arm,), Workload(()), Workload(()), measured_on={"device": "cpu"})
    assert result.to_json() == {
        "format": 1,
        "headline": "done",
        "metrics": {"macs": 3},
        "arms": [
            {
                "name": "ticket",
                "role": "ours",
                "counted": {"macs": 3},
                "measured": {"latency_batch1_ms": 0.5},
                "modelled": {},
            }
        ],
        "measured_on": {"device": "cpu"},
        "simulated": [],
        "notes": [],
    }
