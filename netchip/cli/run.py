"""`netchip run METHOD [EXPERIMENT]`: one sub-command a method, its settings as dotted flags."""

import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from netchip.cli.flags import flag_parameters, given, settings_of
from netchip.cli.list import first_line
from netchip.cli.settings import NO_EXPERIMENT, resolve
from netchip.errors import ConfigError
from netchip.methods import all_methods
from netchip.methods.method import Method
from netchip.spec import Spec

_QUIET = "train.progress"
_GROUP = Group("This run", sort_key=-1)


def _switch(meaning: str) -> Parameter:
    return Parameter(group=_GROUP, help=meaning, negative=(), show_default=False)


@dataclass(frozen=True)
class RunOptions:
    """What a run is told beside the settings of its method."""

    config: Annotated[Path | None, Parameter(group=_GROUP, help="YAML file of settings, over the experiment's.")] = None
    out: Annotated[Path, Parameter(group=_GROUP, help="Folder that holds the run folders.")] = Path("runs")
    fresh: Annotated[bool, _switch("Empty the run's folder first.")] = False
    json: Annotated[bool, _switch("Write result.json to stdout, nothing else.")] = False
    quiet: Annotated[bool, _switch("No progress on stderr.")] = False


def run_app(methods: Sequence[Method]) -> App:
    """The verb `run` for these methods."""
    app = App(name="run", help="Run a method: netchip run METHOD [EXPERIMENT] [--settings].")

    @app.default
    def no_method(*words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]) -> None:
        raise ConfigError(_no_method(words, [method.name for method in methods]))

    for method in methods:
        app.command(_command(method), name=method.name, help=_help(method))
    return app


def _no_method(words: Sequence[str], names: Sequence[str]) -> str:
    if not words:
        return f"name a method: netchip run METHOD [EXPERIMENT]; there are: {', '.join(names)}"
    close = difflib.get_close_matches(words[0], names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names)}"
    return f"no method is called {words[0]!r}; {hint}"


def _command(method: Method) -> Callable[..., None]:
    """A command whose signature holds the run's own options and one flag for each setting of the method."""

    def command(experiment: str | None = None, /, run_options: RunOptions | None = None, **values: Any) -> None:
        _run(method, experiment, given(values), run_options or RunOptions())

    names = f"One of: {', '.join(method.experiments)}."
    experiment = inspect.Parameter(
        "experiment",
        inspect.Parameter.POSITIONAL_ONLY,
        default=None,
        annotation=Annotated[str | None, Parameter(help=names, show_default=False)],
    )
    options = inspect.Parameter(
        "run_options",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[RunOptions | None, Parameter(name="*")],
    )
    parameters = [experiment, options, *flag_parameters(method.config_class)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _run(method: Method, experiment: str | None, flags: dict[str, Any], options: RunOptions) -> None:
    if experiment is None and options.config is None and not flags:
        raise ConfigError(
            f"name an experiment: netchip run {method.name} {'|'.join(method.experiments)}; "
            "or give settings with --config or flags"
        )
    if options.quiet and _QUIET in {setting.name for setting in settings_of(method.config_class)}:
        flags = {_QUIET: "quiet", **flags}
    config = resolve(method, experiment, options.config, flags)
    _carry_out(method, experiment or NO_EXPERIMENT, config, options)


def _carry_out(method: Method, experiment: str, config: Spec, options: RunOptions) -> None:
    from netchip.cli.running import carry_out, show_result
    from netchip.train.rundir import RunDir

    seed = getattr(config, "seed", 0)
    with RunDir.open(options.out, method.name, experiment, config, seed, fresh=options.fresh) as rundir:
        show_result(carry_out(method, config, rundir), rundir.path, json=options.json)


def _help(method: Method) -> str:
    paper = f"{method.paper.title} ({method.paper.venue}, arXiv {method.paper.arxiv})"
    experiments = "\n\n".join(f"{name}: {first_line(function)}" for name, function in method.experiments.items())
    return (
        f"{method.summary[:1].upper()}{method.summary[1:]}.\n\n{paper}\n\nExperiments\n\n{experiments}\n\n"
        "Settings come from the experiment, then --config, then flags; the defaults shown hold without an experiment."
    )


APP = run_app(all_methods())
