"""A search space of your own, a U-Net, and a network of it that imitates a teacher within a budget. Seconds on a CPU."""

import torch
from torch.nn.functional import avg_pool2d, mse_loss

from netchip.data.photos import crops, read_photos
from netchip.methods.autogan_distiller.control import BudgetControl
from netchip.methods.autogan_distiller.costing.exact import best_filling, reach
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.space.operators import conv, depthwise, down, identity, residual, upsamplers
from netchip.methods.autogan_distiller.space.space import Layer, Space
from netchip.methods.autogan_distiller.supernet.supernet import Supernet

PLAIN, STEPS = {"norm": "none", "activation": "leaky_relu"}, 150
BLOCKS = (conv(1, **PLAIN), conv(3, **PLAIN), residual(**PLAIN), depthwise(**PLAIN), identity())
steps = (
    Layer("top", BLOCKS[1], widths=(8, 16, 24)),
    Layer("down", down(**PLAIN), widths=(16, 24, 32)),
    Layer("bottom1", BLOCKS, widths=(16, 24, 32)),
    Layer("bottom2", BLOCKS, widths=(16, 24, 32)),
    Layer("up", upsamplers(2, **PLAIN), widths=(8, 16, 24)),
    Layer("merge", BLOCKS, widths=(8, 16, 24), reads=("up", "top")),  # the skip connection is concatenated
    Layer("out", conv(3, norm="none", activation="none", bias=True), widths=3),
)
unet, photos = Space("my_unet", steps), read_photos("train")


def teacher(images: torch.Tensor) -> torch.Tensor:  # any callable will do; this one sharpens
    return images + 1.5 * (images - avg_pool2d(images, 5, 1, 2))


def batch(step: int) -> torch.Tensor:
    return torch.from_numpy(crops(photos, size=32, count=8, seed=0, step=step)).float() / 255


torch.manual_seed(0)
table, supernet = cost_table(unet, Macs(), image=(32, 32)), Supernet(unet)
smallest, largest = (found.cost for found in reach(table))
control = BudgetControl(0.3 * largest)
weights = torch.optim.Adam(supernet.weight_parameters(), lr=2e-3)
choices = torch.optim.Adam(supernet.architecture_parameters(), lr=2e-2)
print(f"{unet.size:,} networks of {smallest / 1e6:.2f} to {largest / 1e6:.1f} MMACs; budget {control.budget / 1e6:.2f}")
for step in range(2 * STEPS):  # first the shared weights alone, then weights and choices in turns
    learn = step > STEPS and step % 2 == 1
    route, images = supernet.route(learn=learn), batch(step)
    loss = mse_loss(supernet(images, route), teacher(images))
    (control.penalized(loss, supernet.expected_cost(table)) if learn else loss).backward()
    (choices if learn else weights).step()
    supernet.zero_grad()
found = best_filling(table, supernet.scores(), control.budget)
student = supernet.derive(found.architecture)  # with the supernet's weights, from which it is trained on
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
for step in range(STEPS):
    optimizer.zero_grad()
    mse_loss(student(images := batch(2 * STEPS + step)), teacher(images)).backward()
    optimizer.step()
photos = read_photos("validation")
before, after = (mse_loss(made, teacher(batch(0))).item() for made in (batch(0), student(batch(0))))
print(f"{found.cost / 1e6:.2f} MMACs, square error {before:.4f} -> {after:.4f}: {found.architecture.operators}")
