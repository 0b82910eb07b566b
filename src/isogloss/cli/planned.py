"""`isogloss plan`: what a pipeline will cost here, or on GPUs by name, and a refusal where it cannot fit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from isogloss.cli.pipelines import read_plan
from isogloss.cli.shown import output, print_json, say
from isogloss.errors import RefusedError
from isogloss.models.config import Outline, config_of_unfetched, outline_of, read_config
from isogloss.pipeline.plan import Plan, check_settings, resolve_dtype
from isogloss.planning.estimate import Costs, Weights, costs_of, estimate
from isogloss.planning.forecast import Forecast, forecast, planned_machines
from isogloss.planning.llm_cost import Asked, asked_of
from isogloss.planning.memory import RankMemory, gpu_here
from isogloss.registry.resolve import MissingModel, missing_model
from isogloss.spec import PipelineSpec, load_spec
from isogloss.stages.graph import stages_of


def plan_command(
    pipeline: Path,
    overrides: Sequence[str],
    *,
    gpu: str | None = None,
    gpus: int | None = None,
    nodes: int | None = None,
    as_json: bool,
) -> None:
    """Stages, cached or not, and what they will cost. Raises RefusedError where something cannot fit."""
    spec = load_spec(pipeline, overrides)
    machines = planned_machines(spec, gpu=gpu, gpus=gpus, nodes=nodes)
    # Nothing is fetched, converted or merged for a plan. What is cached of a model that is not here is not known: nothing can be.
    known = missing_model(spec, Path.cwd()) or read_plan(pipeline, overrides)
    steps = known.steps if isinstance(known, Plan) else ()
    done = frozenset(step.stage.name for step in steps if step.done)
    asked = asked_of(spec, [stage.name for stage in stages_of(spec) if stage.name not in done])
    if machines is None:
        costs = estimate(known) if isinstance(known, Plan) else _missing_model_costs(spec, known)
        _show_costs(spec, costs, asked, dtype=resolve_dtype(spec), as_json=as_json)
        if problems := [*filter(None, [_too_large_here(costs), *(one.problem for one in asked)])]:
            raise RefusedError("\n".join(problems))
        if not as_json:
            say(f"next: isogloss run {pipeline}")
        return
    found = forecast(
        spec,
        outline_of(read_config(known.model.path)) if isinstance(known, Plan) else _outline(spec, known),
        machines,
        missing=None if isinstance(known, Plan) else known,
        cached=done,
        asked=gpus is not None or nodes is not None,
    )
    if as_json:
        print_json({**found.as_json(), "asked": [one.as_json() for one in asked]})
    else:
        _show_forecast(spec, found)
        _show_asked(asked)
    problems = [*found.problems, *filter(None, (one.problem for one in asked))]
    if gpu is None and gpu_here() is not None:  # this machine's own, and so its disk
        problems += filter(None, [_no_room(found.disk_bytes, shutil.disk_usage(Path.cwd()).free)])
    if problems:
        raise RefusedError("\n".join(problems))
    if not as_json:
        say(f"next: isogloss run {pipeline}")


def _outline(spec: PipelineSpec, missing: MissingModel) -> Outline:
    outline = outline_of(config_of_unfetched(missing.base))
    check_settings(spec, outline.layers)
    return outline


def _missing_model_costs(spec: PipelineSpec, missing: MissingModel) -> Costs:
    outline = _outline(spec, missing)
    weights = Weights(
        parameters=outline.parameters,
        stored=4 * outline.parameters if missing.convert or missing.merge else 0,
        layers=outline.layers,
        hidden_size=outline.hidden_size,
        vocabulary=outline.vocabulary,
    )
    steps = [(stage, False, False) for stage in stages_of(spec)]
    first = (missing.bytes_on_disk(outline.parameters), missing.describe(outline.parameters))
    return costs_of(spec, weights, steps, dtype=resolve_dtype(spec), root=Path.cwd(), first=first)


def _too_large_here(costs: Costs) -> str | None:
    """Why this machine cannot run it, and what would help; None where it can."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if costs.memory_bytes > memory:
        return (
            f"needs about {_gib(costs.memory_bytes)} GiB, and this machine has {_gib(memory)}. The smallest change that "
            "fits: a smaller model, or a GPU (--gpu NAME plans for one)"
        )
    return _no_room(costs.disk_bytes, costs.free_bytes)


def _no_room(needed: float, free: float) -> str | None:
    if needed <= free:
        return None
    return (
        f"needs about {_gib(needed)} GiB of disk, and {_gib(free)} are free; free {_gib(needed - free)} GiB, or go to another "
        "folder"
    )


def _show_costs(spec: PipelineSpec, costs: Costs, asked: Sequence[Asked], *, dtype: str, as_json: bool) -> None:
    if as_json:
        print_json({**costs.as_json(), "asked": [one.as_json() for one in asked]})
        return
    table = _table(f"{spec.name} ({spec.model}, {dtype})", ("stage", "state"), ("question forwards", "estimated time"))
    for cost in costs.stages:
        state = "cached" if cost.cached else ("damaged, runs again" if cost.damaged else "to do")
        forwards = f"{cost.forwards:,.0f}" if cost.forwards else "–"
        table.add_row(cost.stage, state, forwards, "–" if cost.cached else _time(cost.seconds))
    console = output()
    console.print(table)
    console.print(
        f"to do: about {_time(costs.seconds)} here; memory {_gib(costs.memory_bytes)} GiB; disk "
        f"{costs.disk_bytes / 2**20:.0f} MB (free {costs.free_bytes / 2**30:.0f} GiB)"
    )
    for line in costs.notes:
        console.print(line)
    _show_asked(asked)


def _show_asked(asked: Sequence[Asked]) -> None:
    for one in asked:
        output().print(one.sentence())


def _show_forecast(spec: PipelineSpec, found: Forecast) -> None:
    title = f"{spec.name} ({spec.model}, {found.parameters / 1e9:.2f}B parameters) on {found.machines}"
    table = _table(title, ("stage", "state"), ("GPUs", "GiB a GPU", "PFLOP", "estimated time"))
    for one in found.stages:
        state = "cached" if one.cached else ("to do" if one.problem is None else "does not fit")
        table.add_row(
            one.stage,
            state,
            str(one.gpus or "–"),
            "–" if one.memory is None else _gib(one.memory.peak),
            f"{one.flops / 1e15:,.1f}" if one.flops else "–",
            "–" if one.cached else _time(one.seconds),
        )
    console = output()
    console.print(table)
    trained = [(one.stage, one.memory) for one in found.stages if one.stage.startswith("align-") and one.memory]
    if trained:
        console.print(_by_component(found, trained))
    host = max((one.memory.host for one in found.stages if one.memory is not None), default=0.0)
    console.print(
        f"about {_time(found.seconds)} ({found.gpu_hours:,.0f} GPU hours, {found.flops / 1e18:,.1f} EFLOP); main memory a "
        f"machine {_gib(host)} GiB; disk {_gib(found.disk_bytes)} GiB, of which {_gib(found.download_bytes)} are fetched"
    )
    for line in found.notes:
        console.print(line)


def _by_component(found: Forecast, trained: Sequence[tuple[str, RankMemory]]) -> Table:
    gpu = found.machines.gpu
    names = ("parameters", "gradients", "optimizer", "activations", "logits", "buffers", "reserve", "peak")
    short = ("params", "grads", "optimizer", "activ.", "logits", "buffers", "reserve", "peak")
    table = _table(f"GiB on each {gpu.name} (it has {gpu.gib:g}) while training", ("stage",), short)
    for stage, memory in trained:
        table.add_row(stage, *(_gib(getattr(memory, name)) for name in names))
    return table


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(title=title)
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right")
    return table


def _gib(count: float) -> str:
    return f"{count / 2**30:,.1f}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
