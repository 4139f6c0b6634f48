"""A run folder as a checked value. The folder is untrusted input: what is missing or odd is named, never guessed."""

import itertools
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from netchip.errors import DataError
from netchip.files import read_json
from netchip.report.figure import Figure, read_figure
from netchip.workload.network import Workload

RESULT_FORMAT = 1
CHIP = "chip/chip.json"
"""What `netchip chip RUN` leaves in a run's folder."""

_Model = TypeVar("_Model", bound=BaseModel)


def _none_if_not_finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Quantity = Annotated[float | None, BeforeValidator(_none_if_not_finite)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ArmRecord(_Read):
    """One network of a comparison: what was counted, measured and modelled, apart. Units end the names."""

    name: str
    role: str
    counted: Mapping[str, Quantity] = {}
    measured: Mapping[str, Quantity] = {}
    modelled: Mapping[str, Quantity] = {}


class ResultRecord(_Read):
    """`result.json` of a finished run."""

    format: Literal[1]
    method: str
    experiment: str
    version: str
    config_hash: str
    seed: int
    status: str
    headline: str
    metrics: Mapping[str, Any]
    arms: tuple[ArmRecord, ...]
    measured_on: Mapping[str, Any] = {}
    simulated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunRecord:
    """Everything a page needs of one run; `chip` is the record of its chip, where one was made."""

    folder: Path
    result: ResultRecord
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    metrics: tuple[Mapping[str, Any], ...]
    figures: tuple[Figure, ...]
    dense: Workload | None = None
    efficient: Workload | None = None
    chip: Path | None = None

    @property
    def title(self) -> str:
        """Method, experiment and seed: 'early-bird digits, seed 1'."""
        return f"{self.result.method} {self.result.experiment}, seed {self.result.seed}"

    @property
    def variant(self) -> tuple[str, str, str]:
        """What runs that differ only in their seed share."""
        return self.result.method, self.result.experiment, self.result.config_hash


def read_run(folder: Path) -> RunRecord:
    """Reads one finished run. Raises `DataError` naming the file that is missing or broken."""
    folder = Path(folder)
    return RunRecord(
        folder=folder,
        result=_read_result(folder / "result.json"),
        config=_settings(_read_mapping(folder / "config.json")),
        environment=_read_mapping(folder / "environment.json"),
        metrics=_read_metrics(folder / "metrics.jsonl"),
        figures=tuple(read_figure(path) for path in sorted((folder / "figures").glob("*.json"), key=_in_order)),
        dense=_read_workload(folder / "workload_dense.json"),
        efficient=_read_workload(folder / "workload_efficient.json"),
        chip=folder / CHIP if (folder / CHIP).is_file() else None,
    )


def checked(model: type[_Model], data: Any, path: Path) -> _Model:
    """`data` as a `model`; raises `DataError` naming the file and the first fault."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise DataError(f"{path}: {where or 'content'}: {fault['msg']}") from None


def mean_and_spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (None for a single value)."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def _in_order(path: Path) -> tuple[int, str]:
    """By the number before the name, as a reader counts: 2 before 10."""
    digits = "".join(itertools.takewhile(str.isdigit, path.stem))
    return int(digits or 0), path.stem


def _read_workload(path: Path) -> Workload | None:
    return Workload.load(path) if path.is_file() else None


def _read_mapping(path: Path) -> Mapping[str, Any]:
    data = read_json(path)
    if not isinstance(data, dict):
        raise DataError(f"{path}: expected a JSON object, found {type(data).__name__}")
    return data


def _settings(saved: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings themselves, without the names of the run that config.json wraps them in."""
    inner = saved.get("config")
    return inner if isinstance(inner, dict) else saved


def _read_result(path: Path) -> ResultRecord:
    data = _read_mapping(path)
    if data.get("format") != RESULT_FORMAT:
        raise DataError(
            f"{path}: written in format {data.get('format')!r}, this netchip reads format {RESULT_FORMAT}; "
            "use the netchip that wrote it, or run it again"
        )
    return checked(ResultRecord, data, path)


def _read_metrics(path: Path) -> tuple[Mapping[str, Any], ...]:
    if not path.is_file():
        return ()
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable ({error})") from None
    lines = text.split("\n")
    whole = lines[:-1]  # a killed run may leave half a line behind the last line break
    return tuple(_metrics_line(line, f"{path}:{number}") for number, line in enumerate(whole, 1) if line.strip())


def _metrics_line(line: str, where: str) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: not readable as JSON ({error})") from None
    if not isinstance(record, dict):
        raise DataError(f"{where}: expected a JSON object a line, found {type(record).__name__}")
    return record
