"""`netchip bench`: measured latency of a model, or of the dense and the efficient network of a run side by side."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from netchip.cli.output import say, show_json, show_table
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
    json: bool = False,
) -> None:
    """Measure latency: median and 10th to 90th percentile after a warm-up. The networks of a run are timed in turns.

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
    json
        Write JSON to stdout, nothing else.
    """
    from netchip.cli.subject import find_subject, whole_numbers
    from netchip.measure.device import device_description
    from netchip.measure.latency import measure_latency

    sizes = whole_numbers("--batch", batch)
    subject = find_subject(model, input, classes)
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
