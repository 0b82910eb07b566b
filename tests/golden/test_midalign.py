"""MIDALIGN against a naive version of both losses, and one launch shape against another."""

import pytest
import torch

from isogloss.data.rows import ParallelRow
from isogloss.errors import UserError
from isogloss.methods.batches import micro_batches, pair_batches, pair_entries, parts_of, steps_of_work
from isogloss.methods.callbacks import read_log
from isogloss.methods.job import FINAL, LOG
from isogloss.methods.midalign import MidalignTrainer, layer_of, train
from isogloss.methods.mist import entries_of
from isogloss.methods.rows import Entry, Tokens, read_training
from isogloss.spec.align import LaunchSpec, LoraSection, MidalignSection
from tiny_models import BOS_ID, NUM_LAYERS
from training_jobs import make_job, tiny_folder


def trained(folder, *, micro_batch=None, section=None, **settings):
    """(log, weights) of a short training in this process."""
    from safetensors.torch import load_file

    settings = {"steps": 4, "batch": 8, "checks": 0, "learning_rate": 1e-3, **settings}
    launch = LaunchSpec(device="cpu", threads=1, micro_batch=micro_batch, **settings.pop("launch", {}))
    job = make_job(folder, method="midalign", section=section or MidalignSection(), launch=launch, **settings)
    train(job)
    (weights,) = (job.folder / FINAL).glob("*.safetensors")
    return read_log(job.folder / LOG), load_file(weights)


def assert_equal_trainings(one, other, *, tolerance=1e-5):
    for line, same in zip(one[0], other[0], strict=True):
        assert line["loss"] == pytest.approx(same["loss"], abs=tolerance)
        assert line["grad_norm"] == pytest.approx(same["grad_norm"], rel=1e-4)
        assert line["parts"] == pytest.approx(same["parts"], abs=tolerance)
        assert line["tokens"] == same["tokens"]
    assert one[1].keys() == other[1].keys()
    for name, weight in one[1].items():
        assert torch.allclose(weight, other[1][name], atol=tolerance, rtol=0), name


# The losses, one sequence at a time.


def naive_sft(model, entries):
    total = 0.0
    for entry in entries:
        (one,) = entry.sequences
        ids = torch.tensor([[*one.prompt, *one.completion]])
        log_probs = model(input_ids=ids).logits[0].log_softmax(-1)
        places = range(len(one.prompt), ids.shape[1])
        total -= sum(float(log_probs[place - 1, ids[0, place]].detach()) for place in places)
    return total / sum(len(entry.sequences[0].completion) for entry in entries)


def naive_alignment(model, pairs, *, layer, temperature, bos=True):
    def state(tokens):
        ids = torch.tensor([tokens.completion])
        hidden = model(input_ids=ids, output_hidden_states=True).hidden_states[layer][0]
        return hidden[0 if bos else 1 :].mean(0)

    with torch.no_grad():
        states = [[state(one) for one in pair.sequences] for pair in pairs]
    losses = []
    for source, target in states:
        scores = [torch.exp(torch.cosine_similarity(source, other, dim=0) / temperature) for _, other in states]
        own = torch.exp(torch.cosine_similarity(source, target, dim=0) / temperature)
        losses.append(-torch.log(own / sum(scores)))
    return float(sum(losses) / len(losses))


@pytest.mark.parametrize(
    ("family", "pool_bos", "micro_batch"), [("llama", True, None), ("gemma3_text", False, 3), ("qwen3", True, 8)]
)
def test_both_losses_equal_the_naive_version(tmp_path, family, pool_bos, micro_batch):
    import transformers as hf

    section = MidalignSection(
        preset="mid-align", temperature=0.5, layer=3, pool_bos=pool_bos, batch=6 if micro_batch == 3 else None
    )
    batch = 6 if micro_batch == 3 else 8
    log, _ = trained(tmp_path, section=section, family=family, steps=1, batch=batch, micro_batch=micro_batch)
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_folder(family))
    model = hf.AutoModelForCausalLM.from_pretrained(tiny_folder(family), dtype=torch.float64)
    job = make_job(tmp_path, method="midalign", section=section, family=family, batch=batch)
    data = read_training(job)
    rows, (pairs, _) = entries_of(data.instructions, tokenizer, job), pair_entries(data.parallel, tokenizer)
    assert all(one.completion[0] == BOS_ID for pair in pairs for one in pair.sequences)
    (step,) = steps_of_work(
        rows, pairs, steps=1, alternate="micro-batch", batch=batch, pair_batch=batch, seed=job.train.seed
    )
    (_, chosen), (_, aligned) = step
    expected = {
        "sft": naive_sft(model, [rows[index] for index in chosen]),
        "alignment": naive_alignment(
            model, [pairs[index] for index in aligned], layer=3, temperature=0.5, bos=pool_bos
        ),
    }
    assert log[0]["parts"] == pytest.approx(expected, abs=1e-5)
    assert log[0]["loss"] == pytest.approx(sum(expected.values()) / 2, abs=1e-5)


@pytest.mark.parametrize("alternate", ["step", "micro-batch"])
def test_accumulation_changes_nothing(tmp_path, alternate):
    section = MidalignSection(alternate=alternate, temperature=0.1, direction="symmetric")
    whole = trained(tmp_path / "8x1", section=section)
    assert_equal_trainings(whole, trained(tmp_path / "1x8", section=section, micro_batch=1))
    parts = [sorted(line["parts"]) for line in whole[0]]
    both = ["alignment", "sft"]
    assert parts == ([["sft"], ["alignment"]] * 2 if alternate == "step" else [both] * 4)


def test_checkpointed_blocks_change_nothing(tmp_path):
    plain = trained(tmp_path / "plain", steps=2)
    assert_equal_trainings(plain, trained(tmp_path / "again", steps=2, launch={"gradient_checkpointing": True}))


def test_both_forwards_of_an_accumulated_micro_batch_drop_the_same(tmp_path, monkeypatch):
    """The gradient of the states is made in a first forward and carried backward by a second one."""
    states = []

    def recorded(self, model, inputs, original=MidalignTrainer._pooled):
        states.append(original(self, model, inputs))
        return states[-1]

    monkeypatch.setattr(MidalignTrainer, "_pooled", recorded)
    settings = {"parameters": "lora", "lora": LoraSection(rank=4, dropout=0.3), "steps": 4, "schedule": "constant"}
    trained(tmp_path, section=MidalignSection(temperature=0.1), micro_batch=2, **settings)
    steps = [states[first : first + 8] for first in range(0, len(states), 8)]
    assert len(steps) == 2
    for step in steps:
        assert all(torch.equal(first, second) for first, second in zip(step[:4], step[4:], strict=True))
        assert not any(one.requires_grad and one.grad_fn for one in step[:4])
        assert all(one.grad_fn for one in step[4:])


def test_an_alignment_step_has_a_gradient_of_zero_above_its_layer(tmp_path, monkeypatch):
    """Zero and not none, so that Adam treats it as under DDP and ZeRO; LoRA, where few parameters are trained, too."""
    gradients = []

    def recorded(self, model, inputs, *args, original=MidalignTrainer.training_step):
        loss = original(self, model, inputs, *args)
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad})
        return loss

    monkeypatch.setattr(MidalignTrainer, "training_step", recorded)
    settings = {"parameters": "lora", "lora": LoraSection(rank=4), "steps": 2}
    trained(tmp_path, section=MidalignSection(layer=2, temperature=0.1), **settings)
    sft, alignment = gradients
    above = [name for name in alignment if ".layers.2." in name or ".layers.3." in name]
    assert above
    assert all(not alignment[name].any() for name in above)
    assert all(alignment[name].any() for name in alignment if name not in above and "lora_B" in name)
    assert all(sft[name].any() for name in sft if "lora_B" in name)


def test_layer():
    assert layer_of(MidalignSection(), 18) == 9
    assert layer_of(MidalignSection(layer=18), 18) == 18
    with pytest.raises(UserError, match="layer 19 is outside the model: it has layers 1 to 18"):
        layer_of(MidalignSection(layer=19), 18)


def test_a_layer_outside_the_model_is_refused_before_training(tmp_path):
    with pytest.raises(UserError, match=f"has layers 1 to {NUM_LAYERS}"):
        trained(tmp_path, section=MidalignSection(layer=NUM_LAYERS + 1))


def test_temperature_learns(tmp_path):
    """τ 0.1 brings the loss down within a few steps: the gradient goes the right way."""
    log, _ = trained(tmp_path, section=MidalignSection(temperature=0.1), steps=16, schedule="constant")
    losses = [line["parts"]["alignment"] for line in log if "alignment" in line["parts"]]
    assert losses[-1] < losses[0] - 0.1


# The order of work.


def entry(row, english, translation, language="ko"):
    return Entry(f"{row} ({language})", row, language, (Tokens((), tuple(english)), Tokens((), tuple(translation))))


def test_no_sentence_stands_twice_in_a_batch():
    pairs = [entry(f"{row}", [row // 2], [100 + 10 * row + which]) for row in range(8) for which in range(3)]
    batches = pair_batches(pairs, size=4, count=40, seed=0)
    for batch in batches:
        english = [pairs[index].sequences[0] for index in batch]
        assert len(set(english)) == 4  # rows 2n and 2n + 1 have the same English sentence
    uses = [sum(index in batch for batch in batches) for index in range(len(pairs))]
    assert max(uses) - min(uses) <= 2
    assert pair_batches(pairs, size=4, count=40, seed=0) == batches
    assert pair_batches(pairs, size=4, count=40, seed=1) != batches
    assert pair_batches(pairs, size=4, count=7, seed=0) == batches[:7]


def test_too_few_different_sentences_for_a_batch():
    pairs = [entry("row", [1], [number]) for number in range(10, 30)]
    with pytest.raises(UserError, match=r"midalign\.batch is 4 .* only 1 of the 20"):
        pair_batches(pairs, size=4, count=1, seed=0)


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("alternate", ["step", "micro-batch"])
def test_a_step_holds_the_same_on_any_launch_shape(processes, alternate):
    rows = [Entry(f"r{n}", f"r{n}", "en", (Tokens((1,) * (n % 5), (2,) * (1 + n % 3)),)) for n in range(20)]
    pairs = [entry(f"p{n}", [n], [100 + n]) for n in range(20)]
    steps = steps_of_work(rows, pairs, steps=5, alternate=alternate, batch=7, pair_batch=6, seed=0)
    entries = {"sft": rows, "alignment": pairs}
    found = micro_batches(steps, entries, processes=processes, parts=2)
    rounds = [found[first : first + processes] for first in range(0, len(found), processes)]
    assert all(len({one.kind for one in together}) == 1 for together in rounds)
    per_step = len(found) // len(steps)
    for step, first in zip(steps, range(0, len(found), per_step), strict=True):
        for kind, chosen in step:
            mine = [one for one in found[first : first + per_step] if one.kind == kind]
            assert sorted(index for one in mine for index in one.entries) == sorted(chosen)
            total = sum(len(rows[index].sequences[0].completion) for index in chosen) if kind == "sft" else len(chosen)
            assert {one.total for one in mine} == {total}
    kinds = [[kind for kind, _ in step] for step in steps]
    both = [["sft", "alignment"]] * 5
    assert kinds == (both if alternate == "micro-batch" else [["sft"], ["alignment"], ["sft"], ["alignment"], ["sft"]])


def test_a_batch_smaller_than_its_parts_is_refused():
    assert parts_of(LaunchSpec(micro_batch=4), processes=2, rows=16, pairs=8) == 2
    with pytest.raises(UserError, match=r"midalign\.batch is 4, too few for 16 parts"):
        parts_of(LaunchSpec(micro_batch=1), processes=1, rows=16, pairs=4)


class Splits:
    eos_token_id = 1

    def encode(self, text):
        return [2, *map(ord, text), 1]


def test_pairs_are_english_with_each_other_language():
    rows = [
        ParallelRow(id="a", text={"en": "x", "es": "y", "ko": "z"}),
        ParallelRow(id="b", text={"es": "y", "ko": "z"}),
        ParallelRow(id="c", text={"en": "x"}),
    ]
    pairs, (left_out,) = pair_entries(rows, Splits())
    assert [pair.name for pair in pairs] == ["a (en–es)", "a (en–ko)"]
    assert pairs[0].sequences == (Tokens((), (2, ord("x"))), Tokens((), (2, ord("y"))))
    assert (left_out.count, left_out.total, left_out.rows) == (2, 3, ("b", "c"))
    with pytest.raises(UserError, match="English and another language"):
        pair_entries(rows[1:], Splits())
