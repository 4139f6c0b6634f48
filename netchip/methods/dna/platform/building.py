"""From a configuration to a platform."""

from pathlib import Path

from netchip.errors import RequestError
from netchip.files import read_value
from netchip.hardware.fpga.board import RESOURCES, Board, load_board
from netchip.hardware.fpga.calibrated import FpgaCalibration, fit_calibration
from netchip.hardware.fpga.measured import read_points
from netchip.hardware.fpga.predictor import FpgaPredictor
from netchip.hardware.hierarchy.technology import load_technology
from netchip.hardware.search.annealing import Annealing
from netchip.hardware.search.bayesian import Bayesian
from netchip.hardware.search.genetic import Genetic
from netchip.hardware.search.gumbel import Gumbel
from netchip.hardware.search.random_draws import RandomDraws
from netchip.hardware.search.searching import Engine
from netchip.methods.dna.platform.fpga import FpgaPlatform
from netchip.methods.dna.platform.hierarchy import HierarchyPlatform
from netchip.methods.dna.platform.platform import Platform
from netchip.methods.dna.platform.spaces import equal_spaces, spaces_by_map_size
from netchip.methods.dna.platform.spec import EngineName, PlatformSpec

DEFAULT_BOARD, DEFAULT_TECHNOLOGY, DEFAULT_CHUNKS = "zc706", "dosa-40nm", 4


def platform_of(spec: PlatformSpec, *, seed: int = 0) -> Platform:
    """The platform of a configuration; raises what boards, technologies and platforms raise."""
    return _fpga(spec, seed) if spec.kind == "fpga" else _hierarchy(spec, seed)


def engine_named(name: EngineName) -> Engine:
    """An engine with its own settings; raises `RequestError` for "exact", which is none of these."""
    engines: dict[str, Engine] = {
        "gumbel": Gumbel(),
        "genetic": Genetic(),
        "annealing": Annealing(),
        "bayesian": Bayesian(),
        "random": RandomDraws(),
    }
    if name not in engines:
        raise RequestError(f"{name!r} spends no predictor calls; there are {', '.join(engines)}")
    return engines[name]


def _fpga(spec: PlatformSpec, seed: int) -> FpgaPlatform:
    board, assigning = _board(spec), spec.assigning or "map-size"
    if assigning == "map-size" and spec.chunks is not None:
        raise RequestError(
            f"chunks = {spec.chunks}: by map size there are two for each band of heights; give bounds instead"
        )
    port = int(board.port_bits.value)
    uram = board.uram.value > 0
    spaces = (
        spaces_by_map_size(spec.bounds, bits=spec.bits, port_bits=port, uram=uram)
        if assigning == "map-size"
        else equal_spaces(spec.chunks or DEFAULT_CHUNKS, bits=spec.bits, port_bits=port, uram=uram)
    )
    limits = {name: getattr(spec, name) for name in RESOURCES if getattr(spec, name, None) is not None}
    name = spec.engine or ("genetic" if assigning == "learned" else "exact")
    return FpgaPlatform(
        board=board,
        spaces=spaces,
        assigning=assigning,
        bounds=spec.bounds,
        limits=limits,
        fps=spec.fps,
        latency_s=_scaled(spec.latency_ms, 1e-3),
        engine=None if name == "exact" else engine_named(name),
        calls=spec.calls,
        seed=seed,
        calibration=_calibration(spec, board),
    )


def _calibration(spec: PlatformSpec, board: Board) -> FpgaCalibration | None:
    """From a JSON, or fitted to the points of a CSV."""
    if spec.calibration is None:
        return None
    if spec.calibration.endswith(".csv"):
        return fit_calibration(read_points(spec.calibration), FpgaPredictor(board))[0]
    return read_value(Path(spec.calibration), FpgaCalibration.from_json, "a calibration")


def _board(spec: PlatformSpec) -> Board:
    """The board, with what is asked for in place of its own clock and bandwidth."""
    board, asked = load_board(spec.board or DEFAULT_BOARD), {}
    if spec.clock_mhz is not None:
        asked["frequency_hz"] = {"value": spec.clock_mhz * 1e6, "source": "asked for"}
    if spec.bandwidth_gbit_s is not None:
        asked["bandwidth_bits_per_s"] = {"value": spec.bandwidth_gbit_s * 1e9, "source": "asked for"}
    return board.changed(**asked) if asked else board


def _hierarchy(spec: PlatformSpec, seed: int) -> HierarchyPlatform:
    asked = {
        "area_mm2": spec.area_mm2,
        "power_w": _scaled(spec.power_mw, 1e-3),
        "energy_pj": _scaled(spec.energy_uj, 1e6),
        "latency_s": _scaled(spec.latency_ms, 1e-3),
    }
    return HierarchyPlatform(
        technology=load_technology(spec.technology or DEFAULT_TECHNOLOGY),
        limits={name: value for name, value in asked.items() if value is not None},
        fps=spec.fps,
        edp_pj_s=_scaled(spec.edp_uj_s, 1e6),
        objective=spec.objective or "edp",
        engine=engine_named(spec.engine or "genetic"),
        calls=spec.calls,
        seed=seed,
    )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
