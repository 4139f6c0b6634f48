"""A mapped network named on the command line: the run of a searched pair, or a folder with a chip, layers and mappings."""

from pathlib import Path
from typing import TYPE_CHECKING

from netchip.errors import RequestError

if TYPE_CHECKING:
    from netchip.export.mapped_network import MappedNetwork


def find_mapped(name: str) -> "MappedNetwork | None":
    """The mapped network in the folder `name`; none where it is no such folder.

    Raises `RequestError` for a run whose accelerator no such files can hold.
    """
    from netchip.export.mapped_network import MAPPINGS, MappedNetwork, read_mapped
    from netchip.train.rundir import CONFIG_FILE, read_run

    folder = Path(name)
    if (folder / MAPPINGS).is_file():
        return read_mapped(folder)
    if not (folder / CONFIG_FILE).is_file():
        _refuse_pipeline(folder)
        return None
    saved = read_run(folder)
    if saved.method != "dna":
        return None
    from netchip.methods.dna.platform.mapped import mapped_of_run

    return MappedNetwork(*mapped_of_run(saved))


def _refuse_pipeline(folder: Path) -> None:
    """A pair's own folder has mappings, unless its accelerator is a pipeline of engines."""
    from netchip.methods.dna.platform.mapped import DESIGN, refuse_pipeline

    if (folder / DESIGN).is_file():
        from netchip.methods.dna.platform.files import read_design

        refuse_pipeline(read_design(folder / DESIGN), str(folder))


def require_mapped(name: str) -> "MappedNetwork":
    """The same; raises `RequestError` where there is none."""
    found = find_mapped(name)
    if found is None:
        raise RequestError(
            f"{name} holds no accelerator with a mapping for each layer; name a run of dna on a hierarchy, or the folder of a pair "
            "with chip.yaml, workload.json and mappings.json"
        )
    return found
