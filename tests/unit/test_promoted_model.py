"""A promoted model from Python: its own steering by the language of each prompt, switched off, overridden, on its own base."""

import shutil

import pytest

import isogloss
from families import made_up_items
from isogloss.errors import RefusedError, UserError
from isogloss.models.load import load_model, resolve
from isogloss.steering.intervention import Component, Intervention
from promoted import promote_tiny, random_vectors, surgery
from tiny_bundles import trained_folder
from tiny_models import make_tiny_model
from training_jobs import tiny_folder

PROMPTS = ["¿Cuál es la capital?", "페루의 수도는?", "Quelle est la capitale du Pérou ?", "What is the capital?"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_tiny_model("llama", tmp_path_factory.mktemp("base") / "llama")


@pytest.fixture(scope="module")
def bundle(base, tmp_path_factory):
    return promote_tiny(tmp_path_factory.mktemp("promoted") / "bundle", base)


@pytest.fixture(scope="module")
def model(bundle):
    return isogloss.load(str(bundle.folder))


@pytest.fixture(scope="module")
def plain(base):
    return isogloss.load(str(base))


def test_each_prompt_is_steered_in_its_language(model, plain):
    said = []
    answers = model.generate(PROMPTS, max_new_tokens=8, notice=said.append)
    alone = [model.generate(text, max_new_tokens=8, notice=said.append)[0] for text in PROMPTS]
    assert answers == alone
    unsteered = plain.generate(PROMPTS, max_new_tokens=8)
    assert [a == b for a, b in zip(answers, unsteered, strict=True)] == [False, False, True, True]
    assert said[0] == (
        "1 of 4 prompts left unsteered, without vectors for the language: fr (1); languages can be given"
    )
    assert len(said) == 2  # once for the four together, once for the French one alone
    by_hand = plain.generate(PROMPTS[:2], max_new_tokens=8, intervention=model.intervention, languages=["es", "ko"])
    assert by_hand == answers[:2]


def test_steering_is_switched_off_and_overridden(model, plain):
    unsteered = plain.generate(PROMPTS, max_new_tokens=8)
    assert model.generate(PROMPTS, max_new_tokens=8, steering=False) == unsteered
    assert model.generate(PROMPTS, max_new_tokens=8, en_gamma=0, loc_gamma=0) == unsteered
    weaker = model.generate(PROMPTS[:1], max_new_tokens=8, loc_gamma=0.1)
    same = [
        Component(vectors=one.vectors, layer=one.layer, gamma=0.1 if one.vectors.header.kind == "loc" else one.gamma)
        for one in model.intervention.components
    ]
    assert weaker == plain.generate(
        PROMPTS[:1], max_new_tokens=8, intervention=Intervention(tuple(same)), languages="es"
    )


def test_languages_can_be_given_for_all_or_each(model, plain):
    spanish = model.generate(PROMPTS, max_new_tokens=8, languages="es")
    assert spanish == plain.generate(PROMPTS, max_new_tokens=8, intervention=model.intervention, languages="es")
    said = []
    mixed = model.generate(PROMPTS[:2], max_new_tokens=8, languages=["fr", None], notice=said.append)
    assert mixed[0] == plain.generate(PROMPTS[0], max_new_tokens=8)[0]
    assert mixed[1] == model.generate(PROMPTS[1], max_new_tokens=8)[0]
    assert "fr (1)" in said[0]
    with pytest.raises(UserError, match="'espanol' is not"):
        model.generate(PROMPTS[0], languages="espanol")


def test_many_prompts_keep_their_order_and_language(model):
    many = [PROMPTS[number % 4] for number in range(37)]
    answers = model.generate(many, max_new_tokens=4, notice=lambda line: None)
    assert answers == [answers[number % 4] for number in range(37)]
    assert model.generate([]) == []


def test_scores_are_steered_too(model, plain):
    items = made_up_items()
    steered, unsteered = model.score(items), plain.score(items)
    changed = {a.language for a, b in zip(steered, unsteered, strict=True) if a.option_scores != b.option_scores}
    assert changed == {"es", "ko"}
    assert model.score(items, steering=False).items == unsteered.items
    assert model.score(items).items == plain.score(items, intervention=model.intervention).items


def test_what_a_promoted_model_serves(model, plain):
    assert model.languages == ("el", "en", "es", "ko")
    assert plain.languages == ()
    assert plain.intervention is None


def test_settings_that_make_no_sense_are_refused(model, plain, tmp_path, base):
    with pytest.raises(UserError, match="switched off"):
        model.generate("a", steering=False, en_gamma=1)
    with pytest.raises(UserError, match="has no LOC-steering; it has none at all"):
        plain.generate("a", loc_gamma=1)
    digest = resolve(str(base)).digest
    loc = Intervention((Component(vectors=random_vectors("loc", digest), layer=2, gamma=1.0),))
    only = isogloss.load(str(promote_tiny(tmp_path / "loc", base, intervention=loc).folder))
    with pytest.raises(UserError, match="has no EN-steering; it has LOC"):
        only.generate("a", en_gamma=1)
    with pytest.raises(UserError, match="no chat template"):
        model.generate("a", chat=True)
    with pytest.raises(UserError, match="is no bundle"):
        isogloss.load(str(base), base="embedded")


def test_a_chat_template_is_used_when_asked_for(plain):
    tokenizer = plain.loaded.tokenizer
    tokenizer.chat_template = "{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{% endfor %}"
    try:
        chat = plain.generate(["Hi"], chat=True, max_new_tokens=6)
    finally:
        tokenizer.chat_template = None
    assert chat == plain.generate(["user: Hi"], max_new_tokens=6)
    assert chat != plain.generate(["Hi"], max_new_tokens=6)


def test_another_base_is_refused_and_a_moved_one_is_named(bundle, base, plain, tmp_path):
    other = make_tiny_model("smollm", tmp_path / "other")
    with pytest.raises(RefusedError, match=f"(?s){bundle.base.digest}.*{resolve(str(other)).digest}"):
        isogloss.load(str(bundle.folder), base=str(other))
    moved = shutil.copytree(base, tmp_path / "moved")
    there = isogloss.load(str(bundle.folder), base=str(moved))
    assert there.generate(PROMPTS[1], max_new_tokens=6) != plain.generate(PROMPTS[1], max_new_tokens=6)
    away = promote_tiny(tmp_path / "away", moved)
    shutil.rmtree(moved)
    with pytest.raises(UserError, match="no such directory"):
        isogloss.load(str(away.folder))
    assert isogloss.load(str(away.folder), base=str(base)).generate(PROMPTS[1], max_new_tokens=6) == there.generate(
        PROMPTS[1], max_new_tokens=6
    )


def test_a_changed_byte_is_refused(bundle, tmp_path):
    copy = shutil.copytree(bundle.folder, tmp_path / "copy")
    path = copy / "vectors" / "loc" / "vectors.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(RefusedError, match=r"vectors\.safetensors"):
        isogloss.load(str(copy))


@pytest.mark.parametrize("parameters", ["lora", "full"])
def test_trained_weights_are_loaded_and_steered(parameters, tmp_path):
    base = tiny_folder("llama")
    folder = trained_folder(tmp_path, parameters=parameters, moved=0.2)
    digest = load_model(str(folder)).digest
    weights = "adapter" if parameters == "lora" else "full"
    bundle = promote_tiny(
        tmp_path / "bundle", base, intervention=surgery(digest), model_folder=folder, weights=weights, checkpoint="mist"
    )
    model, trained, plain = (isogloss.load(str(one)) for one in (bundle.folder, folder, base))
    assert model.loaded.digest == trained.loaded.digest == bundle.model_digest
    options = {"max_new_tokens": 8}
    assert model.generate(PROMPTS[:2], steering=False, **options) == trained.generate(PROMPTS[:2], **options)
    assert trained.generate(PROMPTS[:2], **options) != plain.generate(PROMPTS[:2], **options)
    expected = trained.generate(PROMPTS[:2], intervention=surgery(digest), languages=["es", "ko"], **options)
    assert model.generate(PROMPTS[:2], **options) == expected


def test_a_trained_model_without_steering_answers_as_it_is(tmp_path):
    folder = trained_folder(tmp_path, parameters="lora", moved=0.2)
    bundle = promote_tiny(
        tmp_path / "bundle",
        tiny_folder("llama"),
        intervention=Intervention(()),
        model_folder=folder,
        weights="adapter",
        checkpoint="mist",
    )
    said = []
    model = isogloss.load(str(bundle.folder))
    answers = model.generate(PROMPTS, max_new_tokens=8, notice=said.append)
    assert answers == isogloss.load(str(folder)).generate(PROMPTS, max_new_tokens=8)
    assert said == []
