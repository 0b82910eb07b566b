"""The CLO objective against values computed by hand, and the pairs that it reads."""

import math

import pytest
import torch

from families import tiny
from isogloss.data.rows import InstructionRow
from isogloss.errors import UserError
from isogloss.methods.clo import clo_pair, clo_pairs, padded, target_languages
from isogloss.methods.clo_loss import clo_loss, margins, sequence_log_probs

# Two pairs; log-probabilities of en→en, en→xx, xx→xx, xx→en.
POLICY = torch.tensor([[-1.0, -3.0, -2.0, -5.0], [-4.0, -1.0, -6.0, -2.0]], dtype=torch.float64)
REFERENCE = torch.tensor([[-2.0, -2.0, -4.0, -4.0], [-3.0, -2.0, -4.0, -3.0]], dtype=torch.float64)
# With β = 1/2: z_en = ½·((−1+2) − (−3+2)) = 1 and ½·((−4+3) − (−1+2)) = −1; z_xx = ½·(2 − (−1)) = 1.5 and ½·(−2 − 1) = −1.5.
Z_EN, Z_XX = (1.0, -1.0), (1.5, -1.5)
SETTINGS = {"sft_weight": 0.25, "beta": 0.5, "reduction": "sum", "pairs": 2, "target_tokens": 5}


def minus_log_sigmoid(z):
    return math.log(1 + math.exp(-z))


CONTRAST_EN = (minus_log_sigmoid(1.0) + minus_log_sigmoid(-1.0)) / 2  # 0.8133
CONTRAST_XX = (minus_log_sigmoid(1.5) + minus_log_sigmoid(-1.5)) / 2  # 0.9514
SFT = (2.0 + 6.0) / 5


def test_the_margins_are_those_computed_by_hand():
    z_en, z_xx = margins(POLICY, REFERENCE, beta=0.5)
    assert tuple(z_en.tolist()) == Z_EN
    assert tuple(z_xx.tolist()) == Z_XX


def test_the_loss_is_that_computed_by_hand():
    found = clo_loss(POLICY, REFERENCE, **SETTINGS)
    assert float(found.contrast_en) == pytest.approx(CONTRAST_EN, abs=1e-12)
    assert float(found.contrast_xx) == pytest.approx(CONTRAST_XX, abs=1e-12)
    assert float(found.sft) == SFT
    assert float(found.loss) == pytest.approx(0.25 * SFT + 0.75 * (CONTRAST_EN + CONTRAST_XX), abs=1e-12)
    assert float(found.loss) == pytest.approx(1.7235062, abs=1e-7)
    assert float(found.preferred) == 0.5


def test_the_gradient_is_that_computed_by_hand():
    policy = POLICY.clone().requires_grad_()
    clo_loss(policy, REFERENCE, **SETTINGS).loss.backward()
    # d/dz (−log σ(z)) = σ(z) − 1; β = ½, two pairs, 1 − λ = ¾.
    slope = lambda z: 0.75 * 0.5 / 2 * (1 / (1 + math.exp(-z)) - 1)  # noqa: E731
    expected = [[slope(en), -slope(en), slope(xx) - 0.25 / 5, -slope(xx)] for en, xx in zip(Z_EN, Z_XX, strict=True)]
    torch.testing.assert_close(policy.grad, torch.tensor(expected, dtype=torch.float64), atol=1e-12, rtol=0)


def test_an_untrained_policy_stands_at_twice_the_log_of_two():
    found = clo_loss(POLICY, POLICY, **{**SETTINGS, "sft_weight": 0.0})
    assert float(found.loss) == pytest.approx(2 * math.log(2), abs=1e-12)


def test_the_mean_is_half_the_sum_and_leaves_the_sft_term():
    summed, mean = (clo_loss(POLICY, REFERENCE, **{**SETTINGS, "reduction": how}) for how in ("sum", "mean"))
    assert float(mean.contrast_en) == pytest.approx(float(summed.contrast_en) / 2, abs=1e-12)
    assert float(mean.contrast_xx) == pytest.approx(float(summed.contrast_xx) / 2, abs=1e-12)
    assert mean.sft == summed.sft
    assert float(mean.loss) == pytest.approx(0.25 * SFT + 0.75 * (CONTRAST_EN + CONTRAST_XX) / 2, abs=1e-12)


@pytest.mark.parametrize(("weight", "expected"), [(0.0, CONTRAST_EN + CONTRAST_XX), (1.0, SFT)])
def test_the_ends_of_the_weight_are_one_term_alone(weight, expected):
    found = clo_loss(POLICY, REFERENCE, **{**SETTINGS, "sft_weight": weight})
    assert float(found.loss) == pytest.approx(expected, abs=1e-12)


def test_english_responses_to_english_prompts_are_not_in_the_sft_term():
    other = POLICY.clone()
    other[:, 0] += 3.0
    assert clo_loss(other, REFERENCE, **SETTINGS).sft == SFT
    other[:, 2] += 1.0
    assert clo_loss(other, REFERENCE, **SETTINGS).sft == pytest.approx(6.0 / 5)


def test_parts_of_a_step_add_up_to_the_whole():
    whole = clo_loss(POLICY, REFERENCE, **SETTINGS)
    parts = [clo_loss(POLICY[place : place + 1], REFERENCE[place : place + 1], **SETTINGS) for place in range(2)]
    for name, value in whole._asdict().items():
        assert float(value) == pytest.approx(sum(float(getattr(part, name)) for part in parts), abs=1e-12), name


def test_token_log_probs_are_summed_by_sequence():
    values = torch.tensor([-1.0, -2.0, -4.0, -8.0])
    rows = torch.tensor([0, 0, 2, 2])
    assert sequence_log_probs(values, rows, rows=4).tolist() == [-3.0, 0.0, -12.0, 0.0]


ROW = InstructionRow(
    id="r1",
    prompt={"en": "What is it?", "es": "¿Qué es?", "ko": "뭐죠?"},
    response={"en": "a thing", "es": "una cosa", "ko": "것"},
)


def test_a_pair_is_four_sequences_in_their_order():
    _, tokenizer = tiny("llama")
    entry = clo_pair(ROW, "ko", tokenizer=tokenizer, template="plain")
    texts = [
        (tokenizer.decode(one.prompt, skip_special_tokens=True), tokenizer.decode(one.completion))
        for one in entry.sequences
    ]
    assert texts == [
        ("What is it?\n", "a thing<eos>"),
        ("What is it?\n", "것<eos>"),
        ("뭐죠?\n", "것<eos>"),
        ("뭐죠?\n", "a thing<eos>"),
    ]
    assert (entry.name, entry.row, entry.language) == ("r1 (ko)", "r1", "ko")
    announced = clo_pair(ROW, "ko", tokenizer=tokenizer, template="cloze").sequences
    assert tokenizer.decode(announced[1].prompt).endswith("Answer:")  # announced in the language of the prompt
    assert tokenizer.decode(announced[3].prompt).endswith("답:")


def test_the_four_stand_side_by_side_in_a_batch():
    _, tokenizer = tiny("llama")
    entries = [clo_pair(ROW, language, tokenizer=tokenizer, template="plain") for language in ("es", "ko")]
    batch = padded(entries, pad_id=tokenizer.pad_token_id)
    tokens = [tokens for entry in entries for tokens in entry.sequences]
    assert len(batch["input_ids"]) == 8
    for row, one in enumerate(tokens):
        length = len(one)
        assert batch["input_ids"][row, :length].tolist() == [*one.prompt, *one.completion]
        assert batch["attention_mask"][row].sum() == length
        assert batch["completion_mask"][row].nonzero()[:, 0].tolist() == list(range(len(one.prompt), length))


@pytest.mark.parametrize("languages", [("en",), ("en", "en")])
def test_english_alone_has_nothing_to_be_paired_with(languages):
    with pytest.raises(UserError, match="English is the only language"):
        target_languages(languages)


def test_without_english_there_is_nothing_to_pair_with():
    with pytest.raises(UserError, match="languages are es, ko; add 'en'"):
        target_languages(("es", "ko"))


def test_english_as_the_target_is_refused():
    _, tokenizer = tiny("llama")
    with pytest.raises(UserError, match=r"r1: .* paired with itself"):
        clo_pair(ROW, "en", tokenizer=tokenizer, template="plain")
    with pytest.raises(UserError, match="paired with itself"):
        clo_pairs([ROW], ["es", "en"], tokenizer=tokenizer, template="plain")
    assert target_languages(("es", "en", "ko")) == ("es", "ko")


def test_languages_missing_from_some_rows_are_counted():
    _, tokenizer = tiny("llama")

    def row(name, prompt, response):
        return InstructionRow(id=name, prompt=prompt, response=response)

    rows = [
        ROW,
        row("no-english", {"es": "¿Qué?", "ko": "뭐?"}, {"es": "eso", "ko": "그것"}),
        row("no-korean", {"en": "What?", "es": "¿Qué?"}, {"en": "that", "es": "eso"}),
        row("copied", {"en": "Which code?", "ko": "Which code? "}, {"en": "FJ", "ko": "FJ"}),
        row("same-answer", {"en": "Which code?", "ko": "코드는?"}, {"en": "FJ", "ko": "FJ"}),
    ]
    entries, decisions = clo_pairs(rows, ["es", "ko"], tokenizer=tokenizer, template="plain")
    assert [entry.name for entry in entries] == ["r1 (es)", "r1 (ko)", "no-korean (es)", "same-answer (ko)"]
    assert [(one.count, one.total, one.rows) for one in decisions] == [
        (1, 5, ("no-english",)),
        (1, 5, ("copied (ko)",)),
        (1, 5, ("same-answer (ko)",)),
    ]
