"""An early-bird ticket in a Lightning Trainer: a callback of a few lines. Needs the extra `loops`; seconds on a CPU."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import netchip
from netchip.models.optional import ensure_torchvision

ensure_torchvision()  # Lightning imports torchvision, whose usual wheel is for CUDA
import lightning  # noqa: E402


class Digits(lightning.LightningModule):
    """An ordinary LightningModule."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, 32), (32, 64), (64, 64)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class DrawTicket(lightning.Callback):
    """Pulls on the scales, looks at the mask after each epoch, and cuts once it has settled."""

    def __init__(self, search: netchip.TicketSearch) -> None:
        self.search = search

    def on_before_optimizer_step(self, trainer: lightning.Trainer, *_: object) -> None:
        self.search.regularize()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if ticket := self.search.end_epoch():
            ticket.cut(module.network, trainer.optimizers)
            print(f"epoch {trainer.current_epoch + 1}: ticket drawn; Lightning goes on with the small network")


lightning.seed_everything(0, verbose=False)
digits = load_digits()
images = torch.from_numpy(np.asarray(digits.images, np.float32)[:, None] / 16 - 0.5)
data = torch.utils.data.TensorDataset(images[:1400], torch.from_numpy(digits.target[:1400]))
search = netchip.TicketSearch((module := Digits()).network, images[:2], ratio=0.5)
trainer = lightning.Trainer(
    max_epochs=8, accelerator="cpu", callbacks=[DrawTicket(search)], logger=False,
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
)  # fmt: skip
trainer.fit(module, torch.utils.data.DataLoader(data, 64, shuffle=True))
right = module.network.eval()(images[1400:]).argmax(1).numpy() == digits.target[1400:]
print(f"test accuracy {100 * right.mean():.1f} %")
if ticket := search.ticket():
    ticket.save("my-ticket", module.network)
