"""Fractional skipping in a script as timm's train.py is written. Needs the extra `vision`; seconds on a CPU."""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import netchip
from netchip.methods.fractional_skipping.costs import cost_table
from netchip.models.optional import import_timm

timm = import_timm()  # `import timm`, where torchvision fits the torch that is installed
from timm.optim import create_optimizer_v2  # noqa: E402
from timm.scheduler import create_scheduler_v2  # noqa: E402
from timm.utils import AverageMeter, accuracy  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", default="test_resnet")
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--opt", default="sgd")
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--budget", default="60%", help="share of the blocks that an image may take on average")
arguments = parser.parse_args()

torch.manual_seed(0)
digits = load_digits()
images = torch.from_numpy(np.asarray(digits.images, np.float32)[:, None] / 16 - 0.5)
images = nn.functional.interpolate(images, size=32)
labels = torch.from_numpy(digits.target)

model = timm.create_model(arguments.model, num_classes=10, in_chans=1)
model = netchip.make_fractional(model, "skip, full", example=images[:2])  # blocks decide for each image from here on
controller = netchip.BiasController(model, cost_table("paper", model.sites, model.options), arguments.budget)
optimizer = create_optimizer_v2(model, opt=arguments.opt, lr=arguments.lr, weight_decay=1e-4)
scheduler, epochs = create_scheduler_v2(optimizer, sched="cosine", num_epochs=arguments.epochs)

for epoch in range(epochs):
    losses = AverageMeter()
    model.train()
    for batch in torch.randperm(1400).split(arguments.batch_size):
        passed = model(images[batch], detail=True)
        loss = nn.functional.cross_entropy(passed.outputs, labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        controller.hold(passed.masks)
        losses.update(loss.item(), len(batch))
    scheduler.step(epoch + 1)
    print(f"epoch {epoch + 1}: loss {losses.avg:.3f}")

with torch.no_grad():
    passed = model.eval()(images[1400:], detail=True)
top1 = accuracy(passed.outputs, labels[1400:])[0].item()
print(f"top-1 {top1:.1f} %, of the blocks that may be skipped {passed.routes.float().mean():.0%} ran")
