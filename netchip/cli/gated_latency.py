"""What a gated network takes at batch 1 beside its plain one, measured now: a run of it records accuracies and costs, no times."""

from pathlib import Path

from netchip.errors import MissingExtra

_ROUNDS = 60


def gated_latency_ms(run: Path) -> tuple[float, float] | None:
    """Medians of the gated network of a run and of its plain float32 form, both in ONNX Runtime, in turns.

    Decisions are those on the run's validation images. Nothing for a run of another method, or without ONNX Runtime.
    """
    from netchip.cli.bench_gated import find_gated
    from netchip.cli.run_images import images_of
    from netchip.cli.subject import find_subject
    from netchip.methods.fractional_skipping.execution.arms import FP32, FRACTIONAL
    from netchip.methods.fractional_skipping.execution.bench import bench

    subject = find_subject(str(run))
    network = find_gated(tuple(subject.models.values()))
    if network is None:
        return None
    images, _ = images_of(str(run), subject.example)
    try:
        found = bench(network, images, batch_sizes=(1,), repeats=_ROUNDS)
    except MissingExtra:
        return None
    medians = {each.model: 1e3 * each.median_s for each in found.latencies}
    return medians[FRACTIONAL], medians[FP32]
