"""`netchip bench`: measured latency of a model, or of the dense and the efficient network of a run side by side."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from netchip.cli.output import say, show_json, show_table
from netchip.errors import ConfigError
from netchip.units import format_count, format_seconds


def command(
    model: Annotated[str, Parameter(name="MODEL|RUN")],
    /,
    *,
    batch: str = "1,64",
    threads: int = 1,
    device: str = "cpu",
    warmup: int = 5,
    repeats: int = 30,
    input: str | None = None,
    classes: int | None = None,
    runtime: str | None = None,
    json: bool = False,
) -> None:
    """Measure latency: median and 10th to 90th percentile after a warm-up. The networks of a run are timed in turns.

    Of a run of fractional-skipping: static networks in float32 and at 8 bits, skipping alone and all options, with what
    routing takes, the crossover and a verdict.

    Parameters
    ----------
    model
        A name from `netchip list`, timm:NAME, file.py:function, package.module:function, or a run folder.
    batch
        Batch sizes to measure, such as 1,64.
    threads
        CPU threads.
    device
        cpu, cuda, cuda:1 or mps.
    warmup
        Rounds that are not timed.
    repeats
        Rounds that are timed.
    input
        Shape of the input, batch first, such as 1,3,224,224; else the model's own.
    classes
        Classes that the model tells apart; else 10, or 1000 where it is made for 224 x 224.
    runtime
        Of a run of fractional-skipping: what runs all of its arms, onnxruntime (the default) or torch.
    json
        Write JSON to stdout, nothing else.
    """
    from netchip.cli.bench_gated import bench_gated, find_gated
    from netchip.cli.subject import find_subject, whole_numbers
    from netchip.measure.device import device_description
    from netchip.measure.latency import measure_latency

    sizes = whole_numbers("--batch", batch)
    subject = find_subject(model, input, classes)
    gated = find_gated(tuple(subject.models.values()))
    if gated is not None:
        settings = {"batch_sizes": sizes, "warmup": warmup, "repeats": repeats, "threads": threads, "device": device}
        bench_gated(subject.title, gated, subject.example, runtime=runtime, json=json, **settings)
        return
    if runtime is not None:
        raise ConfigError(f"--runtime {runtime}: only runs of fractional-skipping choose one; leave it out for {model}")
    latencies = measure_latency(
        subject.models,
        subject.example,
        batch_sizes=sizes,
        warmup=warmup,
        repeats=repeats,
        threads=threads,
        device=device,
    )
    place = device_description(device)
    if json:
        measured = [latency.to_json() for latency in latencies]
        show_json({"subject": subject.title, "device": {**place.to_json(), "threads": threads}, "latency": measured})
        return
    counted = f"{threads} thread{'s' * (threads > 1)}"
    say(f"{subject.title}: measured on {place.name} ({place.device}), {counted}, torch {place.torch}")
    columns = ("network", ">batch", ">median", ">p10", ">p90", ">images/s", ">ratio")
    note = f"Latency of one forward pass, {latencies[0].dtype}: {repeats} timed rounds after {warmup} untimed"
    show_table(note, columns, [_row(latency, latencies) for latency in latencies])


def _row(latency: Any, all_of_them: Sequence[Any]) -> tuple[str, ...]:
    """A line of the table; the ratio is to the first network at the same batch."""
    first = next(other for other in all_of_them if other.batch == latency.batch)
    return (
        latency.model,
        str(latency.batch),
        format_seconds(latency.median_s),
        format_seconds(latency.p10_s),
        format_seconds(latency.p90_s),
        format_count(latency.batch / latency.median_s),
        "" if latency is first else f"×{latency.median_s / first.median_s:.2f}",
    )
