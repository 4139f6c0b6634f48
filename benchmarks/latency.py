"""Measured latency of the small networks on this machine: `python benchmarks/latency.py`.

The last column is how far the 90th percentile lies above the median: the noise that a comparison has to beat.
"""

import datetime

from netchip.measure.device import device_description
from netchip.measure.latency import measure_latency
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec

NETWORKS = {"resnet20": 1.0, "resnet20 at half width": 0.5, "resnet8": 1.0}


def main() -> None:
    """Prints one line a network and batch size."""
    models = {
        name: build(ModelSpec.parse({"name": name.split()[0], "width": width})) for name, width in NETWORKS.items()
    }
    example = example_input(ModelSpec.parse({"name": "resnet20"}))
    place = device_description()
    print(f"{datetime.date.today()}  {place.name}, 1 thread, torch {place.torch}")
    for each in measure_latency(models, example, batch_sizes=(1, 16), warmup=3, repeats=15):
        print(
            f"{each.model:23} batch {each.batch:3}  median {each.median_s * 1e3:8.2f} ms"
            f"  p10 {each.p10_s * 1e3:8.2f}"
            f"  p90 {each.p90_s * 1e3:8.2f}  +{(each.p90_s / each.median_s - 1) * 100:.0f} %"
        )


if __name__ == "__main__":
    main()
