"""`netchip pipeline`: what it shows, how it goes on, and what it refuses. What stages do is in tests/compose/pipeline."""

import json
from pathlib import Path
from typing import Any

import pytest

from netchip.cli.main import main
from netchip.compose.pipeline.spec import PipelineSpec
from netchip.methods.method import Arm, Result
from netchip.workload.network import Workload

Capture = pytest.CaptureFixture[str]
FILE = "name: mine\nmodel: {name: resnet8, in_channels: 1}\nstages: [train, smart-exchange]\nchips: [eyeriss]\n"


def made(config: PipelineSpec, _: Any) -> Result:
    """A finished pipeline that says what it was asked."""
    arms = (
        Arm("dense", "baseline", {"macs": 1000.0}, {"test_accuracy_percent": 90.0}, {"eyeriss_energy_pj": 100.0}),
        Arm("smart-exchange", "ours", {"macs": 1000.0}, {"test_accuracy_percent": 89.0}, {"eyeriss_energy_pj": 25.0}),
    )
    asked = {"seed": config.seed, "chips": " ".join(config.chips), "progress": config.train.progress}
    return Result("dense -> smart-exchange", asked, arms, Workload(()), Workload(()), {"device": "a CPU"})


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("netchip.compose.pipeline.running.run", made)
    monkeypatch.chdir(tmp_path)
    Path("model.yaml").write_text(FILE)


@pytest.mark.usefixtures("here")
def test_one_table_of_all_stages_and_the_folder_last(capsys: Capture) -> None:
    assert main(["pipeline", "model.yaml"]) == 0
    out = capsys.readouterr().out
    folder = Path(out.splitlines()[-1])
    assert folder.parts[:2] == ("runs", "pipeline")
    assert (folder.parent.name.partition("-")[0], folder.name) == ("mine", "seed-1")
    assert any(line.split() == ["eyeriss", "energy", "100", "pJ", "25", "pJ", "×0.25"] for line in out.splitlines())
    assert (folder / "report.html").is_file()


@pytest.mark.usefixtures("here")
def test_flags_lie_over_the_file_and_json_is_alone_on_stdout(capsys: Capture) -> None:
    assert main(["pipeline", "model.yaml", "--seed", "3", "--chips", "edge-npu", "generic", "--quiet", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["metrics"] == {"seed": 3, "chips": "edge-npu generic", "progress": "quiet"}
    assert (result["method"], result["experiment"], result["seed"]) == ("pipeline", "mine", 3)


@pytest.mark.usefixtures("here")
def test_resume_goes_on_with_a_pipeline(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("netchip.compose.pipeline.running.run", interrupted)
    assert main(["pipeline", "model.yaml"]) == 130
    [folder] = Path("runs").glob("pipeline/*/seed-1")
    assert f"`netchip resume {folder}` goes on" in capsys.readouterr().err
    monkeypatch.setattr("netchip.compose.pipeline.running.run", made)
    assert main(["resume", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["headline"] == "dense -> smart-exchange"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "model.yaml: no such file"),
        ("- train\n", "model.yaml: expected settings as `name: value`, found list"),
        ("stages: [train\n", "model.yaml:2: not YAML"),
        ("stages: [train]\n", "model.yaml: name a model or a run to start from; found neither"),
        (
            "model: {name: resnet8}\nstages: [distill]\n",
            "stages: distill is no stage; it imitates generators of pictures",
        ),
        ("model: {name: resnet8}\nstages: [engines]\n", "stages: engines first: "),
        ("model: {name: resnet8}\nstages: [ticket]\nchips: [eyris]\n", "did you mean 'eyeriss'?"),
        (
            "model: {name: resnet8}\nstages: [{ticket: {ratoi: 1}}]\n",
            "stage ticket: unknown key 'ratoi' (did you mean 'ratio'?)",
        ),
        ("run: nowhere\nstages: [engines]\n", "nowhere/config.json: no such file"),
    ],
)
def test_what_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, content: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("model.yaml").write_text(content)
    assert main(["pipeline", "model.yaml"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
