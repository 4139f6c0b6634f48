"""The method from top to bottom: a teacher, the search within the budget, the student, and what it is compared with."""

from torch import nn

from netchip.hardware.chips import load_chip
from netchip.methods.autogan_distiller.config import AutoganDistillerConfig
from netchip.methods.autogan_distiller.costing.budgets import parse_budget
from netchip.methods.autogan_distiller.costing.choosing import Target, make_measure, make_target
from netchip.methods.autogan_distiller.distill import make_teacher
from netchip.methods.autogan_distiller.distillation import Distillation
from netchip.methods.autogan_distiller.images.crops import truth_scale
from netchip.methods.autogan_distiller.images.pictures import Pictures
from netchip.methods.autogan_distiller.images.sources import load_pictures
from netchip.methods.autogan_distiller.objective.backbone import Backbone
from netchip.methods.autogan_distiller.objective.building import build_backbone
from netchip.methods.autogan_distiller.ready_space import build_space
from netchip.methods.autogan_distiller.space.space import Space
from netchip.methods.autogan_distiller.stages.comparison import STUDENT, compare
from netchip.methods.autogan_distiller.stages.controls import control_networks
from netchip.methods.autogan_distiller.stages.teaching import teach
from netchip.methods.autogan_distiller.teacher.building import build_generator, data_file
from netchip.methods.method import Result
from netchip.train.accelerating import training_device
from netchip.train.rundir import RunDir
from netchip.train.seeding import seed_everything


def run(config: AutoganDistillerConfig, rundir: RunDir) -> Result:
    """Runs every stage that is not on disk yet, in `rundir`, and judges the networks on the test pictures."""
    for chip in config.chips:
        load_chip(chip)  # an unknown one is refused before any training
    pictures = load_pictures(config.images)
    generator, scale = _generator(config, pictures)
    space = build_space(config.space, scale)
    _target(config, space, generator)  # a budget that cannot be met is refused before any training
    if config.teacher.weights is None:
        teach(
            generator,
            config.teacher,
            pictures,
            config.images,
            folder=rundir.path / "teacher",
            train=config.train,
            seed=config.seed,
        )
    stages = _stages(config, rundir, pictures, space, generator)
    searched = stages.searched()
    notes: list[str] = []
    trained = {STUDENT: stages.student(searched)}
    for budget in config.further_budgets:
        found = stages.best_within(searched, _target(config, space, generator, budget).budget)
        name = f"{STUDENT}-{'-'.join(budget.replace('%', ' percent').split())}"
        trained[name] = stages.student(searched, found.architecture, name)
    for name, network in control_networks(config, stages, searched.found.cost, notes):
        trained[name] = stages.trained(network, name)
    small = {}
    if config.eight_bit.epochs:
        students = [name for name in trained if name.startswith(STUDENT)]
        small = {f"{name}-8-bit": stages.at_eight_bits(trained[name], f"{name}-8-bit") for name in students}
    return compare(config, stages, generator, searched, trained, small, notes)


def _generator(config: AutoganDistillerConfig, pictures: Pictures) -> tuple[nn.Module, int]:
    """The teacher's network, and how much it enlarges; without weights that is what its ground truth says."""
    seed_everything(config.seed)
    if config.teacher.weights is None:
        scale = truth_scale(pictures.train)
        return build_generator(config.teacher, scale), scale
    generator = build_generator(config.teacher, 1, config.images.folder)
    probed = make_teacher(generator, pictures, config.images, low=config.teacher.low, high=config.teacher.high)
    return generator, probed.scale


def _target(config: AutoganDistillerConfig, space: Space, generator: nn.Module, budget: str | None = None) -> Target:
    wanted = parse_budget(budget or config.budget, config.measure)
    measure = make_measure(wanted.measure, device=training_device(config.train.device))
    return make_target(space, wanted, measure, (config.cost_size, config.cost_size), generator.cpu().eval())


def _stages(
    config: AutoganDistillerConfig, rundir: RunDir, pictures: Pictures, space: Space, generator: nn.Module
) -> Distillation:
    return Distillation(
        teacher=make_teacher(generator, pictures, config.images, low=config.teacher.low, high=config.teacher.high),
        pictures=pictures,
        space=space,
        target=_target(config, space, generator),
        folder=rundir.path,
        images=config.images,
        search=config.search,
        final=config.final,
        features=config.features,
        eight_bit=config.eight_bit,
        train=config.train,
        backbone=_backbone(config),
        online=config.targets == "online",
        seed=config.seed,
    )


def _backbone(config: AutoganDistillerConfig) -> Backbone | None:
    if config.backbone.weights is None:
        return None
    return build_backbone(config.backbone, data_file(config.backbone.weights, config.images.folder))
