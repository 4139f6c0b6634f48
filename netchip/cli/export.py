"""`netchip export`: the gated network of a run as ONNX files, each run beside its source."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from netchip.cli.output import note, say, show_json
from netchip.errors import ConfigError


def command(
    run: Annotated[str, Parameter(name="RUN")],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    few_bits: str = "int8",
    images: int = 64,
    json: bool = False,
) -> None:
    """Write the gated network of a fractional-skipping run as ONNX files, and say how far each is from its source.

    pieces/ holds the gate and a graph for each block and option; branching.onnx is one model for a single input, modal.onnx each
    block frozen at its most frequent option, static.pt2 the static form of torch.export.

    Parameters
    ----------
    run
        A run folder of fractional-skipping.
    output
        The folder to write.
    few_bits
        int8: options of at most 8 bits on integer kernels where a block allows it; simulated: rounded floats throughout.
    images
        Validation images of the run that are compared, and that tell the range of what integers add up to.
    json
        Write JSON to stdout, nothing else.
    """
    from netchip.cli.bench_gated import find_gated
    from netchip.cli.run_images import images_of
    from netchip.cli.subject import find_subject
    from netchip.methods.fractional_skipping.export.exporting import export_network

    if images < 2:
        raise ConfigError(f"--images {images}: give at least 2")
    subject = find_subject(run)
    network = find_gated(tuple(subject.models.values()))
    if network is None:
        raise ConfigError(f"{run} holds no gated network; name a run folder of fractional-skipping")
    given, from_where = images_of(subject.title, subject.example)
    note(f"Exporting, and comparing on {min(images, len(given))} images ({from_where}); this takes a while.")
    found = export_network(network, given[:images], output, few_bits=few_bits)  # type: ignore[arg-type]
    if json:
        show_json({"folder": str(output), "files": [each.to_json() for each in found]})
        return
    for each in found:
        say(each.line())
    say(f"folder: {output}")
