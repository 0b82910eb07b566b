"""What a stage is: its settings, its needs, and a function from input folders to an output folder and an outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict

from isogloss.spec import PipelineSpec

if TYPE_CHECKING:
    from isogloss.models.load import LoadedModel


RECORD = "record.json"


class Metric(BaseModel):
    """One point of a metric; layer curves use step = layer."""

    model_config = ConfigDict(frozen=True)

    name: str
    value: float
    step: int = 0


class Dataset(BaseModel):
    """A data set that went into a stage."""

    model_config = ConfigDict(frozen=True)

    name: str
    digest: str
    context: str
    rows: int


class ChildRun(BaseModel):
    """A run below the stage's own: a trial of a study, or a model under one steering.

    `tags` may change later (whether a trial is on the front); the rest may not. `note` is what MLflow shows as its
    description; `seconds` is how long it took.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    params: dict[str, str | int | float] = {}
    metrics: dict[str, float] = {}
    tags: dict[str, str] = {}
    note: str = ""
    datasets: tuple[Dataset, ...] = ()
    seconds: float = 0.0


class StageOutcome(BaseModel):
    """What a stage reports to the tracker. Kept in its folder as `record.json`, so that a run that reuses it shows all of it.

    `artifacts` maps file names in the stage's folder to artifact folders; `children` are runs below the stage's own;
    `note` says in two sentences what came out.
    """

    model_config = ConfigDict(frozen=True)

    params: dict[str, str | int | float] = {}
    metrics: tuple[Metric, ...] = ()
    artifacts: dict[str, str] = {}
    datasets: tuple[Dataset, ...] = ()
    children: tuple[ChildRun, ...] = ()
    note: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0


class Advance(Protocol):
    """`advance(n)`: n more are done; `note` says how it goes (a loss, say)."""

    def __call__(self, done: int, /, note: str = "") -> None: ...


class Progress(Protocol):
    """Progress of a stage: `with progress(total, "what") as advance: advance(n)`."""

    def __call__(self, total: int, description: str) -> AbstractContextManager[Advance]: ...


class Watched(Protocol):
    """`with watched(finished):` the child runs that `finished()` lists are recorded while the stage is going on.

    `finished` is called every few seconds, from another thread; what it lists once is not recorded again.
    """

    def __call__(self, finished: Callable[[], Iterable[ChildRun]], /) -> AbstractContextManager[object]: ...


def unwatched(_finished: Callable[[], Iterable[ChildRun]], /) -> AbstractContextManager[object]:
    """Nobody watches: the child runs are recorded when the stage ends."""
    return nullcontext()


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """Everything that a stage's function gets.

    `inputs` are the folders of the stages it needs; `out` is to be filled; `work` outlives a kill and holds partial
    results; `model()` loads the model on first use and shares it between stages, `model(folder)` a trained one in its
    place, and `release()` lets go of either. `timings` are the seconds that the stages before took; `say` tells a
    person one line; `watched` records child runs while the stage is going on. `model_ref` loads the model on this machine,
    `base_ref` is what it is called on any.
    """

    spec: PipelineSpec
    inputs: Mapping[str, Path]
    out: Path
    work: Path
    progress: Progress
    model: Callable[..., LoadedModel]
    release: Callable[[], None]
    model_ref: str
    base_ref: str
    model_path: Path
    say: Callable[[str], None]
    model_digest: str
    dtype: str
    timings: Mapping[str, float] = field(default_factory=dict)
    watched: Watched = unwatched


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of a pipeline: `name` is its family's, with the model's where each has one (`align-mist`).

    `settings` gives the part of the spec that can change its result. `code` names the code that can (`stages.graph.CODE`).
    `uses_model` puts the model's digest and dtype into its key. `variant` is the model that the stage works on, where each
    has one: a method, or a searched checkpoint.
    """

    name: str
    needs: tuple[str, ...]
    settings: Callable[[PipelineSpec], Any]
    code: tuple[str, ...]
    uses_model: bool
    run: Callable[[StageRun], StageOutcome]
    variant: str = ""

    @property
    def family(self) -> str:
        """The name without the variant."""
        return self.name.partition("-")[0]
