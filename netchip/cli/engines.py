"""`netchip engines`: a network's energy and latency on SmartExchange's accelerator and four others. An estimate."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from netchip.cli.output import note, say, show_json, show_table
from netchip.cli.overwriting import check_place
from netchip.errors import ConfigError

if TYPE_CHECKING:
    from netchip.methods.smart_exchange.engines.estimate import Estimate

_RUN_FILE = "model.se.safetensors"
_AT_ONCE = 8
_BASELINES = ("own", "same_sparsified")


def command(
    model: Annotated[str, Parameter(name="MODEL|RUN|FILE")],
    /,
    *,
    network: Annotated[str | None, Parameter(name="--model")] = None,
    input: str | None = None,
    classes: int | None = None,
    images: str | None = None,
    count: int = 32,
    bits: int = 4,
    row_sparsity: float = 0.0,
    lock_step: int = 1,
    target: str | None = None,
    baseline_weights: str = "own",
    json: bool = False,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> None:
    """Energy and latency of a network on five sparse engines under equal resources: an estimate, not measured.

    SmartExchange's accelerator, DianNao, Cambricon-X, SCNN, Bit-pragmatic: docs/smart_exchange_engines.md says what is modelled.

    Parameters
    ----------
    model
        A file that `netchip compress` wrote (name its network with --model); the folder of a smart-exchange run; or a model as for
        `netchip inspect`, whose weights are decomposed now, without training.
    network
        Of a compressed file: the model whose weights it holds.
    input
        Shape of the input, batch first, such as 1,3,224,224; else the model's own.
    classes
        Classes that the model tells apart; else 10, or 1000 where it is made for 224 x 224.
    images
        What activations are traced on: digits, cifar10, cifar10-small, or a folder with image files. Without it they are assumed.
    count
        Images that are traced.
    bits
        Of a model: bits of a coefficient.
    row_sparsity
        Of a model: share of the rows of each weight to remove, those of the smallest norm.
    lock_step
        Of a model: so many consecutive filters lose the same rows; the array skips rows that 64 filters have lost.
    target
        Of a model: what the weights may take, such as 8x or "3.5 bits", instead of --row-sparsity.
    baseline_weights
        Which weights the other four are given: own (dense 8-bit ones), or same_sparsified (SmartExchange's, rebuilt).
    json
        Write JSON to stdout, nothing else.
    output
        Also write an HTML page with all layers.
    """
    if baseline_weights not in _BASELINES:
        raise ConfigError(f"--baseline-weights {baseline_weights!r} is not known; there are {', '.join(_BASELINES)}")
    if count < 1:
        raise ConfigError(f"--count {count}: give a whole number of at least 1")
    check_place(output)
    settings = {"bits": bits, "row_sparsity": row_sparsity, "lock_step": lock_step, "target": target}
    subject = _subject(model, network, input, classes, settings)
    batches = _batches(subject, images, count)
    estimate = _estimate(_with_factors(subject, settings), batches, baseline_weights)
    if output is not None:
        from netchip.report.engines_page import write_engines_page

        write_engines_page(subject.title, estimate.comparison, estimate.sparsity, output, estimate.workload.uncounted)
    if json:
        show_json(
            {"network": subject.title, "uncounted": list(estimate.workload.uncounted)} | estimate.comparison.to_json()
        )
        return
    _show(subject.title, estimate)
    if output is not None:
        say(f"\npage: {output}")


@dataclass(frozen=True)
class _Subject:
    """A network with its stored weights by name, none before it is decomposed; `dense`: what the other engines run, none for the
    same layers with dense weights."""

    title: str
    model: Any
    example: Any
    packed: Mapping[str, Any] | None = None
    dense: Any = None


def _subject(
    name: str, network: str | None, shape: str | None, classes: int | None, settings: dict[str, Any]
) -> _Subject:
    path = Path(name)
    stored = path / _RUN_FILE if path.is_dir() else path
    if not stored.is_file() or stored.suffix == ".py":
        if network is not None:
            raise ConfigError(
                f"--model is for compressed files; {name} is {'a run without one' if path.is_dir() else 'none'}"
            )
        return _of_model(name, shape, classes)
    usual = {"bits": 4, "row_sparsity": 0.0, "lock_step": 1, "target": None}
    given = [key for key, value in settings.items() if value != usual[key]]
    if given:
        flag = f"--{given[0].replace('_', '-')}"
        raise ConfigError(f"{flag} is for models that are decomposed now; {name} holds stored weights; leave it out")
    return _of_run(name, stored, shape) if path.is_dir() else _of_file(stored, network, shape, classes)


def _of_file(path: Path, network: str | None, shape: str | None, classes: int | None) -> _Subject:
    from netchip.cli.subject import find_subject
    from netchip.methods.smart_exchange.file.reading import read
    from netchip.methods.smart_exchange.modules.compressed import compressed

    file = read(path)
    if network is None:
        raise ConfigError(f"{path} holds weights, but not the layers that use them; name its network with --model")
    subject = find_subject(network, shape, classes)
    plain = list(subject.models.values())[-1]
    return _Subject(f"{path}, {network}", compressed(plain, file).eval(), subject.example, dict(file.packed))


def _of_run(name: str, stored: Path, shape: str | None) -> _Subject:
    from netchip.cli.subject import find_subject
    from netchip.graph.saved import load
    from netchip.methods.smart_exchange.file.reading import read

    subject = find_subject(name, shape)
    dense = load(Path(name) / "dense") if (Path(name) / "dense" / "model.json").is_file() else None
    return _Subject(name, subject.models["efficient"], subject.example, dict(read(stored).packed), dense)


def _of_model(name: str, shape: str | None, classes: int | None) -> _Subject:
    from netchip.cli.subject import find_subject

    subject = find_subject(name, shape, classes)
    model = list(subject.models.values())[-1]
    if subject.title == name and len(subject.models) == 1:
        note(f"{name}: its weights are as the model was built; give a run folder or a compressed file for trained ones")
    return _Subject(name, model, subject.example, dense=model)


def _batches(subject: _Subject, images: str | None, count: int) -> tuple[Any, ...]:
    if images is None:
        return ()
    from netchip.data.pictures import pictures

    return pictures(images, tuple(subject.example.shape[1:]), count).split(_AT_ONCE)


def _with_factors(subject: _Subject, settings: dict[str, Any]) -> _Subject:
    """The model with the weights it has, brought to factors where it has none yet."""
    if subject.packed is not None:
        return subject
    import copy

    from netchip.methods.smart_exchange.training.settings import SmartExchangeSettings
    from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange

    parsed = SmartExchangeSettings.parse(settings, source="the flags")
    model = copy.deepcopy(subject.model)
    exchange = SmartExchange(model, parsed)
    exchange.project()
    for passed in exchange.passed:
        note(f"left at 8 bits: {passed.name}: {passed.reason}")
    return replace(subject, model=model, packed=exchange.packed())


def _estimate(subject: _Subject, batches: tuple[Any, ...], baseline_weights: Any) -> "Estimate":
    import warnings

    from netchip.errors import NetchipWarning
    from netchip.methods.smart_exchange.engines.estimate import estimate_engines

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NetchipWarning)  # what is not counted is said below
        return estimate_engines(
            subject.model,
            subject.packed or {},
            subject.example,
            batches,
            dense=subject.dense,
            baseline_weights=baseline_weights,
        )


def _show(title: str, estimate: "Estimate") -> None:
    from netchip.hardware.engines.figures import energy_table, engines_table, headline

    say(f"{title}: {headline(estimate.comparison)}")
    table = engines_table(estimate.comparison)
    for each in (table, energy_table(estimate.comparison)):
        show_table(each["title"], each["columns"], each["rows"])
    say()
    for line in table["notes"]:
        say(line)
    if estimate.workload.uncounted:
        say(f"not counted, and in no figure here: {', '.join(estimate.workload.uncounted)}")
