"""What a run's configuration is made of: experiment, then YAML, then flags, validated once."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from netchip.cli.settings import nested, read_settings, resolve
from netchip.errors import ConfigError
from netchip.methods.method import Method, Paper
from netchip.spec import Spec


class Optimizer(Spec):
    learning_rate: float = Field(0.1, gt=0, description="highest rate")
    milestones: tuple[int, ...] = ()


class Toy(Spec):
    seed: int = 1
    epochs: int = Field(3, ge=1, description="epochs in all")
    precision: Literal["no", "bf16"] = "no"
    size: int | None = None
    odd: dict[str, int] | None = None
    optimizer: Optimizer = Optimizer(learning_rate=0.5)


TOY = Method(
    name="toy",
    summary="a toy",
    paper=Paper("T", "V", "0"),
    config_class=Toy,
    experiments={"quick": lambda: Toy(epochs=7, optimizer=Optimizer(learning_rate=0.2, milestones=(1,)))},
    runner="nothing:here",
    inspector="nothing:here",
)


def test_flags_win_over_the_file_and_the_file_over_the_experiment(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("epochs: 8\nsize: 4\noptimizer:\n  learning_rate: 1e-3\n")
    config = resolve(TOY, "quick", file, {"size": 5})
    assert config == Toy(epochs=8, size=5, optimizer=Optimizer(learning_rate=1e-3, milestones=(1,)))


def test_without_an_experiment_the_defaults_of_the_class_hold() -> None:
    assert resolve(TOY, None, None, {"epochs": 4}) == Toy(epochs=4)


def test_a_combination_is_judged_only_when_it_is_complete(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("epochs: 0\n")
    assert resolve(TOY, "quick", tmp_path / "a.yaml", {"epochs": 2}).model_dump()["epochs"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epohcs: 3", r"toy quick \+ .*a\.yaml: unknown key 'epohcs' \(did you mean 'epochs'\?\)"),
        ("optimizer: {rate: 3}", r"unknown key 'optimizer\.rate'"),
        ("epochs: many", r"epochs = 'many'"),
        ("- 1", r"a\.yaml: expected settings as `name: value`, found list"),
        ("a: [1", r"a\.yaml:2: not YAML"),
    ],
)
def test_a_bad_file_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text + "\n")
    with pytest.raises(ConfigError, match=message) as caught:
        resolve(TOY, "quick", tmp_path / "a.yaml", {})
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.yaml: no such file"):
        read_settings(tmp_path / "nothing.yaml")


def test_words_that_yaml_1_1_takes_for_booleans_stay_words(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("precision: no\nother: true\nmore: off\n")
    assert read_settings(tmp_path / "a.yaml") == {"precision": "no", "other": True, "more": "off"}


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# nothing yet\n")
    assert resolve(TOY, "quick", tmp_path / "a.yaml", {}) == TOY.experiment("quick")


def test_dotted_names_become_nested_settings() -> None:
    assert nested({"a.b.c": 1, "a.b.d": 2, "e": 3}) == {"a": {"b": {"c": 1, "d": 2}}, "e": 3}
