"""`LaunchSpec`: on how many processes a training runs, and under which engine. Apart from the science: it changes no result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from isogloss.spec.section import Count, Section


class LaunchSpec(Section):
    """A launch shape, one YAML under `pipelines/launch/`.

    `engine: none` is plain PyTorch (data parallel on several processes); `deepspeed` is ZeRO stage `zero`, with
    parameters and optimizer state offloaded to the processor's memory on request. `deepspeed` settings are merged over
    those that follow from the rest. `processes: auto` is one a GPU, or one where there is none.
    """

    processes: Literal["auto"] | Count = 1
    nodes: Count = 1
    node_rank: Annotated[int, Field(ge=0)] = 0
    rendezvous: str | None = None
    engine: Literal["none", "deepspeed"] = "none"
    zero: Literal[0, 1, 2, 3] = 2
    offload: Literal["none", "cpu"] = "none"
    micro_batch: Count | None = None
    gradient_checkpointing: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Count | None = None
    deepspeed: dict[str, Any] = Field(default_factory=dict)


#: One process, plain PyTorch.
SINGLE = LaunchSpec()

#: Where a launch shape that is named without a folder is looked for, beside the pipeline's YAML.
LAUNCH_FOLDER = Path("launch")
