"""What the `analyses` section asks for, and which stages come of it."""

import pytest
from pydantic import ValidationError

from isogloss.planning.estimate import forwards_by_stage
from isogloss.spec import PipelineSpec
from isogloss.spec.pipeline import ANALYSES
from isogloss.stages.graph import stages_of


def spec(**settings):
    return PipelineSpec.model_validate({"name": "a", "model": "m", **settings})


def names(**settings):
    return [stage.name for stage in stages_of(spec(**settings))]


def test_all_analyses_are_made_of_every_model_before_the_report():
    assert names()[-7:] == ["states", *ANALYSES, "report"]
    trained = names(align={"methods": ["clo", "mist"]})
    assert trained[-9:] == ["states", "states-mist", "states-clo", *ANALYSES, "report"]


def test_what_is_not_asked_for_is_not_captured():
    assert names(analyses={"run": []})[-2:] == ["analyse", "report"]
    # Agreement is of scores alone.
    assert names(analyses={"run": ["agreement"]})[-3:] == ["analyse", "agreement", "report"]
    assert forwards_by_stage(spec(analyses={"run": ["agreement"]}), 4)["states"] == 0


def test_another_analysis_of_the_same_states_captures_nothing_again():
    def captured(run):
        stage = next(one for one in stages_of(spec(analyses={"run": run})) if one.name == "states")
        return stage.settings(spec(analyses={"run": run}))

    assert captured(["pca"]) == captured(["convergence"]) == captured(["agreement", "pca"])
    assert captured(["pca"]) != captured(["pca", "retrieval"])


def test_the_order_of_names_changes_nothing():
    assert (
        spec(analyses={"run": ["pca", "perpendicularity"]}).digest
        == spec(analyses={"run": ["perpendicularity", "pca"]}).digest
    )


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ({"run": ["pca", "pca"]}, "twice"),
        ({"run": ["umap"]}, "perpendicularity"),
        ({"items": 1}, "greater than or equal to 2"),
        ({"sentences": "flores"}, "list of files"),
        ({"layers": [0]}, "list of layers"),
    ],
)
def test_a_wrong_setting_is_named(section, word):
    with pytest.raises(ValidationError, match=word):
        spec(analyses=section)


def test_files_of_sentences_that_are_not_there_are_named(tmp_path):
    wrong = spec(analyses={"sentences": [str(tmp_path / "none.jsonl")]})
    stage = next(one for one in stages_of(wrong) if one.name == "states")
    with pytest.raises(Exception, match=r"analyses.sentences: no such file: .*none.jsonl"):
        stage.settings(wrong)
