"""The configuration of a run: the experiment, then the YAML file, then the flags that were given, validated once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netchip.compose.carrying import NO_EXPERIMENT
from netchip.compose.settings_file import read_settings
from netchip.methods.method import Method
from netchip.spec import Spec, merge, nested


def resolve(method: Method, experiment: str | None, file: Path | None, flags: Mapping[str, Any]) -> Spec:
    """The validated configuration. `flags` are dotted names of the settings that were given.

    Without an experiment the file and the flags are laid over the defaults of the method's configuration.
    Raises `ConfigError`: one line, naming the setting and where it came from.
    """
    base = {} if experiment is None else method.experiment(experiment).model_dump()
    sources = [
        f"{method.name} {experiment or NO_EXPERIMENT}",
        *([str(file)] if file else []),
        *(["flags"] if flags else []),
    ]
    data = merge(base, read_settings(file) if file else {})
    return method.config_class.parse(merge(data, nested(flags)), source=" + ".join(sources))
