"""One layer of a co-searched network on its chunk as hardware, simulated cycle by cycle: seconds, and no Verilator."""

from pathlib import Path

from netchip.errors import NetchipError, RunError


def chip_tile(run: Path) -> str:
    """A sentence on the smallest layer of a run of `dna`: what its chunk, simulated, takes and gives for a test image.

    Says why there is none where the extra `rtl` is missing or the accelerator cannot become hardware. Raises `RunError` where the
    hardware gives other numbers than the integer reference.
    """
    from netchip.cli.chip_run import design_of, read_chip_run, smallest

    try:
        from netchip.rtl.simulation import simulate

        found = read_chip_run(run)
        design = design_of(found, ())
    except NetchipError as error:
        return f"no chip: {error}"
    step, place = smallest(design)
    image = design.network.levels["image"].numbers(found.images[0])
    inputs = design.network.inputs_of(step, image)
    simulated = simulate([step.layer], design.chunks[place], [inputs])
    if simulated.outputs[0].tolist() != step.run(inputs).tolist():
        raise RunError(
            f"layer {step.name}: the simulated chunk gives other numbers than the reference; a fault in netchip"
        )
    said = next(layer.cycles for chunk in design.report.chunks for layer in chunk.layers if layer.name == step.name)
    return (
        f"chip: layer {step.name} on its chunk ({design.names[place]}) as hardware, simulated cycle by cycle for a test image: "
        f"every number is the reference's, in {simulated.cycles[0]:,} cycles ({said:,.0f} predicted); all of it: netchip chip {run}"
    )
