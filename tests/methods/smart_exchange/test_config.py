"""Settings of a run: what is refused, and what follows from them."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.config import SmartExchangeConfig


def test_shares_of_the_retraining_become_epochs() -> None:
    config = SmartExchangeConfig(retrain_epochs=10, frozen_share=0.2, average_share=0.5)
    assert (config.freeze_at, config.average_from) == (8, 5)
    assert config.changed(frozen_share=0.0).freeze_at is None


def test_the_runs_own_arm_is_the_last_that_makes_factors() -> None:
    assert SmartExchangeConfig().own == "projected"
    assert SmartExchangeConfig(arms=("bucket", "post-training", "int8")).own == "post-training"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": ("int8",)}, "none of them makes factors"),
        ({"arms": ("projected", "projected")}, "name one or more, each once"),
        ({"activations": {"range": "moving"}}, "follows a training; a run calibrates"),
        ({"exchange": {"bits": 9}}, r"exchange\.bits = 9"),
        ({"exchange": {"row_sparsity_of": {"conv*": 1.0}}}, r"row_sparsity_of\['conv\*'\] = 1\.0: it is a share"),
        ({"exchange": {"row_sparsty": 0.5}}, r"did you mean 'row_sparsity'"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SmartExchangeConfig().changed(**changes)
