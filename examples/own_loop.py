"""An early-bird ticket in a plain PyTorch loop: your model, your optimizer, your data. Runs in seconds on a CPU."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import netchip

torch.manual_seed(0)


def block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


model = nn.Sequential(
    block(1, 32),
    block(32, 32),
    nn.MaxPool2d(2),
    block(32, 64),
    block(64, 64),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(64, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

digits = load_digits()
images = torch.from_numpy(np.asarray(digits.images, np.float32)[:, None] / 16 - 0.5)
labels = torch.from_numpy(digits.target)
train, test = slice(0, 1400), slice(1400, None)

search = netchip.TicketSearch(model, example=images[:2], ratio=0.5)
dense_macs = netchip.to_workload(model, images[:1]).macs

for epoch in range(1, 16):
    model.train()
    for batch in torch.randperm(1400).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[train][batch]), labels[train][batch]).backward()
        search.regularize()
        optimizer.step()
    if ticket := search.end_epoch():
        ticket.cut(model, optimizer)
        macs = netchip.to_workload(model, images[:1]).macs
        print(
            f"epoch {epoch}: ticket drawn, {dense_macs / 1e3:.0f} k -> {macs / 1e3:.0f} k MACs an image; training goes on"
        )

model.eval()
with torch.no_grad():
    accuracy = (model(images[test]).argmax(1) == labels[test]).float().mean()
print(f"test accuracy {100 * accuracy:.2f} %")

ticket = search.ticket()
if ticket is not None:
    print(f"saved in {ticket.save('my-ticket', model)}")
