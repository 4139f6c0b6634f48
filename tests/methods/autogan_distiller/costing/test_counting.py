"""The published figures, in the three ways of counting that the paper, its peers and we use."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from netchip.errors import ConfigError
from netchip.methods.autogan_distiller.costing.counting import count_model, input_sizes
from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.costing.measures import Bytes, Macs, Parameters
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.space import presets
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.space import Space
from netchip.models.resnet_generator import ResNetGenerator
from netchip.models.srgan import SRGANGenerator

SPACE = presets.translation_paper()
IMAGE = (256, 256)


def searched(blocks: list[tuple[str, int]]) -> Architecture:
    """A network of the supplement: its blocks; stems of 24, 40, 88 and headers of 128, 24."""
    fixed = {"stem0": ("conv7x7", 24), "stem1": ("down", 40), "stem2": ("down", 88)}
    fixed |= {"header0": ("transposed", 128), "header1": ("transposed", 24), "header2": ("conv7x7", 3)}
    given = fixed | {f"block{index}": block for index, block in enumerate(blocks, start=1)}
    return Architecture(
        SPACE.name, {name: each[0] for name, each in given.items()}, {name: each[1] for name, each in given.items()}
    )


Z2H = searched([("conv1x1", 128), ("conv1x1", 88), *[("depthwise", 88)] * 5, *[("residual", 88)] * 2])
S2W = searched(
    [
        ("conv1x1", 128), ("conv1x1", 128), ("conv1x1", 88), ("conv1x1", 88), ("conv1x1", 128), ("conv3x3", 88),
        ("depthwise", 88), ("residual", 88), ("residual", 88),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("architecture", "parameters", "macs", "thop", "agd_paper"),
    [(Z2H, 803_312, 4.170, 6.774, 4.845), (S2W, 679_600, 3.663, 6.268, 4.339)],
)
def test_published_networks_in_all_three_counts(
    architecture: Architecture, parameters: int, macs: float, thop: float, agd_paper: float
) -> None:
    """Published: 4.84 G and 3.20 MB for zebra to horse, 4.34 G and 2.72 MB for summer to winter (img/result_st of its code)."""
    assert cost_table(SPACE, Parameters(), IMAGE).of(architecture) == parameters
    assert sum(each.numel() for each in SPACE.derive(architecture).parameters()) == parameters
    assert cost_table(SPACE, Bytes(), IMAGE).of(architecture) == 4 * parameters
    for count, expected in (("macs", macs), ("thop", thop), ("agd_paper", agd_paper)):
        assert cost_table(SPACE, Macs(count), IMAGE).of(architecture) / 1e9 == pytest.approx(expected, abs=0.0006)


@pytest.mark.parametrize(
    ("count", "smallest", "largest"), [("macs", 1.29, 49.55), ("thop", 2.10, 56.80), ("agd_paper", 1.34, 51.66)]
)
def test_the_papers_space_and_its_teacher(count: str, smallest: float, largest: float) -> None:
    """The dearest network is the teacher's shape: ResNet-9 at 49.55 GMACs, which gan-compression reports as 56.8."""
    cheap, dear = reach(cost_table(SPACE, Macs(count), IMAGE))  # type: ignore[arg-type]
    assert cheap.cost / 1e9 == pytest.approx(smallest, abs=0.006)
    assert dear.cost / 1e9 == pytest.approx(largest, abs=0.006)
    assert {dear.architecture.operators[f"block{index}"] for index in range(1, 10)} == {"residual"}


def test_the_papers_super_resolution_space() -> None:
    """92.9 to 212.1 GMACs at 256x256, of which 91.3 are fixed (biases apart)."""
    table = cost_table(presets.super_resolution_paper(), Macs(), IMAGE)
    cheap, dear = reach(table)
    assert cheap.cost / 1e9 == pytest.approx(92.9, abs=0.05)
    assert dear.cost / 1e9 == pytest.approx(212.1, abs=0.05)
    fixed = [cost for name, cost in table.by_layer(cheap.architecture).items() if not name.startswith("cell")]
    assert sum(fixed) / 1e9 == pytest.approx(91.3, abs=0.05)


@pytest.mark.parametrize(
    "space",
    [presets.super_resolution(3, width=16, cells=1), presets.translation(16, 2), presets.super_resolution_paper()],
)
def test_ready_spaces_cost_what_their_captured_networks_do(space: Space) -> None:
    """A network with every operator once, as `to_workload` sees it; nothing in it is left uncounted, or it would warn."""
    operators = {each.name: index % len(each.choices) for index, each in enumerate(space.layers)}
    architecture = space.architecture(operators, {name: len(each) // 2 for name, each in space.variables.items()})
    found = Macs().of_model(space.derive(architecture).eval(), torch.zeros(1, 3, 16, 24))
    assert cost_table(space, Macs(), (16, 24)).of(architecture) == found


def test_what_the_papers_code_believes_of_sizes() -> None:
    """After a transposed convolution that doubles, its code halves: header1 at 32x32 and header2 at 16x16."""
    assert input_sizes(SPACE, IMAGE)["header2"] == (256, 256)
    believed = input_sizes(SPACE, IMAGE, "agd_paper")
    assert [believed[f"header{index}"] for index in range(3)] == [(64, 64), (32, 32), (16, 16)]


class DenseBlock(nn.Module):
    """Five 3x3 convolutions, each reading all before it, as in ESRGAN (arXiv 1809.00219)."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(64 + 32 * i, 32 if i < 4 else 64, 3, padding=1) for i in range(5))
        self.act = nn.LeakyReLU(0.2)

    def forward(self, maps: Tensor) -> Tensor:
        all_maps = [maps]
        for conv in self.convs[:-1]:
            all_maps.append(self.act(conv(torch.cat(all_maps, 1))))
        return maps + 0.2 * self.convs[-1](torch.cat(all_maps, 1))


class Esrgan(nn.Module):
    """RRDBNet: 23 times three dense blocks, then two enlargements."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 3, 3, padding=1)
        self.body = nn.Sequential(*(DenseBlock() for _ in range(69)))
        self.trunk, self.up1, self.up2, self.large = (nn.Conv2d(64, 64, 3, padding=1) for _ in range(4))
        self.act = nn.LeakyReLU(0.2)

    def forward(self, images: Tensor) -> Tensor:
        first = self.first(images)
        maps = first + self.trunk(self.body(first))
        for up in (self.up1, self.up2):
            maps = self.act(up(functional.interpolate(maps, scale_factor=2)))
        return self.last(self.act(self.large(maps)))


def test_esrgan_as_thop_counts_it() -> None:
    """1176.61 G at 256x256 (img/result_sr of the paper's code): 1175.88 of convolutions and biases, 0.73 of leaky ReLUs."""
    with torch.device("meta"):
        count = count_model(Esrgan(), torch.zeros(1, 3, 256, 256), "thop")
    assert count / 1e9 == pytest.approx(1176.61, abs=0.005)


class LocalBlock(nn.Module):
    """Three 3x3 convolutions and a 1x1, weighted by attention on a map a sixth as large, as in RLFN (arXiv 2205.07514)."""

    def __init__(self) -> None:
        super().__init__()
        pairs = ((46, 48), (48, 48), (48, 46))
        self.body = nn.Sequential()
        for before, after in pairs:
            self.body.extend([nn.Conv2d(before, after, 3, padding=1), nn.LeakyReLU(0.05)])
        self.mixed = nn.Conv2d(46, 46, 1)
        self.fewer, self.kept, self.more = nn.Conv2d(46, 16, 1), nn.Conv2d(16, 16, 1), nn.Conv2d(16, 46, 1)
        self.down, self.small = nn.Conv2d(16, 16, 3, 2), nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        made = self.mixed(maps + self.body(maps))
        fewer = self.fewer(made)
        small = self.small(functional.max_pool2d(self.down(fewer), 7, 3))
        large = functional.interpolate(small, made.shape[2:], mode="bilinear")
        return made * self.more(large + self.kept(fewer)).sigmoid()


class Rlfn(nn.Module):
    """The winner of NTIRE 2022 in efficiency, x4: 46 channels, four blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.trunk = nn.Conv2d(3, 46, 3, padding=1), nn.Conv2d(46, 46, 3, padding=1)
        self.blocks = nn.Sequential(*(LocalBlock() for _ in range(4)))
        self.up = nn.Sequential(nn.Conv2d(46, 48, 3, padding=1), nn.PixelShuffle(4))

    def forward(self, images: Tensor) -> Tensor:
        first = self.first(images)
        return self.up(first + self.trunk(self.blocks(first)))


def test_rlfn_as_its_challenge_counts_it() -> None:
    """0.317 M and 19.70 G at 256x256 (NTIRE 2022): MACs without biases, and one for each element of a leaky ReLU."""
    network, example = Rlfn().eval(), torch.zeros(1, 3, 256, 256)
    assert Parameters().of_model(network, example) == 317_218
    leaky = 4 * (48 + 48 + 46) * 256 * 256
    assert (Macs().of_model(network, example) + leaky) / 1e9 == pytest.approx(19.70, abs=0.005)


def test_teachers() -> None:
    """SRGAN 92.2 GMACs; ResNet-9 49.55 GMACs and 56.80 by thop."""
    with torch.device("meta"):
        resnet, srgan = ResNetGenerator(), SRGANGenerator()
        assert count_model(resnet, torch.zeros(1, 3, 256, 256), "thop") / 1e9 == pytest.approx(56.80, abs=0.005)
    assert srgan.training
    small = torch.zeros(1, 3, 32, 32)
    assert 64 * Macs().of_model(SRGANGenerator(), small) / 1e9 == pytest.approx(92.2, abs=0.05)
    assert 64 * Macs().of_model(ResNetGenerator(), small) / 1e9 == pytest.approx(49.55, abs=0.01)
    assert Parameters().of_model(SRGANGenerator(), small) == pytest.approx(0.734e6, rel=0.01)
    assert Bytes(8).of_model(nn.Conv2d(1, 2, 3).half(), small) == 2 * 20
    with pytest.raises(ConfigError, match="for networks of a space"):
        count_model(resnet, small, "agd_paper")


def test_costs_are_written_with_their_unit() -> None:
    assert Macs().written(9e9) == "9.00 GMACs"
    assert Macs("thop").written(9e9) == "9.00 Gops (thop)"
    assert Parameters().written(803_312) == "803 k parameters"
    assert Bytes().written(3.2e6) == "3.20 MB"
