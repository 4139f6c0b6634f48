"""The arms side by side: what was counted and what was measured, on the same test set."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from netchip.data.batches import Batches
from netchip.graph.saved import save
from netchip.graph.to_workload import to_workload
from netchip.measure.accuracy import accuracy_percent
from netchip.measure.device import device_description
from netchip.methods.method import Arm, Result
from netchip.methods.smart_exchange.baselines.comparison import RateDistortion
from netchip.methods.smart_exchange.baselines.distortion import ratio_of_norms, squared_error, squared_norm
from netchip.methods.smart_exchange.baselines.rate_distortion import rate_distortion
from netchip.methods.smart_exchange.config import SmartExchangeConfig
from netchip.methods.smart_exchange.encoding import encoded_workload
from netchip.methods.smart_exchange.stages.engines import in_words, on_engines, write_engines
from netchip.methods.smart_exchange.stages.figures import write_figures
from netchip.methods.smart_exchange.stages.made import Made
from netchip.methods.smart_exchange.stages.stages import Stages
from netchip.methods.smart_exchange.training.activations import Activations
from netchip.methods.smart_exchange.training.smart_exchange import SmartExchange
from netchip.models.build import example_input
from netchip.train.accelerating import training_device
from netchip.train.distributed import is_main
from netchip.units import format_percent

_FLOAT_BITS = 32


def compare(stages: Stages, made: Mapping[str, Made], test: Batches) -> Result:
    """Counts and tests the arms (by name, in the order they are shown); writes networks and figures into the run's folder."""
    config, folder = stages.config, stages.rundir.path
    example = example_input(config.model, batch=1)
    dense, own = made["dense"], made[config.own]
    planned = stages.exchange(dense.network)
    arms = {
        name: Arm(
            name=name,
            role=each.role,
            counted=_counted(each, dense),
            measured=_measured(each, stages, planned, test) | _file_bytes(each, folder, config),
        )
        for name, each in made.items()
    }
    distortion = rate_distortion(
        {name: dense.weights[name] for name in planned.names}, tilings=planned.tilings, bits=config.exchange.bits
    )
    write_figures(folder, made, arms, distortion)
    engines = on_engines(made, config.own, example, stages.calibration(), config.activations)
    write_engines(folder, engines, made, distortion)
    return Result(
        headline=_headline(arms, config),
        metrics=_metrics(arms, config),
        arms=tuple(arms.values()),
        dense=to_workload(dense.network, example),
        efficient=encoded_workload(own.network, example, own.packed),
        measured_on=device_description("cpu").to_json() | {"training_device": training_device(config.train.device)},
        simulated=in_words(engines),
        notes=_notes(config, planned, distortion),
    )


def folder_of(name: str, run: Path, config: SmartExchangeConfig) -> Path:
    """Where an arm's network is saved: the run's own folder for its result, as `netchip.load(run)` expects."""
    return run if name == config.own else run / name


def _counted(made: Made, dense: Made) -> dict[str, float]:
    weights = sum(weight.numel() for weight in dense.weights.values())
    counted = {
        "bits_per_weight": made.bits_per_weight,
        "compression_ratio": _FLOAT_BITS * weights / made.stored_bits,
        "stored_bits": made.stored_bits,
    }
    if made.packed:
        counts = [packed.counts for packed in made.packed.values()]
        rows, kept = sum(each.real_rows for each in counts), sum(each.kept_rows for each in counts)
        counted["zero_rows_percent"] = 100.0 * (rows - kept) / rows
    if (
        made.fits == dense.fits and made is not dense
    ):  # not trained since: how far its weights are from those it stands for
        squared = sum(squared_error(weight, made.weights[name]) for name, weight in dense.weights.items())
        norm = sum(squared_norm(weight) for weight in dense.weights.values())
        counted["weight_error_percent"] = 100.0 * ratio_of_norms(squared, norm)
    return counted


def _measured(made: Made, stages: Stages, planned: SmartExchange, test: Batches) -> dict[str, float]:
    return {
        "test_accuracy_percent": accuracy_percent(made.network, test),
        "test_accuracy_8bit_inputs_percent": _rounded_accuracy(made.network, stages, planned.layer_names, test),
        "training_seconds": made.seconds,
    }


def _rounded_accuracy(network: nn.Module, stages: Stages, layers: tuple[str, ...], test: Batches) -> float:
    """With the inputs of the treated layers on the grid of `config.activations`; the same layers in every arm."""
    activations = Activations(network, layers, stages.config.activations)
    try:
        activations.calibrate(stages.calibration())
        return accuracy_percent(network, test)
    finally:
        activations.remove()


def _file_bytes(made: Made, run: Path, config: SmartExchangeConfig) -> dict[str, float]:
    """Writes the network twice, as any network of netchip and as it is stored; the size of the second counts."""
    folder = folder_of(made.name, run, config)
    if is_main():
        save(folder, made.network, source=config.model.model_dump(mode="json"))
        return {"file_bytes": made.write(folder).stat().st_size}
    return {}


def _headline(arms: Mapping[str, Arm], config: SmartExchangeConfig) -> str:
    own, dense = arms[config.own], arms["dense"]
    return (
        f"SmartExchange ({config.own}): {own.counted['bits_per_weight']:.2f} bits a weight, "
        f"{own.counted['compression_ratio']:.1f} times fewer than fp32, "
        f"{format_percent(own.measured['test_accuracy_percent'])} of the test images right "
        f"(dense {format_percent(dense.measured['test_accuracy_percent'])})."
    )


def _metrics(arms: Mapping[str, Arm], config: SmartExchangeConfig) -> dict[str, float | int | str | None]:
    metrics: dict[str, float | int | str | None] = {"own_arm": config.own}
    for name, arm in arms.items():
        stem = "" if name == config.own else f"{name.replace('-', '_')}_"
        metrics[f"{stem}test_accuracy_percent"] = arm.measured["test_accuracy_percent"]
        metrics[f"{stem}bits_per_weight"] = arm.counted["bits_per_weight"]
    return metrics


def _notes(config: SmartExchangeConfig, planned: SmartExchange, distortion: RateDistortion) -> tuple[str, ...]:
    settings = config.exchange
    return (
        f"{settings.bits}-bit coefficients, int8 basis; bits a weight are over all weights of convolutions, linear layers and "
        "embeddings, as they lie in the file; weights left alone count as they are",
        f"accuracy is the last epoch's, on a test set touched once; with 8-bit inputs: {config.activations.bits} bits, ranges by "
        f"{config.activations.range} of {config.calibration_batches} training batches, no training with them",
        "int8: one scale a filter; int4: groups of 64; both rounded to nearest from the dense network, without training",
        *(f"dense weights, error against bits: {sentence}" for sentence in distortion.verdict[:4]),
        *(f"left alone: {passed.name}: {passed.reason}" for passed in planned.passed),
    )
