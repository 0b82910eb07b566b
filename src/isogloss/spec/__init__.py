"""What a pipeline's YAML and a launch shape may say. Unknown and wrong settings are refused with their path and a suggestion."""

from isogloss.spec.pipeline import STAGES, PipelineSpec, load_spec

__all__ = ["STAGES", "PipelineSpec", "load_spec"]
