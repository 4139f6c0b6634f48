"""Settings as text and as values."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings


def test_shares_by_pattern_are_read_from_one_line() -> None:
    settings = SmartExchangeSettings().changed(row_sparsity_of="head=0, features.*=0.8")
    assert settings.row_sparsity_of == {"head": 0.0, "features.*": 0.8}
    assert SmartExchangeSettings.parse(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize("written", ["head", "=0.5", "head=much", ""])
def test_a_line_without_pattern_or_share_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="write patterns with their shares"):
        SmartExchangeSettings.parse({"row_sparsity_of": written})
