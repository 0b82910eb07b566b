"""What does not fit, said in one sentence with the smallest change that would.

Changes are tried from the least intrusive on: first what alters no result (smaller micro-batches, gradient checkpointing, a
higher ZeRO stage), then what needs more or slower machines (GPUs, offloading), last what alters the training itself (an
8-bit optimizer, LoRA).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.errors import UserError
from isogloss.models.config import Outline
from isogloss.planning.memory import GPUS, RankMemory, scoring_memory
from isogloss.results.format import gib
from isogloss.spec import PipelineSpec
from isogloss.spec.align import LaunchSpec, load_launch

if TYPE_CHECKING:
    from isogloss.planning.forecast import Machines, TrainingCase


#: GPUs a machine has, and machines that are still a proposal.
_A_MACHINE, _MACHINES = 8, 8
#: Settings of a launch shape that memory depends on.
_SHOWN = ("processes", "nodes", "engine", "zero", "offload", "micro_batch", "gradient_checkpointing")


@dataclass(frozen=True, slots=True)
class _Change:
    """`cost` orders changes; `shape` and `train` are the settings that it sets."""

    cost: float
    shape: dict[str, Any]
    train: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not fit: bytes that it needs of a GPU, that in words, and the smallest change that would fit, in words."""

    need: float
    said: str
    change: str


def sentences(problems: Mapping[str, Problem]) -> tuple[str, ...]:
    """The problems of stages by name as one sentence each; stages that the same change helps share one, the worst's."""
    together: dict[str, list[str]] = {}
    for stage, problem in problems.items():
        together.setdefault(problem.change, []).append(stage)
    found = []
    for change, stages in together.items():
        worst = max((problems[stage] for stage in stages), key=lambda one: one.need)
        names = "scoring" if worst.said.startswith("the whole") else ", ".join(stages)
        found.append(f"{names}: {worst.said}. The smallest change that fits: {change}")
    return tuple(found)


def problem_of(case: TrainingCase, memory: RankMemory, spec: PipelineSpec) -> Problem | None:
    """Why a training does not fit its GPUs, and what would; None where it fits."""
    if memory.peak <= case.gpu.bytes:
        return None
    parts = ", ".join(
        f"{name} {gib(getattr(memory, name))}"
        for name in ("parameters", "gradients", "optimizer", "activations", "logits", "buffers")
        if getattr(memory, name) >= 0.05 * 2**30
    )
    said = f"needs {gib(memory.peak)} GiB on {_gpus(case)} ({case.gpu.gib:g} GiB): {parts}"
    return Problem(memory.peak, said, _what_helps(case, case, spec))


def sharing_problem(case: TrainingCase, error: UserError, spec: PipelineSpec) -> Problem:
    """Why the rows of a step cannot be shared out, and what would fit: as many of the processes as divide the batch, and a
    micro-batch that divides a share. The batch stays, since another one is another training.
    """
    said = str(error).partition(";")[0]
    start = _shareable(case)
    fits = start.memory().peak <= case.gpu.bytes
    return Problem(0.0, said, _words(case, start, spec) if fits else _what_helps(case, start, spec))


def _shareable(case: TrainingCase) -> TrainingCase:
    batch, shape = case.train.batch, case.shape
    nodes, processes = max(
        ((nodes, local) for nodes in range(1, shape.nodes + 1) for local in range(1, int(shape.processes) + 1)
         if batch % (nodes * local) == 0),
        key=lambda one: (one[0] * one[1], one[1]),
    )  # fmt: skip
    share = batch // (nodes * processes)
    most = min(shape.micro_batch or share, share)
    micro = next(size for size in range(most, 0, -1) if share % size == 0)
    changes = {"nodes": nodes, "processes": processes, "micro_batch": shape.micro_batch if micro == most else micro}
    return replace(case, shape=shape.model_copy(update=changes))


def _what_helps(case: TrainingCase, start: TrainingCase, spec: PipelineSpec) -> str:
    """The smallest change of `start` that fits, as one of `case`; where it takes more GPUs, one on the same besides."""
    changed = smallest_change(start)
    if changed is None:
        return "none on up to 64 of these; take GPUs with more memory or a smaller model"
    words = _words(case, changed, spec)
    if processes_in(changed.shape) > processes_in(case.shape):
        same = smallest_change(start, more_gpus=False)
        words += "" if same is None else f"; on the same GPUs, {_words(case, same, spec)}"
    return words


def smallest_change(case: TrainingCase, *, more_gpus: bool = True) -> TrainingCase | None:
    """The changed training that costs least among those that fit; None where none does."""
    for change in sorted(_changes(case, more_gpus=more_gpus), key=lambda one: one.cost):
        changed = replace(
            case,
            shape=case.shape.model_copy(update=change.shape),
            train=case.train.model_copy(update=change.train),
        )
        try:
            fits = changed.memory().peak <= case.gpu.bytes
        except UserError:  # a batch that cannot be divided so
            continue
        if fits:
            return changed
    return None


def _changes(case: TrainingCase, *, more_gpus: bool) -> Iterator[_Change]:
    shape, train = case.shape, case.train
    for division, recompute, engine, machines, offload, optimizer, parameters in itertools.product(
        _micro_batches(case),
        [(0.0, {})] + ([] if shape.gradient_checkpointing else [(1.0, {"gradient_checkpointing": True})]),
        _engines(shape),
        _more_gpus(shape) if more_gpus else [(0.0, {})],
        [(0.0, {})] + ([(8.0, {"offload": "cpu"})] if shape.offload == "none" else []),
        [(0.0, {})] + ([(16.0, {"optimizer": "adamw-8bit"})] if train.optimizer == "adamw" else []),
        [(0.0, {})] + ([(32.0, {"parameters": "lora"})] if train.parameters == "full" else []),
    ):
        launch = {**engine[1], **division[1], **recompute[1], **machines[1], **offload[1]}
        after = shape.model_copy(update=launch)
        if after.offload == "cpu" and (after.engine == "none" or after.zero == 0 or optimizer[1]):
            continue
        if launch or optimizer[1] or parameters[1]:
            cost = sum(one[0] for one in (division, recompute, engine, machines, offload, optimizer, parameters))
            yield _Change(cost, launch, {**optimizer[1], **parameters[1]})


def _micro_batches(case: TrainingCase) -> list[tuple[float, dict[str, Any]]]:
    """As now, and every smaller micro-batch: half is less of a change than one row."""
    now = max(1, min(case.shape.micro_batch or case.train.batch, case.train.batch // processes_in(case.shape)))
    found: list[tuple[float, dict[str, Any]]] = [(0.0, {})]
    size, cost = now // 2, 0.9
    while size >= 1:
        found.append((cost, {"micro_batch": size}))
        size, cost = size // 2, cost + 0.02
    return found


def processes_in(shape: LaunchSpec) -> int:
    """All processes of a shape that says how many."""
    assert shape.processes != "auto"
    return shape.processes * shape.nodes


def _engines(shape: LaunchSpec) -> list[tuple[float, dict[str, Any]]]:
    if shape.engine == "none":
        switched: list[tuple[float, dict[str, Any]]] = [(0.0, {})]
        return switched + [(2.0 + 0.5 * zero, {"engine": "deepspeed", "zero": zero}) for zero in (1, 2, 3)]
    return [(0.5 * (zero - shape.zero), {"zero": zero} if zero != shape.zero else {}) for zero in range(shape.zero, 4)]


def _more_gpus(shape: LaunchSpec) -> list[tuple[float, dict[str, Any]]]:
    """As many as now, then twice as many, as far as a machine has places; then more machines."""
    processes, nodes, cost = int(shape.processes), shape.nodes, 4.0
    found: list[tuple[float, dict[str, Any]]] = [(0.0, {})]
    while processes * nodes < _A_MACHINE * _MACHINES:
        if processes < _A_MACHINE:
            processes = min(_A_MACHINE, processes * 2)
            found.append((cost, {"processes": processes}))
        else:
            nodes *= 2
            found.append((cost + 2, {"processes": processes, "nodes": nodes}))
        cost += 1.0
    return found


def _words(case: TrainingCase, changed: TrainingCase, spec: PipelineSpec) -> str:
    before, after = case.shape, changed.shape
    train = {
        name: getattr(changed.train, name)
        for name in ("optimizer", "parameters")
        if getattr(changed.train, name) != getattr(case.train, name)
    }
    said = [f"align.{case.method}.train.{name}: {value}" for name, value in train.items()]
    fields = [name for name in _SHOWN if getattr(before, name) != getattr(after, name)]
    if before.engine != after.engine:
        fields = ["engine", "zero", *(name for name in fields if name not in ("engine", "zero"))]
    if fields:
        path = spec.align.launches.get(case.method, spec.align.launch)
        ready = None if path is None else _shape_like(after, path.parent)
        if ready is not None:
            said.append(f"align.launch={ready}")
        else:
            settings = ", ".join(f"{name}: {_yaml(getattr(after, name))}" for name in fields)
            said.append(f"{settings} in {path or 'a launch shape (align.launch)'}")
    if (before.processes, before.nodes) != (after.processes, after.nodes):
        # Numbers named to the plan stand over those of a launch shape.
        said[-1] += f" (--gpus {after.processes}{f' --nodes {after.nodes}' if after.nodes != before.nodes else ''})"
    return " and ".join(said)


def _shape_like(shape: LaunchSpec, folder: Path) -> str | None:
    """A launch shape of that folder that is the same where it matters, by its name."""
    for path in sorted(folder.glob("*.yaml")):
        other = load_launch(path)
        if other.device != "cpu" and all(getattr(other, name) == getattr(shape, name) for name in _SHOWN):
            return path.stem
    return None


def scoring_problem(
    memory: RankMemory, machines: Machines, spec: PipelineSpec, *, dtype: str, outline: Outline
) -> Problem | None:
    """Why a stage that scores does not fit, and what would; None where it fits. It needs the whole model on a GPU."""
    gpu = machines.gpu
    if memory.peak <= gpu.bytes:
        return None
    said = f"the whole model in {dtype} needs {gib(memory.peak)} GiB on one {gpu.name} ({gpu.gib:g} GiB)"
    budget = spec.compute.token_budget
    for number in (dtype, "bfloat16"):
        smaller = budget
        while smaller >= 64:
            changed = {"compute.token_budget": str(smaller)} if smaller != budget else {}
            changed |= {"compute.dtype": number} if number != dtype else {}
            after = scoring_memory(outline, dtype=number, token_budget=smaller)
            if changed and after.peak <= gpu.bytes:
                settings = " and ".join(f"{name}: {value}" for name, value in changed.items())
                return Problem(memory.peak, said, settings)
            smaller //= 2
    larger = sorted((one for one in GPUS if one.bytes >= memory.peak and one.bfloat16), key=lambda one: one.gib)
    if not larger:
        return Problem(
            memory.peak, said, "a smaller model; no GPU of the table holds it, and scoring does not divide one"
        )
    return Problem(memory.peak, said, f"a GPU with more memory (--gpu {larger[0].name}, {larger[0].gib:g} GiB)")


def _gpus(case: TrainingCase) -> str:
    processes = processes_in(case.shape)
    return f"each of {processes} × {case.gpu.name}" if processes > 1 else f"one {case.gpu.name}"


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
