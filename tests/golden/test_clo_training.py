"""CLO as it is trained, against the equation computed one sequence at a time with the whole log-softmax in float64.

Run as a program (`torchrun … test_clo_training.py FOLDER`) it is one process of a training, for the test that starts two.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from isogloss.methods import clo as clo_module
from isogloss.methods.callbacks import read_log
from isogloss.methods.clo import REFERENCE, clo_trainer, frozen
from isogloss.methods.job import DECISIONS, LOG, Job
from isogloss.methods.trainer import run_training
from isogloss.models.load import model_digest
from isogloss.spec.align import CloSection, LaunchSpec, LoraSection, TrainSection

LANGUAGES = ("en", "es", "ko")
LOG_2 = math.log(2)
ROWS = [
    {
        "id": f"r{number}",
        "prompt": {"en": f"What is {word}?", "es": f"¿Qué es {word}, di?", "ko": f"{word}은?"},
        "response": {"en": f"a {word}", "es": f"una cosa {word}", "ko": "것" * (1 + number)},
    }
    for number, word in enumerate(["moss", "a long river", "tin", "an owl"])
]
ROWS[1]["prompt"].pop("es")
ROWS[1]["response"].pop("es")


def in_float64(patch):
    """Train in float64, so that what differs from the equation is not rounding."""
    plain = clo_module.load_trainable

    def doubled(*args, **options):
        found = plain(*args, **options)
        return found._replace(model=found.model.double())

    patch.setattr(clo_module, "load_trainable", doubled)


@pytest.fixture
def float64(monkeypatch):
    in_float64(monkeypatch)


def make_job(folder, *, family="llama", micro_batch=None, dropout=0.0, rows=ROWS, steps=1, **settings):
    from tiny_models import make_tiny_model

    parameters = settings.pop("parameters", "full")
    model = make_tiny_model(family, folder / "model")
    instructions = folder / "instructions.jsonl"
    instructions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = Job(
        method="clo",
        model_name=str(model),
        model_path=model,
        model_digest=model_digest(model),
        languages=LANGUAGES,
        instructions=(instructions,),
        instructions_digest="made for the test",
        clo=CloSection(
            train=TrainSection(
                parameters=parameters,
                lora=LoraSection(rank=4, alpha=8, dropout=dropout),
                steps=steps,
                batch=4,
                max_grad_norm=1e9,
                checks=0,
            ),
            **{"sft_weight": 0.3, "beta": 0.7, **settings},
        ),
        launch=LaunchSpec(micro_batch=micro_batch, device="cpu"),
        folder=folder / "job",
    )
    job.folder.mkdir()
    return job


def move(model):
    """Away from the reference, by the same amount wherever it is called."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            if parameter.requires_grad:
                parameter += 0.03 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)


def one_step(job):
    """(loss in the log, gradient by parameter) of the first step of a training from a policy that was moved."""
    from transformers import TrainerCallback

    trainer = clo_trainer(job)
    move(trainer.model)
    gradients = {}

    class Keep(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, model=None, **_):
            gradients.update({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})

    trainer.add_callback(Keep())
    run_training(trainer, job)
    return read_log(job.folder / LOG)[0]["loss"], gradients


def base_model(job):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(job.model_path, dtype=torch.float64)


def naive_log_prob(model, tokenizer, prompt, response):
    """(log-probability of response and EOS after prompt and newline, number of tokens)."""
    before = tokenizer.encode(f"{prompt}\n")
    after = [*tokenizer.encode(response, add_special_tokens=False), tokenizer.eos_token_id]
    log_probs = model(input_ids=torch.tensor([before + after])).logits[0].log_softmax(-1)
    total = sum(log_probs[len(before) - 1 + place, token] for place, token in enumerate(after))
    return total, len(after)


def naive_clo(policy, reference, tokenizer, pairs, *, sft_weight, beta):
    """λ·SFT + (1−λ)·L_CL of pairs named `r0 (ko)`, straight from the equations."""
    rows = {row["id"]: row for row in ROWS}
    en_terms, xx_terms, nll, tokens = [], [], 0.0, 0
    for name in pairs:
        row, xx = rows[name.split()[0]], name[-3:-1]

        def ratio(asked, answered, row=row):
            prompt, response = row["prompt"][asked], row["response"][answered]
            own, count = naive_log_prob(policy, tokenizer, prompt, response)
            with torch.no_grad():
                base, _ = naive_log_prob(reference, tokenizer, prompt, response)
            return own - base, own, count

        z_en = beta * (ratio("en", "en")[0] - ratio("en", xx)[0])
        own_ratio, own, count = ratio(xx, xx)
        z_xx = beta * (own_ratio - ratio(xx, "en")[0])
        en_terms.append(-torch.log(1 / (1 + torch.exp(-z_en))))
        xx_terms.append(-torch.log(1 / (1 + torch.exp(-z_xx))))
        nll, tokens = nll - own, tokens + count
    contrast = sum(en_terms) / len(pairs) + sum(xx_terms) / len(pairs)
    return sft_weight * nll / tokens + (1 - sft_weight) * contrast


def naive_step(job):
    """What :func:`one_step` gives, by the naive equation."""
    trainer = clo_trainer(job)
    move(trainer.model)
    names = [trainer.entry_names[index] for index in trainer.train_dataset["index"][:4]]
    assert len(set(names)) == 4
    trained = {name: parameter for name, parameter in trainer.model.named_parameters() if parameter.requires_grad}
    loss = naive_clo(trainer.model, base_model(job), trainer.processing_class, names, sft_weight=0.3, beta=0.7)
    gradients = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
    return float(loss.detach()), {name: one for name, one in zip(trained, gradients, strict=True) if one is not None}


def assert_same(found, expected, *, tolerance=1e-6):
    assert found[0] == pytest.approx(expected[0], abs=tolerance)
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        torch.testing.assert_close(found[1][name], gradient, atol=tolerance, rtol=tolerance, msg=name)
    assert max(float(gradient.abs().max()) for gradient in expected[1].values()) > 1e-2


@pytest.mark.parametrize("parameters", ["full", "lora"])
@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_a_step_is_the_equation_whole_and_in_parts_precomputed_and_live(tmp_path, float64, family, parameters):
    def job(name, **settings):
        (tmp_path / name).mkdir()
        return make_job(tmp_path / name, family=family, parameters=parameters, **settings)

    expected = naive_step(job("naive"))
    assert_same(one_step(job("plain")), expected)
    assert_same(one_step(job("accumulated", micro_batch=1)), expected)
    assert_same(one_step(job("live", reference="live")), expected)


def test_a_step_in_float32_is_the_equation_to_its_rounding(tmp_path, monkeypatch):
    (tmp_path / "naive").mkdir()
    (tmp_path / "float32").mkdir()
    with monkeypatch.context() as patch:
        in_float64(patch)
        loss, _ = naive_step(make_job(tmp_path / "naive"))
    assert one_step(make_job(tmp_path / "float32"))[0] == pytest.approx(loss, abs=2e-5)


def launched(program):
    """A Python program on two processes."""
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", *program],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_two_processes_are_one_with_the_whole_batch(tmp_path, float64):
    for name in ("naive", "two"):
        (tmp_path / name).mkdir()
    expected = naive_step(make_job(tmp_path / "naive"))
    job = make_job(tmp_path / "two")
    job.write()
    done = launched([__file__, str(job.folder)])
    assert done.returncode == 0, done.stderr[-3000:]
    assert "PyTorch DDP, 2 processes" in done.stderr
    found = torch.load(job.folder / "found.pt", weights_only=True)
    assert_same((found["loss"], found["gradients"]), expected)


@pytest.mark.parametrize("parameters", ["full", "lora"])
def test_in_bfloat16_a_policy_that_has_not_moved_prefers_nothing(tmp_path, parameters):
    """Reference and policy round alike: z is zero, not the rounding of two log-probabilities."""
    job = make_job(tmp_path, parameters=parameters, micro_batch=2, family="gemma3_text")
    job = job.model_copy(update={"dtype": "bfloat16"})
    run_training(clo_trainer(job), job)
    parts = read_log(job.folder / LOG)[0]["parts"]
    assert (parts["contrast_en"], parts["contrast_xx"]) == pytest.approx((LOG_2, LOG_2), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("zero", [1, 3])
def test_under_deepspeed_in_bfloat16_a_precomputed_reference_is_the_live_one(tmp_path, zero):
    """Float tensors of a batch are rounded to bfloat16 there, by tenths for a log-probability of a sequence."""
    logs = []
    for reference in ("precomputed", "live"):
        (tmp_path / reference).mkdir()
        job = make_job(tmp_path / reference, reference=reference, parameters="lora", steps=2, family="gemma3_text")
        shape = LaunchSpec(engine="deepspeed", zero=zero, device="cpu", micro_batch=1)
        job = job.model_copy(update={"dtype": "bfloat16", "launch": shape})
        job.write()
        done = launched(["-m", "isogloss.methods.worker", str(job.folder)])
        assert done.returncode == 0, done.stderr[-3000:]
        assert f"DeepSpeed ZeRO-{zero}, 2 processes, bf16" in done.stderr
        logs.append([{**line["parts"], "loss": line["loss"]} for line in read_log(job.folder / LOG)])
    assert logs[0] == logs[1]
    assert logs[0][0]["contrast_xx"] == pytest.approx(LOG_2, abs=1e-6)


def test_the_reference_survives_a_resume_and_is_made_again_when_damaged(tmp_path, monkeypatch, capsys):
    job = make_job(tmp_path)
    first = clo_trainer(job).reference_P4
    assert not bool(first[sorted(set(clo_trainer(job).train_dataset["index"]))].isnan().any())
    capsys.readouterr()

    def not_again(*_args, **_options):
        raise AssertionError("computed again")

    with monkeypatch.context() as patch:
        patch.setattr(clo_module.CloTrainer, "compute_ref_log_probs", not_again)
        torch.testing.assert_close(clo_trainer(job).reference_P4, first, equal_nan=True, atol=0, rtol=0)
    file = next((job.folder / REFERENCE).glob("*.safetensors"))
    data = bytearray(file.read_bytes())
    data[-1] ^= 0xFF
    file.write_bytes(bytes(data))
    torch.testing.assert_close(clo_trainer(job).reference_P4, first, equal_nan=True, atol=0, rtol=0)
    assert "log_probs.safetensors: content differs" in capsys.readouterr().err


def test_the_reference_is_read_without_adapters_and_without_dropout(tmp_path, float64):
    job = make_job(tmp_path, parameters="lora", dropout=0.5, reference="live")
    trainer = clo_trainer(job)
    move(trainer.model)
    trainer.model.train()
    assert not [name for name, _ in trainer.model.named_parameters() if ".ref." in name]
    batch = trainer.collate([{"index": 0}])
    found = trainer.compute_ref_log_probs(trainer.model, batch)
    row = {row["id"]: row for row in ROWS}[trainer.pairs[0].row]
    xx = trainer.pairs[0].language
    base, tokenizer = base_model(job), trainer.processing_class
    for place, (asked, answered) in enumerate([("en", "en"), ("en", xx), (xx, xx), (xx, "en")]):
        expected, _ = naive_log_prob(base, tokenizer, row["prompt"][asked], row["response"][answered])
        assert float(found[0, place]) == pytest.approx(expected.item(), abs=1e-9)
    assert trainer.model.training
    assert all(p.requires_grad for name, p in trainer.model.named_parameters() if "lora_" in name)
    with frozen(trainer.model):
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("parameters", ["full", "lora"])
def test_attention_alone_is_trained_where_that_is_asked_for(tmp_path, parameters):
    _, gradients = one_step(make_job(tmp_path, parameters=parameters, trainable="attention"))
    assert gradients
    assert all("self_attn" in name and "_proj" in name for name in gradients), sorted(gradients)


def test_rows_that_cannot_be_used_are_written_down(tmp_path):
    clo_trainer(make_job(tmp_path))
    decisions = json.loads((tmp_path / "job" / DECISIONS).read_text())
    assert [(one["what"], one["rows"]) for one in decisions] == [
        ("instruction rows without 'es', used in the other languages", ["r1"])
    ]


def test_trl_s_sigmoid_and_sft_is_another_loss(tmp_path, float64):
    """Why this is not `DPOTrainer(loss_type=["sigmoid", "sft"])`: it halves L_CL and trains on English responses."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    job = make_job(tmp_path)
    trainer = clo_trainer(job)
    move(trainer.model)
    policy, tokenizer, base = trainer.model, trainer.processing_class, base_model(job)
    row, xx = ROWS[0], "ko"
    preferences = [
        {
            "prompt": row["prompt"][own] + "\n",
            "chosen": row["response"][own],
            "rejected": row["response"][other],
        }
        for own, other in (("en", xx), (xx, "en"))
    ]

    def trl_loss(loss_type):
        arguments = DPOConfig(
            output_dir=str(tmp_path / "trl"),
            loss_type=loss_type,
            beta=0.7,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
            disable_tqdm=True,
        )
        dataset = Dataset.from_list(preferences)
        stock = DPOTrainer(
            model=policy, ref_model=base, args=arguments, train_dataset=dataset, processing_class=tokenizer
        )
        batch = stock.data_collator([stock.train_dataset[place] for place in range(2)])
        with torch.no_grad():
            return float(stock.compute_loss(policy, batch))

    place = trainer.entry_names.index("r0 (ko)")
    with torch.no_grad():
        loss = float(trainer.compute_loss(policy, trainer.collate([{"index": place}])))
        naive = {
            (own, other): naive_log_prob(policy, tokenizer, row["prompt"][own], row["response"][other])
            for own in ("en", xx)
            for other in ("en", xx)
        }
    sigmoid, sft = trl_loss(["sigmoid"]), trl_loss(["sft"])
    own = {language: naive[language, language] for language in ("en", xx)}
    every_nll = -(own["en"][0] + own[xx][0]) / (own["en"][1] + own[xx][1])
    target_nll = -own[xx][0] / own[xx][1]
    with torch.no_grad():
        assert loss == pytest.approx(
            float(naive_clo(policy, base, tokenizer, ["r0 (ko)"], sft_weight=0.3, beta=0.7)), abs=1e-9
        )
    assert sft == pytest.approx(float(every_nll), abs=1e-5)  # over English and Korean responses
    assert abs(sft - float(target_nll)) > 0.01
    # TRL reads log-probabilities in float32, and takes the mean of the two directions.
    assert loss == pytest.approx(0.3 * float(target_nll) + 0.7 * 2 * sigmoid, abs=1e-5)
    assert abs(loss - (0.3 * sft + 0.7 * sigmoid)) > 0.01


@pytest.mark.parametrize("reference", ["precomputed", "live"])
def test_no_tensor_has_the_vocabulary_at_every_position(tmp_path, reference, monkeypatch):
    import transformers
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    vocabulary = 20_000
    job = make_job(tmp_path, reference=reference)
    with torch.random.fork_rng(devices=[]):
        config = transformers.AutoConfig.from_pretrained(job.model_path)
        config.vocab_size = vocabulary
        transformers.LlamaForCausalLM(config).save_pretrained(job.model_path)
    trainer = clo_trainer(job.model_copy(update={"model_digest": model_digest(job.model_path)}))
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            out = function(*args, **(kwargs or {}))
            largest = max([largest, *(leaf.numel() for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor))])
            return out

    batch = trainer.collate([{"index": index} for index in range(4)])
    with Watch():
        trainer.compute_loss(trainer.model, batch).backward()
    positions = batch["input_ids"].numel()
    assert largest >= vocabulary * config.hidden_size  # it watched: the gradient of the head is one of them
    assert largest < positions * vocabulary / 5


def main(folder):
    """One of the processes that `torchrun` starts."""
    job = Job.read(Path(folder))
    with pytest.MonkeyPatch.context() as patch:
        in_float64(patch)
        loss, gradients = one_step(job)
    if os.environ["RANK"] == "0":
        torch.save({"loss": loss, "gradients": gradients}, job.folder / "found.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
