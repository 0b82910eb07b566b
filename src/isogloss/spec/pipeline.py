"""`PipelineSpec`: what a pipeline's YAML may say. Unknown and wrong settings are refused with their path and a suggestion."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, field_validator, model_validator

from isogloss.errors import Explanation, UserError, did_you_mean, explain
from isogloss.files import digest_of
from isogloss.spec.align import LAUNCH_FOLDER, METHODS, AlignSection, Method
from isogloss.spec.localize import NOT_LOCALIZED, NOT_TRANSLATED, LocalizeSection, TranslateSection
from isogloss.spec.section import NOT_YAML, Count, Finite, Layers, Positive, Section, is_files, read_yaml, sets_or_files

# --------------------------------------------------------------------------------------------------------------------
# The `analyses` section: which analyses of states and choices a pipeline makes, and of how much.

Analysis = Literal["perpendicularity", "pca", "convergence", "retrieval", "agreement"]
ANALYSES: tuple[Analysis, ...] = ("perpendicularity", "pca", "convergence", "retrieval", "agreement")


class AnalysesSection(Section):
    """Which analyses are made of each model, unsteered and steered; `run: []` makes none.

    `items` bounds the test items a language and axis whose states are captured (null: all). `sentences` are what
    retrieval looks for: `questions`, the bare universal questions of test, or files of parallel sentences; at most
    `most_sentences`. `layers` are those captured.
    """

    run: tuple[Analysis, ...] = ANALYSES
    items: Annotated[int, Field(ge=2)] | None = 40
    sentences: Literal["questions"] | tuple[Path, ...] = "questions"
    most_sentences: Annotated[int, Field(ge=2)] = 100
    layers: Layers = "all"

    @field_validator("run")
    @classmethod
    def _in_order(cls, value: tuple[Analysis, ...]) -> tuple[Analysis, ...]:
        if len(set(value)) < len(value):
            raise ValueError("an analysis stands twice")
        return tuple(one for one in ANALYSES if one in value)

    @field_validator("sentences", mode="before")
    @classmethod
    def _questions_or_files(cls, value: Any) -> Any:
        if value != "questions" and not is_files(value):
            raise ValueError(f"should be 'questions' or a list of files, for example [flores.jsonl], not {value!r}")
        return value


# --------------------------------------------------------------------------------------------------------------------
# Settings of the gate before the registry: what a point must hold on test to become a registered version.

#: Names that MLflow's registry and a `models:/NAME@alias` reference can carry.
RegisteredName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
#: A change of accuracy as a fraction: −0.05 is five points lost.
Floor = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


class PromoteSection(Section):
    """`name` is the registered model's; null promotes nothing.

    The floors bound the lower end of the macro 95 % interval of each axis' paired change against the unaligned model.
    `min_items` are needed of every language on each axis. `allow_dirty` lets points of a working tree with uncommitted
    changes, or of no known commit, pass. At most `max_points` become versions.
    """

    name: RegisteredName | None = None
    transfer_floor: Floor = -0.05
    localization_floor: Floor = 0.0
    min_items: Count = 20
    allow_dirty: bool = False
    max_points: Count = 5


# --------------------------------------------------------------------------------------------------------------------
# The `search` section: which models' layers and strengths are searched, within what, and by how many workers.

#: A model of a pipeline by name: the pipeline's own, or what a method made of it.
Checkpoint = Literal["unaligned"] | Method
Range = tuple[Finite, Finite]


class SearchSection(Section):
    """A study for each of `checkpoints`; without any, no search.

    A trial is a point: EN in one layer and LOC in another, each with its strength γ. `en_layers` and `loc_layers` are
    the candidates, `en_gammas` and `loc_gammas` the lowest and highest strength; `per_language` gives each language
    strengths (`gammas`), or layers and strengths (`all`), of its own. `statistic` is what is maximised on dev2, on both
    axes: the gold option's probability among the options, or accuracy. A point is feasible where transfer falls by at
    most `max_transfer_loss` against the same model unsteered, and localization by `max_localization_loss` (fractions;
    null: by any). `starts` points proposed by a first-order estimate are tried first, after γ = 0, the paper's and the sweep's.

    `storage` is where the study is kept: null for a file beside the stage, or the URL of a PostgreSQL database that workers
    on several machines reach. `workers` processes share the study here; together they may run up to workers − 1 trials more
    than `trials`. `memory` GiB may hold the hidden states that trials start from. None of the three changes what a point
    scores.
    """

    checkpoints: tuple[Checkpoint, ...] = ()
    trials: Count = 60
    sampler: Literal["tpe", "nsga2", "gp"] = "tpe"
    en_layers: Layers = "all"
    loc_layers: Layers = "all"
    en_gammas: Range = (0.0, 1.0)
    loc_gammas: Range = (0.0, 3.0)
    per_language: Literal["no", "gammas", "all"] = "no"
    statistic: Literal["probability", "accuracy"] = "probability"
    max_transfer_loss: Annotated[float, Field(ge=0, le=1)] | None = 0.02
    max_localization_loss: Annotated[float, Field(ge=0, le=1)] | None = None
    starts: Annotated[int, Field(ge=0)] = 4
    seed: int = 0
    storage: str | None = None
    workers: Count = 1
    memory: Positive = 2.0

    @field_validator("checkpoints")
    @classmethod
    def _once(cls, value: tuple[Checkpoint, ...]) -> tuple[Checkpoint, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a checkpoint stands twice")
        return value

    @field_validator("en_gammas", "loc_gammas")
    @classmethod
    def _rising(cls, value: Range) -> Range:
        if value[0] > value[1]:
            raise ValueError(f"the lowest strength comes first, not {list(value)}")
        return value

    @field_validator("storage")
    @classmethod
    def _usable(cls, value: str | None) -> str | None:
        # A pipeline's settings are logged and shown.
        if value is not None and re.search(r"://[^/@]*:[^/@]*@", value):
            raise ValueError("holds a password, and settings are logged: put it into PGPASSWORD or ~/.pgpass")
        if value is not None and value.startswith("grpc://"):
            raise ValueError(
                "Optuna's gRPC proxy passes on no heartbeats, so that the trial of a killed worker would never be tried again; "
                "name the database behind it: postgresql://USER@HOST/DATABASE"
            )
        return value


#: Settings that change how fast a search is, not what a point scores.
NOT_RESULTS = {"storage", "workers", "memory"}


# --------------------------------------------------------------------------------------------------------------------

#: The stages that measure and steer the model as it is, in the order in which they run.
STAGES = ("data", "baseline", "vectors", "sweep", "evaluate", "analyse", "report")


def _all_or_number(value: Any) -> Any:
    return None if value == "all" else value


#: A number of items a language, or `all`.
Limit = Annotated[Annotated[int, Field(ge=2)] | None, BeforeValidator(_all_or_number)]


class AxisLimits(Section):
    """At most this many items a language of each axis; one number, or `all`, may stand for both."""

    transfer: Limit = None
    localization: Limit = None

    def __str__(self) -> str:
        """`all`, `20`, or `transfer=5, localization=all`."""
        transfer, localization = (
            "all" if limit is None else str(limit) for limit in (self.transfer, self.localization)
        )
        return transfer if transfer == localization else f"transfer={transfer}, localization={localization}"


def _for_both_axes(value: Any) -> Any:
    return value if isinstance(value, dict | AxisLimits) else {"transfer": value, "localization": value}


Limits = Annotated[AxisLimits, BeforeValidator(_for_both_axes)]


#: A language of the embedded benchmark is a file there; `isogloss.data.benchmark.wording` reads it.
WORDING = Path(__file__).parents[1] / "data" / "benchmark" / "wording"


@cache
def benchmark_languages(folder: Path = WORDING) -> tuple[str, ...]:
    """The languages that have a file in `folder`, in the order that the files give (`order: 3`), the others behind."""
    placed = {}
    for path in folder.glob("*.yaml"):
        order = re.search(r"^order: *(\d+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        placed[path.stem] = (int(order[1]) if order else sys.maxsize, path.stem)
    return tuple(sorted(placed, key=lambda language: placed[language]))


#: Published sets of choices by name, beside files.
ChoiceSet = Literal["global-mmlu", "blend"]
PUBLISHED = ("global-mmlu", "blend", "flores", "openassistant")


class DataSection(Section):
    """Which items: `embedded` (generated from fact sources), or a list of published sets and choices files.

    `global-mmlu` is measured on the transfer axis; `blend` on the localization axis, as the section `localize` has it made
    local. `splits` draws their dev1, dev2 and test by question, while a file's own are kept; `paper` draws every item of the
    localization axis on its own, as the paper does. `dev1`, `dev2`, `test` bound the items a language and axis in each split:
    a number, `all`, or one of them for each axis. `mirror` is a folder with `ORG/NAME/…` as on the Hugging Face Hub, from
    which published sets are read; `revisions` names another commit, tag or branch of one.
    """

    choices: Literal["embedded"] | tuple[ChoiceSet | Path, ...] = "embedded"
    splits: Literal["question", "paper"] = "question"
    languages: tuple[str, ...] = Field(default_factory=benchmark_languages)
    seed: int = 0
    dev1: Limits = AxisLimits()
    dev2: Limits = AxisLimits()
    test: Limits = AxisLimits()
    mirror: Path | None = None
    revisions: dict[str, str] = Field(default_factory=dict)

    @field_validator("choices", mode="before")
    @classmethod
    def _sets_or_files(cls, value: Any) -> Any:
        return sets_or_files(value, words=("embedded",), sets=get_args(ChoiceSet))

    @field_validator("revisions")
    @classmethod
    def _of_published(cls, value: dict[str, str]) -> dict[str, str]:
        for name, revision in value.items():
            if name not in PUBLISHED:
                raise ValueError(
                    f"'{name}' is no published set{did_you_mean(name, PUBLISHED)}; {', '.join(PUBLISHED)} are"
                )
            if not revision.strip():
                raise ValueError(f"'{name}': a commit, tag or branch is needed")
        return value

    @field_validator("languages", mode="before")
    @classmethod
    def _codes(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and any(isinstance(code, bool) for code in value):
            raise ValueError("YAML reads an unquoted no or yes as a truth value; write 'no' in quotes for Norwegian")
        return value

    @field_validator("languages")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if twice := [code for code in dict.fromkeys(value) if value.count(code) > 1]:
            raise ValueError(f"'{twice[0]}' stands twice")
        return value


class ScoringSection(Section):
    """`cloze` (log-likelihood of the option's text) or `letter` (the paper's); `normalise` by tokens or not."""

    method: Literal["cloze", "letter"] = "cloze"
    normalise: Literal["tokens", "none"] = "tokens"


class VectorsSection(Section):
    """Extraction: the token read and the number of pairs a language and kind."""

    token: Literal["last", "mean"] = "last"
    pairs: Annotated[int, Field(ge=1)] = 100


Statistic = Literal["probability", "accuracy"]


class SweepSection(Section):
    """Layers and strengths tried on dev2, and the rule's tolerance.

    `layers` is `all`, or a list; `en_layers` and `loc_layers` stand in its place for one kind. The rule: the highest gain
    on the kind's own axis (EN transfer, LOC localization) among points that lose at most `tolerance` (a fraction) on the
    other. `statistic` is what is gained and lost: the gold option's probability among the options, or accuracy.
    """

    layers: Layers = "all"
    en_layers: Layers | None = None
    loc_layers: Layers | None = None
    en_gammas: tuple[Finite, ...] = (0.5, 1.0, 2.0)
    loc_gammas: tuple[Finite, ...] = (0.5, 1.0, 2.0)
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.02
    statistic: Statistic = "probability"

    @field_validator("en_gammas", "loc_gammas")
    @classmethod
    def _some(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value:
            raise ValueError("at least one strength is needed")
        return value

    def layers_of(self, kind: Literal["en", "loc"]) -> Layers:
        """The layers at which a kind is tried."""
        own = self.en_layers if kind == "en" else self.loc_layers
        return self.layers if own is None else own


class SteerSection(Section):
    """Where the vectors are added: `all` non-pad positions, or `from-prompt-end` on."""

    positions: Literal["all", "from-prompt-end"] = "all"


class ComputeSection(Section):
    """How fast, never what: none of this is part of a stage's key, except `dtype`, which can change a score.

    `dtype: auto` is bfloat16 where the processor multiplies it natively, else float32.
    """

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    device: str = "auto"
    threads: Annotated[int, Field(ge=1)] | None = None
    token_budget: Annotated[int, Field(ge=64)] = 2048


class TrackSection(Section):
    """MLflow: experiment name, and the tracking server's URI (default: MLFLOW_TRACKING_URI, else MLflow's own)."""

    experiment: str = "isogloss"
    uri: str | None = None


class PipelineSpec(Section):
    """A whole pipeline."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
    model: str
    data: DataSection = DataSection()
    localize: LocalizeSection | None = None
    translate: TranslateSection | None = None
    scoring: ScoringSection = ScoringSection()
    vectors: VectorsSection = VectorsSection()
    steer: SteerSection = SteerSection()
    sweep: SweepSection = SweepSection()
    align: AlignSection = AlignSection()
    search: SearchSection = SearchSection()
    promote: PromoteSection = PromoteSection()
    analyses: AnalysesSection = AnalysesSection()
    compute: ComputeSection = ComputeSection()
    track: TrackSection = TrackSection()
    seed: int = 0

    @model_validator(mode="after")
    def _searched_and_promoted(self) -> Self:
        trained = ("unaligned", *self.align.methods)
        for checkpoint in self.search.checkpoints:
            if checkpoint not in trained:
                raise ValueError(
                    f"search.checkpoints: '{checkpoint}' is not trained in this pipeline (align.methods); "
                    f"there are {', '.join(trained)}"
                )
        if self.promote.name is not None and not self.search.checkpoints:
            raise ValueError("promote.name: only points that a search found are promoted; name search.checkpoints")
        return self

    @property
    def digest(self) -> str:
        """Digest of everything that can change a result."""
        settings = self.model_dump(
            mode="json",
            exclude={
                "data": {"mirror"},
                "localize": NOT_LOCALIZED,
                "translate": NOT_TRANSLATED,
                "compute": {"device", "threads", "token_budget"},
                "align": {"launch", "launches"},
                "search": NOT_RESULTS,
                "track": True,
            },
        )
        return digest_of(settings)

    def to_yaml(self) -> str:
        """The resolved settings, as a YAML that gives the same spec."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def load_spec(path: Path, overrides: Iterable[str] = ()) -> PipelineSpec:
    """Read a pipeline's YAML and apply `a.b=value` overrides.

    Raises UserError naming file, setting, what is wrong and the closest known setting.
    """
    settings = read_yaml(path, what="pipeline")
    if not isinstance(settings, dict):
        raise UserError(f"{path}: a pipeline is a mapping of settings; `name` and `model` are needed")
    for override in overrides:
        _apply(settings, override)
    _find_launches(settings, path.parent)
    try:
        return PipelineSpec.model_validate(settings)
    except ValidationError as error:
        problems = [_as_written(problem, settings.get("align")) for problem in explain(error, known=_known_settings)]
        raise UserError("\n".join(f"{path}: {problem}" for problem in dict.fromkeys(problems))) from error


def _as_written(problem: Explanation, align: Any) -> Explanation:
    """The problem at `align.train` if the value came from there, rather than from the method's own `train`."""
    match problem.path:
        case ("align", method, "train", *rest) if isinstance(align, dict) and isinstance(align.get("train"), dict):
            section = align.get(method)
            train = section.get("train", {}) if isinstance(section, dict) else {}
            shared = rest[0] in align["train"] and rest[0] not in train if rest else not train
            return problem._replace(path=("align", "train", *rest)) if shared else problem
    return problem


def _find_launches(settings: dict[str, Any], folder: Path) -> None:
    """A launch shape may be named without folder and ending: it is then looked for in `launch/` beside the pipeline."""
    align = settings.get("align")
    if not isinstance(align, dict):
        return
    for place, name in ((align, "launch"), *((align.get("launches"), method) for method in METHODS)):
        if isinstance(place, dict) and isinstance(value := place.get(name), str) and not Path(value).is_file():
            beside = folder / LAUNCH_FOLDER / (value if value.endswith(".yaml") else f"{value}.yaml")
            if Path(value).name == value:
                place[name] = str(beside)


#: Settings of which one value may stand for a group.
_LIMITS = [(["data"], split) for split in ("dev1", "dev2", "test")]


def _apply(settings: dict[str, Any], override: str) -> None:
    name, sign, value = override.partition("=")
    if not sign or not name.strip():
        raise UserError(f"--set {override}: write it as name=value, for example --set data.test=20")
    *parents, last = name.strip().split(".")
    place = settings
    for parent in parents:
        inner = place.setdefault(parent, {})
        if (parents[:1], parent) in _LIMITS and not isinstance(inner, dict):
            inner = place[parent] = _for_both_axes(inner)
        if not isinstance(inner, dict):
            raise UserError(f"--set {override}: '{parent}' is not a group of settings")
        # A group that YAML's anchors put in two places is changed in this one alone.
        place[parent] = inner = dict(inner)
        place = inner
    try:
        place[last] = yaml.safe_load(value)
    except NOT_YAML as error:
        raise UserError(f"--set {override}: the value is not valid YAML") from error


def _known_settings(location: list[str]) -> list[str]:
    model: type[BaseModel] = PipelineSpec
    for part in location:
        annotation = model.model_fields[part].annotation
        options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
        model = next(one for one in options if isinstance(one, type) and issubclass(one, BaseModel))
    return list(model.model_fields)
