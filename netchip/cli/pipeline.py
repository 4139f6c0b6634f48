"""`netchip pipeline`: methods one after the other on one network, from a YAML file."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from netchip.spec import merge


def command(
    file: Annotated[Path, Parameter(name="FILE")],
    /,
    *,
    chips: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    seed: int | None = None,
    out: Path = Path("runs"),
    fresh: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
    quiet: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train, prune, pack or gate one network in the order a file says, and show it after each stage in one table.

    Parameters
    ----------
    file
        YAML: model and data (or run, a finished one to go on from), stages in order, chips. See docs/sweeps_and_pipelines.md.
    chips
        Chips that every network on the way is priced on, in place of the file's.
    seed
        Seed of all stages, in place of the file's.
    out
        Folder that holds the run folders.
    fresh
        Empty the pipeline's folder first; a ticket's run is kept.
    json
        Write result.json to stdout, nothing else.
    quiet
        No progress on stderr.
    """
    from netchip.cli.running import carry_out, show_result
    from netchip.compose.pipeline.method import PIPELINE
    from netchip.compose.pipeline.pipeline import open_folder
    from netchip.compose.pipeline.spec import PipelineSpec
    from netchip.compose.settings_file import read_settings

    given: dict[str, Any] = ({"chips": chips} if chips else {}) | ({} if seed is None else {"seed": seed})
    given |= {"train": {"progress": "quiet"}} if quiet else {}
    spec = PipelineSpec.parse(merge(read_settings(file), given), source=str(file))
    with open_folder(spec, out, fresh=fresh) as rundir:
        show_result(carry_out(PIPELINE, spec, rundir), rundir.path, json=json)
