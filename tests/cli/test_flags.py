"""Flags out of configuration classes."""

from typing import Literal

from pydantic import Field

from netchip.cli.flags import flag_parameters, given, settings_of
from netchip.spec import Spec


class Optimizer(Spec):
    learning_rate: float = Field(0.1, gt=0, description="highest rate")
    milestones: tuple[int, ...] = ()


class Config(Spec):
    seed: int = 1
    precision: Literal["no", "bf16"] = "no"
    odd: dict[str, int] | None = None
    extras: tuple[Literal["a", "b"], ...] = ()
    optimizer: Optimizer = Optimizer(learning_rate=0.5)


def test_every_leaf_is_a_setting_with_the_default_that_holds() -> None:
    found = {setting.name: setting for setting in settings_of(Config)}
    assert list(found) == ["seed", "precision", "odd", "extras", "optimizer.learning_rate", "optimizer.milestones"]
    assert found["optimizer.learning_rate"].default == 0.5
    assert found["optimizer.learning_rate"].meaning == "highest rate"
    assert found["optimizer.learning_rate"].flag == "--optimizer.learning-rate"
    assert (found["seed"].room, found["optimizer.milestones"].room) == ("", "optimizer")


def test_flags_that_were_not_given_are_left_out() -> None:
    names = {parameter.name: None for parameter in flag_parameters(Config)}
    assert given(names) == {}
    assert given({**names, "optimizer__in__milestones": (3, 4)}) == {"optimizer.milestones": (3, 4)}


def test_a_type_that_the_command_line_does_not_know_stays_text() -> None:
    kinds = {parameter.name: parameter.annotation.__args__[0] for parameter in flag_parameters(Config)}
    assert kinds["odd"] == str | None
    assert kinds["seed"] == int | None
    assert kinds["extras"] == tuple[Literal["a", "b"], ...] | None, "several words, each checked against the choices"
    assert kinds["optimizer__in__milestones"] == tuple[int, ...] | None
