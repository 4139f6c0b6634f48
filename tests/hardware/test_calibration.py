"""Calibration: by hand, and without effect where nothing is set."""

import pytest

from netchip.errors import ConfigError
from netchip.hardware.calibration import Calibration


def test_without_factors_nothing_changes() -> None:
    none = Calibration(source="test")
    assert (none.cycles(100), none.energy_pj(7.0, 100, 2e8)) == (100, 7.0)


def test_by_hand() -> None:
    """100 cycles become 120; at 200 MHz they take 600 ns, in which 30 mW are 18,000 pJ; control adds 2 pJ a cycle."""
    value = Calibration(latency_factor=1.2, control_pj_per_cycle=2.0, static_power_w=0.03, source="test")
    assert value.cycles(100) == pytest.approx(120)
    assert value.energy_pj(1000.0, 100, 2e8) == pytest.approx(1000 + 240 + 18_000)


def test_a_factor_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"latency_factor = 0: .*greater than 0"):
        Calibration.parse({"latency_factor": 0, "source": "x"})
