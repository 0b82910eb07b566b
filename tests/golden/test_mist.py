"""MIST against TRL's own SFTTrainer, and against itself in other parts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from trl import SFTConfig, SFTTrainer

from isogloss.methods.job import Job
from isogloss.methods.mist import MistTrainer, collate, dataset_of, entries_of
from isogloss.methods.model import load_trainable
from isogloss.methods.rows import batch_order, encode, read_training
from isogloss.methods.trainer import training_arguments
from isogloss.spec.align import LaunchSpec
from training_jobs import make_job

STEPS = 3


def trained(job: Job, kind: Any) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Losses of the steps, and the trained weights."""
    model, tokenizer = load_trainable(job)
    entries = entries_of(read_training(job).instructions, tokenizer, job)
    order = batch_order(entries, total=STEPS * job.train.batch, seed=0)
    options: dict[str, Any] = {}
    if kind is MistTrainer:
        options["data_collator"] = partial(collate, pad_id=tokenizer.pad_token_id)
    trainer = kind(
        model=model,
        args=training_arguments(
            job,
            SFTConfig,
            steps=STEPS,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
            save_strategy="no",
        ),
        train_dataset=dataset_of(entries).select(order),
        processing_class=tokenizer,
        **options,
    )
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    return losses, {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}


# TRL averages the micro-batches of the multimodal class alike, whatever their tokens: it is compared whole alone.
@pytest.mark.parametrize(
    ("family", "micro_batch"), [("gemma3_text", 8), ("gemma3_text", 1), ("qwen2", 1), ("gemma3_multimodal", 8)]
)
def test_losses_and_weights_equal_trls_trainer(family: str, micro_batch: int, tmp_path: Path) -> None:
    job = make_job(
        tmp_path, family=family, batch=8, launch=LaunchSpec(device="cpu", micro_batch=micro_batch), weight_decay=0.1
    )
    ours, our_weights = trained(job, MistTrainer)
    theirs, their_weights = trained(job, SFTTrainer)
    assert len(ours) == STEPS
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert ours[-1] < ours[0]
    assert their_weights.keys() >= our_weights.keys()
    for name, weight in our_weights.items():
        torch.testing.assert_close(weight, their_weights[name], rtol=0, atol=2e-4, msg=name)


@pytest.mark.parametrize("parameters", ["full", "lora"])
def test_eight_parts_equal_one(parameters: str, tmp_path: Path) -> None:
    results = [
        trained(
            make_job(
                tmp_path / str(micro_batch),
                family="gemma3_multimodal",
                batch=8,
                parameters=parameters,
                launch=LaunchSpec(device="cpu", micro_batch=micro_batch),
            ),
            MistTrainer,
        )
        for micro_batch in (8, 1)
    ]
    (whole, whole_weights), (parts, parts_weights) = results
    assert whole == pytest.approx(parts, rel=1e-5)
    for name, weight in whole_weights.items():
        torch.testing.assert_close(weight, parts_weights[name], rtol=0, atol=2e-4, msg=name)


def test_the_loss_by_hand(tmp_path: Path) -> None:
    job = make_job(tmp_path, batch=6)
    model, tokenizer = load_trainable(job)
    entries = entries_of(read_training(job).instructions, tokenizer, job)[:4]
    batch = collate([dataset_of(entries)[place] for place in range(4)], pad_id=tokenizer.pad_token_id)

    model = model.double()
    total, count = torch.zeros(()), 0
    for entry in entries:
        (tokens,) = entry.sequences
        assert tokens.completion[-1] == tokenizer.eos_token_id
        logits_TV = model(input_ids=torch.tensor([[*tokens.prompt, *tokens.completion]])).logits[0]
        for place, token in enumerate(tokens.completion, start=len(tokens.prompt)):
            total = total - torch.log_softmax(logits_TV[place - 1], dim=-1)[token]
            count += 1
    out = model(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        completion_mask=batch["labels"] != -100,
    )
    assert out.values_N.shape == (count,)
    torch.testing.assert_close(-out.values_N.mean(), total / count, rtol=1e-10, atol=0)


def test_the_prompt_is_tokenized_as_it_is_alone(tmp_path: Path) -> None:
    _, tokenizer = load_trainable(make_job(tmp_path))
    for template, opening in (("plain", "Who?\n"), ("cloze", "Who?\nRespuesta:")):
        tokens = encode(tokenizer, "Who?", "the man", language="es", template=template)
        assert list(tokens.prompt) == tokenizer.encode(opening)
        response = tokenizer.decode(tokens.completion)
        assert response == ("the man<eos>" if template == "plain" else " the man<eos>")
