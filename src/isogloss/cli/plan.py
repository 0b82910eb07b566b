"""`isogloss plan`: forecast what a pipeline costs here or on named GPUs, and refuse what cannot fit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.cli.console import Json, PipelineFile, Set, make_table, output, print_json, say
from isogloss.errors import RefusedError

if TYPE_CHECKING:
    from rich.table import Table

    from isogloss.models.config import Outline
    from isogloss.pipeline.plan import Plan
    from isogloss.planning.estimate import Costs
    from isogloss.planning.forecast import Forecast
    from isogloss.planning.llm_cost import Asked
    from isogloss.planning.memory import RankMemory
    from isogloss.registry.resolve import MissingModel
    from isogloss.spec import PipelineSpec


def read_plan(pipeline: Path, overrides: Sequence[str]) -> Plan:
    """Return the pipeline with its steps in the current folder. Notices about its model are printed on stderr."""
    from isogloss.pipeline.plan import make_plan
    from isogloss.spec import load_spec

    plan = make_plan(load_spec(pipeline, overrides), Path.cwd())
    for line in plan.model.notices:
        say(line)
    return plan


def plan(
    pipeline: PipelineFile,
    overrides: Set = None,
    gpu: Annotated[str | None, typer.Option(metavar="NAME", help="Plan for this GPU: H100, A100-80, L40S, …")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="How many GPUs a machine has.")] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="How many machines.")] = None,
    as_json: Json = False,
) -> None:
    """Show the stages, what is cached, and an estimate of time, memory and disk, before anything is fetched."""
    from isogloss.models.config import outline_of, read_config
    from isogloss.pipeline.plan import Plan, resolve_dtype
    from isogloss.planning.estimate import estimate
    from isogloss.planning.forecast import forecast, planned_machines
    from isogloss.planning.llm_cost import asked_of
    from isogloss.planning.memory import gpu_here
    from isogloss.registry.resolve import missing_model
    from isogloss.spec import load_spec
    from isogloss.stages.graph import stages_of

    spec = load_spec(pipeline, overrides or [])
    machines = planned_machines(spec, gpu=gpu, gpus=gpus, nodes=nodes)
    # A plan fetches, converts and merges nothing. If the model's files are missing, no stage can be cached.
    known = missing_model(spec, Path.cwd()) or read_plan(pipeline, overrides or [])
    steps = known.steps if isinstance(known, Plan) else ()
    cached = frozenset(step.stage.name for step in steps if step.done)
    llm_calls = asked_of(spec, [stage.name for stage in stages_of(spec) if stage.name not in cached])
    problems = [call.problem for call in llm_calls]
    if machines is None:
        costs = estimate(known) if isinstance(known, Plan) else _costs_of_missing_model(spec, known)
        _show_costs(spec, costs, llm_calls, dtype=resolve_dtype(spec), as_json=as_json)
        problems = [_too_large_here(costs), *problems]
    else:
        on_gpus = forecast(
            spec,
            outline_of(read_config(known.model.path)) if isinstance(known, Plan) else _outline(spec, known),
            machines,
            missing=None if isinstance(known, Plan) else known,
            cached=cached,
            asked=gpus is not None or nodes is not None,
        )
        _show_forecast(spec, on_gpus, llm_calls, as_json=as_json)
        problems = [*on_gpus.problems, *problems]
        if gpu is None and gpu_here() is not None:  # the GPUs are this machine's, and so is the disk
            problems.append(_no_room(on_gpus.disk_bytes, shutil.disk_usage(Path.cwd()).free))
    if any(problems):
        raise RefusedError("\n".join(filter(None, problems)))
    if not as_json:
        say(f"next: isogloss run {pipeline}")


def _outline(spec: PipelineSpec, missing: MissingModel) -> Outline:
    """Read the shape of a model whose weights are not here, and check the settings against it."""
    from isogloss.models.config import config_of_unfetched, outline_of
    from isogloss.pipeline.plan import check_settings

    outline = outline_of(config_of_unfetched(missing.base))
    check_settings(spec, outline.layers)
    return outline


def _costs_of_missing_model(spec: PipelineSpec, missing: MissingModel) -> Costs:
    from isogloss.pipeline.plan import resolve_dtype
    from isogloss.planning.estimate import Weights, costs_of
    from isogloss.stages.graph import stages_of

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
    """Say why this machine cannot run the pipeline and what would help; None if it can."""
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


def _show_costs(spec: PipelineSpec, costs: Costs, llm_calls: Sequence[Asked], *, dtype: str, as_json: bool) -> None:
    if as_json:
        print_json({**costs.as_json(), "asked": [call.as_json() for call in llm_calls]})
        return
    table = make_table(
        ("stage", "state"),
        ("question forwards", "estimated time"),
        title=f"{spec.name} ({spec.model}, {dtype})",
    )
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
    for line in (*costs.notes, *(call.sentence() for call in llm_calls)):
        console.print(line)


def _show_forecast(spec: PipelineSpec, on_gpus: Forecast, llm_calls: Sequence[Asked], *, as_json: bool) -> None:
    if as_json:
        print_json({**on_gpus.as_json(), "asked": [call.as_json() for call in llm_calls]})
        return
    table = make_table(
        ("stage", "state"),
        ("GPUs", "GiB a GPU", "PFLOP", "estimated time"),
        title=f"{spec.name} ({spec.model}, {on_gpus.parameters / 1e9:.2f}B parameters) on {on_gpus.machines}",
    )
    for stage in on_gpus.stages:
        state = "cached" if stage.cached else ("to do" if stage.problem is None else "does not fit")
        table.add_row(
            stage.stage,
            state,
            str(stage.gpus or "–"),
            "–" if stage.memory is None else _gib(stage.memory.peak),
            f"{stage.flops / 1e15:,.1f}" if stage.flops else "–",
            "–" if stage.cached else _time(stage.seconds),
        )
    console = output()
    console.print(table)
    trainings = [
        (stage.stage, stage.memory) for stage in on_gpus.stages if stage.stage.startswith("align-") and stage.memory
    ]
    if trainings:
        console.print(_memory_by_component(on_gpus, trainings))
    host = max((stage.memory.host for stage in on_gpus.stages if stage.memory is not None), default=0.0)
    console.print(
        f"about {_time(on_gpus.seconds)} ({on_gpus.gpu_hours:,.0f} GPU hours, {on_gpus.flops / 1e18:,.1f} EFLOP); main "
        f"memory a machine {_gib(host)} GiB; disk {_gib(on_gpus.disk_bytes)} GiB, of which "
        f"{_gib(on_gpus.download_bytes)} are fetched"
    )
    for line in (*on_gpus.notes, *(call.sentence() for call in llm_calls)):
        console.print(line)


def _memory_by_component(on_gpus: Forecast, trainings: Sequence[tuple[str, RankMemory]]) -> Table:
    gpu = on_gpus.machines.gpu
    names = ("parameters", "gradients", "optimizer", "activations", "logits", "buffers", "reserve", "peak")
    heads = ("params", "grads", "optimizer", "activ.", "logits", "buffers", "reserve", "peak")
    table = make_table(("stage",), heads, title=f"GiB on each {gpu.name} (it has {gpu.gib:g}) while training")
    for stage, memory in trainings:
        table.add_row(stage, *(_gib(getattr(memory, name)) for name in names))
    return table


def _gib(count: float) -> str:
    return f"{count / 2**30:,.1f}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
