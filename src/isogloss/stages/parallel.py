"""More processes for a search on this machine: each joins the study by the command that other machines use."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from isogloss.data.rows import Axis, ChoiceItem, read_choices, write_rows
from isogloss.errors import EXIT_DONE, EXIT_REFUSED, EXIT_USER, IsoglossError, RefusedError, UserError
from isogloss.files import read_json, write_atomic, write_json
from isogloss.methods.launch import LAUNCHER, die_with_launcher, error_text, placed, processes_per_node, tail
from isogloss.models.load import LoadedModel, load_model
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

PIPELINE = "pipeline.yaml"
WORKER_OUTPUTS = "workers"


@contextmanager
def other_workers(stage: StageRun, checkpoint: str, *, count: int) -> Iterator[None]:
    """While open, `count` processes of `isogloss search-worker` share the study; none outlives it.

    They end with this process, also where that is killed. What each prints goes to `workers/` in the stage's work folder.
    One that ends early costs speed, not the study: its trial is taken over, and its end is told.
    """
    if count < 1:
        yield
        return
    settings = stage.work / PIPELINE
    write_atomic(settings, stage.spec.to_yaml())
    folder = stage.work / WORKER_OUTPUTS
    folder.mkdir(exist_ok=True)
    threads = max(1, (os.cpu_count() or 1) // (count + 1))
    command = [sys.executable, "-m", "isogloss", "search-worker", str(settings), "--checkpoint", checkpoint]
    started: list[subprocess.Popen[bytes]] = []
    read, write = os.pipe()  # Closed by the system however this process ends; the workers watch it.
    try:
        for number in range(1, count + 1):
            with (folder / f"{number}.log").open("wb") as output:
                started.append(
                    subprocess.Popen(
                        command,
                        env={**os.environ, "OMP_NUM_THREADS": str(threads), LAUNCHER: str(read)},
                        pass_fds=[read],
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,  # Ctrl-C reaches the first process alone, which ends the others.
                    )
                )
        yield
        for number, process in enumerate(started, start=1):
            if process.poll() not in (None, 0):
                stage.say(f"worker {number} ended with exit code {process.returncode}; see {folder / f'{number}.log'}")
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            if process.poll() is None:
                process.kill()
                process.wait()
        os.close(read)
        os.close(write)


# --------------------------------------------------------------------------------------------------------------------
# A part of the items under every condition: what one process scores at once, kept in a file a condition.
#
# Parts are the same whoever scores them, and a part's scores depend on nothing else: so they may be shared out.

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
# Scoring shared by the processes of a launch shape (`scoring: true`), each with the whole model on a device of its own.
#
# The process that runs the pipeline takes the first share and starts the others on `python -m isogloss.stages.parallel FOLDER`.
# A share is every n-th part; what a process writes of a part is what one process alone would, so that nothing has to be put
# together but files. The folder holds the task: `task.json`, the items of each part, the vectors, the unsteered scores.

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
    """While open, other processes score their shares of `parts`; none outlives it. Without a launch shape for it, there are none.

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
    reading, writing = os.pipe()  # closed with this process, however it ends, which ends the others
    started: dict[int, subprocess.Popen[bytes]] = {}
    try:
        for rank in range(1, count):
            started[rank] = _start(folder, rank, count, reading)
        waiting = [part for place, part in enumerate(parts) if place % count]
        yield Shared(
            tuple(number for number, _ in parts[::count]),
            lambda advance: _wait(folder, work, started, waiting, advance),
        )
    finally:
        for process in started.values():
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(reading)
        os.close(writing)


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


def _start(folder: Path, rank: int, count: int, launcher: int) -> subprocess.Popen[bytes]:
    env = {**os.environ, "RANK": str(rank), "WORLD_SIZE": str(count), "ISOGLOSS_LAUNCHER": str(launcher)}
    with (folder / f"{rank}.log").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder)],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(launcher,),
            start_new_session=True,  # Ctrl-C reaches the first process alone, which ends the others.
        )


def _wait(
    folder: Path,
    work: PartWork,
    started: dict[int, subprocess.Popen[bytes]],
    parts: Sequence[Part],
    advance: Callable[[int], None],
) -> None:
    """Until every process has ended; tells of the files that appear meanwhile."""
    unseen = {
        file: len(items)
        for number, items in parts
        for file in part_files(work.folder, work.label, number, work.conditions).values()
    }
    running = dict(started)
    while running:
        time.sleep(_POLL_SECONDS)
        for rank, process in list(running.items()):
            if (code := process.poll()) is not None:
                del running[rank]
                _check(folder / f"{rank}.log", rank, code)
        for file in [file for file in unseen if file.is_file()]:
            advance(unseen.pop(file))


def _check(output: Path, rank: int, code: int) -> None:
    if code in (EXIT_USER, EXIT_REFUSED):
        raise (UserError if code == EXIT_USER else RefusedError)(error_text(output))
    if code != EXIT_DONE:
        raise RuntimeError(f"scoring process {rank} ended with {code}; the end of {output}:\n{tail(output)}")


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


if __name__ == "__main__":
    die_with_launcher()
    ended = EXIT_DONE
    try:
        main(Path(sys.argv[1]), int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    except IsoglossError as error:
        print(f"error: {error}", file=sys.stderr)
        ended = error.exit_code
    sys.exit(ended)


# --------------------------------------------------------------------------------------------------------------------
# What the scoring stages share: items of a split, chunked scoring that survives a kill, passes made of interventions.

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
