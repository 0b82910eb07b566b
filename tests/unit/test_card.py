"""The model card: metadata that Hugging Face's own parser reads back, and every number where it belongs."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from isogloss.registry.card import PICTURE, card, licence_of
from isogloss.results.scores import MACRO
from promoted import LANGUAGES, made_up_scores, promote_tiny
from tiny_models import make_tiny_model


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("card")
    return promote_tiny(folder / "bundle", make_tiny_model("llama", folder / "llama"))


@pytest.fixture(scope="module")
def text(bundle):
    return (bundle.folder / "README.md").read_text(encoding="utf-8")


def renamed(bundle, ref):
    """The card of the same bundle on another base."""
    manifest = bundle.manifest.model_copy(update={"base": bundle.base.model_copy(update={"ref": ref})})
    parts = {name: getattr(bundle, name) for name in ("folder", "steering", "positions", "scores")}
    return card(type(bundle)(manifest=manifest, **parts))


def test_the_metadata_is_read_back(text):
    data = ModelCard(text).data
    assert data.language == list(LANGUAGES)
    assert data.pipeline_tag == "text-generation"
    assert data.model_name == "tiny-sur"
    scores = made_up_scores()
    values = {(one.dataset_config, one.metric_value) for one in data.eval_results}
    assert values == {
        (f"{axis}-{language}", round(one.value, 4))
        for axis, by_language in scores.axes.items()
        for language, one in by_language.items()
    }
    assert {one.metric_type for one in data.eval_results} == {"accuracy"}
    assert ModelCard(ModelCard(text).content).data.to_dict() == data.to_dict()


@pytest.mark.parametrize(
    ("ref", "base", "licence"),
    [
        ("embedded", "google/gemma-3-270m", "gemma"),
        ("google/gemma-3-12b-pt@main", "google/gemma-3-12b-pt", "gemma"),
        ("org/name", "org/name", "unknown"),
        ("/home/me/model", None, "unknown"),
        ("./my/model", None, "unknown"),
    ],
)
def test_the_base_and_its_licence(bundle, ref, base, licence):
    made = renamed(bundle, ref)
    data = ModelCard(made).data
    assert (data.base_model, data.license) == (base, licence)
    section = made.partition("## Licence of the base")[2]
    assert ("Gemma Terms of Use" in section) == (licence == "gemma")
    assert ("Not recorded" in section) == (licence == "unknown")
    assert licence_of(ref).identifier == licence


def test_the_table_has_each_language_with_n_and_intervals(text):
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    table = {row.split("|")[1].strip(" *"): [cell.strip() for cell in row.split("|")[2:-1]] for row in rows}
    scores = made_up_scores()
    for language in (*LANGUAGES, MACRO):
        cells = table[language]
        for begin, axis in ((1, "transfer"), (5, "localization")):
            one, delta = scores.axes[axis][language], scores.delta[axis][language]
            assert cells[begin : begin + 3] == [
                str(one.n), f"{100 * one.value:.1f}", f"{100 * one.low:.1f} to {100 * one.high:.1f}",
            ]  # fmt: skip
            assert cells[begin + 3].startswith(f"{100 * delta.value:+.1f} (")
    assert table["es"][0] == "ES"


def test_limits_say_what_is_left(text):
    limits = text.partition("## Limits")[2].partition("##")[0]
    assert "ko for KR" in limits
    assert "Localization was lost in el -9.0 (-12.1 to -6.1)" in limits
    assert "Transfer was clearly lost in no language; lower, within the interval, in el, es, ko." in limits
    assert "English bias is left: 30.0 %" in limits
    assert "(el among them)" in limits


def test_steering_loading_and_lineage_are_told(text, bundle):
    assert "- EN: layer 2 of 4, γ = 0.7" in text
    assert "- LOC: layer 3 of 4, γ = 2," in text
    assert 'isogloss.load("DIR")' in text
    assert "isogloss fetch models:/NAME@champion DIR" in text
    assert "models:/tiny-sur" not in text, "the bundle's own name is not what it is registered as"
    assert "mlflow.pyfunc.load_model" in text
    assert 'languages="es"' in text
    for value in (bundle.point, bundle.base.digest, "e" * 64, "5" * 64, "c" * 40):
        assert value in text
    assert "EN from 7 pairs a language" in text


def test_the_picture_is_shown_where_there_is_one(bundle, tmp_path):
    assert PICTURE not in card(bundle)
    (tmp_path / PICTURE).write_bytes(b"a picture")
    parts = {name: getattr(bundle, name) for name in ("manifest", "steering", "positions", "scores")}
    assert f"]({PICTURE})" in card(type(bundle)(folder=Path(tmp_path), **parts))


def test_a_bundles_card_is_made_from_the_bundle_alone(bundle, text):
    assert card(bundle) == text
