import pytest
import torch

from netchip.methods.autogan_distiller.baselines.imdn import ContrastAttention, SmallIMDN
from netchip.methods.autogan_distiller.baselines.interpolation import Bicubic


@pytest.mark.parametrize(("scale", "size"), [(2, (8, 10)), (3, (8, 10)), (4, (8, 10)), (1, (8, 12))])
def test_the_hand_made_network_has_the_teachers_size(scale: int, size: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *size)
    network = SmallIMDN(scale, channels=2, blocks=2)
    output = network(images)
    assert output.shape == (2, 3, scale * size[0], scale * size[1])
    output.mean().backward()
    assert all(weights.grad is not None for weights in network.parameters())


def test_it_starts_near_the_enlarged_image_and_stays_in_range_where_signed() -> None:
    network, images = SmallIMDN(2, channels=2), torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        for weights in network.tail.parameters():
            weights.zero_()
        assert torch.equal(network(images), Bicubic(2)(images))
        assert float(SmallIMDN(1, channels=2, signed=True)(5 * images).abs().max()) <= 1.0
        assert SmallIMDN(2, channels=2, out_channels=1)(images).shape == (1, 1, 16, 16)


def test_attention_by_hand() -> None:
    """A gate that is always a half halves the maps."""
    attention = ContrastAttention(4)
    with torch.no_grad():
        for weights in attention.gate.parameters():
            weights.zero_()
    maps = torch.rand(1, 4, 3, 3)
    assert torch.allclose(attention(maps), maps / 2)


def test_bicubic_of_scale_1_is_the_image() -> None:
    images = torch.rand(1, 3, 4, 4)
    assert torch.equal(Bicubic(1)(images), images)
    assert Bicubic(3)(images).shape == (1, 3, 12, 12)
