"""A ticket of at most 40 % of the MACs, from a network without BatchNorm, trained with AdamW. Runs in seconds on a CPU."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import netchip

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1), nn.GroupNorm(32, 32), nn.GELU(),
    nn.Conv2d(32, 64, 3, padding=1), nn.GroupNorm(64, 64), nn.GELU(), nn.MaxPool2d(2),
    nn.Conv2d(64, 64, 3, padding=1), nn.GroupNorm(64, 64), nn.GELU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
)  # fmt: skip
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

digits = load_digits()
images = torch.from_numpy(np.asarray(digits.images, np.float32)[:, None] / 16 - 0.5)
labels = torch.from_numpy(digits.target)
train, test = slice(0, 1400), slice(1400, None)

# No BatchNorm: channels are ranked by their weights. AdamW divides a gradient away, so the pull is a step of its own.
search = netchip.TicketSearch(model, images[:2], macs="40%", penalty="proximal", l1=1e-2)
dense_macs = netchip.to_workload(model, images[:1]).macs
print(f"ranked by {search.importance}, {len(search.groups)} groups of channels")

for epoch in range(1, 13):
    model.train()
    for batch in torch.randperm(1400).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[train][batch]), labels[train][batch]).backward()
        search.regularize()
        optimizer.step()
        search.shrink(optimizer)
    if ticket := search.end_epoch() or (search.draw() if epoch == 8 and not search.finished else None):
        ticket.cut(model, optimizer)
        share = netchip.to_workload(model, images[:1]).macs / dense_macs
        print(f"epoch {epoch}: ticket drawn, {100 * share:.1f} % of the MACs left; training goes on")

model.eval()
with torch.no_grad():
    accuracy = (model(images[test]).argmax(1) == labels[test]).float().mean()
print(f"test accuracy {100 * accuracy:.2f} %")
ticket = search.ticket()
if ticket is not None:
    print(f"saved in {ticket.save('my-ticket', model)}")
