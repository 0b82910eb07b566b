"""Which GPUs a plan is for: those named, those here, or those that the launch shapes ask for."""

from __future__ import annotations

from isogloss.pipeline.forecast import Machines
from isogloss.pipeline.gpus import ASSUMED, gpu_here, gpu_named
from isogloss.spec import PipelineSpec
from isogloss.spec.launch import LaunchSpec
from isogloss.stages.align import launch_of


def planned_machines(spec: PipelineSpec, *, gpu: str | None, gpus: int | None, nodes: int | None) -> Machines | None:
    """None means the processors of this machine: no GPU is named, here or asked for. Raises UserError for an unknown GPU."""
    shapes = [launch_of(spec, method) for method in spec.align.methods]
    if gpu is not None:
        kind, here = gpu_named(gpu), 1
    elif spec.compute.device == "cpu" and all(shape.device == "cpu" for shape in shapes):
        return None
    elif (found := gpu_here()) is not None:
        kind, here = found
    elif gpus is not None or nodes is not None or _asks_for_gpus(spec, shapes):
        kind, here = gpu_named(ASSUMED), 1
    else:
        return None
    most = max((shape.processes for shape in shapes if shape.processes != "auto"), default=1)
    return Machines(
        gpu=kind, gpus=gpus or max(most, here), nodes=nodes or max((one.nodes for one in shapes), default=1)
    )


def _asks_for_gpus(spec: PipelineSpec, shapes: list[LaunchSpec]) -> bool:
    return spec.compute.device.startswith("cuda") or any(shape.device == "cuda" for shape in shapes)
