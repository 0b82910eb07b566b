"""MIST: multilingual supervised fine-tuning on prompt–response pairs in all languages (the paper, section 3).

    L = −Σ log π(y_t | x, y_<t) / Σ 1,  over the response tokens of an optimizer step, in whatever parts it is computed

TRL's `SFTTrainer`, whose loss this equals; the logits are made for response tokens alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from isogloss.data.rows import InstructionRow
from isogloss.methods.distributed import is_first
from isogloss.methods.job import Job
from isogloss.methods.model import load_trainable
from isogloss.methods.rows import (
    Entry,
    batch_order,
    check_tokenizer,
    encode,
    read_training,
    report_decisions,
    steps_of,
    within_length,
)
from isogloss.methods.trainer import Footing, run_training, training_arguments


class MistTrainer(Footing, SFTTrainer):
    """Batches as :func:`collate` makes them."""

    loss_is_scaled_for_ga: Any = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The step's tokens are counted over its micro-batches and processes, for every model class.
        self.model_accepts_loss_kwargs = True

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """−Σ log π of the micro-batch over the tokens of the whole step, times the processes that average it."""
        out = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            completion_mask=inputs["labels"] != -100,
        )
        return -out.values_N.sum() / num_items_in_batch * self.accelerator.num_processes


def entries_of(rows: Sequence[InstructionRow], tokenizer: Any, job: Job) -> list[Entry]:
    """One entry for each row and language."""
    return [
        Entry(
            name=f"{row.id} ({language})",
            row=row.id,
            language=language,
            sequences=(
                encode(tokenizer, prompt, row.response[language], language=language, template=job.train.template),
            ),
        )
        for row in rows
        for language, prompt in row.prompt.items()
    ]


def dataset_of(entries: Sequence[Entry]) -> Dataset:
    """`input_ids`, `labels` (−100 on the prompt) and `index` of each entry."""
    return Dataset.from_dict(
        {
            "input_ids": [[*one.prompt, *one.completion] for entry in entries for one in entry.sequences],
            "labels": [[-100] * len(one.prompt) + [*one.completion] for entry in entries for one in entry.sequences],
            "index": list(range(len(entries))),
        }
    )


def collate(rows: Sequence[dict[str, Any]], *, pad_id: int) -> dict[str, torch.Tensor]:
    """`input_ids`, `attention_mask` and `labels` [B, T], padded on the right, and `index` [B]."""
    width = max(len(row["input_ids"]) for row in rows)

    def padded(column: Sequence[Sequence[int]], value: int) -> torch.Tensor:
        return torch.tensor([[*ids, *[value] * (width - len(ids))] for ids in column])

    return {
        "input_ids": padded([row["input_ids"] for row in rows], pad_id),
        "attention_mask": padded([[1] * len(row["input_ids"]) for row in rows], 0),
        "labels": padded([row["labels"] for row in rows], -100),
        "index": torch.tensor([row["index"] for row in rows]),
    }


def train(job: Job) -> None:
    """Train, from the files of `job` to its `final/`. Every process of the launch calls it."""
    rows = read_training(job)
    model, tokenizer = load_trainable(job)
    check_tokenizer(tokenizer, job)
    entries, lengths = within_length(entries_of(rows.instructions, tokenizer, job), job)
    steps = steps_of(job, len(entries))
    arguments = training_arguments(
        job, SFTConfig, steps=steps, max_length=None, dataset_kwargs={"skip_prepare_dataset": True}
    )
    if is_first():
        report_decisions(job, (*rows.decisions, *lengths))
    order = batch_order(entries, total=steps * job.train.batch, seed=job.train.seed)
    trainer = MistTrainer(
        model=model,
        args=arguments,
        train_dataset=dataset_of(entries).select(order),
        data_collator=lambda batch: collate(batch, pad_id=tokenizer.pad_token_id),
        processing_class=tokenizer,
    )
    trainer.entry_names = tuple(entry.name for entry in entries)
    run_training(trainer, job)
