"""CLO: each prompt prefers the response in its own language, beside supervised fine-tuning (the paper, section 3).

    L    = λ · SFT(y_xx | x_xx) + (1 − λ) · L_CL
    L_CL = −E[log σ(z_en)] − E[log σ(z_xx)],   z = β · (log π/π_ref of the own language's response − of the other's)

One row is a pair (clo_pairs.py): x_en→y_en, x_en→y_xx, x_xx→y_xx, x_xx→y_en. One forward of the policy reads all four,
for L_CL and for SFT; clo_loss.py is the equation; π_ref comes from clo_reference.py, or from a frozen model at every step.
`["sigmoid", "sft"]` of TRL's DPOTrainer is another loss: it averages the two directions where L_CL adds them, and its SFT
term reads the English responses too. The trainer here is a DPOTrainer with its own rows, reference and loss.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import torch
from accelerate.utils import is_peft_model
from datasets import Dataset
from safetensors.torch import load_file, save_file
from torch.nn.utils.rnn import pad_sequence
from trl import DPOConfig, DPOTrainer

from isogloss.data.rows import ENGLISH, InstructionRow
from isogloss.errors import UserError
from isogloss.files import damage, digest_of, read_manifest, sealed_folder
from isogloss.methods.clo_loss import PairSequence, clo_loss, sequence_log_probs
from isogloss.methods.distributed import by_first, gathered, is_first, sums, world_size
from isogloss.methods.job import Job
from isogloss.methods.model import load_trainable
from isogloss.methods.rows import (
    Decision,
    Entry,
    Tokens,
    batch_order,
    check_tokenizer,
    decision,
    encode,
    read_training,
    report_decisions,
    steps_of,
    within_length,
)
from isogloss.methods.trainer import Footing, run_training, training_arguments
from isogloss.spec.align import CloSection

# --------------------------------------------------------------------------------------------------------------------
# Instructions as the pairs that CLO contrasts: English and one other language, four sequences that stay together.
#
# A pair is one row of the data set, so a batch counts pairs and both directions are always in the same micro-batch.

#: Prompt and response of the four sequences: True is the other language, False English.
_LANGUAGES = {
    PairSequence.EN_EN: (False, False),
    PairSequence.EN_XX: (False, True),
    PairSequence.XX_XX: (True, True),
    PairSequence.XX_EN: (True, False),
}


def target_languages(languages: Sequence[str]) -> tuple[str, ...]:
    """The languages to be paired with English.

    Raises:
        UserError: English is not among `languages`, or stands alone.
    """
    if ENGLISH not in languages:
        raise UserError(
            f"CLO contrasts each language with English, and the languages are {', '.join(languages)}; add '{ENGLISH}'"
        )
    targets = tuple(code for code in languages if code != ENGLISH)
    if not targets:
        raise UserError("CLO contrasts each language with English, and English is the only language; add another")
    return targets


def clo_pair(row: InstructionRow, target: str, *, tokenizer: Any, template: str) -> Entry:
    """The four sequences of a row in English and `target`, in the order of `clo_loss.PairSequence`.

    Raises:
        UserError: `target` is English, which would contrast a response with itself.
    """
    if target == ENGLISH:
        raise UserError(
            f"{row.id}: a CLO pair is English and another language; English as the target would be paired with itself"
        )
    sequences = []
    for of in PairSequence:
        asked, answered = (target if other else ENGLISH for other in _LANGUAGES[of])
        sequences.append(
            encode(tokenizer, row.prompt[asked], row.response[answered], language=asked, template=template)
        )
    return Entry(name=f"{row.id} ({target})", row=row.id, language=target, sequences=tuple(sequences))


def clo_pairs(
    rows: Sequence[InstructionRow], targets: Sequence[str], *, tokenizer: Any, template: str
) -> tuple[list[Entry], tuple[Decision, ...]]:
    """Every row paired with English in each of `targets` that it has, and what was decided about the others.

    Left out: rows without English, and languages in which a row only repeats its English text. A pair whose two
    responses are the same (a number, a name) stays: it contrasts nothing, and its SFT term teaches.

    Raises:
        UserError: English is among `targets`.
    """
    entries, copies, same = [], [], []
    without = [row.id for row in rows if ENGLISH not in row.prompt]
    for row in rows:
        for target in targets:
            if ENGLISH not in row.prompt or target not in row.prompt:
                continue
            entry = clo_pair(row, target, tokenizer=tokenizer, template=template)
            alike = row.response[target].strip() == row.response[ENGLISH].strip()
            if alike and row.prompt[target].strip() == row.prompt[ENGLISH].strip():
                copies.append(entry.name)
                continue
            entries.append(entry)
            if alike:
                same.append(entry.name)
    total = len(entries) + len(copies)
    return entries, (
        *decision(f"instruction rows left out: without '{ENGLISH}' there is no pair", without, total=len(rows)),
        *decision("pairs left out: the other language only repeats the English text", copies, total=total),
        *decision("pairs have the same response in both languages: nothing to contrast, SFT alone", same, total=total),
    )


def padded(pairs: Sequence[Entry], *, pad_id: int) -> dict[str, torch.Tensor]:
    """P pairs as 4·P rows padded on the right, the four of a pair side by side: `input_ids`, `attention_mask`,
    `completion_mask`, each [4·P, T]."""
    rows = [tokens for entry in pairs for tokens in entry.sequences]

    def padded_with(value: int, of: list[list[int]]) -> torch.Tensor:
        return pad_sequence([torch.tensor(one) for one in of], batch_first=True, padding_value=value)

    return {
        "input_ids": padded_with(pad_id, [[*tokens.prompt, *tokens.completion] for tokens in rows]),
        "attention_mask": padded_with(0, [[1] * len(tokens) for tokens in rows]),
        "completion_mask": padded_with(0, [_completion(tokens) for tokens in rows]),
    }


def _completion(tokens: Tokens) -> list[int]:
    return [0] * len(tokens.prompt) + [1] * len(tokens.completion)


# --------------------------------------------------------------------------------------------------------------------
# log π_ref of every pair, computed once before training and kept in the job's folder for when it is resumed.
#
# The processes share the work; rank 0 alone reads and writes the file, and hands every process the whole table.

REFERENCE = "reference"
#: Gives the log-probabilities [P, 4] of a few pairs.
Reader = Callable[[Sequence[Entry]], torch.Tensor]
_FILE = "log_probs.safetensors"


def reference_log_probs(
    job: Job, pairs: Sequence[Entry], *, reader: AbstractContextManager[Reader], batch: int, rank: int
) -> torch.Tensor:
    """The reference's log-probabilities [P, 4] of all `pairs`, on the processor, the same on every process.

    `pairs` stand in the order in which training first reads them and `batch` is its micro-batch, so that both read them in
    the same batches: in bfloat16 these round in the same way, and a policy that has not moved has z = 0.
    `reader` is entered where there is something to compute. It gives those of up to `batch` pairs at once, and is called
    equally often on every process. All processes call this. A file that is damaged, or made from other data or settings,
    is named on stderr and made again.
    """
    made_from = digest_of([job.digest, [[[one.prompt, one.completion] for one in pair.sequences] for pair in pairs]])
    kept = by_first(lambda: _kept(job, made_from))
    if kept is not None:
        return kept
    began = time.monotonic()
    with reader as read:
        shares = gathered(_share(pairs, read=read, batch=batch, rank=rank))
    table_P4 = torch.full((len(pairs), 4), torch.nan, dtype=shares[0][1].dtype)
    for positions, part_P4 in shares:
        table_P4[positions] = part_P4
    if is_first():
        with sealed_folder(job.folder / REFERENCE, made_from=made_from) as aside:
            save_file({"log_probs": table_P4}, aside / _FILE)
        took = time.monotonic() - began
        print(f"clo: reference log-probabilities of {len(pairs)} pairs computed in {took:.0f} s", file=sys.stderr)
    return table_P4


def _kept(job: Job, made_from: str) -> torch.Tensor | None:
    """What an earlier start of the same training left, if it is whole."""
    folder = job.folder / REFERENCE
    if not folder.exists():
        return None
    wrong = damage(folder)
    if wrong is None and (read_manifest(folder) or {}).get("made_from") != made_from:
        wrong = f"{folder}: made from other data or settings"
    if wrong is not None:
        print(f"{wrong}; the reference log-probabilities are computed again", file=sys.stderr)
        return None
    return load_file(folder / _FILE)["log_probs"]


def _share(pairs: Sequence[Entry], *, read: Reader, batch: int, rank: int) -> tuple[list[int], torch.Tensor]:
    """(positions, their log-probabilities) of this process's share."""
    batches = [range(begin, min(begin + batch, len(pairs))) for begin in range(0, len(pairs), batch)]
    # Where parameters are sharded every process takes part in every forward: the last ones may repeat a batch.
    turns = -(-len(batches) // world_size())
    mine = [batches[min(turn * world_size() + rank, len(batches) - 1)] for turn in range(turns)]
    parts = [read([pairs[index] for index in some]).cpu() for some in mine]
    return [index for some in mine for index in some], torch.cat(parts)


# --------------------------------------------------------------------------------------------------------------------


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
