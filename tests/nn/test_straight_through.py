"""Steps forward, identity backward."""

import torch

from netchip.nn.straight_through import floor_ste, round_ste, straight_through


def test_values_and_gradients_by_hand() -> None:
    x = torch.tensor([-1.6, -0.5, 0.5, 1.5, 2.4], requires_grad=True)
    rounded = round_ste(x)
    assert rounded.tolist() == [-2.0, 0.0, 0.0, 2.0, 2.0]
    (rounded * torch.arange(5.0)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert floor_ste(x).tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]


def test_forward_is_exact_where_the_usual_form_rounds() -> None:
    """The usual form computes 1e8 + (1 - 1e8), which loses bits in float32."""
    value, like = torch.tensor([0.1]), torch.tensor([1e8], requires_grad=True)
    assert straight_through(value, like).item() == value.item()
    assert (like + (value - like).detach()).item() != value.item()
