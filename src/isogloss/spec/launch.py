"""`LaunchSpec`: on how many processes a training runs, and under which engine. Apart from the science: it changes no result."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from isogloss.errors import UserError, did_you_mean
from isogloss.spec.reading import read_yaml
from isogloss.spec.section import Count, Section

_HOST_PORT = re.compile(r"[^\s:]+:\d{1,5}")


class LaunchSpec(Section):
    """A launch shape, one YAML under `pipelines/launch/`.

    `engine: none` is plain PyTorch (data parallel on several processes); `deepspeed` is ZeRO stage `zero`, with
    parameters and optimizer state offloaded to the processor's memory on request. `deepspeed` settings are merged over
    those that follow from the rest. `processes` are those of one node; `auto` is one a GPU, or one where there is none.
    With `scoring` as many processes share the scoring of a pipeline's stages, each with a whole copy of the model.
    With several `nodes` the same command runs on each in a folder that they share, with its own `node_rank` and a common
    `rendezvous`; the node of rank 0 runs the pipeline, and the others take part in its trainings. A `node_rank` that is not
    set is that of the environment (`isogloss.methods.nodes.placed`). A DeepSpeed `hostfile` (`HOST slots=N` a line) says
    nodes, processes and, where it is not set, the rendezvous: port 29500 of the first host.
    """

    processes: Literal["auto"] | Count = 1
    nodes: Count = 1
    node_rank: Annotated[int, Field(ge=0)] | None = None
    rendezvous: str | None = None
    hostfile: Path | None = None
    engine: Literal["none", "deepspeed"] = "none"
    zero: Literal[0, 1, 2, 3] = 2
    offload: Literal["none", "cpu"] = "none"
    micro_batch: Count | None = None
    gradient_checkpointing: bool = False
    scoring: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Count | None = None
    deepspeed: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _nodes_meet(self) -> LaunchSpec:
        if self.hostfile is not None:
            if self.nodes != 1 or self.processes != 1:
                raise ValueError("a hostfile says nodes and processes; leave them out")
            return self
        if self.nodes > 1 and not _HOST_PORT.fullmatch(self.rendezvous or ""):
            raise ValueError("several nodes need rendezvous: HOST:PORT, the same on all, of the node with node_rank 0")
        if self.node_rank is not None and self.node_rank >= self.nodes:
            raise ValueError(f"node_rank {self.node_rank} is outside the {self.nodes} nodes (counted from 0)")
        return self


#: One process, plain PyTorch.
SINGLE = LaunchSpec()

#: Where a launch shape that is named without a folder is looked for, beside the pipeline's YAML.
LAUNCH_FOLDER = Path("launch")


def load_launch(path: Path) -> LaunchSpec:
    """Read a launch shape's YAML; an empty one is one process, plain PyTorch.

    Raises UserError naming file, setting, what is wrong and the closest known setting.
    """
    if not path.exists():
        raise UserError(_not_there(path))
    settings = read_yaml(path, what="launch shape")
    if settings is not None and not isinstance(settings, dict):
        raise UserError(f"{path}: a launch shape is a mapping of settings, for example processes: 2")
    try:
        return LaunchSpec.model_validate(settings or {})
    except ValidationError as error:
        lines = [f"{path}: {_explain(detail)}" for detail in error.errors(include_url=False)]
        raise UserError("\n".join(dict.fromkeys(lines))) from error


def _not_there(path: Path) -> str:
    """The message for a launch shape that is none, with those that are beside it."""
    there = [one.stem for one in sorted(path.parent.glob("*.yaml"))]
    if there:
        return f"{path}: no such launch shape{did_you_mean(path.stem, there)}; in {path.parent} there are {', '.join(there)}"
    return (
        f"{path}: no such launch shape; a name alone is looked for in {LAUNCH_FOLDER}/ beside the pipeline, and there are none. "
        "Name a file, for example align.launch: pipelines/launch/zero3-8gpu.yaml"
    )


def _explain(detail: Any) -> str:
    field = str(detail["loc"][0]) if detail["loc"] else ""
    match detail["type"]:
        case "extra_forbidden":
            known = list(LaunchSpec.model_fields)
            return f"{field}: unknown setting{did_you_mean(field, known)}; known here: {', '.join(known)}"
        case "value_error":
            return f"{field}: {detail['ctx']['error']}".removeprefix(": ")
    if field == "processes":
        return f"{field}: should be 'auto' or a number from 1 on, not {detail['input']!r}"
    needed = detail["msg"]
    return f"{field}: {needed[0].lower()}{needed[1:]}, not {detail['input']!r}"
