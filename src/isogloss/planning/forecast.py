"""What a pipeline needs on named GPUs, stage by stage, before anything of it is fetched.

Refused is what cannot fit, with the smallest change that would (`fitting`). Everything follows from the pipeline's YAML,
its launch shapes and the model's config: no weights, no network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from isogloss.errors import UserError
from isogloss.methods.batches import shares
from isogloss.models.config import Kept, Outline, kept_for_backward
from isogloss.planning.estimate import OVERHEAD, Work, forwards_by_stage, scoring_work, training_work
from isogloss.planning.fitting import Problem, problem_of, processes_in, scoring_problem, sentences, sharing_problem
from isogloss.planning.memory import (
    ASSUMED,
    SCORING_SHARE,
    TRAINING_SHARE,
    Gpu,
    MicroBatch,
    RankMemory,
    choice_sizes,
    gpu_here,
    gpu_named,
    optimizer_bytes,
    scoring_memory,
    trained_parameters,
    training_memory,
    training_sizes,
)
from isogloss.registry.resolve import MissingModel
from isogloss.spec import PipelineSpec
from isogloss.spec.align import LaunchSpec, Method, TrainSection
from isogloss.stages.align import launch_of
from isogloss.stages.graph import stages_of

#: Checkpoints that lie on the disk at once while a training goes on: two kept, one being written.
_CHECKPOINTS = 3
#: Of tables, scores, figures and the page.
_RESULTS_BYTES = 200 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """GPUs of one kind: `gpus` a machine, `nodes` machines."""

    gpu: Gpu
    gpus: int
    nodes: int = 1

    def __str__(self) -> str:
        return f"{self.gpus * self.nodes} × {self.gpu.name}" + (f" on {self.nodes} nodes" if self.nodes > 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageForecast:
    """One stage. `gpus` is how many work on it; `memory` that of one of them, None where none is used; `disk_bytes` what it
    writes and keeps; `problem` why it cannot run, None where it can.
    """

    stage: str
    cached: bool
    gpus: int
    flops: float
    seconds: float
    memory: RankMemory | None
    disk_bytes: float
    problem: Problem | None = None

    def as_json(self) -> dict[str, Any]:
        """Stable JSON."""
        memory = None if self.memory is None else self.memory.as_json()
        problem = None if self.problem is None else sentences({self.stage: self.problem})[0]
        return {**{name: getattr(self, name) for name in _PLAIN}, "memory": memory, "problem": problem}


_PLAIN = ("stage", "cached", "gpus", "flops", "seconds", "disk_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A pipeline's stages on `machines`; sums are of what is not cached."""

    machines: Machines
    model: str
    parameters: int
    stages: tuple[StageForecast, ...]
    download_bytes: float
    disk_bytes: float
    notes: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Wall time of what is left."""
        return sum(one.seconds for one in self.stages if not one.cached)

    @property
    def flops(self) -> float:
        """Operations of what is left."""
        return sum(one.flops for one in self.stages if not one.cached)

    @property
    def gpu_hours(self) -> float:
        """Hours of all GPUs that are held while it runs, used by the stage or not."""
        return self.seconds / 3600 * self.machines.gpus * self.machines.nodes

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it cannot run, and the smallest change with which it could."""
        return sentences({one.stage: one.problem for one in self.stages if one.problem is not None and not one.cached})

    def as_json(self) -> dict[str, Any]:
        """Stable JSON."""
        peaks = [one.memory for one in self.stages if one.memory is not None and not one.cached]
        return {
            "model": self.model,
            "parameters": self.parameters,
            **{"gpu": self.machines.gpu.name, "gpu_bytes": round(self.machines.gpu.bytes)},
            **{"gpus": self.machines.gpus, "nodes": self.machines.nodes},
            "stages": [one.as_json() for one in self.stages],
            **{"seconds": self.seconds, "gpu_hours": self.gpu_hours, "flops": self.flops},
            "memory_bytes": round(max((one.peak for one in peaks), default=0)),
            "host_bytes": round(max((one.host for one in peaks), default=0)),
            **{"download_bytes": round(self.download_bytes), "disk_bytes": round(self.disk_bytes)},
            "problems": list(self.problems),
            "notes": list(self.notes),
        }


def forecast(
    spec: PipelineSpec,
    outline: Outline,
    machines: Machines,
    *,
    missing: MissingModel | None = None,
    cached: frozenset[str] = frozenset(),
    asked: bool = False,
) -> Forecast:
    """Forecast every stage; `missing` is what the model still needs where it is not on this machine. `cached` are stages that
    are done. `asked`: machines were named by a person, and stand in the place of what the launch shapes say of processes and
    nodes.
    """
    dtype = scoring_dtype(spec, machines.gpu)
    stages = []
    forwards = forwards_by_stage(spec, outline.layers)
    for stage in stages_of(spec):
        done = stage.name in cached
        if stage.family == "align" and stage.variant:
            made = _training(spec, outline, machines, stage.variant, asked=asked)  # type: ignore[arg-type]
        else:
            made = _scoring(spec, outline, machines, stage.name, forwards.get(stage.name, 0.0), dtype, asked=asked)
        seconds = made.seconds + OVERHEAD.get(stage.family, 2.0)
        stages.append(replace(made, cached=done, seconds=0.0 if done else seconds))
    kept = sum(one.disk_bytes for one in stages if not one.cached)
    made_first = 0.0 if missing is None else missing.bytes_on_disk(outline.parameters)
    passing = max((_while_training(spec, outline, one.stage, machines, asked) for one in stages), default=0.0)
    return Forecast(
        machines=machines,
        model=spec.model,
        parameters=outline.parameters,
        stages=tuple(stages),
        download_bytes=0.0 if missing is None else missing.bytes_fetched(outline.parameters),
        disk_bytes=made_first + kept + passing + _RESULTS_BYTES,
        notes=_notes(spec, machines, dtype),
    )


def scoring_dtype(spec: PipelineSpec, gpu: Gpu) -> str:
    """The number type that `compute.dtype` means there: bfloat16 on a GPU, as transformers emulates it on older ones."""
    return "bfloat16" if spec.compute.dtype == "auto" else spec.compute.dtype


def shape_on(shape: LaunchSpec, machines: Machines, *, asked: bool) -> LaunchSpec:
    """The launch shape with the processes and nodes that it has there."""
    if asked or shape.processes == "auto":
        meeting = {"rendezvous": shape.rendezvous or "HOST:29500"} if machines.nodes > 1 else {}
        return shape.model_copy(update={"processes": machines.gpus, "nodes": machines.nodes, "node_rank": 0, **meeting})
    return shape


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCase:
    """A training on given machines: what `fitting` tries changes of."""

    outline: Outline
    gpu: Gpu
    shape: LaunchSpec
    train: TrainSection
    method: Method
    pairs: int
    time: int
    attention_only: bool
    second_model: bool

    @property
    def dtype(self) -> str:
        """Of the forward."""
        return "bfloat16" if self.train.dtype == "auto" else self.train.dtype

    @property
    def trained(self) -> float:
        """Parameters that change."""
        return trained_parameters(self.outline, self.train, attention_only=self.attention_only)

    def divided(self) -> tuple[int, int]:
        """(rows a process computes at once, how often in a step). Raises UserError as the training would."""
        return shares(self.train.batch, self.shape.micro_batch, processes=processes_in(self.shape))

    def memory(self) -> RankMemory:
        """Of one process."""
        micro, accumulated = self.divided()
        sequences = micro * (4 if self.method == "clo" else 1)
        if self.method == "midalign":
            sequences = max(micro, 2 * -(-self.pairs // (processes_in(self.shape) * accumulated)))
        return training_memory(
            self.outline,
            self.shape,
            self.train,
            batch=MicroBatch(rows=sequences, time=self.time, read=sequences * self.time),
            kept=self._kept(sequences),
            processes=processes_in(self.shape),
            dtype=self.dtype,
            accumulated=accumulated,
            trained=self.trained,
            second_model=self.second_model,
        )

    def _kept(self, sequences: int) -> Kept:
        lora = self.train.parameters == "lora"
        autocast = self.dtype == "bfloat16" and self.shape.engine == "none" and not lora
        return kept_for_backward(
            self.outline, rows=sequences, time=self.time, dtype=self.dtype, autocast=autocast, adapters=lora
        )


def training_case(
    spec: PipelineSpec, outline: Outline, machines: Machines, method: Method, *, asked: bool
) -> TrainingCase:
    """The training of `method` as the pipeline says it."""
    section = spec.align.of(method)
    sizes = training_sizes(spec.align.instructions)
    # Rows of unknown lengths may be as long as is allowed; the embedded ones are short.
    short = spec.align.instructions in ("embedded", "embedded-english")
    longest = min(section.train.max_length, round(2.5 * sizes.tokens)) if short else section.train.max_length
    return TrainingCase(
        outline=outline,
        gpu=machines.gpu,
        shape=shape_on(launch_of(spec, method), machines, asked=asked),
        train=section.train,
        method=method,
        pairs=(getattr(section, "batch", None) or section.train.batch),
        time=max(8, longest),
        attention_only=getattr(section, "trainable", "all") == "attention",
        second_model=getattr(section, "reference", "precomputed") == "live" and section.train.parameters == "full",
    )


def _training(
    spec: PipelineSpec, outline: Outline, machines: Machines, method: Method, *, asked: bool
) -> StageForecast:
    case = training_case(spec, outline, machines, method, asked=asked)
    processes = processes_in(case.shape)
    try:
        memory, (_, accumulated) = case.memory(), case.divided()
    except UserError as error:
        return StageForecast(
            stage=f"align-{method}", cached=False, gpus=processes, flops=0.0, seconds=0.0, memory=None, disk_bytes=0.0,
            problem=sharing_problem(case, error, spec),
        )  # fmt: skip
    work = _training_work(spec, case, accumulated)
    kept = _trained_bytes(case) * max(1, case.train.checks)
    return StageForecast(
        stage=f"align-{method}",
        cached=False,
        gpus=processes,
        flops=work.flops,
        seconds=work.seconds,
        memory=memory,
        disk_bytes=kept,
        problem=problem_of(case, memory, spec),
    )


def _training_work(spec: PipelineSpec, case: TrainingCase, accumulated: int) -> Work:
    train, languages = case.train, len(spec.data.languages)
    rows, pairs = training_sizes(spec.align.instructions), training_sizes(spec.align.parallel, parallel=True)
    tokens = min(rows.tokens, train.max_length)
    per_language = languages - 1 if case.method == "clo" else languages
    epoch = train.epochs * rows.rows * per_language / train.batch
    sequences = train.batch * (4 if case.method == "clo" else 1)
    read = min(rows.read, tokens)
    reference = 0.0
    if case.method == "midalign":
        # Every other step is of sentence pairs: an epoch is twice the steps, and a row the mean of both kinds.
        epoch *= 2
        tokens, read = (tokens + 2 * pairs.tokens * case.pairs / train.batch) / 2, read / 2
    steps = float(train.steps or epoch)
    if case.method == "clo":
        reference = sequences * (steps if train.steps or case.second_model else epoch)
    return training_work(
        case.outline,
        case.gpu,
        case.shape,
        steps=steps,
        rows=sequences,
        tokens=tokens,
        read=read,
        reference=reference,
        accumulated=accumulated,
        processes=processes_in(case.shape),
        trained=case.trained,
        full=train.parameters == "full",
    )


def _trained_bytes(case: TrainingCase) -> float:
    """Of the weights, or the adapter, as they are kept."""
    if case.train.parameters == "lora":
        return 4.0 * case.trained
    return (2.0 if case.shape.engine == "deepspeed" and case.dtype == "bfloat16" else 4.0) * case.outline.parameters


def _while_training(spec: PipelineSpec, outline: Outline, stage: str, machines: Machines, asked: bool) -> float:
    """What lies on the disk only while a training goes on: checkpoints with the optimizer's state, weights being copied."""
    family, _, method = stage.partition("-")
    if family != "align":
        return 0.0
    case = training_case(spec, outline, machines, method, asked=asked)  # type: ignore[arg-type]
    return _CHECKPOINTS * checkpoint_bytes(case) + _trained_bytes(case) * max(1, case.train.checks)


def checkpoint_bytes(case: TrainingCase) -> float:
    """Of what a training is resumed from: the weights, or the adapter, with the optimizer's state. DeepSpeed writes the weights
    once more in files of its own, unless it divides them (ZeRO-3).
    """
    copies = 2 if case.shape.engine == "deepspeed" and case.shape.zero < 3 else 1
    return copies * _trained_bytes(case) + optimizer_bytes(case.shape, case.train, dtype=case.dtype) * case.trained


def _scoring(
    spec: PipelineSpec, outline: Outline, machines: Machines, name: str, forwards: float, dtype: str, *, asked: bool
) -> StageForecast:
    if not forwards:
        return StageForecast(stage=name, cached=False, gpus=0, flops=0.0, seconds=0.0, memory=None, disk_bytes=0.0)
    gpus = scoring_gpus(spec, name, machines, asked=asked)
    memory = scoring_memory(outline, dtype=dtype, token_budget=spec.compute.token_budget)
    width = 2.0 if dtype == "bfloat16" else 4.0
    letters = spec.scoring.method == "letter"
    sizes = choice_sizes(spec)
    work = scoring_work(
        outline,
        machines.gpu,
        forwards=forwards,
        tokens=sizes.tokens,
        read=0.0 if letters else 8.0,
        gpus=gpus,
        width=width,
    )
    return StageForecast(
        stage=name,
        cached=False,
        gpus=gpus,
        flops=work.flops,
        seconds=work.seconds,
        memory=memory,
        disk_bytes=0.0,
        problem=scoring_problem(memory, machines, spec, dtype=dtype, outline=outline),
    )


#: Stages that score with every process of a launch shape that says so (`scoring: true`).
SHARED = ("baseline", "sweep", "evaluate", "follow", "promote")


def scoring_gpus(spec: PipelineSpec, name: str, machines: Machines, *, asked: bool) -> int:
    """How many GPUs of one machine score a stage together."""
    from isogloss.stages.parallel import scoring_shape

    shape = scoring_shape(spec)
    if shape is None or name.partition("-")[0] not in SHARED:
        return 1
    there = shape_on(shape, machines, asked=asked)
    assert there.processes != "auto"
    return min(there.processes, machines.gpus)


def _notes(spec: PipelineSpec, machines: Machines, dtype: str) -> tuple[str, ...]:
    notes = [
        f"assumed: {100 * TRAINING_SHARE:.0f} % of {machines.gpu.teraflops:g} TFLOP/s a GPU in training, "
        f"{100 * SCORING_SHARE:.0f} % in scoring; gradients and weights sent at the speed of the links, without overlap",
    ]
    if not isinstance(spec.data.choices, str):
        notes.append(
            "assumed: published sets have the sizes that their publishers give; files that are here are counted"
        )
    if not machines.gpu.bfloat16:
        notes.append(
            f"{machines.gpu.name} has no bfloat16 of its own and float16 is not offered: float32's speed is taken"
        )
    return tuple(notes)


# --------------------------------------------------------------------------------------------------------------------
# Which GPUs a plan is for: those named, those here, or those that the launch shapes ask for.


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
