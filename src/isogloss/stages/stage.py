"""What a stage is: its settings, what it needs, and a function from input folders to an output folder and a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
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
    """A run below the stage's own: a trial of a study."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    params: dict[str, str | int | float] = {}
    metrics: dict[str, float] = {}


class Record(BaseModel):
    """What a stage tells the tracker: kept in its folder, so that a reused stage is shown in full in a new run.

    `artifacts` maps file names in the stage's folder to artifact folders; `children` are runs below the stage's own.
    """

    model_config = ConfigDict(frozen=True)

    params: dict[str, str | int | float] = {}
    metrics: tuple[Metric, ...] = ()
    artifacts: dict[str, str] = {}
    datasets: tuple[Dataset, ...] = ()
    children: tuple[ChildRun, ...] = ()
    seconds: float = 0.0
    peak_bytes: int = 0


class Advance(Protocol):
    """`advance(n)`: n more are done; `note` says how it goes (a loss, say)."""

    def __call__(self, done: int, /, note: str = "") -> None: ...


class Progress(Protocol):
    """Progress of a stage: `with progress(total, "what") as advance: advance(n)`."""

    def __call__(self, total: int, description: str) -> AbstractContextManager[Advance]: ...


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """Everything that a stage's function gets.

    `inputs` are the folders of the stages it needs; `out` is to be filled; `work` outlives a kill and holds partial
    results; `model()` loads the model on first use and shares it between stages, `model(folder)` a trained one in its
    place, and `release()` lets go of either. `timings` are the seconds that the stages before took; `say` tells a
    person one line.
    """

    spec: PipelineSpec
    inputs: Mapping[str, Path]
    out: Path
    work: Path
    progress: Progress
    model: Callable[..., LoadedModel]
    release: Callable[[], None]
    model_ref: str
    model_path: Path
    say: Callable[[str], None]
    model_digest: str
    dtype: str
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of a pipeline: `name` is its family's, and the method's where there is one for each (`align-mist`).

    `settings` gives the part of the spec that can change its result; `sources` are the sub-packages whose code can;
    `uses_model` puts the model's digest and dtype into its key.
    """

    name: str
    needs: tuple[str, ...]
    settings: Callable[[PipelineSpec], Any]
    sources: tuple[str, ...]
    uses_model: bool
    run: Callable[[StageRun], Record]
    method: str = ""

    @property
    def family(self) -> str:
        """The name without the method: the module that it lives in."""
        return self.name.partition("-")[0]
