"""What each of two ranks does in `test_two_ranks.py`: a whole Early-Bird run, then what this rank ended with."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from netchip.methods.early_bird import experiments
from netchip.methods.early_bird import run as early_bird
from netchip.methods.early_bird.config import EarlyBirdConfig
from netchip.methods.early_bird.stages.stages import Searched, Stages
from netchip.methods.early_bird.stages.trained import Trained
from netchip.train.rundir import RunDir

seen: dict[str, Any] = {}


class Watched(Stages):
    """The stages of the run, kept so that masks and weights can be read afterwards."""

    def search(self) -> Searched:
        seen["search"] = super().search()
        return seen["search"]

    def retrain(self, searched: Searched, target: int) -> Trained:
        seen["ticket"] = super().retrain(searched, target)
        return seen["ticket"]


def config(accumulate: int) -> EarlyBirdConfig:
    return experiments.smoke().changed(
        epochs=3,
        latest_epoch=2,
        dense_baseline=False,
        data={"batch_size": 128},
        train={"progress": "quiet", "accumulate": accumulate, "device": "cpu"},
    )


def main(folder: Path, accumulate: int) -> None:
    torch.set_num_threads(1)
    early_bird.Stages = Watched  # type: ignore[misc]
    asked = config(accumulate)
    with RunDir.open(folder, "early-bird", "ranks", asked, asked.seed) as rundir:
        early_bird.run(asked, rundir)
    masks = ["".join("01"[kept] for kept in mask.astype(int)) for mask in seen["search"].search.masks]
    rank = os.environ.get("RANK", "0")
    (folder / f"masks-{rank}.json").write_text(json.dumps(masks))
    torch.save(
        {name: tensor.clone() for name, tensor in seen["ticket"].network.named_parameters()},
        folder / f"weights-{rank}.pt",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
