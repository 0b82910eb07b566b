"""The champion of a registry beside a run: what it scored, and whether the two can be compared."""

from __future__ import annotations

from isogloss.errors import RefusedError, UserError
from isogloss.evaluate.results import MACRO
from isogloss.pipeline.finished import LeftByRun
from isogloss.pipeline.steps import resolve_dtype
from isogloss.registry.gate import AXES
from isogloss.registry.standing import Standing, read_standing
from isogloss.report.summary import Champion
from isogloss.tracking.client import connect
from isogloss.tracking.store import database_path, tracking_uri


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
        standing = read_standing(ref, client=client)
    delta = standing.scores.delta
    return Champion(
        ref=ref,
        version=standing.version,
        change={axis: delta[axis][MACRO] for axis in AXES if MACRO in delta.get(axis, {})},
        apart=_apart(left, standing, questions=questions, model=model),
    )


def champion_or_why(left: LeftByRun, ref: str | None, *, questions: str, model: str) -> tuple[Champion | None, str]:
    """The champion, or None with the reason: a summary is written with or without one."""
    if ref is None:
        return None, "The pipeline names no registered model (`promote.name`), so there is none to compare with."
    try:
        return champion_of(left, ref, questions=questions, model=model), ""
    except (UserError, RefusedError) as error:
        return None, f"None to compare with: {error}"


def _apart(left: LeftByRun, standing: Standing, *, questions: str, model: str) -> str | None:
    described = standing.described
    if described.base.digest != model:
        return f"the champion stands on another model (`{described.base.ref}`)"
    if described.lineage.benchmark_digest != questions:
        return "the champion was measured on other questions"
    scoring = left.spec.scoring
    own = {"method": scoring.method, "normalise": scoring.normalise, "dtype": resolve_dtype(left.spec)}
    if described.scoring != own:
        return f"the champion was scored otherwise ({', '.join(described.scoring.values())})"
    return None
