"""`netchip resume`: go on with a run that was interrupted, under the configuration saved in its folder."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def command(folder: Annotated[Path, Parameter(name="DIR")], /, *, json: bool = False, quiet: bool = False) -> None:
    """Go on with a run that was interrupted.

    Parameters
    ----------
    folder
        The run's folder, such as runs/early-bird/digits-1a2b3c4d/seed-1.
    json
        Write result.json to stdout, nothing else.
    quiet
        No progress on stderr.
    """
    from netchip.cli.running import carry_out, show_result
    from netchip.compose.pipeline.method import NAME, PIPELINE
    from netchip.methods import find_method
    from netchip.train.rundir import RunDir, read_run

    saved = read_run(folder)
    method = PIPELINE if saved.method == NAME else find_method(saved.method)
    config = method.config_class.parse(saved.config, source=str(folder / "config.json"))
    if quiet and "train" in type(config).model_fields:
        config = config.changed(train={"progress": "quiet"})
    with RunDir.reopen(folder) as rundir:
        show_result(carry_out(method, config, rundir), rundir.path, json=json)
