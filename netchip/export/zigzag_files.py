"""A network, and a chip, as the files that ZigZag takes, each read again by netchip's own readers before it is written."""

import tempfile
from pathlib import Path

from netchip.errors import RunError
from netchip.export.checked_text import CheckedText, layers_of, require_same
from netchip.export.yaml_text import read_yaml
from netchip.export.zigzag_mapping import zigzag_mapping
from netchip.export.zigzag_reading import read_zigzag_accelerator
from netchip.export.zigzag_workload import only_precision, zigzag_workload
from netchip.export.zigzag_workload_reading import read_zigzag_workload
from netchip.export.zigzag_writing import zigzag_accelerator
from netchip.files import write_atomic
from netchip.hardware.accelerator import Accelerator
from netchip.workload.network import Workload

NETWORK_FILE, CHIP_FILE, MAPPING_FILE = "network.yaml", "chip.yaml", "mapping.yaml"
_LEFT_OUT = "edges beyond one for each operand"


def write_zigzag_network(workload: Workload, path: Path | str) -> CheckedText:
    """Writes the workload file. Raises `RequestError` for a layer that ZigZag has no word for; see `zigzag_workload`."""
    text = zigzag_workload(workload)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / NETWORK_FILE
        write_atomic(kept, text)
        found = read_zigzag_workload(kept)
    require_same(found.layers, workload.layers, path)
    write_atomic(Path(path), text)
    left = (_LEFT_OUT,) if set(workload.edges) - set(found.edges) else ()
    return CheckedText(file=str(path), holds=layers_of(workload), left_out=left)


def write_zigzag(workload: Workload, chip: Accelerator, folder: Path | str) -> tuple[CheckedText, ...]:
    """Writes network.yaml, chip.yaml and mapping.yaml (which leaves the mapping to ZigZag): all that a run of ZigZag asks for.

    A MAC is priced at the precision of the network's layers, which must have one. Raises `RequestError` for what ZigZag has no
    word for; see `zigzag_workload` and `zigzag_accelerator`.
    """
    place = Path(folder)
    chip_text, mapping_text = _chip_text(workload, chip), zigzag_mapping(workload, chip, {})
    network = write_zigzag_network(workload, place / NETWORK_FILE)
    write_atomic(place / CHIP_FILE, chip_text)
    write_atomic(place / MAPPING_FILE, mapping_text)
    memories = f"{chip.name}, {len(chip.memories)} memories"
    left = ("the clock", "the sources of its constants")
    return (
        network,
        CheckedText(file=str(place / CHIP_FILE), holds=memories, left_out=left),
        CheckedText(file=str(place / MAPPING_FILE), holds="no unrolling, which ZigZag then finds"),
    )


def _chip_text(workload: Workload, chip: Accelerator) -> str:
    text = zigzag_accelerator(chip, precision=only_precision(workload))
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / CHIP_FILE, Path(folder) / "again.yaml"
        write_atomic(first, text)
        again = read_zigzag_accelerator(first, areas_in_mm2=chip.area is not None)
        write_atomic(second, zigzag_accelerator(again))
        if read_yaml(first) != read_yaml(second):
            raise RunError(
                f"{chip.name} does not read back from ZigZag's accelerator file as it was; nothing was written"
            )
    return text
