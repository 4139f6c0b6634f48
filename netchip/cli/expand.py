"""`netchip expand`: the dense weights of a compressed file, bit for bit what it means."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from netchip.cli.output import say, show_json
from netchip.cli.overwriting import check_new
from netchip.units import format_bytes


def command(
    file: Annotated[Path, Parameter(name="FILE")],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    force: Annotated[bool, Parameter(negative=())] = False,
    json: bool = False,
) -> None:
    """Write the dense weights of a compressed file: names, types and metadata as they were before it was compressed.

    Parameters
    ----------
    file
        What `netchip compress` wrote.
    output
        The safetensors file to write.
    force
        Replace the output where it exists.
    json
        Write JSON to stdout, nothing else.
    """
    check_new(output, force)
    from netchip.methods.smart_exchange.file.expanding import expand

    written = expand(file, output)
    if json:
        show_json({"output": str(output), "bytes": written, "compressed_bytes": file.stat().st_size})
        return
    say(f"{output}: {format_bytes(written)}, {written / file.stat().st_size:.1f} times {file}")
