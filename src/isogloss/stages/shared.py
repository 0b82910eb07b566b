"""Scoring shared by the processes of a launch shape (`scoring: true`), each with the whole model on a device of its own.

The process that runs the pipeline takes the first share and starts the others on `python -m isogloss.stages.shared FOLDER`.
A share is every n-th part; what a process writes of a part is what one process alone would, so that nothing has to be put
together but files. The folder holds the task: `task.json`, the items of each part, the vectors, the unsteered scores.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isogloss.data.read import read_choices, write_rows
from isogloss.data.rows import ChoiceItem
from isogloss.errors import EXIT_DONE, EXIT_REFUSED, EXIT_USER, IsoglossError, RefusedError, UserError
from isogloss.evaluate.score import ScoreSettings
from isogloss.evaluate.scores import Scores
from isogloss.files import read_json, write_json
from isogloss.methods.launch import die_with_launcher, processes_per_node
from isogloss.methods.nodes import placed
from isogloss.methods.processes import error_text, tail
from isogloss.models.load import LoadedModel, load_model
from isogloss.spec import PipelineSpec
from isogloss.spec.launch import LaunchSpec, load_launch
from isogloss.stages.parts import PartWork, part_files
from isogloss.steering.intervention import Component, Intervention
from isogloss.steering.vectors import SteeringVectors

Part = tuple[int, Sequence[ChoiceItem]]
TASK, BASELINE = "task.json", "baseline.jsonl"
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
        work.baseline.save(folder / BASELINE)
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
        baseline=Scores.load(folder / BASELINE) if task["baseline"] else None,
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
