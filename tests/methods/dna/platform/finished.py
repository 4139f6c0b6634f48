"""The folder of a run that found a pair, without its training."""

from pathlib import Path

from netchip.files import write_json
from netchip.methods.dna.config import DnaConfig
from netchip.methods.dna.legacy.network import example_layers
from netchip.methods.dna.platform.building import platform_of
from netchip.methods.dna.platform.spec import PlatformSpec
from netchip.train.rundir import RunDir
from netchip.workload.network import Workload


def finished(root: Path, platform: PlatformSpec) -> Path:
    """A few layers of the example network, and what the platform finds for them."""
    workload = Workload(example_layers("cifar")[:9])
    with RunDir.open(root, "dna", "custom", DnaConfig(platform=platform), 1) as rundir:
        write_json(rundir.path / "accelerator.json", platform_of(platform, seed=1).best(workload).to_json())
        workload.save(rundir.path / "workload_efficient.json")
    return rundir.path
