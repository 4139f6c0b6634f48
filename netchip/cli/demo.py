"""`netchip demo`: the first five minutes. A ticket on real handwritten digits, against the dense network."""

from pathlib import Path

from netchip.cli.output import note

_METHOD, _EXPERIMENT = "early-bird", "digits"

_NEXT = (
    "Digits are easy, so both networks come close to 100 %. CIFAR-10 shows more: netchip run early-bird cifar10-small; "
    "your own pictures: netchip run early-bird digits --data.name folder:PATH --model.classes N --model.in-channels 3"
)


def command(*, out: Path = Path("runs/demo"), fresh: bool = False, quiet: bool = False) -> None:
    """Find an early-bird ticket on real handwritten digits, train it, and compare it with the dense network (a minute).

    Parameters
    ----------
    out
        Folder that holds the run.
    fresh
        Run it again even where it is finished.
    quiet
        No progress on stderr.
    """
    from netchip.cli.running import carry_out, show_result
    from netchip.methods import find_method
    from netchip.train.rundir import RunDir

    method = find_method(_METHOD)
    config = method.experiment(_EXPERIMENT)
    if quiet:
        config = config.changed(train={"progress": "quiet"})
    note(f"netchip run {_METHOD} {_EXPERIMENT} --out {out}")
    with RunDir.open(out, method.name, _EXPERIMENT, config, config.seed, fresh=fresh) as rundir:
        show_result(carry_out(method, config, rundir), rundir.path, json=False)
    note(_NEXT)
