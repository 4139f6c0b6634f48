"""Configurations become platforms; what does not belong together is refused in one line."""

from pathlib import Path

import pytest

from netchip.errors import ConfigError, RequestError
from netchip.files import write_json
from netchip.hardware.fpga.calibrated import Correction, FpgaCalibration
from netchip.methods.dna.platform.building import engine_named, platform_of
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.spec import PlatformSpec


def test_a_board_with_what_is_asked_of_it() -> None:
    spec = PlatformSpec(
        board="pynq-z2", dsp=100, bandwidth_gbit_s=4, clock_mhz=100, fps=50, latency_ms=40, bounds=(16, 8)
    )
    own = platform_of(spec, seed=3)
    assert isinstance(own, FpgaPlatform)
    assert own.board.bandwidth_bits_per_cycle == 40
    assert own.target == 100e6 / 50
    assert (own.latency_s, own.limits, own.engine, len(own.spaces), own.seed) == (0.04, {"dsp": 100}, None, 6, 3)
    assert own.spaces[0].base.port_bits == int(own.board.port_bits.value)


def test_a_technology_with_what_is_asked_of_it() -> None:
    spec = PlatformSpec(
        kind="hierarchy", area_mm2=3, power_mw=200, energy_uj=50, edp_uj_s=0.5, latency_ms=8, engine="gumbel"
    )
    own = platform_of(spec)
    assert isinstance(own, HierarchyPlatform)
    assert own.limits == pytest.approx({"area_mm2": 3, "power_w": 0.2, "energy_pj": 50e6, "latency_s": 0.008})
    assert own.target == pytest.approx(0.5e6)
    assert own.engine.name == "gumbel"


@pytest.mark.parametrize(("assigning", "engine"), [("learned", "genetic"), ("contiguous", None)])
def test_chunks_that_are_not_by_map_size(assigning: str, engine: str | None) -> None:
    own = platform_of(PlatformSpec.parse({"assigning": assigning, "chunks": 3}))
    assert isinstance(own, FpgaPlatform)
    assert len(own.spaces) == 3
    assert (own.engine.name if own.engine else None) == engine


def test_a_calibration_from_a_file(tmp_path: Path) -> None:
    found = FpgaCalibration({"cycles": {"conv": Correction(2.0, 0.9)}})
    write_json(tmp_path / "own.json", found.to_json())
    own = platform_of(PlatformSpec(calibration=str(tmp_path / "own.json")))
    assert isinstance(own, FpgaPlatform)
    assert own.calibration == found
    head = "in_channels,out_channels,height,width,kernel,tile_out,tile_in,tile_rows,tile_columns,measured_cycles"
    lines = [f"16,{16 * place},8,8,3,16,16,4,4,{1000 * place}" for place in range(1, 6)]
    (tmp_path / "points.csv").write_text("\n".join([head, *lines]))
    fitted = platform_of(PlatformSpec(calibration=str(tmp_path / "points.csv")))
    assert isinstance(fitted, FpgaPlatform)
    assert fitted.calibration is not None
    assert fitted.calibration.of("cycles", "conv").power == pytest.approx(1, abs=0.05)


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ConfigError, match="area_mm2 belongs to kind = 'hierarchy', but kind = 'fpga'; leave one"):
        PlatformSpec.parse({"area_mm2": 3})
    with pytest.raises(ConfigError, match="dsp belongs to kind = 'fpga', but kind = 'hierarchy'"):
        PlatformSpec.parse({"kind": "hierarchy", "dsp": 3})
    with pytest.raises(ConfigError, match="engine = 'exact': a hierarchy's layers are coupled"):
        PlatformSpec.parse({"kind": "hierarchy", "engine": "exact"})
    with pytest.raises(RequestError, match="chunks = 3: by map size there are two for each band"):
        platform_of(PlatformSpec(chunks=3))
    with pytest.raises(RequestError, match="'exact' spends no predictor calls; there are gumbel"):
        engine_named("exact")
    with pytest.raises(ConfigError, match="'zc707' is no board"):
        platform_of(PlatformSpec(board="zc707"))
