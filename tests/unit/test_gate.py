"""The gate: each reason to refuse, by itself."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from isogloss.errors import EXIT_REFUSED
from isogloss.registry.contents import BundleScores, Git, Lineage, Measured
from isogloss.registry.gate import Candidate, check_gate, refusal
from isogloss.results.scores import MACRO, Estimate
from isogloss.spec.pipeline import PromoteSection

SETTINGS = PromoteSection(name="plane", transfer_floor=-0.05, localization_floor=0.0, min_items=20)
LANGUAGES = ("en", "es", "ko")


def estimate(value: float, *, low: float | None = None, n: int = 50) -> Estimate:
    return Estimate(value=value, low=low, high=None if low is None else 2 * value - low, n=n, groups=n)


def candidate(
    *,
    transfer: Estimate | None = estimate(-0.01, low=-0.04),
    localization: Estimate | None = estimate(0.05, low=0.01),
    counts: dict[str, int] | None = None,
    languages: tuple[str, ...] = LANGUAGES,
    base_digest: str | None = "b" * 64,
    **lineage: Any,
) -> Candidate:
    counts = counts or {"es": 50, "ko": 50}

    def measured(value: float) -> dict[str, Estimate]:
        return {one: estimate(value, low=value - 0.1, n=n) for one, n in counts.items() if n}

    delta = {
        axis: {**measured(0.0), **({} if macro is None else {MACRO: macro})}
        for axis, macro in (("transfer", transfer), ("localization", localization))
    }
    of_base = {axis: {one: estimate(0.5, low=0.4) for one in ("es", "ko", MACRO)} for axis in delta}
    facts = {
        "pipeline": "p",
        "spec_digest": "5" * 64,
        "benchmark_digest": "e" * 64,
        "code_version": "0.1.0",
        "git": Git(commit="c" * 40, dirty=False),
        **lineage,
    }
    return Candidate(
        label="LOC",
        base_digest=base_digest,
        languages=languages,
        scores=BundleScores(
            axes={axis: {**measured(0.5), MACRO: estimate(0.5, low=0.4)} for axis in delta},  # type: ignore[misc]
            delta=delta,  # type: ignore[arg-type]
            baseline=Measured(axes=of_base),  # type: ignore[arg-type]
        ),
        lineage=Lineage(**facts),
    )


def test_a_good_point_passes() -> None:
    assert check_gate(candidate(), settings=SETTINGS) == []


def test_it_is_the_interval_that_must_reach_the_floor() -> None:
    (reason,) = check_gate(candidate(transfer=estimate(0.0, low=-0.0501)), settings=SETTINGS)
    assert reason.startswith("transfer: its change +0.0 points could be as low as -5.0 points, and the floor is -5.0")
    assert check_gate(candidate(transfer=estimate(0.0, low=-0.05)), settings=SETTINGS) == []
    (reason,) = check_gate(candidate(localization=estimate(0.04, low=-0.01)), settings=SETTINGS)
    assert "promote.localization_floor" in reason


@pytest.mark.parametrize(
    ("macro", "reason"),
    [
        (None, "localization: no change against the unaligned model was measured on test"),
        (estimate(0.1), "localization: its change has no interval (50 items in 50 question groups are too few)"),
        (estimate(float("nan"), low=0.1), "localization: its change has no interval"),
    ],
)
def test_an_axis_without_a_measurement_is_refused(macro: Estimate | None, reason: str) -> None:
    (found,) = check_gate(candidate(localization=macro), settings=SETTINGS)
    assert found.startswith(reason)


def test_languages_that_are_missing_or_have_too_few_items() -> None:
    reasons = check_gate(candidate(counts={"es": 19, "ko": 0}, languages=(*LANGUAGES, "el")), settings=SETTINGS)
    for axis in ("transfer", "localization"):
        assert f"{axis}: no scores in 'ko'" in reasons, "measured on the base"
        assert f"{axis}: no scores in 'el'" in reasons, "named by the pipeline"
        assert f"{axis}: 19 items in 'es', 20 are needed (promote.min_items)" in reasons
    assert len(reasons) == 6


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"base_digest": None}, "inputs: the digest of the base model is not known"),
        ({"base_digest": "main"}, "inputs: the digest of the base model is not known"),
        ({"benchmark_digest": None}, "inputs: the digest of the benchmark is not known"),
        ({"spec_digest": ""}, "inputs: the digest of the pipeline's settings is not known"),
        ({"code_version": None}, "inputs: the version of the code is not known"),
    ],
)
def test_unknown_inputs_are_refused_also_where_dirty_ones_are_allowed(changes: dict[str, Any], reason: str) -> None:
    for settings in (SETTINGS, SETTINGS.model_copy(update={"allow_dirty": True})):
        assert check_gate(candidate(**changes), settings=settings) == [reason]


@pytest.mark.parametrize(
    ("git", "reason"),
    [
        (Git(commit="c" * 40, dirty=True), "the working tree has changes besides commit cccccccccccc"),
        (Git(commit="c" * 40), "the commit of the code is not known"),
        (Git(), "the commit of the code is not known"),
    ],
)
def test_dirty_trees_are_refused_unless_allowed(git: Git, reason: str) -> None:
    (found,) = check_gate(candidate(git=git), settings=SETTINGS)
    assert reason in found
    assert check_gate(candidate(git=git), settings=SETTINGS.model_copy(update={"allow_dirty": True})) == []


def test_the_refusal_holds_every_reason() -> None:
    error = refusal({"LOC at 13": ["a", "b"], "SUR": ["c"]})
    assert error.exit_code == EXIT_REFUSED
    assert str(error) == "not promoted\nLOC at 13:\n  - a\n  - b\nSUR:\n  - c"


@pytest.mark.parametrize("name", ["a/b", "a:b", "a@b", "", "-a"])
def test_names_that_no_reference_can_carry(name: str) -> None:
    with pytest.raises(ValidationError):
        PromoteSection(name=name)
