"""What a pipeline will cost before it runs: forwards by stage, seconds by a short measurement, memory, disk.

A question forward is one prompt with its options packed behind it. Seconds come from its FLOPs (2 × parameters × tokens, and
the head where logits are read) over the speed of a matrix multiplication measured here.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isogloss.data.rows import AXES, Axis
from isogloss.models.config import Outline, model_shape
from isogloss.pipeline.plan import Plan
from isogloss.planning.memory import (
    HOST_MEMORY,
    NETWORK,
    SCORING_SHARE,
    TRAINING_SHARE,
    Gpu,
    choice_sizes,
    training_sizes,
)
from isogloss.results.names import UNALIGNED
from isogloss.spec import PipelineSpec
from isogloss.spec.align import LaunchSpec
from isogloss.spec.section import Layers
from isogloss.stages.checkpoints import suffixed
from isogloss.stages.stage import Stage
from isogloss.stages.states import ITEMS, PAIRS, SENTENCES, parts_of

#: Tokens of a packed question and positions read, typical of the embedded items.
TOKENS, READS = 45, 8
#: Share of the measured matrix-multiply speed that scoring reaches (measured with the embedded model on two cores).
EFFICIENCY = 0.45


@dataclass(frozen=True, slots=True)
class StageCost:
    """Estimate of one stage."""

    stage: str
    cached: bool
    damaged: bool
    forwards: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Estimate of a pipeline's unfinished stages."""

    stages: tuple[StageCost, ...]
    seconds: float
    memory_bytes: float
    disk_bytes: float
    free_bytes: int
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Stable JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What an estimate needs of a model: `stored` are bytes of its files, 0 where they are not here."""

    parameters: float
    stored: float
    layers: int
    hidden_size: int
    vocabulary: int


def estimate(plan: Plan) -> Costs:
    """Costs of what is not cached."""
    shape = model_shape(plan.model.path)
    stored = sum(path.stat().st_size for path in plan.model.path.glob("*.safetensors"))
    weights = Weights(
        parameters=stored / shape.bytes_per_weight,
        stored=stored,
        layers=shape.num_layers,
        hidden_size=shape.hidden_size,
        vocabulary=shape.vocabulary,
    )
    steps = [(step.stage, step.done, step.missing is not None and step.folder.exists()) for step in plan.steps]
    return costs_of(plan.spec, weights, steps, dtype=plan.dtype, root=plan.root)


def costs_of(
    spec: PipelineSpec,
    weights: Weights,
    steps: Sequence[tuple[Stage, bool, bool]],
    *,
    dtype: str,
    root: Path,
    first: tuple[float, str] | None = None,
) -> Costs:
    """Costs here of what is left of `steps` (stage, whether it is done, whether it is damaged). `first` is what a model that
    is not here takes of the disk, in bytes, and how that is said.
    """
    head = weights.vocabulary * weights.hidden_size
    body = max(weights.parameters - head, weights.parameters * 0.1)
    flops = 2 * body * TOKENS + 2 * head * READS
    per_forward = flops / (EFFICIENCY * matmul_flops(dtype))
    forwards = forwards_by_stage(spec, weights.layers)
    stages = []
    for stage, done, damaged in steps:
        count = forwards.get(stage.name, 0.0)
        seconds = count * per_forward + OVERHEAD.get(stage.family, 2.0)
        stages.append(StageCost(stage.name, done, damaged, 0.0 if done else count, seconds))
    todo = [cost for cost in stages if not cost.cached]
    width = 2 if dtype == "bfloat16" else 4
    reading = 128 * weights.vocabulary * 4 * 2
    memory = weights.parameters * width + weights.stored * (1 if width == 2 else 0) + reading + 1.2 * 2**30
    notes = [] if todo else ["everything is cached: isogloss run says so and stops"]
    free = shutil.disk_usage(root).free
    disk = 40.0 * 2**20 if todo else 0.0
    if first is not None:
        disk += first[0]
        notes.append(first[1])
    if disk > free:
        notes.append("there is not enough disk space for the results")
    return Costs(
        stages=tuple(stages),
        seconds=sum(cost.seconds for cost in todo),
        memory_bytes=memory if todo else 0,
        disk_bytes=disk,
        free_bytes=free,
        notes=tuple(notes),
    )


#: Seconds that do not grow with the number of forwards: reading facts, intervals, figures.
OVERHEAD = {
    "data": 6.0,
    "baseline": 12.0,
    "vectors": 3.0,
    "sweep": 25.0,
    "evaluate": 3.0,
    "analyse": 6.0,
    "report": 8.0,
    "align": 25.0,
    "follow": 10.0,
    "compare": 20.0,
    "states": 10.0,
    "perpendicularity": 5.0,
    "pca": 5.0,
    "convergence": 30.0,
    "retrieval": 5.0,
    "agreement": 10.0,
    "search": 20.0,
    "promote": 15.0,
}


def _shares(swept: Layers, layers: int) -> float:
    """Passes that start at each of the layers, in whole ones."""
    return sum((layers - layer + 1) / layers for layer in (range(1, layers + 1) if swept == "all" else swept))


def forwards_by_stage(spec: PipelineSpec, layers: int) -> dict[str, float]:
    """Question forwards of each stage; a pass that starts at layer l counts as the share of layers above it."""
    languages = len(spec.data.languages)
    unbounded = choice_sizes(spec).items
    bound = {"dev1": spec.data.dev1, "dev2": spec.data.dev2, "test": spec.data.test}
    items = {
        (split, axis): _bounded(getattr(limits, axis), unbounded.get((split, axis), 0.0))
        for split, limits in bound.items()
        for axis in AXES
    }
    dev2, test = (items[split, "transfer"] + items[split, "localization"] for split in ("dev2", "test"))
    points = _shares(spec.sweep.layers_of("en"), layers) * len(spec.sweep.en_gammas)
    points += _shares(spec.sweep.layers_of("loc"), layers) * len(spec.sweep.loc_gammas)
    pairs = sum(min(spec.vectors.pairs, items["dev1", axis]) for axis in AXES)
    vectors = 2 * languages * pairs * 0.2
    found = {
        "baseline": languages * (dev2 + test + items["test", "localization"]),
        "vectors": vectors,
        "sweep": (languages - 1) * dev2 * (1 + points),
        "evaluate": languages * test * (1 + 6 * 0.5),
    }
    for method in spec.align.methods:
        train = spec.align.of(method).train
        steps = train.steps or train.epochs * training_sizes(spec.align.instructions).rows * languages / train.batch
        found |= {
            f"align-{method}": steps * train.batch * _TRAINING_FORWARDS[method],
            f"follow-{method}": train.checks * languages * 2 * spec.align.check_items,
            f"vectors-{method}": vectors,
            f"evaluate-{method}": languages * test * (1 + 4 * 0.5),
        }
    for checkpoint in (UNALIGNED, *spec.align.methods):
        found[suffixed("states", checkpoint)] = _captured(spec, items) + (vectors if PAIRS in parts_of(spec) else 0.0)
    for checkpoint in spec.search.checkpoints:
        found[f"search-{checkpoint}"] = (languages - 1) * dev2 * (1 + _TRIAL * spec.search.trials)
    if spec.search.checkpoints:
        found["promote"] = len(spec.search.checkpoints) * languages * test * (1 + 0.5 * spec.promote.max_points)
    return found


def _captured(spec: PipelineSpec, items: Mapping[tuple[str, Axis], float]) -> float:
    """Prompts alone, unsteered and then under three steerings of about half of the layers; no logits are read."""
    section, parts = spec.analyses, parts_of(spec)
    most = {axis: min(section.items or items["test", axis], items["test", axis]) for axis in AXES}
    prompts = (sum(most.values()) if ITEMS in parts else 0) + (
        min(section.most_sentences, items["test", "transfer"]) if SENTENCES in parts else 0
    )
    return len(spec.data.languages) * prompts * 0.2 * (1 + 3 * 0.5)


def _bounded(limit: int | None, available: float) -> float:
    """Items where a setting bounds those that there are; the embedded benchmark's are about as many as any bound."""
    return available if limit is None else float(limit)


#: What a trial of a search costs an item, in question forwards: it starts from kept states.
_TRIAL = 0.25
#: What a row of a training step costs, in question forwards: forward and backward of each sequence that it holds.
_TRAINING_FORWARDS = {"mist": 3.0, "clo": 4 * 3.0, "midalign": 3.0}


def matmul_flops(dtype: str) -> float:
    """Floating-point operations a second of a square matrix multiplication here, measured for a fraction of a second."""
    import torch

    size = 1024
    matrix = torch.randn(size, size).to(getattr(torch, dtype))
    matrix @ matrix
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 0.3:
        matrix @ matrix
        count += 1
    return 2 * size**3 * count / (time.perf_counter() - started)


# --------------------------------------------------------------------------------------------------------------------
# Floating-point operations and seconds of scoring and of training, from sizes alone.
#
# A token costs 2 operations a weight of the decoder's matrices and 4 · context · width for attention, a token that is read
# 2 · hidden · vocabulary more. A backward costs two forwards, gradient checkpointing one more. A training step takes its
# operations at the share of the peak that `gpus` says, then what its processes tell each other, then offloading: added up, as
# if none of it overlapped.


@dataclass(frozen=True, slots=True)
class Work:
    """Operations and seconds."""

    flops: float
    seconds: float


def forward_flops(outline: Outline, *, tokens: float, read: float, context: float) -> float:
    """Of `tokens` tokens that see `context` / 2 others on average, `read` of them predicted over the whole vocabulary."""
    seen = sum(min(context / 2, window) if window else context / 2 for window in outline.windows)
    attention = 4.0 * seen * outline.attention_width
    return tokens * (2.0 * outline.body + attention) + read * 2.0 * outline.head


def scoring_work(
    outline: Outline, gpu: Gpu, *, forwards: float, tokens: float, read: float, gpus: int, width: float
) -> Work:
    """Score `forwards` questions of `tokens` tokens on `gpus` GPUs, each with a copy of the model of `width` bytes a weight."""
    flops = forwards * forward_flops(outline, tokens=tokens, read=read, context=tokens)
    # Read from disk at a gigabyte a second, by all at once.
    loading = outline.parameters * width / 1e9 if forwards else 0.0
    return Work(flops, flops / (gpu.teraflops * 1e12 * SCORING_SHARE * gpus) + loading)


def training_work(
    outline: Outline,
    gpu: Gpu,
    shape: LaunchSpec,
    *,
    steps: float,
    rows: float,
    tokens: float,
    read: float,
    reference: float,
    accumulated: int,
    processes: int,
    trained: float,
    full: bool,
) -> Work:
    """`steps` optimizer steps of `rows` sequences of `tokens` tokens each, `read` of them predicted; before them a forward of
    `reference` sequences.
    """
    forward = forward_flops(outline, tokens=tokens, read=read, context=tokens)
    # Backward of matrices: one product for the states, one for the weights, which adapters do without.
    passes = 1.0 + (2.0 if full else 1.0) + (1.0 if shape.gradient_checkpointing else 0.0)
    flops = steps * rows * forward * passes + reference * forward
    computing = flops / (gpu.teraflops * 1e12 * TRAINING_SHARE * processes)
    width = 2.0 if shape.engine == "deepspeed" else 4.0
    sent = width * trained * 2.0
    if shape.engine == "deepspeed" and shape.zero == 3:
        # Parameters are gathered for the forward and for the backward, gradients scattered.
        gathers = (3.0 if shape.gradient_checkpointing else 2.0) * accumulated
        sent = width * (outline.parameters * gathers + trained * accumulated)
    link = NETWORK if shape.nodes > 1 else gpu.link
    telling = steps * sent * (processes - 1) / processes / (link * 1e9) if processes > 1 else 0.0
    offloading = 0.0
    if shape.offload != "none":
        # Adam on the processors reads and writes 28 bytes a parameter; gradients and weights cross over.
        offloading = steps * 28.0 * trained / shape.nodes / (HOST_MEMORY * 1e9)
    loading = outline.parameters * 2 / 1e9 + 60.0
    return Work(flops, computing + telling + offloading + loading)
