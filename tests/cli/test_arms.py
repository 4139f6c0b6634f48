"""The arms of a run in the terminal."""

import pytest

from netchip.cli.main import main


@pytest.mark.usefixtures("toy")
def test_measured_stands_apart_from_counted_with_the_ratio_last(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "toy", "quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Measured on a CPU")
    assert lines[start + 1].split() == ["dense", "ticket", "change"]
    assert lines[start + 3].split() == ["training", "time", "2.00", "s", "1.00", "s", "×0.50"]
    assert lines[start + 2].split() == ["test", "accuracy", "90.00", "%", "89.00", "%", "-1.00", "pt"]
    start = lines.index("Counted from the network")
    assert lines[start + 2].split() == ["MACs", "1.00", "k", "400", "×0.40"]
    assert max(map(len, lines[:start])) <= 80
