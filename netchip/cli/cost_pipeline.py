"""`netchip cost` of a pipeline of chunks on an FPGA: the design file of a co-search in the place of a chip."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netchip.cli.output import say, show_json, show_table
from netchip.errors import ConfigError, DataError
from netchip.units import format_count

if TYPE_CHECKING:
    from netchip.cli.network import Network
    from netchip.hardware.fpga.board import Board
    from netchip.hardware.fpga.calibrated import FitError, FpgaCalibration
    from netchip.hardware.fpga.pipeline import PipelineReport
    from netchip.methods.dna.platform.designs import PipelineDesign

MODELLED = "modelled, not measured"


def is_pipeline(name: str) -> bool:
    """Whether a file is a design of chunks, as `accelerator.json` of a co-search is."""
    from netchip.files import read_json

    if not name.endswith(".json") or not Path(name).is_file():
        return False
    try:
        data: Any = read_json(Path(name))
    except DataError:
        return False
    return isinstance(data, Mapping) and data.get("kind") == "fpga"


@dataclass(frozen=True)
class Brought:
    """A calibration, the file it is from, and how far it is off on points that it was not fitted to, where it was fitted here."""

    file: Path
    calibration: "FpgaCalibration"
    points: int = 0
    errors: "tuple[FitError, ...]" = ()

    @property
    def sentence(self) -> str:
        """What the output says of it."""
        names = ", ".join(self.calibration.corrections)
        if not self.points:
            return f"Calibrated: {names} brought to the points behind {self.file}."
        off = "; ".join(
            f"{each.quantity} off by {each.after_percent:.1f} % ({each.before_percent:.1f} % before) on {each.points}"
            for each in self.errors
        )
        points = f"{self.points} synthesised or measured points of {self.file}"
        return f"Calibrated: {names} brought to {points}; of points held out: {off}."


def cost_pipeline(network: "Network", file: str, bits: str | None, calibration: Path | None, *, json: bool) -> None:
    """Shows what a network takes on the chunks of a design.

    Raises what reading either raises, and `RequestError` where a chunk cannot run a layer.
    """
    from netchip.cli.network import at_bits
    from netchip.hardware.fpga.board import load_board
    from netchip.methods.dna.platform.files import read_design
    from netchip.workload.encoding import Precision

    design: Any = read_design(Path(file))
    board, brought = load_board(design.board), None
    if calibration is not None:
        brought = _brought(calibration, board)
    widest = max(design.chunks, key=lambda chunk: chunk.weight_bits)
    native = Precision(weight_bits=widest.weight_bits, input_bits=widest.input_bits, output_bits=widest.output_bits)
    workload, words = at_bits(network, native, bits)
    report = _report(design, board, workload.layers, brought)
    how = brought.sentence if brought else "No calibration: cycles and resources are the model's."
    if json:
        show_json(
            {"network": network.title, "bits": words, "pipeline": _to_json(report), "calibration": _plain(brought)}
        )
        return
    say(f"{network.title}: {format_count(workload.macs)} MACs a frame, {words} bits, on {board.name}; {MODELLED}")
    _show(report)
    say(f"\n{how}")


def _brought(file: Path, board: "Board") -> Brought:
    from netchip.files import read_value
    from netchip.hardware.fpga.calibrated import FpgaCalibration, fit_calibration
    from netchip.hardware.fpga.measured import read_points
    from netchip.hardware.fpga.predictor import FpgaPredictor

    if file.suffix == ".csv":
        points = read_points(file)
        found, errors = fit_calibration(points, FpgaPredictor(board))
        return Brought(file, found, len(points), errors)
    if file.suffix == ".json":
        return Brought(file, read_value(file, FpgaCalibration.from_json, "a calibration"))
    raise ConfigError(f"--calibration {file}: give a .csv of measured points or the .json of a calibration")


def _report(
    design: "PipelineDesign", board: "Board", layers: Sequence[Any], brought: Brought | None
) -> "PipelineReport":
    import numpy as np

    from netchip.hardware.fpga.assignment import Assignment
    from netchip.hardware.fpga.calibrated import CalibratedPredictor
    from netchip.hardware.fpga.chunk import ChunkBatch
    from netchip.hardware.fpga.layer_table import LayerTable
    from netchip.hardware.fpga.pipeline import evaluate_pipeline
    from netchip.hardware.fpga.predictor import ChunkPredictor, FpgaPredictor

    plain, table = FpgaPredictor(board), LayerTable.of(layers)
    predictor: ChunkPredictor = plain if brought is None else CalibratedPredictor(plain, brought.calibration)
    found = predictor(table, ChunkBatch.of(design.chunks))
    places = design.rule.places(table, np.where(found.runs, found.cycles, np.inf).T)
    return evaluate_pipeline(layers, design.chunks, Assignment(design.names, places), board, predictor=predictor)


def _show(report: "PipelineReport") -> None:
    usage = [name for name, limit in report.limits.items() if limit]
    rows = [
        (
            part.name,
            part.chunk.engine,
            str(len(part.layers)),
            f"{part.cycles:,.0f}",
            *(f"{part.usage[name]:,.0f}" for name in usage if name in part.usage),
        )
        for part in report.chunks
    ]
    counted = [name for name in usage if name in report.usage]
    limits = ("usable", "", "", "", *(f"{report.limits[name]:,.0f}" for name in counted))
    total = ("all", "", "", f"{report.cycles:,.0f}", *(f"{report.usage[name]:,.0f}" for name in counted))
    columns = ("chunk", "engine", ">layers", ">cycles a frame", *(f">{name}" for name in counted))
    show_table(f"Chunks: {MODELLED}", columns, [*rows, total, limits])
    over = "; ".join(f"{name} {share:.0%} over what is usable" for name, share in report.over.items())
    say(f"\n{report.fps:,.1f} frames a second, bound by {report.bound_by}{'; ' + over if over else ''}.")


def _to_json(report: "PipelineReport") -> dict[str, Any]:
    return {
        "board": report.board,
        "fps": report.fps,
        "cycles": report.cycles,
        "bound_by": report.bound_by,
        "first_frame_s": report.first_frame_s,
        "usage": report.usage,
        "limits": dict(report.limits),
        "over": report.over,
        "chunks": [
            {
                "name": part.name,
                "cycles": part.cycles,
                "usage": dict(part.usage),
                "layers": [asdict(each) for each in part.layers],
            }
            for part in report.chunks
        ],
    }


def _plain(brought: Brought | None) -> dict[str, Any] | None:
    if brought is None:
        return None
    return {
        "file": str(brought.file),
        "points": brought.points,
        "corrections": brought.calibration.to_json(),
        "held_out": [asdict(each) for each in brought.errors],
    }
