"""Finished runs as the beginning of a pipeline, or as what one of its stages made."""

from collections.abc import Mapping
from pathlib import Path

from netchip.compose.pipeline.order import FRACTIONAL, SMART_EXCHANGE, TICKET
from netchip.compose.pipeline.product import Product, load_product
from netchip.errors import ConfigError, DataError
from netchip.graph.saved import MODEL_FILE, load
from netchip.train.rundir import SavedRun, read_run, saved_result
from netchip.workload.network import Workload

DENSE = "dense"
_STAGE_OF: Mapping[str, str] = {
    "early-bird": TICKET,
    "smart-exchange": SMART_EXCHANGE,
    "fractional-skipping": FRACTIONAL,
}


def run_to_start_from(path: Path) -> tuple[SavedRun, str]:
    """What config.json in `path` says, and the stage that the run stands for.

    Raises `DataError` for a folder that holds no finished run, `ConfigError` for one of a method that no stage stands for.
    """
    saved = read_run(path)
    if saved.method not in _STAGE_OF:
        reason = "its student makes pictures, and pipelines are for classifiers"
        told = reason if saved.method == "autogan-distiller" else f"there are {', '.join(_STAGE_OF)}"
        raise ConfigError(f"run: {path} is of {saved.method}, which is no beginning of a pipeline; {told}")
    if saved_result(path) is None:
        raise DataError(f"run: {path} is not finished; `netchip resume {path}` goes on with it")
    return saved, _STAGE_OF[saved.method]


def products_of_run(stage: str, run: Path) -> tuple[Product, ...]:
    """The dense network of a run, where it is there as a plain one, and the run's own under the name of its stage."""
    own = load_product(stage, run, "workload_efficient.json")
    plain = run / DENSE
    if stage == FRACTIONAL or not (plain / MODEL_FILE).is_file():
        return (own,)
    return Product(name=DENSE, network=load(plain), workload=Workload.load(run / "workload_dense.json")), own
