"""Scores against a naive reference: one option at a time, the model's own full logits, float64 log-softmax."""

import pytest
import torch

from families import made_up_items, tiny
from isogloss.errors import UserError
from isogloss.scoring.prompts import cloze_prompt, letter_prompt
from isogloss.scoring.score import Pass, ScoreSettings, score_items
from tiny_models import FAMILIES


def log_likelihood(model, tokenizer, prompt, continuation):
    """Sum of the log-probabilities of a continuation's tokens and their number, the slow way."""
    prefix = tokenizer.encode(prompt)
    tokens = tokenizer.encode(continuation, add_special_tokens=False)
    ids = torch.tensor([prefix + tokens])
    with torch.no_grad():
        log_probs = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.double().log_softmax(-1)[0]
    places = range(len(prefix) - 1, len(prefix) + len(tokens) - 1)
    return sum(float(log_probs[place, token]) for place, token in zip(places, tokens, strict=True)), len(tokens)


def assert_close(scores, expected):
    for item, values in zip(scores, expected, strict=True):
        assert item.option_scores == pytest.approx(values, abs=2e-4), item.id


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("normalise", ["tokens", "none"])
def test_cloze_is_the_options_own_log_likelihood(family, normalise):
    model, tokenizer = tiny(family)
    items = made_up_items()
    expected = []
    for item in items:
        prompt = cloze_prompt(item.question, item.language)
        pairs = [log_likelihood(model, tokenizer, prompt, f" {option}") for option in item.options]
        expected.append([total / (count if normalise == "tokens" else 1) for total, count in pairs])
    for packing in ("packed", "separate"):
        for padding in ("right", "left"):
            for budget in (1, 300, 4000):
                settings = ScoreSettings(normalise=normalise, packing=packing, padding=padding, token_budget=budget)
                assert_close(score_items(model, tokenizer, items, settings=settings)["baseline"], expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_letter_is_the_letters_share_at_the_last_position(family):
    model, tokenizer = tiny(family)
    items = made_up_items()
    expected = []
    for item in items:
        prompt = letter_prompt(item.question, item.options)
        raw = [log_likelihood(model, tokenizer, prompt, f" {letter}")[0] for letter in "ABCD"[: len(item.options)]]
        expected.append(torch.tensor(raw, dtype=torch.float64).log_softmax(-1).tolist())
    for padding in ("right", "left"):
        for budget in (1, 900):
            settings = ScoreSettings(scoring="letter", padding=padding, token_budget=budget)
            assert_close(score_items(model, tokenizer, items, settings=settings)["baseline"], expected)


def test_order_and_company_of_rows_do_not_matter():
    model, tokenizer = tiny("gemma3_text")
    items = made_up_items()
    together = {score.id: score for score in score_items(model, tokenizer, items)["baseline"]}
    for subset in (items[::-1], items[3:4], items[5:9]):
        for score in score_items(model, tokenizer, subset)["baseline"]:
            assert score.option_scores == pytest.approx(together[score.id].option_scores, abs=1e-5)


def test_questions_stand_in_for_the_items_own():
    model, tokenizer = tiny("llama")
    items = made_up_items()
    twins = [item.context_question for item in items]
    replaced = [item.model_copy(update={"question": twin}) for item, twin in zip(items, twins, strict=True)]
    ours = score_items(model, tokenizer, items, questions=twins)["baseline"]
    theirs = score_items(model, tokenizer, replaced)["baseline"]
    assert [one.option_scores for one in ours] == [one.option_scores for one in theirs]
    assert [one.option_scores for one in ours] != [
        one.option_scores for one in score_items(model, tokenizer, items)["baseline"]
    ]


def test_sliding_window_counts_positions_not_places_in_the_row():
    """A prompt longer than the window, with options behind it: the packed row must still see what each alone would."""
    model, tokenizer = tiny("gemma3_text")
    window = model.config.sliding_window
    item = made_up_items()[2].model_copy(update={"question": "x y " * window})
    prompt = cloze_prompt(item.question, item.language)
    values = [log_likelihood(model, tokenizer, prompt, f" {option}") for option in item.options]
    scores = score_items(model, tokenizer, [item], settings=ScoreSettings(packing="packed"))["baseline"]
    assert_close(scores, [[total / count for total, count in values]])


def test_too_long_a_prompt_is_named():
    model, tokenizer = tiny("llama")
    item = made_up_items()[0].model_copy(update={"question": "w " * model.config.max_position_embeddings})
    with pytest.raises(UserError, match=r"item en-0: \d+ tokens, the model reads at most"):
        score_items(model, tokenizer, [item])


def test_unchanged_passes_equal_the_baseline():
    model, tokenizer = tiny("qwen3")
    scores = score_items(model, tokenizer, made_up_items(), passes=[Pass(name="a"), Pass(name="b")])
    assert scores["a"].items == scores["b"].items
