"""From a compressed file back to a dense one."""

from pathlib import Path

from netchip.methods.smart_exchange.file.container import write_container
from netchip.methods.smart_exchange.file.reading import read


def expand(path: str | Path, output: str | Path) -> int:
    """Writes all tensors of the compressed file `path` to the safetensors file `output`, whole or not at all; returns its bytes.

    Names, types and metadata are those of what was compressed; each rebuilt weight is compared with its hash first. Raises
    what `read` raises, and `CheckpointError` when the disk refuses.
    """
    file = read(path)
    return write_container(Path(output), {name: file.weight(name) for name in file.names}, file.source)
