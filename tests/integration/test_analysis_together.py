"""Every analysis from one capture: on a model of two layers, and on the embedded model with real sentences."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf

from families import tiny
from isogloss.analysis.agreement import agreement
from isogloss.analysis.capture import capture_states, item_prompts, sentence_prompts
from isogloss.analysis.convergence import convergence, pair_products
from isogloss.analysis.pca import pca
from isogloss.analysis.perpendicularity import perpendicularity
from isogloss.analysis.retrieval import retrieval
from isogloss.data.rows import ChoiceItem, ParallelRow, read_rows
from isogloss.results.analyses import Panel
from isogloss.scoring.prompts import prompt_of
from isogloss.scoring.score import Pass, score_items
from isogloss.steering.apply import steer
from isogloss.steering.extract import en_pairs, extract_vectors, loc_pairs
from isogloss.steering.intervention import single
from made_up_states import PANEL
from small_data import small_items

STEERED = Panel(model="unaligned", label="Unaligned", condition="loc", condition_label="LOC-steered")
SHARED = Path(__file__).parents[3] / "shared" / "data"


def prompt(item, question):
    return prompt_of(item, "cloze", question=question)


def test_a_model_of_two_layers_from_capture_to_every_analysis(tmp_path):
    _, tokenizer = tiny("llama")
    torch.manual_seed(0)
    config = hf.LlamaConfig(
        vocab_size=300,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
    )
    model = hf.LlamaForCausalLM(config).eval().requires_grad_(False)
    items = [ChoiceItem.model_validate(row) for row in small_items()]
    en = en_pairs([item for item in items if item.axis == "transfer"], prompt)
    loc = loc_pairs([item for item in items if item.axis == "localization"], prompt)
    facts = {"kind": "loc", "model_name": "two", "model_digest": "a" * 64, "scoring": "cloze"}
    vectors = single(extract_vectors(model, tokenizer, loc, **facts), layer=2, gamma=4.0)

    def context(rows):
        return steer(model, vectors, languages=rows.languages, real=rows.real, prompt_ends=rows.prompt_ends)

    one = Pass(name="loc", context=context, first_layer=2)
    found = capture_states(model, tokenizer, item_prompts(items, prompt), folder=tmp_path / "s", passes=[one])
    value, coordinates = pca([(PANEL, found["none"]), (STEERED, found["loc"])])
    assert coordinates.shape == (2, 2, len(items), 2)
    assert np.array_equal(coordinates[0, 0], coordinates[1, 0])
    assert not np.allclose(coordinates[0, 1], coordinates[1, 1])
    assert value.panels[1].panel == STEERED
    for axis in ("transfer", "localization"):
        assert convergence(found["loc"], panel=STEERED, axis=axis).cosine.layers == (1, 2)
    assert retrieval(found["none"], panel=PANEL, axis="transfer").by_language["macro"].layers == (1, 2)
    products = pair_products(model, tokenizer, en, loc)
    assert perpendicularity(products, model="two", label="Two").by_language["macro"].layers == (1, 2)
    scores = score_items(model, tokenizer, items)["baseline"]
    agreeing = agreement(scores, items, panel=PANEL)
    assert 0 <= agreeing.universal["macro"].value <= 1


@pytest.mark.model
@pytest.mark.slow
def test_translations_find_each_other_in_the_embedded_model(embedded, tmp_path):
    if not (SHARED / "ntrex_parallel.jsonl").is_file():
        pytest.skip(f"no parallel sentences at {SHARED}")
    rows = read_rows([SHARED / "ntrex_parallel.jsonl"], ParallelRow).rows[:40]
    prompts = sentence_prompts(rows, languages=["en", "es", "el"])
    states = capture_states(
        embedded.model, embedded.tokenizer, prompts, folder=tmp_path / "s", reads=["mean"], layers=[1, 12]
    )["none"]
    found = retrieval(states, panel=PANEL)
    first, middle = found.by_language["macro"].values
    assert found.sentences == 40
    assert middle.value > max(first.value, 5 * found.chance)
    assert found.centred["macro"].values[1].value > 0.5
