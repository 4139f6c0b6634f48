"""`netchip bench` of a gated network: static networks, skipping alone and all options, in one runtime, on the run's own images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netchip.cli.output import note, say, show_json, show_table
from netchip.errors import ConfigError, NetchipError
from netchip.units import format_count, format_seconds

if TYPE_CHECKING:
    from torch import Tensor

    from netchip.methods.fractional_skipping.execution.bench import Bench
    from netchip.methods.fractional_skipping.network import FractionalNetwork

_IMAGES = 256


def find_gated(models: Sequence[Any]) -> "FractionalNetwork | None":
    """The gated network among `models`; None where there is none."""
    from netchip.methods.fractional_skipping.network import FractionalNetwork

    return next((each for each in models if isinstance(each, FractionalNetwork)), None)


def bench_gated(
    title: str,
    network: "FractionalNetwork",
    example: "Tensor",
    *,
    runtime: str | None,
    batch_sizes: Sequence[int],
    warmup: int,
    repeats: int,
    threads: int,
    device: str,
    json: bool,
) -> None:
    """Measures and shows; raises `ConfigError` for another device than the CPU."""
    from netchip.measure.device import device_description
    from netchip.methods.fractional_skipping.execution.bench import bench

    if device != "cpu":
        raise ConfigError(f"--device {device}: a gated network is measured on the cpu, where its integer kernels are")
    images, from_where = _images(title, example)
    found = bench(
        network,
        images,
        batch_sizes=batch_sizes,
        runtime=runtime or "onnxruntime",  # type: ignore[arg-type]
        warmup=warmup,
        repeats=repeats,
        threads=threads,
    )
    place = device_description(device)
    if json:
        show_json(
            {"subject": title, "device": {**place.to_json(), "threads": threads}, "images": from_where}
            | found.to_json()
        )
        return
    counted = f"{threads} thread{'s' * (threads > 1)}"
    say(
        f"{title}: measured on {place.name} ({place.device}), {counted}, all in {_version(found.runtime)}; {from_where}"
    )
    _show(found, warmup)


def _show(found: "Bench", warmup: int) -> None:
    first = found.latencies[0]
    columns = ("network", ">batch", ">median", ">p10", ">p90", ">images/s", ">ratio", "runs as")
    rows = [
        (
            each.model,
            str(each.batch),
            format_seconds(each.median_s),
            format_seconds(each.p10_s),
            format_seconds(each.p90_s),
            format_count(each.batch / each.median_s),
            f"×{found.ratio(each.model, each.batch):.2f}",
            found.how[each.model],
        )
        for each in found.latencies
    ]
    show_table(f"Latency of one forward pass: {first.repeats} timed rounds after {warmup} untimed", columns, rows)
    columns = (">batch", ">decisions", ">sort, gather, scatter", ">share of fp32 static")
    parts = [
        (str(each.batch), format_seconds(each.deciding_s), format_seconds(each.moving_s), f"{each.of_dense:.1%}")
        for each in found.overhead
    ]
    show_table("Routing overhead of the fractional network, grouped", columns, parts)
    say()
    for arm, batch in found.crossover.items():
        say(f"Crossover with {arm}: " + ("at no measured batch" if batch is None else f"faster from batch {batch} on"))
    say(found.verdict())


def _images(title: str, example: "Tensor") -> "tuple[Tensor, str]":
    """Validation images of the run in the folder `title`, for decisions depend on them; noise where they are not at hand."""
    import torch

    try:
        found = _of_run(Path(title))
        return found, f"{len(found)} validation images in turn"
    except NetchipError as error:
        note(f"The run's own images are not at hand ({error}); decisions are those on noise.")
    noise = torch.randn(_IMAGES, *example.shape[1:], generator=torch.Generator().manual_seed(0))
    return noise, f"decisions on {_IMAGES} images of noise"


def _of_run(folder: Path) -> "Tensor":
    import torch

    from netchip.data.batches import evaluation_batches
    from netchip.data.loading import load
    from netchip.data.spec import DatasetSpec
    from netchip.train.rundir import read_run

    spec = DatasetSpec.parse(read_run(folder).config.get("data", {}), source=str(folder))
    data = load(spec)
    taken: list[Any] = []
    for images, _ in evaluation_batches(data.validation, data, spec).epoch(0):
        taken.append(images)
        if sum(map(len, taken)) >= _IMAGES:
            break
    return torch.cat(taken)[:_IMAGES]


def _version(runtime: str) -> str:
    import torch

    if runtime == "torch":
        return f"torch {torch.__version__}"
    import onnxruntime

    return f"ONNX Runtime {onnxruntime.__version__}"
