"""Points of a search as interventions, the roles of what is promoted, and the state of the working tree."""

import subprocess
from types import SimpleNamespace

import pytest
from test_vectors import LAYERS, make

from isogloss.pipeline import promote
from isogloss.results.scores import MACRO, Condition, Estimate
from isogloss.search.space import Steering, SteeringPoint
from isogloss.stages import promote as working
from isogloss.stages.checkpoints import intervention_of, suffixed
from isogloss.stages.parallel import edits_of
from isogloss.stages.promote import CandidatePoint, _compared

VECTORS = {"en": make(kind="en", languages=("es", "ko")), "loc": make(kind="loc", languages=("en", "es", "ko"))}


def said(intervention):
    return [(one.vectors.header.kind, one.layer, one.gamma, one.vectors.languages) for one in intervention.components]


def test_a_point_for_all_languages_is_one_component_a_kind():
    point = SteeringPoint.everywhere(en_layer=1, en_gamma=0.5, loc_layer=LAYERS, loc_gamma=2)
    intervention = intervention_of(point, VECTORS)
    assert said(intervention) == [("en", 1, 0.5, ("es", "ko")), ("loc", LAYERS, 2.0, ("en", "es", "ko"))]
    assert intervention.components[0].vectors is VECTORS["en"]


def test_a_kind_that_is_off_is_no_component():
    assert said(intervention_of(SteeringPoint.everywhere(), VECTORS)) == []
    assert said(intervention_of(SteeringPoint.everywhere(loc_layer=2, loc_gamma=1), VECTORS)) == [
        ("loc", 2, 1.0, ("en", "es", "ko"))
    ]


def test_languages_with_steerings_of_their_own():
    point = SteeringPoint.by_language(
        [
            Steering(language="es", en_layer=1, en_gamma=0.5, loc_layer=3, loc_gamma=2),
            Steering(language="ko", loc_layer=3, loc_gamma=2),
        ]
    )
    intervention = intervention_of(point, VECTORS)
    assert said(intervention) == [("en", 1, 0.5, ("es",)), ("loc", 3, 2.0, ("es", "ko"))]
    edits = edits_of(intervention)
    assert {language: [edit.layer for edit in found] for language, found in edits.items()} == {"es": [1, 3], "ko": [3]}
    assert edits["es"][1] == edits["ko"][0]


def test_names_of_stages():
    assert suffixed("vectors", "unaligned") == "vectors"
    assert suffixed("vectors", "mist") == "vectors-mist"


def bundle(transfer, localization):
    estimates = {"transfer": transfer, "localization": localization}
    delta = {
        axis: {MACRO: Estimate(value=value, low=None, high=None, n=1, groups=1)} for axis, value in estimates.items()
    }
    return SimpleNamespace(point=f"{transfer}/{localization}", scores=SimpleNamespace(delta=delta))


@pytest.mark.parametrize(
    ("most", "kept"),
    [
        (9, ["0.05/0", "0.045/0.03", "0.04/0.04", "0/0.06"]),
        (3, ["0.05/0", "0.04/0.04", "0/0.06"]),
        (2, ["0.04/0.04", "0/0.06"]),
        (1, ["0.04/0.04"]),
    ],
)
def test_roles_of_what_passes(most, kept):
    bundles = [bundle(0.04, 0.04), bundle(0, 0.06), bundle(0.05, 0), bundle(0.045, 0.03), bundle(0.01, 0.01)]
    found, roles = promote._roles(bundles, most=most)
    assert [one.point for one in found] == kept
    assert roles["knee"] == "0.04/0.04"
    assert roles.get("best-transfer", "0.05/0") == "0.05/0"
    assert set(roles.values()) <= set(kept)


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_working_tree(tmp_path, monkeypatch):
    """Of the folder where the command runs, for a package that is installed elsewhere."""
    monkeypatch.setattr(working, "__file__", str(tmp_path / "installed" / "git.py"))
    (tmp_path / "installed").mkdir()
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.delenv("ISOGLOSS_COMMIT", raising=False)
    assert working.working_tree() == working.Git()
    git(project, "init", "-q")
    assert working.working_tree() == working.Git(), "no commit yet"
    (project / "one").write_text("1")
    git(project, "add", "one")
    git(project, "commit", "-qm", "one")
    clean = working.working_tree()
    assert clean.commit is not None
    assert len(clean.commit) == 40
    assert clean.dirty is False
    (project / "untracked").write_text("1")
    assert working.working_tree() == clean
    (project / "one").write_text("2")
    assert working.working_tree().dirty is True


@pytest.mark.parametrize(
    ("built", "commit", "dirty"),
    [("a" * 40, "a" * 40, False), ("b" * 40 + "-dirty", "b" * 40, True), ("main", None, None), ("", None, None)],
)
def test_an_image_carries_its_commit(tmp_path, monkeypatch, built, commit, dirty):
    monkeypatch.setattr(working, "__file__", str(tmp_path / "git.py"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOGLOSS_COMMIT", built)
    assert working.working_tree() == working.Git(commit=commit, dirty=dirty)


def test_a_checkout_goes_before_what_an_image_carries(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_COMMIT", "a" * 40)
    assert working.working_tree().commit != "a" * 40


def candidate(name, transfer, localization):
    estimates = {
        axis: {MACRO: Estimate(value=value, low=None, high=None, n=1, groups=1)}
        for axis, value in (("transfer", transfer), ("localization", localization))
    }
    condition = Condition(
        name=name, label=name, role="method", accuracy={}, delta=estimates, bias={}, bias_delta={}
    )  # fmt: skip
    return CandidatePoint(
        name=name, checkpoint="unaligned", trial=0, point=SteeringPoint.everywhere(), condition=condition
    )


def test_what_dominates_a_point_on_test():
    points = [
        candidate("a", 0.02, 0.01),
        candidate("b", 0.01, 0.01),
        candidate("c", -0.03, 0.05),
        candidate("d", -0.01, -0.01),
        candidate("e", -0.02, 0.0),
    ]
    found = {one.name: one.dominated_by for one in _compared(points)}
    assert found == {"a": None, "b": "a", "c": None, "d": "unaligned", "e": "unaligned"}
    assert _compared([candidate("same", 0.0, 0.0)])[0].dominated_by is None
    twice = {one.name: one.dominated_by for one in _compared([candidate("a", 0.02, 0.01), candidate("z", 0.02, 0.01)])}
    assert twice == {"a": None, "z": "a"}
