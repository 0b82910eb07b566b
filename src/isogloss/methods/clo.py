"""CLO: each prompt prefers the response in its own language, beside supervised fine-tuning (the paper, section 3).

    L    = λ · SFT(y_xx | x_xx) + (1 − λ) · L_CL
    L_CL = −E[log σ(z_en)] − E[log σ(z_xx)],   z = β · (log π/π_ref of the own language's response − of the other's)

One row is a pair (clo_pairs.py): x_en→y_en, x_en→y_xx, x_xx→y_xx, x_xx→y_en. One forward of the policy reads all four,
for L_CL and for SFT; clo_loss.py is the equation; π_ref comes from clo_reference.py, or from a frozen model at every step.
`["sigmoid", "sft"]` of TRL's DPOTrainer is another loss: it averages the two directions where L_CL adds them, and its SFT
term reads the English responses too. The trainer here is a DPOTrainer with its own rows, reference and loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from accelerate.utils import is_peft_model
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from isogloss.methods.clo_loss import PairSequence, clo_loss, sequence_log_probs
from isogloss.methods.clo_pairs import clo_pairs, padded, target_languages
from isogloss.methods.clo_reference import Reader, reference_log_probs
from isogloss.methods.decisions import report_decisions
from isogloss.methods.encoding import Entry, batch_order, check_tokenizer, steps_of, within_length
from isogloss.methods.job import Job
from isogloss.methods.model import load_trainable
from isogloss.methods.ranks import is_first, sums
from isogloss.methods.rows import read_training
from isogloss.methods.trainer import Footing, run_training, training_arguments
from isogloss.spec.align import CloSection


def train(job: Job) -> None:
    """Run or resume a CLO training; the result lies in the job's folder (methods/job.py).

    Raises:
        UserError: the data or the settings do not allow it; InterruptedRun: it was asked to stop.
    """
    run_training(clo_trainer(job), job)


def clo_trainer(job: Job) -> CloTrainer:
    """The trainer of a job, its data read and its reference ready. Errors are those of :func:`train`."""
    assert job.clo is not None
    targets = target_languages(job.languages)
    rows = read_training(job)
    model, tokenizer = load_trainable(job, trainable=job.clo.trainable)
    check_tokenizer(tokenizer, job)
    pairs, paired = clo_pairs(rows.instructions, targets, tokenizer=tokenizer, template=job.train.template)
    pairs, shortened = within_length(pairs, job)
    steps = steps_of(job, len(pairs))
    reference = _second_model(job)
    arguments = training_arguments(
        job,
        DPOConfig,
        steps=steps,
        disable_dropout=False,  # of adapters: a setting. The reference is read without any, see `frozen`
        # This keeps DPOTrainer from loading a reference of its own beside ours.
        precompute_ref_log_probs=job.train.parameters == "full" and job.clo.reference == "precomputed",
    )
    if is_first():
        report_decisions(job, (*rows.decisions, *paired, *shortened))
    order = batch_order(pairs, total=steps * job.train.batch, seed=job.train.seed)
    trainer = CloTrainer(
        model=model, reference=reference, args=arguments, tokenizer=tokenizer, section=job.clo, pairs=pairs, order=order
    )
    if job.clo.reference == "precomputed":
        trainer.precompute_reference(job, used=list(dict.fromkeys(order)))
    return trainer


def _second_model(job: Job) -> Any:
    """A frozen model to read π_ref from at every step, where the trained one cannot give it with its adapters off."""
    assert job.clo is not None
    if job.clo.reference == "precomputed" or job.train.parameters == "lora":
        return None
    return load_trainable(job).model.requires_grad_(False).eval()


class Totals(NamedTuple):
    """What E and the token mean run over: a whole optimizer step, all its micro-batches on all processes."""

    target_tokens: float
    pairs: float


class CloTrainer(Footing, DPOTrainer):
    """`DPOTrainer` on pairs of languages, read in `order`. A batch counts pairs."""

    #: Each micro-batch's loss is its share of the whole optimizer step's.
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        *,
        model: Any,
        reference: Any,
        args: DPOConfig,
        tokenizer: Any,
        section: CloSection,
        pairs: Sequence[Entry],
        order: Sequence[int],
    ) -> None:
        self.section, self.pairs = section, pairs
        self.entry_names = tuple(pair.name for pair in pairs)
        self.reference_P4: torch.Tensor | None = None
        self._pad_id = tokenizer.pad_token_id
        super().__init__(
            model=model,
            ref_model=reference,
            args=args,
            train_dataset=Dataset.from_dict({"index": list(order)}),
            data_collator=self.collate,
            processing_class=tokenizer,
        )
        if is_peft_model(model):
            model.delete_adapter("ref")  # DPOTrainer's copy of the fresh adapters; our reference is without any

    def _prepare_dataset(self, dataset: Any, *_args: Any, **_options: Any) -> Any:
        return dataset  # tokenized already

    def _precompute_ref_logps(self, dataset: Any, *_args: Any, **_options: Any) -> Any:
        return dataset  # see precompute_reference

    def collate(self, rows: Sequence[dict[str, int]]) -> dict[str, torch.Tensor]:
        """A micro-batch of P pairs: the tensors of `clo_pairs.padded`, and `index` [P]."""
        indices = [row["index"] for row in rows]
        return {**padded([self.pairs[index] for index in indices], pad_id=self._pad_id), "index": torch.tensor(indices)}

    def precompute_reference(self, job: Job, *, used: Sequence[int]) -> None:
        """Fill the reference's table for the pairs `used`, as the model is now: before training."""
        found_U4 = reference_log_probs(
            job,
            [self.pairs[index] for index in used],
            reader=self._reference_reader(),
            batch=self.args.per_device_train_batch_size,
            rank=self.args.process_index,
        )
        self.reference_P4 = torch.full((len(self.pairs), len(PairSequence)), torch.nan, dtype=found_U4.dtype)
        self.reference_P4[used] = found_U4

    @contextmanager
    def _reference_reader(self) -> Iterator[Reader]:
        model: Any = self.model
        if self.is_deepspeed_enabled:
            from trl.models import prepare_deepspeed

            # Before training begins its engine has neither placed nor cast the parameters: another one does, for now.
            model = prepare_deepspeed(model, self.accelerator)

        def read(some: Sequence[Entry]) -> torch.Tensor:
            batch = self._prepare_inputs(padded(some, pad_id=self._pad_id))
            with self.accelerator.autocast():
                return self.compute_ref_log_probs(model, batch)

        yield read
        if model is not self.model:
            model.destroy()

    def compute_ref_log_probs(self, model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """log π_ref of the four sequences of each pair [P, 4], by `model` without adapters and without dropout."""
        with frozen(self.accelerator.unwrap_model(model)):
            return _log_probs(model, inputs)

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, torch.Tensor]], device: Any = None) -> Any:
        """The :class:`Totals` of the step."""
        own, first = PairSequence.XX_XX, 1  # a first token is predicted by nothing
        tokens = sum(int(batch["completion_mask"][own :: len(PairSequence), first:].sum()) for batch in batch_samples)
        pairs = sum(len(batch["index"]) for batch in batch_samples)
        return Totals(*sums([tokens, pairs]))

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """This micro-batch's share of the step's loss, times the number of processes (which average gradients)."""
        totals = num_items_in_batch or self._get_num_items_in_batch([inputs])
        if self.reference_P4 is not None:
            # Looked up here: in a batch, the Trainer rounds every float to bfloat16 under DeepSpeed.
            reference_P4 = self.reference_P4[inputs["index"].cpu()].to(inputs["input_ids"].device)
        else:
            # Before the policy's forward: adapters are not switched off under a graph that waits for its backward.
            reference_P4 = self.compute_ref_log_probs(self.ref_model or self.model, inputs)
        found = clo_loss(
            _log_probs(model, inputs),
            reference_P4,
            sft_weight=self.section.sft_weight,
            beta=self.section.beta,
            reduction=self.section.reduction,
            pairs=totals.pairs / self.args.world_size,
            target_tokens=totals.target_tokens / self.args.world_size,
        )
        self.note(**{name: part.detach() for name, part in found._asdict().items() if name != "loss"})
        return found.loss


def _log_probs(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """log π of the four sequences of each pair [P, 4]."""
    given = {name: inputs[name] for name in ("input_ids", "attention_mask", "completion_mask")}
    out = model(**given)
    sums = sequence_log_probs(out.values_N, out.rows_N, rows=len(given["input_ids"]))
    return sums.view(-1, len(PairSequence))


@contextmanager
def frozen(model: Any) -> Iterator[None]:
    """`model` as the reference: no gradient, no dropout, adapters off; afterwards as it was."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            if is_peft_model(model):
                with model.disable_adapter():
                    yield
            else:
                yield
    finally:
        model.train(training)
