"""Which stages a pipeline has, under which keys, and which of them are already there.

A stage's key hashes its settings, the keys of its inputs, the code that can change its result and, where it uses the
model, the model's digest and number type. What only changes speed stays out.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from isogloss.data.rows import ENGLISH
from isogloss.errors import UserError, did_you_mean
from isogloss.files import damage, digest_of, read_json, sha256_file
from isogloss.models.config import model_shape
from isogloss.pipeline.recording import PARENT
from isogloss.processes import is_gone
from isogloss.registry.resolve import PipelineModel, pipeline_model
from isogloss.spec import PipelineSpec
from isogloss.spec.align import LaunchSpec, MidalignSection
from isogloss.stages.align import launch_of
from isogloss.stages.graph import CODE, stages_of
from isogloss.stages.stage import RECORD, Stage, StageOutcome
from isogloss.tracking.journal import Journal, RunState, fold

#: Folder of everything that runs leave behind, under the working directory.
STORE = "mlruns"


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of one pipeline: its key, the folder of its output, and what is wrong with that folder (None: whole)."""

    stage: Stage
    key: str
    folder: Path
    missing: str | None

    @property
    def done(self) -> bool:
        """Whether the output is there and whole."""
        return self.missing is None

    @property
    def work(self) -> Path:
        """Where its partial results are until it is finished."""
        return self.folder.parent / ".work" / self.folder.name

    @property
    def lock(self) -> Path:
        """The lock that whoever makes it holds."""
        return self.work.with_name(f"{self.work.name}.lock")

    def outcome(self) -> StageOutcome:
        """What the finished stage tells the tracker."""
        return StageOutcome.model_validate(read_json(self.folder / RECORD))


@dataclass(frozen=True)
class Plan:
    """A pipeline with its steps. `identity` is the digest of all keys: the same for the same results."""

    spec: PipelineSpec
    root: Path
    model: PipelineModel
    dtype: str
    steps: tuple[Step, ...]

    @property
    def identity(self) -> str:
        """Digest over all stage keys."""
        return digest_of([step.key for step in self.steps])

    @property
    def folder(self) -> Path:
        """Where this pipeline's journal and resolved settings are."""
        return self.root / STORE / "pipelines" / f"{self.spec.name}-{self.identity[:12]}"

    def looked_at_again(self) -> Plan:
        """The same plan, with what is there now."""
        return replace(self, steps=tuple(replace(step, missing=damage(step.folder)) for step in self.steps))

    def step(self, name: str) -> Step:
        """The step of a stage."""
        return next(step for step in self.steps if step.stage.name == name)

    def until(self, name: str | None) -> tuple[Step, ...]:
        """The steps that `name` needs, itself included; all for None. A family (`align`) means all its stages.

        Raises UserError for an unknown stage.
        """
        if name is None:
            return self.steps
        names = [step.stage.name for step in self.steps]
        families = [step.stage.family for step in self.steps if step.stage.variant]
        needed = {one for one in names if one == name} or {
            step.stage.name for step in self.steps if step.stage.variant and step.stage.family == name
        }
        if not needed:
            known = list(dict.fromkeys([*names, *families]))
            raise UserError(f"--until {name}: no such stage{did_you_mean(name, known)}; there are {', '.join(known)}")
        for step in reversed(self.steps):
            if step.stage.name in needed:
                needed |= set(step.stage.needs)
        return tuple(step for step in self.steps if step.stage.name in needed)


def make_plan(spec: PipelineSpec, root: Path) -> Plan:
    """Resolve the model and find each stage's key and output. Reads files, writes none but the model cache."""
    model = pipeline_model(spec, root)
    check_settings(spec, model.path)
    dtype = resolve_dtype(spec)
    keys: dict[str, str] = {}
    steps = []
    for stage in stages_of(spec):
        name = stage.name
        keys[name] = digest_of(
            {
                "stage": name,
                "settings": stage.settings(spec),
                "inputs": [keys[need] for need in stage.needs],
                "code": code_version(stage.code),
                "model": [model.digest, dtype] if stage.uses_model else None,
            }
        )
        folder = root / STORE / "stages" / f"{name}-{keys[name][:16]}"
        steps.append(Step(stage, keys[name], folder, damage(folder)))
    return Plan(spec, root, model, dtype, tuple(steps))


def check_settings(spec: PipelineSpec, model: Path | int) -> None:
    """Raises UserError for what the model's config or a launch shape shows to be wrong: before hours are spent. `model` is
    its folder, or how many layers it has.
    """
    if set(spec.data.languages) <= {ENGLISH}:
        raise UserError("data.languages: at least one language besides English is needed")
    shapes = {method: launch_of(spec, method) for method in spec.align.methods}
    if ENGLISH not in spec.data.languages and (paired := [one for one in ("clo", "midalign") if one in shapes]):
        raise UserError(
            f"align.methods: {' and '.join(paired)} pair{'s' * (len(paired) == 1)} each language with English, which is not "
            f"among data.languages; add '{ENGLISH}'"
        )
    if "midalign" in shapes:
        _check_pairs(spec.align.midalign, shapes["midalign"])
    sweep = spec.sweep
    layer_settings = {"sweep.layers": sweep.layers}
    layer_settings |= {
        name: own
        for name, own in {"sweep.en_layers": sweep.en_layers, "sweep.loc_layers": sweep.loc_layers}.items()
        if own is not None
    }
    if spec.search.checkpoints:
        layer_settings |= {"search.en_layers": spec.search.en_layers, "search.loc_layers": spec.search.loc_layers}
    asked: dict[str, Sequence[int]] = {name: value for name, value in layer_settings.items() if value != "all"}
    if "midalign" in spec.align.methods and spec.align.midalign.layer != "middle":
        asked["align.midalign.layer"] = [spec.align.midalign.layer]
    if not any(asked.values()):
        return
    layers = model if isinstance(model, int) else model_shape(model).num_layers
    for setting, values in asked.items():
        if outside := [layer for layer in values if layer > layers]:
            raise UserError(
                f"{setting}: {', '.join(map(str, outside))} is outside the model; {spec.model} has layers 1 to {layers}"
            )


def _check_pairs(section: MidalignSection, shape: LaunchSpec) -> None:
    """Every sentence pair needs another one to be told from, in its own process where negatives are local."""
    pairs = section.batch or section.train.batch
    local = section.negatives == "local" and shape.processes != "auto"
    processes = int(shape.processes) * shape.nodes if local else 1
    if pairs < 2 * processes:
        where = f", which {processes} processes divide among them with negatives: local" if processes > 1 else ""
        raise UserError(
            f"align.midalign.batch: {pairs} sentence pair{'s' if pairs > 1 else ''} an alignment step{where}; a contrastive "
            f"loss needs two at least in each: set it (by default it is train.batch) to {2 * processes} or more"
        )


def resolve_dtype(spec: PipelineSpec) -> str:
    """`auto` is bfloat16 on an accelerator or a processor that multiplies it natively, else float32."""
    if spec.compute.dtype != "auto":
        return spec.compute.dtype
    import torch

    native = torch.cuda.is_available() if spec.compute.device != "cpu" else False
    native = native or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if native else "float32"


@cache
def code_version(names: tuple[str, ...], package: Path = Path(__file__).parents[1]) -> str:
    """Digest of the code that `names` stand for in :data:`isogloss.stages.graph.CODE`: modules, and templates and data.

    Only contents count, not where a file is or what it is called. Raises KeyError for an unknown name and
    FileNotFoundError for a file or folder that is not there: a key must not lose code without a word.
    """
    return digest_of({name: sorted(sha256_file(path) for path in code_files(name, package)) for name in names})


def code_files(name: str, package: Path = Path(__file__).parents[1]) -> list[Path]:
    """The files that a name of :data:`isogloss.stages.graph.CODE` stands for."""
    found: list[Path] = []
    for source in CODE[name]:
        place = package / source
        if not place.exists():
            raise FileNotFoundError(f"the code '{name}' of stage keys names {source}, which {package} does not have")
        candidates = sorted(place.rglob("*")) if place.is_dir() else [place]
        found += [path for path in candidates if path.is_file() and _packaged(path.relative_to(package))]
    return found


def _packaged(path: Path) -> bool:
    """Whether a file is the package's own: no cache of Python's, and nothing that an editor or a system leaves behind."""
    return not any(part == "__pycache__" or part.startswith(".") or part.endswith("~") for part in path.parts)


# --------------------------------------------------------------------------------------------------------------------
# What the journals say was done, is running, or failed. Needs neither the model nor the specs.


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineState:
    """A pipeline that left a journal: `word` and each stage's word are finished, failed, stopped or running."""

    folder: Path
    word: str
    stages: dict[str, str]
    last: str

    def as_json(self) -> dict[str, Any]:
        """Stable JSON."""
        return {"pipeline": self.folder.name, "state": self.word, "stages": self.stages, "last_event": self.last}


def pipeline_states(root: Path) -> list[PipelineState]:
    """Every pipeline of this folder, the newest last."""
    found = []
    for path in (root / STORE / "pipelines").glob("*/journal.jsonl"):
        events = Journal(path).events()
        if not events:
            continue
        runs = fold(events)
        last = datetime.datetime.fromtimestamp(events[-1].ms / 1000).astimezone().isoformat(timespec="seconds")
        words = {key: _word(run) for key, run in runs.items() if run.parent in (None, PARENT)}
        found.append(PipelineState(folder=path.parent, word=words.pop(PARENT, "stopped"), stages=words, last=last))
    return sorted(found, key=lambda state: state.last)


def _word(run: RunState) -> str:
    if run.end_ms is None:
        return "stopped (killed)" if is_gone(run.tags) else "running"
    return {"FINISHED": "finished", "FAILED": "failed", "KILLED": "stopped"}[run.status]
