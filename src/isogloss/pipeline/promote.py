"""Promote the points of a finished `promote` stage: through the gate, into the registry, the aliases last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.data.rows import AXES
from isogloss.errors import RefusedError, UserError
from isogloss.pipeline.finished import LeftByRun
from isogloss.pipeline.plan import STORE, Plan, resolve_dtype
from isogloss.registry.bundle import Bundle, read_bundle
from isogloss.registry.fetch import VersionSummary, read_summary
from isogloss.registry.gate import Candidate, check_gate, refusal
from isogloss.registry.versions import CHAMPION, KNEE, Registered, note_registered, register, registered_before
from isogloss.report.summary import Champion
from isogloss.results.scores import MACRO
from isogloss.search.front import knee_of, pareto_front
from isogloss.stages.promote import BUNDLES
from isogloss.tracking.journal import Journal
from isogloss.tracking.store import connect, database_path, tracking_uri

#: The project's journal of what was registered, by all its pipelines.
REGISTRATIONS = "registrations.jsonl"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What was registered, under which roles, and why the rest was not: reasons by the refused point's name."""

    name: str
    uri: str
    bundles: tuple[Bundle, ...]
    registered: Registered
    refused: dict[str, list[str]]


def promote(plan: Plan, *, name: str | None = None, verify: bool = True) -> Promotion:
    """Take the bundles of the pipeline's `promote` stage through the gate and register those that pass.

    `name` stands in for `promote.name`. Of the points that pass, the knee becomes `champion`, the ends of their front
    `best-transfer` and `best-localization`. The same again registers nothing new. Without `verify` it does not ask MLflow
    where the project's journal says that all is registered and the files have their sizes.

    Raises:
        UserError: no name, no search, or the stage has not been run.
        RefusedError: no point is left on test, or none passes; carries every reason of each.
        StoreUnavailable: the registry cannot be reached.
    """
    settings = plan.spec.promote
    name = name or settings.name
    step = next((step for step in plan.steps if step.stage.name == "promote"), None)
    if step is None:
        raise UserError(
            f"{plan.spec.name}: nothing was searched, so there is nothing to promote; set search.checkpoints"
        )
    if name is None:
        raise UserError(f"{plan.spec.name}: name the registered model: promote.name in the pipeline, or --name NAME")
    if not step.done:
        raise UserError(
            f"{plan.spec.name}: its points are not measured on test yet. First: isogloss run … --until promote"
        )
    folders = (step.folder / BUNDLES).glob("*/")
    bundles = [read_bundle(folder) for folder in sorted(folders)]
    if not bundles:
        raise RefusedError(
            "not promoted\n"
            f"{plan.spec.name}: on test, no point of its searches is better on any axis than the unaligned model"
        )
    reasons = {bundle.name: check_gate(_candidate(plan, bundle), settings=settings) for bundle in bundles}
    passing = [bundle for bundle in bundles if not reasons[bundle.name]]
    refused = {label: found for label, found in reasons.items() if found}
    if not passing:
        raise refusal(refused)
    kept, roles = _roles(passing, most=settings.max_points)
    roles = {**roles, CHAMPION: roles[KNEE]}
    uri = plan.spec.track.uri or tracking_uri(plan.root)
    journal = Journal(plan.root / STORE / REGISTRATIONS)
    registered = None if verify else registered_before(kept, journal, uri=uri, name=name, aliases=roles)
    if registered is None:
        with connect(uri) as client:
            registered = register(kept, client=client, name=name, roles=roles, experiment=plan.spec.track.experiment)
        note_registered(registered, journal, uri=uri, name=name)
    return Promotion(name=name, uri=uri, bundles=tuple(kept), registered=registered, refused=refused)


def _candidate(plan: Plan, bundle: Bundle) -> Candidate:
    return Candidate(
        label=bundle.name,
        base_digest=bundle.base.digest,
        languages=plan.spec.data.languages,
        scores=bundle.scores,
        lineage=bundle.lineage,
    )


def _roles(bundles: Sequence[Bundle], *, most: int) -> tuple[list[Bundle], dict[str, str]]:
    """At most `most` of the bundles by rising localization, its ends and its knee among them; role → point."""
    gains = [
        (one.scores.delta["transfer"][MACRO].value, one.scores.delta["localization"][MACRO].value) for one in bundles
    ]
    front = pareto_front(gains)
    knee = knee_of([gains[index] for index in front])
    assert knee is not None, "a front has at least one point"
    champion, first, last = front[knee], front[0], front[-1]
    named = list(dict.fromkeys([champion, last, first]))[:most]
    others = [index for index in front if index not in named]
    kept = sorted([*named, *others[: most - len(named)]], key=front.index)
    roles = {KNEE: champion, "best-transfer": first, "best-localization": last}
    return [bundles[index] for index in kept], {
        role: bundles[index].point for role, index in roles.items() if index in kept
    }


# --------------------------------------------------------------------------------------------------------------------
# The champion of a registry beside a run: what it scored, and whether the two can be compared.


def champion_of(left: LeftByRun, ref: str, *, questions: str, model: str) -> Champion:
    """The version that `ref` names, as the run `left` sees it; `questions` and `model` are the run's digests.

    Raises:
        UserError: there is no such version, or no store.
        RefusedError: its files are not what was registered.
    """
    uri = left.spec.track.uri or tracking_uri(left.root)
    database = database_path(uri)
    if database is not None and not database.is_file():
        raise UserError(f"there is no registry yet ({ref})")
    with connect(uri) as client:
        champion = read_summary(ref, client=client)
    delta = champion.scores.delta
    return Champion(
        ref=ref,
        version=champion.version,
        change={axis: delta[axis][MACRO] for axis in AXES if MACRO in delta.get(axis, {})},
        apart=_apart(left, champion, questions=questions, model=model),
    )


def champion_or_why(left: LeftByRun, ref: str | None, *, questions: str, model: str) -> tuple[Champion | None, str]:
    """The champion, or None with the reason: a summary is written with or without one."""
    if ref is None:
        return None, "The pipeline names no registered model (`promote.name`), so there is none to compare with."
    try:
        return champion_of(left, ref, questions=questions, model=model), ""
    except (UserError, RefusedError) as error:
        return None, f"None to compare with: {error}"


def _apart(left: LeftByRun, champion: VersionSummary, *, questions: str, model: str) -> str | None:
    manifest = champion.manifest
    if manifest.base.digest != model:
        return f"the champion stands on another model (`{manifest.base.ref}`)"
    if manifest.lineage.benchmark_digest != questions:
        return "the champion was measured on other questions"
    scoring = left.spec.scoring
    own = {"method": scoring.method, "normalise": scoring.normalise, "dtype": resolve_dtype(left.spec)}
    if manifest.scoring != own:
        return f"the champion was scored otherwise ({', '.join(manifest.scoring.values())})"
    return None
