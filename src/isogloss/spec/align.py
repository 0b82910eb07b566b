"""The `align` section: which post-training methods, on which data, with which settings.

Settings under `align.train` hold for all methods; a method's own `train` overrides them one by one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from isogloss.errors import UserError, did_you_mean, explain
from isogloss.spec.section import Count, Fraction, Positive, Section, read_yaml, sets_or_files

Method = Literal["mist", "clo", "midalign"]
METHODS: tuple[Method, ...] = ("mist", "clo", "midalign")
#: Published sets by name, beside files.
InstructionSet = Literal["openassistant"]
ParallelSet = Literal["flores", "flores:devtest"]


Optimizer = Literal["adamw", "adamw-8bit", "paged-adamw-8bit", "adafactor"]


class LoraSection(Section):
    """Low-rank adapters (PEFT). `targets`: every linear layer but the output, or names of modules."""

    rank: Count = 16
    alpha: Positive = 32.0
    dropout: Fraction = 0.0
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"


class TrainSection(Section):
    """How a method is trained. The defaults are the paper's (section 4), where it says.

    `batch` rows make an optimizer step, over all processes and accumulated micro-batches; `steps` optimizer steps, or
    `epochs` where it is null. `checks` is the number of points at which the model is scored on a dev subset while it
    trains (figure 5b), the start aside. `template` joins prompt and response: `plain` with a newline, `cloze` with the
    word that announces an answer in the language (as cloze scoring does), `chat` by the tokenizer's chat template.
    `optimizer`: AdamW; with its moments in 8 bits, on a GPU alone, or in pages that move to the machine's memory where
    the GPU's is short (bitsandbytes); or Adafactor, which keeps sums of rows and columns in place of moments.
    Rows longer than `max_length` tokens are dropped and counted, cut, or refused.
    """

    parameters: Literal["full", "lora"] = "full"
    lora: LoraSection = LoraSection()
    steps: Count | None = None
    epochs: Positive = 1.0
    batch: Count = 16
    learning_rate: Positive = 5e-5
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup: Fraction = 0.03
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    optimizer: Optimizer = "adamw"
    max_grad_norm: Positive = 1.0
    max_length: Annotated[int, Field(ge=8)] = 640
    too_long: Literal["drop", "cut", "refuse"] = "drop"
    template: Literal["plain", "cloze", "chat"] = "plain"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    checks: Annotated[int, Field(ge=0)] = 4
    save_every: Count = 100
    seed: int = 0


class MistSection(Section):
    """MIST: multilingual supervised fine-tuning, the NLL of responses (the paper, section 3)."""

    train: TrainSection = TrainSection()


class CloSection(Section):
    """CLO: λ·SFT + (1−λ)·L_CL, with λ `sft_weight`.

    `reduction: sum` adds the English and the non-English expectation as printed; `mean` halves that. `reference`:
    log-probabilities computed once before training, or by the frozen (or adapter-free) model at every step.
    """

    sft_weight: Fraction = 0.5
    beta: Positive = 1.0
    reduction: Literal["sum", "mean"] = "sum"
    trainable: Literal["all", "attention"] = "all"
    reference: Literal["precomputed", "live"] = "precomputed"
    train: TrainSection = TrainSection(learning_rate=5e-4)


#: What a preset of MIDALIGN sets where the YAML does not.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {"temperature": 1.0, "alternate": "step"},
    "mid-align": {"temperature": 0.1, "alternate": "micro-batch"},
}


class MidalignSection(Section):
    """MIDALIGN: SFT alternating with a contrastive loss between translations at a middle layer.

    `layer` counts decoder blocks from 1; `middle` is half of them. `direction: one` contrasts the language against
    English as the source, `symmetric` adds the other direction. `negatives: gathered` takes them from all processes.
    `alternate` per optimizer step or per micro-batch. `batch` sentence pairs make an alignment step (default: the train
    section's). At batch 16 with temperature 1 the loss cannot fall under 1.875 and starts near 2.773.
    """

    preset: Literal["paper", "mid-align"] = "paper"
    layer: Literal["middle"] | Count = "middle"
    temperature: Positive = 1.0
    alternate: Literal["step", "micro-batch"] = "step"
    direction: Literal["one", "symmetric"] = "one"
    negatives: Literal["gathered", "local"] = "gathered"
    pool_bos: bool = True
    batch: Annotated[int, Field(ge=2)] | None = None
    train: TrainSection = TrainSection(learning_rate=5e-4)

    @field_validator("layer", mode="before")
    @classmethod
    def _middle_or_layer(cls, value: Any) -> Any:
        if value != "middle" and not (type(value) is int and value > 0):
            raise ValueError(f"should be 'middle' or a layer, counted from 1, not {value!r}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("preset", "paper") in PRESETS:
            return {**PRESETS[value.get("preset", "paper")], **value}
        return value


class AlignSection(Section):
    """Which methods are trained, and on what. Without `methods`, none.

    `instructions` and `parallel` are `embedded` (generated from the facts that the benchmark leaves out), or a list of
    published sets and files of those formats: `openassistant` as the section `translate` has it translated, `flores` (its
    dev split) or `flores:devtest`. `instructions: embedded-english` are about the US, Great Britain and English alone, in
    all languages, as translated English instructions are English-centred in content. `check_items` bounds the dev items a
    language and axis that the checks score. `launch` names a launch shape, a YAML; `launches` another one for a method.
    """

    methods: tuple[Method, ...] = ()
    instructions: Literal["embedded", "embedded-english"] | tuple[InstructionSet | Path, ...] = "embedded"
    parallel: Literal["embedded"] | tuple[ParallelSet | Path, ...] = "embedded"
    missing_language: Literal["count", "refuse"] = "count"
    check_items: Annotated[int, Field(ge=2)] = 20
    launch: Path | None = None
    launches: dict[Method, Path] = Field(default_factory=dict)
    train: dict[str, Any] = Field(default_factory=dict)
    mist: MistSection = MistSection()
    clo: CloSection = CloSection()
    midalign: MidalignSection = MidalignSection()

    @model_validator(mode="before")
    @classmethod
    def _shared_settings(cls, value: Any) -> Any:
        """Lay `train` under each method's own."""
        if not isinstance(value, dict) or not isinstance(value.get("train", {}), dict):
            return value
        shared, merged = value.get("train", {}), dict(value)
        for method in METHODS:
            own = value.get(method, {})
            if isinstance(own, dict) and isinstance(own.get("train", {}), dict):
                paper: dict[str, Any] = {} if method == "mist" else {"learning_rate": 5e-4}
                merged[method] = {**own, "train": {**paper, **shared, **own.get("train", {})}}
        return merged

    @field_validator("instructions", mode="before")
    @classmethod
    def _instructions(cls, value: Any) -> Any:
        return sets_or_files(value, words=("embedded", "embedded-english"), sets=get_args(InstructionSet))

    @field_validator("parallel", mode="before")
    @classmethod
    def _parallel(cls, value: Any) -> Any:
        return sets_or_files(value, words=("embedded",), sets=get_args(ParallelSet))

    @field_validator("methods")
    @classmethod
    def _once(cls, value: tuple[Method, ...]) -> tuple[Method, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a method stands twice")
        return value

    def of(self, method: Method) -> MistSection | CloSection | MidalignSection:
        """The section of a method."""
        section: MistSection | CloSection | MidalignSection = getattr(self, method)
        return section


# --------------------------------------------------------------------------------------------------------------------
# `LaunchSpec`: on how many processes a training runs, and under which engine. Apart from the science: it changes no result.

_HOST_PORT = re.compile(r"[^\s:]+:\d{1,5}")
#: The rendezvous that Slurm's variables say.
SLURM = "slurm"


class LaunchSpec(Section):
    """A launch shape, one YAML under `pipelines/launch/`.

    `engine: none` is plain PyTorch (data parallel on several processes); `deepspeed` is ZeRO stage `zero`, with
    parameters and optimizer state offloaded to the processor's memory on request. `deepspeed` settings are merged over
    those that follow from the rest. `processes` are those of one node; `auto` is one a GPU, or one where there is none.
    With `scoring` as many processes share the scoring of a pipeline's stages, each with a whole copy of the model.
    With several `nodes` the same command runs on each in a folder that they share, with its own `node_rank` and a common
    `rendezvous`; the node of rank 0 runs the pipeline, and the others take part in its trainings. A `node_rank` that is not
    set is that of the environment (`isogloss.methods.launch.placed`). With `rendezvous: slurm` the nodes of a Slurm job
    meet on the first of them, at port 29500.
    """

    processes: Literal["auto"] | Count = 1
    nodes: Count = 1
    node_rank: Annotated[int, Field(ge=0)] | None = None
    rendezvous: str | None = None
    engine: Literal["none", "deepspeed"] = "none"
    zero: Literal[0, 1, 2, 3] = 2
    offload: Literal["none", "cpu"] = "none"
    micro_batch: Count | None = None
    gradient_checkpointing: bool = False
    scoring: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Count | None = None
    deepspeed: dict[str, Any] = Field(default_factory=dict)

    @field_validator("processes", mode="before")
    @classmethod
    def _auto_or_number(cls, value: Any) -> Any:
        if value != "auto" and not (type(value) is int and value > 0):
            raise ValueError(f"should be 'auto' or a number from 1 on, not {value!r}")
        return value

    @model_validator(mode="after")
    def _nodes_meet(self) -> LaunchSpec:
        if self.nodes > 1 and self.rendezvous != SLURM and not _HOST_PORT.fullmatch(self.rendezvous or ""):
            raise ValueError(
                "several nodes need rendezvous: HOST:PORT, the same on all, of the node with node_rank 0; or, under Slurm, "
                f"rendezvous: {SLURM}"
            )
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
        problems = explain(error, known=lambda _: LaunchSpec.model_fields)
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems)) from error


def _not_there(path: Path) -> str:
    """The message for a launch shape that is none, with those that are beside it."""
    there = [one.stem for one in sorted(path.parent.glob("*.yaml"))]
    if there:
        return f"{path}: no such launch shape{did_you_mean(path.stem, there)}; in {path.parent} there are {', '.join(there)}"
    return (
        f"{path}: no such launch shape; a name alone is looked for in {LAUNCH_FOLDER}/ beside the pipeline, and there are none. "
        "Name a file, for example align.launch: pipelines/launch/zero3-8gpu.yaml"
    )
