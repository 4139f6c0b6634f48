"""A pipeline in the form of a method, so that its folder is a run's: resumed, reported and loaded as any other."""

from netchip.compose.pipeline.spec import PipelineSpec
from netchip.methods.method import Method, Paper

NAME = "pipeline"
PIPELINE = Method(
    name=NAME,
    summary="methods one after the other on one network",
    paper=Paper("", "", ""),
    config_class=PipelineSpec,
    experiments={},
    runner="netchip.compose.pipeline.running:run",
    inspector="",
)
