"""Carrying out a method's run in its folder, to its last file. No torch is imported here."""

from typing import Any

from netchip.errors import Interrupted
from netchip.methods.method import Method
from netchip.spec import Spec
from netchip.train.rundir import RunDir, is_main

NO_EXPERIMENT = "custom"
"""What a run without a named experiment is called."""


def carried_out(method: Method, config: Spec, rundir: RunDir) -> dict[str, Any]:
    """The content of result.json: read where the run is finished, else worked out and written, with both workloads.

    Raises `Interrupted` upon Ctrl-C, with the command that goes on.
    """
    result = rundir.result()
    if result is not None:
        return result
    try:
        made = method.run(config, rundir)
        if is_main():
            made.dense.save(rundir.path / "workload_dense.json")
            made.efficient.save(rundir.path / "workload_efficient.json")
        return rundir.finish(made.to_json())
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; `netchip resume {rundir.path}` goes on with this run") from None
