"""`netchip bench` of a gated network: static networks, skipping alone and all options, in one runtime, on the run's own images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netchip.cli.output import say, show_json, show_table
from netchip.cli.run_images import images_of
from netchip.errors import ConfigError
from netchip.units import format_count, format_seconds

if TYPE_CHECKING:
    from torch import Tensor

    from netchip.methods.fractional_skipping.execution.bench import Bench
    from netchip.methods.fractional_skipping.network import FractionalNetwork


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
    images, from_where = images_of(title, example)
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


def _version(runtime: str) -> str:
    import torch

    from netchip.graph.onnx_extra import onnx_runtime

    return f"torch {torch.__version__}" if runtime == "torch" else f"ONNX Runtime {onnx_runtime().__version__}"
