"""`netchip sweep`: a grid of methods, settings, budgets and seeds, each trial a run folder; the results on chips, in one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from netchip.cli.output import note, say, show_json, show_table
from netchip.compose.settings_file import read_settings
from netchip.errors import CheckpointError
from netchip.spec import merge
from netchip.units import format_seconds

if TYPE_CHECKING:
    from netchip.compose.sweep.outcome import Outcome
    from netchip.compose.sweep.record import Swept
    from netchip.compose.sweep.spec import SweepSpec
    from netchip.compose.sweep.workers import Workers

_SEVERAL = Parameter(consume_multiple=True, negative=())
_SWITCH = Parameter(negative=())
_PAGE = "report.html"
_TITLES = {"measured": "Measured", "counted": "Counted", "modelled": "Modelled, not measured"}


def command(
    *methods: Annotated[str, Parameter(name="METHOD/EXPERIMENT")],
    config: Path | None = None,
    seeds: Annotated[tuple[int, ...], _SEVERAL] = (),
    budgets: Annotated[tuple[str, ...], _SEVERAL] = (),
    settings: Annotated[tuple[str, ...], Parameter(name="--set", consume_multiple=True, negative=())] = (),
    chips: Annotated[tuple[str, ...], _SEVERAL] = (),
    mappings: int | None = None,
    workers: int | None = None,
    threads: int | None = None,
    retries: int = 2,
    ray: str | None = None,
    out: Path = Path("runs"),
    fresh: Annotated[bool, _SWITCH] = False,
    json: Annotated[bool, _SWITCH] = False,
    quiet: Annotated[bool, _SWITCH] = False,
) -> None:
    """Run every combination of methods, settings, budgets and seeds, each as `netchip run` would; finished ones are not run again.

    Parameters
    ----------
    methods
        Such as early-bird/digits; without an experiment, a method's defaults.
    config
        YAML file of the grid: methods, seeds, budgets, settings, chips. Flags come on top of it.
    seeds
        Seeds to try, such as 1 2 3.
    budgets
        Budgets to try, such as 40% 60%: of MACs (early-bird, autogan-distiller), of weight bytes (smart-exchange), of the cost of
        gated blocks (fractional-skipping).
    settings
        Values of a setting to try, such as data.batch_size=32,64, or of one method's alone: early-bird:ratio=0.3,0.5.
    chips
        Chips that the networks are priced on afterwards: modelled energy and latency.
    mappings
        Mappings tried for each kind of layer on a chip; 20,000 if not given.
    workers
        Processes on this machine; else one a core.
    threads
        Threads of each trial; else its share of the cores, and 1 under --ray.
    retries
        How often a trial that was killed is started again, where it left off.
    ray
        Run on a Ray cluster: auto for the one this machine is in, local, or HOST:PORT. Its machines must share the folder --out.
    out
        Folder that holds the run folders.
    fresh
        Run finished trials again too.
    json
        Write the record of the sweep as JSON to stdout, nothing else.
    quiet
        No progress on stderr.
    """
    from netchip.compose.sweep.costing import priced
    from netchip.compose.sweep.outcome import fault_of
    from netchip.compose.sweep.sweeping import sweep

    given = {"methods": methods, "seeds": seeds, "budgets": budgets, "chips": chips, "mappings": mappings}
    spec = _spec(config, {name: value for name, value in given.items() if value}, settings)
    swept = sweep(
        spec, out, workers=_workers(ray, workers, threads), retries=retries, fresh=fresh, told=None if quiet else _tell
    )
    swept = priced(swept, told=None if quiet else _tell_pricing)
    page = _page(swept)
    if json:
        show_json(swept.to_json())
    else:
        _show(swept, page)
    fault = fault_of(swept.outcomes)
    if fault is not None:
        raise fault


def _spec(config: Path | None, given: dict[str, Any], words: Sequence[str]) -> "SweepSpec":
    from netchip.compose.sweep.spec import SweepSpec, read_setting

    base = {} if config is None else read_settings(config)
    settings = dict(read_setting(word) for word in words)
    source = " + ".join([*([str(config)] if config else []), *(["flags"] if given or settings else [])])
    return SweepSpec.parse(merge(base, given | ({"settings": settings} if settings else {})), source=source or "sweep")


def _workers(ray: str | None, workers: int | None, threads: int | None) -> "Workers":
    from netchip.compose.sweep.local import LocalWorkers

    local = LocalWorkers(workers, threads=threads)
    if ray is None:
        return local
    from netchip.compose.sweep.on_ray import RayWorkers

    return RayWorkers(ray, threads=threads or 1)


def _tell(outcome: "Outcome", over: int, total: int) -> None:
    if outcome.status == "done":
        how = f"done in {format_seconds(outcome.seconds)}" if outcome.attempts else "finished already"
    elif outcome.status == "waiting":
        how = f"{outcome.reason}; started again"
    else:
        how = f"{outcome.status}: {outcome.reason}"
    note(f"{over}/{total} {outcome.trial.label}: {how}")


def _tell_pricing(label: str, place: int, total: int) -> None:
    note(f"pricing {place + 1}/{total} {label}")


def _page(swept: "Swept") -> Path | None:
    """The page of all finished trials; that it cannot be written fails no sweep."""
    from netchip.report.page import write_report

    if not swept.done:
        return None
    try:
        return write_report([swept.folder_of(each) for each in swept.done], swept.folder / _PAGE)
    except CheckpointError as error:
        note(f"netchip: warning: {error}")
        return None


def _show(swept: "Swept", page: Path | None) -> None:
    rows = [(each.trial.label, each.status, str(each.attempts), each.reason) for each in swept.outcomes]
    show_table(f"{len(swept.done)} of {len(rows)} trials done", ("trial", "status", ">started", "reason"), rows)
    found = [trial for trial in swept.to_json()["trials"] if trial["status"] == "done"]
    for section, title in _TITLES.items():
        _show_section(section, title, found)
    say()
    if page is not None:
        say(f"report: {page}")
    say(str(swept.folder))


def _show_section(section: str, title: str, trials: Sequence[dict[str, Any]]) -> None:
    """One row a trial, one column a figure of its own network."""
    from netchip.report.quantities import label, written
    from netchip.report.record import ArmRecord
    from netchip.report.tables import columns_of

    kept = {trial["label"]: _figures(trial[section]) for trial in trials}
    arms = [ArmRecord(name=name, role="ours", **{section: figures}) for name, figures in kept.items()]
    keys = [key for _, key in columns_of(arms)]
    if keys:
        rows = [(name, *(written(key, figures.get(key)) for key in keys)) for name, figures in kept.items()]
        show_table(title, ("trial", *(f">{label(key)}" for key in keys)), rows)
    for trial in trials:
        for name, value in trial[section].items():
            if isinstance(value, str):
                say(f"{trial['label']}: {label(name)}: {value}")


def _figures(section: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in section.items() if isinstance(value, (int, float))}
