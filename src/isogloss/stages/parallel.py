"""Score items under steering in parts: parts survive a kill, and several processes may share them.

A part is a fixed set of items under every condition; its scores are kept in a file for each condition. They do not depend on who
scores the part, so a launch shape with `scoring: true` divides the parts over processes of this machine. A search has
workers instead: :func:`other_workers`.

Run as: python -m isogloss.stages.parallel FOLDER (one process of a shared scoring, started by :func:`others_scoring`)
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from isogloss.data.rows import Axis, ChoiceItem, read_choices, write_rows
from isogloss.errors import EXIT_DONE, RefusedError
from isogloss.files import read_json, write_atomic, write_json
from isogloss.methods.launch import placed, processes_per_node
from isogloss.models.load import LoadedModel, load_model
from isogloss.processes import Children, last_lines, run_as_child, user_error
from isogloss.results.scores import ItemScore, Scores
from isogloss.scoring.score import BASELINE, BatchRows, Pass, ScoreSettings
from isogloss.scoring.steering_scorer import Edit, TrialScorer
from isogloss.spec import PipelineSpec
from isogloss.spec.align import LaunchSpec, load_launch
from isogloss.stages.data import CHOICES
from isogloss.stages.stage import StageRun
from isogloss.steering.apply import Positions, steer
from isogloss.steering.intervention import Component, Intervention
from isogloss.steering.vectors import SteeringVectors

#: Items whose hidden states are kept at a time.
_PART = 1024


def split_items(data: Path, split: str, *, axis: Axis | None = None) -> list[ChoiceItem]:
    """Items of a split of the data stage's output."""
    rows = read_choices([data / CHOICES]).rows
    return [item for item in rows if item.split == split and axis in (None, item.axis)]


def on_axis(scores: Iterable[ItemScore], axis: Axis) -> list[ItemScore]:
    """The scores of one axis. English bias is about localized items: take those before asking for it."""
    return [score for score in scores if score.axis == axis]


def score_settings(spec: PipelineSpec) -> ScoreSettings:
    """The scoring that a pipeline asks for."""
    return ScoreSettings(
        scoring=spec.scoring.method, normalise=spec.scoring.normalise, token_budget=spec.compute.token_budget
    )


def score_conditions(
    stage: StageRun,
    label: str,
    items: Sequence[ChoiceItem],
    interventions: Mapping[str, Intervention] = MappingProxyType({}),
    *,
    loaded: LoadedModel | None = None,
    baseline: Scores | None = None,
) -> dict[str, Scores]:
    """Scores of every item under each intervention, and unsteered (`baseline`) unless those are given; in the items' order.

    A scored condition is kept in the stage's work folder, a part of the items at a time, and not scored again after a
    kill. Where the launch shape says `scoring: true`, its processes share the parts, which come out the same. `loaded` is the
    pipeline's own model unless given. Raises as :class:`TrialScorer` and :func:`others_scoring`.
    """
    conditions = ({BASELINE.name: Intervention(())} if baseline is None else {}) | dict(interventions)
    found: dict[str, dict[str, ItemScore]] = {name: {} for name in conditions}
    parts = _parts(items)
    with stage.progress(len(items) * len(conditions), label) as advance:
        todo = []
        for number, part in enumerate(parts):
            missing = sum(not one.is_file() for one in part_files(stage.work, label, number, conditions).values())
            advance(len(part) * (len(conditions) - missing))
            if missing:
                todo.append(number)
        if todo:
            work = PartWork(
                folder=stage.work,
                label=label,
                conditions=conditions,
                settings=score_settings(stage.spec),
                positions=stage.spec.steer.positions,
                baseline=baseline,
            )
            loaded = loaded or stage.model()
            with others_scoring(stage.spec, work, loaded, [(number, parts[number]) for number in todo]) as shared:
                for number in shared.own:
                    work.score(loaded, number, parts[number], advance)
                shared.wait(advance)
        for number in range(len(parts)):
            for name, file in part_files(stage.work, label, number, conditions).items():
                found[name].update((score.id, score) for score in Scores.load(file))
    for name, by_id in found.items():
        values = (value for score in by_id.values() for value in score.option_scores)
        assert not any(math.isnan(value) for value in values), f"{name}: a score is not a number"
    return {
        name: Scores(condition=name, items=tuple(by_id[item.id] for item in items)) for name, by_id in found.items()
    }


def _parts(items: Sequence[ChoiceItem]) -> list[list[ChoiceItem]]:
    """Neighbours are of one language and begin alike, so that they share the most."""
    order = sorted(items, key=lambda item: (item.language, item.question, item.id))
    return [order[start : start + _PART] for start in range(0, len(order), _PART)]


# --------------------------------------------------------------------------------------------------------------------
# One part

#: Most bytes of hidden states that are kept.
_STATES_BYTES = 2 * 2**30


def steered_pass(loaded: LoadedModel, name: str, intervention: Intervention, *, positions: Positions = "all") -> Pass:
    """A scoring pass under `intervention`; rows of a language without a vector stay as they are."""

    def context(rows: BatchRows) -> AbstractContextManager[Any]:
        return steer(
            loaded.model,
            intervention,
            languages=rows.languages,
            positions=positions,
            missing="unsteered",
            real=rows.real,
            prompt_ends=rows.prompt_ends,
            model_digest=loaded.digest,
        )

    return Pass(name=name, context=context, first_layer=intervention.first_layer)


def edits_of(
    intervention: Intervention, *, known_by: Callable[[SteeringVectors], Hashable] = lambda one: one.header.kind
) -> dict[str, list[Edit]]:
    """What an intervention changes in each language, for results to be used again; vectors are told apart by `known_by`."""
    found: dict[str, list[Edit]] = {}
    for one in intervention.components:
        for language in one.vectors.languages:
            found.setdefault(language, []).append(Edit(one.layer, (known_by(one.vectors), one.gamma)))
    return found


def part_files(folder: Path, label: str, number: int, conditions: Iterable[str]) -> dict[str, Path]:
    """{condition: the file with its scores of part `number`}."""
    return {name: folder / f"{label}-{number:04d}-{index}.jsonl" for index, name in enumerate(conditions)}


@dataclass(frozen=True, kw_only=True)
class PartWork:
    """What is done with every part: its files lie in `folder`, under `label`. Raises as :class:`TrialScorer`."""

    folder: Path
    label: str
    conditions: Mapping[str, Intervention]
    settings: ScoreSettings
    positions: Positions
    baseline: Scores | None

    def score(
        self,
        loaded: LoadedModel,
        number: int,
        items: Sequence[ChoiceItem],
        advance: Callable[[int], None] = lambda _done: None,
    ) -> None:
        """Write the files of part `number` that are not there; `advance(n)`: n more items are scored under a condition."""
        scorer: TrialScorer | None = None
        for name, file in part_files(self.folder, self.label, number, self.conditions).items():
            if file.is_file():
                continue
            scorer = scorer or self._scorer(loaded, items)
            intervention = self.conditions[name]
            one = steered_pass(loaded, name, intervention, positions=self.positions)
            edits = edits_of(intervention, known_by=lambda vectors: vectors.digest)
            scorer.score(one, edits=edits, progress=advance).save(file)

    def _scorer(self, loaded: LoadedModel, items: Sequence[ChoiceItem]) -> TrialScorer:
        firsts = (one.first_layer for one in self.conditions.values())
        return TrialScorer(
            loaded.model,
            loaded.tokenizer,
            items,
            settings=self.settings,
            first_layers=[layer for layer in firsts if layer is not None],
            positions=self.positions,
            memory_bytes=_STATES_BYTES,
            baseline=self.baseline,
        )


# --------------------------------------------------------------------------------------------------------------------
# Shared scoring: the process that runs the pipeline takes the first share, every n-th part, and starts the others
#
# Its folder holds `task.json`, the items of each part, the vectors and the unsteered scores. Each process only writes the
# files of its parts, so there is nothing to put together.

Part = tuple[int, Sequence[ChoiceItem]]
TASK, BASELINE_PART = "task.json", "baseline.jsonl"
_POLL_SECONDS = 0.1


def scoring_shape(spec: PipelineSpec) -> LaunchSpec | None:
    """The pipeline's launch shape where its processes score too (`scoring: true`), else None."""
    if spec.align.launch is None:
        return None
    shape = placed(load_launch(spec.align.launch))
    return shape if shape.scoring else None


@dataclass(frozen=True)
class Shared:
    """`own` are the numbers of the parts that this process scores; `wait` returns when the others' are there."""

    own: tuple[int, ...]
    wait: Callable[[Callable[[int], None]], None]


@contextmanager
def others_scoring(spec: PipelineSpec, work: PartWork, loaded: LoadedModel, parts: Sequence[Part]) -> Iterator[Shared]:
    """While open, other processes score their shares of `parts`; without a launch shape that says so, there are none.

    Raises:
        UserError, RefusedError: a process ended with a message for the user; or the machine lacks the GPUs.
        RuntimeError: a process failed in another way; carries the end of what it printed.
    """
    shape = scoring_shape(spec)
    count = 1 if shape is None else min(processes_per_node(shape), len(parts))
    if count < 2:
        yield Shared(tuple(number for number, _ in parts), lambda _advance: None)
        return
    folder = work.folder / f"shared-{work.label}"
    _write_task(folder, work, loaded, parts)
    waiting = [part for place, part in enumerate(parts) if place % count]
    with Children() as others:
        for rank in range(1, count):
            _start(others, folder, rank, count)
        yield Shared(
            tuple(number for number, _ in parts[::count]), lambda advance: _wait(others, work, waiting, advance)
        )


def _write_task(folder: Path, work: PartWork, loaded: LoadedModel, parts: Sequence[Part]) -> None:
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    described: dict[str, list[dict[str, Any]]] = {}
    for name, intervention in work.conditions.items():
        described[name] = []
        for component in intervention.components:
            vectors = folder / f"vectors-{component.vectors.digest[:16]}"
            if not vectors.is_dir():
                component.vectors.save(vectors)
            described[name].append({"vectors": vectors.name, "layer": component.layer, "gamma": component.gamma})
    for number, items in parts:
        write_rows(folder / f"items-{number:04d}.jsonl", list(items))
    if work.baseline is not None:
        work.baseline.save(folder / BASELINE_PART)
    task = {
        "files": str(work.folder.resolve()),
        "label": work.label,
        "conditions": described,
        "settings": asdict(work.settings),
        "positions": work.positions,
        "baseline": work.baseline is not None,
        "parts": [number for number, _ in parts],
        "model": {"path": str(loaded.path), "digest": loaded.digest, "dtype": loaded.dtype},
        "device": loaded.model.device.type,
        "threads": torch.get_num_threads(),
    }
    write_json(folder / TASK, task)


def _start(others: Children, folder: Path, rank: int, count: int) -> None:
    env = {**os.environ, "RANK": str(rank), "WORLD_SIZE": str(count)}
    others.start(rank, [sys.executable, "-m", __name__, str(folder)], output=folder / f"{rank}.log", env=env)


def _wait(others: Children, work: PartWork, parts: Sequence[Part], advance: Callable[[int], None]) -> None:
    """Wait until every process has ended; report the files that appear meanwhile, and the first failure."""
    unseen = {
        file: len(items)
        for number, items in parts
        for file in part_files(work.folder, work.label, number, work.conditions).values()
    }
    running = True
    while running:
        time.sleep(_POLL_SECONDS)
        running = bool(others.running())
        for rank, code in others.codes().items():
            if code != EXIT_DONE:
                raise _error(others.outputs[rank], rank, code)
        for file in [file for file in unseen if file.is_file()]:
            advance(unseen.pop(file))


def _error(output: Path, rank: int, code: int) -> Exception:
    return user_error(code, output) or RuntimeError(
        f"scoring process {rank} ended with {code}; the end of {output}:\n{last_lines(output)}"
    )


def main(folder: Path, rank: int, count: int) -> None:
    """Score the share of process `rank` of `count`. Raises as scoring does, RefusedError where the model has changed."""
    import torch

    task = read_json(folder / TASK)
    torch.set_num_threads(task["threads"])
    device = f"cuda:{rank}" if task["device"] == "cuda" else task["device"]
    loaded = load_model(task["model"]["path"], dtype=task["model"]["dtype"], device=device)
    if loaded.digest != task["model"]["digest"]:
        raise RefusedError(f"{loaded.path}: the model's files changed while it was being scored")
    vectors: dict[str, SteeringVectors] = {}

    def component(one: dict[str, Any]) -> Component:
        name = one["vectors"]
        vectors[name] = vectors.get(name) or SteeringVectors.load(folder / name)
        return Component(vectors=vectors[name], layer=one["layer"], gamma=one["gamma"])

    work = PartWork(
        folder=Path(task["files"]),
        label=task["label"],
        conditions={name: Intervention(tuple(map(component, one))) for name, one in task["conditions"].items()},
        settings=ScoreSettings(**task["settings"]),
        positions=task["positions"],
        baseline=Scores.load(folder / BASELINE_PART) if task["baseline"] else None,
    )
    for number in task["parts"][rank::count]:
        work.score(loaded, number, read_choices([folder / f"items-{number:04d}.jsonl"]).rows)


# --------------------------------------------------------------------------------------------------------------------
# More workers for a search

PIPELINE = "pipeline.yaml"
WORKER_OUTPUTS = "workers"
#: Seconds that a worker gets to hand its trial back.
_WORKER_GRACE = 30.0


@contextmanager
def other_workers(stage: StageRun, checkpoint: str, *, count: int) -> Iterator[None]:
    """While open, `count` processes of `isogloss search-worker` share the study.

    They end with this process, even if it is killed. What each prints goes to `workers/` in the stage's work folder. A worker
    that ends early costs speed, not the study: its trial is retried elsewhere, and a warning is printed.
    """
    settings = stage.work / PIPELINE
    if count > 0:
        write_atomic(settings, stage.spec.to_yaml())
    threads = max(1, (os.cpu_count() or 1) // (count + 1))
    command = [sys.executable, "-m", "isogloss", "search-worker", str(settings), "--checkpoint", checkpoint]
    with Children(grace=_WORKER_GRACE) as workers:
        for number in range(1, count + 1):
            output = stage.work / WORKER_OUTPUTS / f"{number}.log"
            workers.start(number, command, output=output, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        yield
        workers.running()
        for number, code in workers.codes().items():
            if code != EXIT_DONE:
                stage.say(f"worker {number} ended with exit code {code}; see {workers.outputs[number]}")


if __name__ == "__main__":
    sys.exit(run_as_child(lambda: main(Path(sys.argv[1]), int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))))
