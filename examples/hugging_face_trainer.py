"""SmartExchange in a Hugging Face Trainer: a callback of three methods. Needs the extra `loops`; seconds on a CPU."""

import numpy as np
import torch
from sklearn.datasets import load_digits

import netchip
from netchip.methods.smart_exchange.file.writing import write
from netchip.models.optional import ensure_torchvision

ensure_torchvision()  # transformers imports torchvision, whose usual wheel is for CUDA
from transformers import Trainer, TrainerCallback, TrainingArguments, ViTConfig, ViTForImageClassification  # noqa: E402


class Exchange(TrainerCallback):
    """Between backward and step, after the step, after the epoch."""

    def __init__(self, exchange: netchip.SmartExchange) -> None:
        self.exchange = exchange

    def on_pre_optimizer_step(self, *_: object, **__: object) -> None:
        self.exchange.after_backward()

    def on_optimizer_step(self, *_: object, optimizer: torch.optim.Optimizer, **__: object) -> None:
        self.exchange.after_step(optimizer)

    def on_epoch_end(self, *_: object, **__: object) -> None:
        self.exchange.end_epoch()


torch.manual_seed(0)
config = ViTConfig(
    image_size=8, patch_size=2, num_channels=1, hidden_size=48, num_hidden_layers=2, num_attention_heads=3,
    intermediate_size=96, num_labels=10,
)  # fmt: skip
model = ViTForImageClassification(config)
exchange = netchip.SmartExchange(model, row_sparsity=0.3, ramp=4)

digits = load_digits()
images = torch.from_numpy(np.asarray(digits.images, np.float32)[:, None] / 16 - 0.5)
rows = [{"pixel_values": image, "labels": int(label)} for image, label in zip(images, digits.target, strict=True)]
arguments = TrainingArguments(
    output_dir="trainer", num_train_epochs=6, per_device_train_batch_size=32, learning_rate=5e-3, use_cpu=True,
    save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True, seed=0,
)  # fmt: skip
Trainer(model, arguments, train_dataset=rows[:1400], callbacks=[Exchange(exchange)]).train()

with torch.no_grad():
    right = model.eval()(images[1400:]).logits.argmax(1) == torch.from_numpy(digits.target[1400:])
print(f"test accuracy {100 * right.float().mean():.1f} % with weights of 4-bit powers of two")
packed = exchange.packed()
size = write("packed.safetensors", packed, {k: v for k, v in model.state_dict().items() if k not in packed}).bytes
print(f"packed.safetensors: {size:,} bytes; {sum(each.numel() for each in model.parameters()) * 4:,} in float32")
