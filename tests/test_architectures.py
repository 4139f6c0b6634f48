"""The table of architectures: a handful is tried, what goes wrong is told, and the page holds all of them."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def script() -> Any:
    """The script as a module, found as Python finds what lies beside a script."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location("architectures", ROOT / "benchmarks" / "architectures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["architectures"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "size", "answers"),
    [
        ("resnet8", 16, "yes yes yes yes yes"),
        (":vit", 16, "yes yes yes yes yes"),
        (":detector", 32, "yes yes yes yes no"),
        (":mlp", 8, "yes yes yes yes no"),
        (":frames_then_lstm", 16, "yes partly yes yes no"),
    ],
)
def test_a_handful(script: Any, name: str, size: int, answers: str) -> None:
    row = script.row_of(script.Architecture(name, "tried", size))
    assert [each.answer for each in row.tried.values()] == answers.split()
    assert row.parameters > 1000
    for each in row.tried.values():
        assert bool(each.message) == (each.answer != "yes")


def test_whatever_goes_wrong_is_the_answer(script: Any) -> None:
    def breaks(network: torch.nn.Module, example: torch.Tensor) -> Any:
        raise ZeroDivisionError("by zero")

    found, parameters = script.attempt(breaks, script.Architecture("resnet8", "tried", 16))
    assert (found.answer, found.words, parameters > 0) == ("fault", "ZeroDivisionError: by zero", True)
    refused, _ = script.attempt(breaks, script.Architecture("resnet9", "tried", 16))
    assert (refused.answer, "did you mean" in refused.words) == ("no", True)


def test_the_page_of_rows(script: Any) -> None:
    answers = ["yes", "partly", "no", "no", "fault"]
    tried = {
        name: script.Tried(answer, f"word {answer} " * 9, "" if answer == "yes" else "the whole | message")
        for name, answer in zip(script.TRIALS, answers, strict=True)
    }
    text = script.page([script.Row(script.Architecture(name, "kind"), 10**6, tried) for name in ("a", "b")])
    [line] = [line for line in text.splitlines() if line.startswith("| a |")]
    assert line.startswith("| a | kind | 64 x 64 | 1.0 M | yes: word yes word yes")
    assert line.endswith(" ... |")
    assert "**no**: word no" in line
    assert text.count("the whole | message") == 4, "what two networks say alike stands once for each column"
    assert "- **a, b**, cost: the whole | message" in text


def test_the_page_that_is_there_holds_every_architecture(script: Any) -> None:
    lines = (ROOT / "docs" / "architectures.md").read_text().splitlines()
    named = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")][1:]
    assert named == [each.title for each in script.ARCHITECTURES]
    assert len(named) >= 40
    assert not [line for line in lines if "**fault**" in line]
