"""Runs as JSON and CSV."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from netchip.report.compare.collecting import Collected, collect
from netchip.report.compare.plain import to_csv, to_json
from netchip.report.record import read_run

WriteRun = Callable[..., Path]


def test_json_holds_runs_seeds_fronts_and_what_was_left_out(tmp_path: Path, write_run: WriteRun) -> None:
    for seed in (1, 2):
        write_run(tmp_path / f"seed-{seed}", seed=seed, drawn={})
    (tmp_path / "seed-3").mkdir()
    (tmp_path / "seed-3" / "result.json").write_text("{}")
    data = to_json(collect([tmp_path]))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert [run["seed"] for run in data["runs"]] == [1, 2]
    run = data["runs"][0]
    assert (run["chosen"], run["baseline"], run["task"], run["config"]["ratio"]) == (
        "ticket",
        "dense",
        "digits, 16 px",
        0.5,
    )
    assert {section for section in run["arms"][0] if section in ("counted", "measured", "modelled")} == {
        "counted",
        "measured",
        "modelled",
    }
    assert data["seeds"][0]["arms"]["dense"]["measured"]["test_accuracy_percent"]["mean"] == 97.75
    assert data["fronts"] == []
    assert data["left_out"][0]["folder"].endswith("seed-3")


def test_csv_has_a_line_for_each_network_and_a_gap_where_it_has_no_figure(tmp_path: Path, write_run: WriteRun) -> None:
    arms = [
        {"name": "dense", "role": "baseline", "counted": {"macs": 10}, "measured": {"loss": float("nan")}},
        {"name": "a, b", "role": "ours", "counted": {"macs": 4}, "measured": {"file_bytes": 7}},
    ]
    run = read_run(write_run(tmp_path / "run", drawn={}, result={"arms": arms}))
    lines = list(csv.DictReader(io.StringIO(to_csv(Collected((run,))))))
    assert [line["network"] for line in lines] == ["dense", "a, b"]
    assert [line["chosen"] for line in lines] == ["0", "1"]
    assert [line["counted.macs"] for line in lines] == ["10.0", "4.0"]
    assert [line["measured.file_bytes"] for line in lines] == ["", "7.0"]
    assert "measured.loss" not in lines[0]
