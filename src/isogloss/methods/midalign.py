"""MIDALIGN: supervised fine-tuning that alternates with a contrastive loss between translations at a middle layer.

    SFT        −Σ log π(y_t | x, y_<t) over the completion tokens of a step, divided by their number
    alignment  −log( exp(cos(h_src, h_tgt)/τ) / Σ_b exp(cos(h_src, h_b)/τ) ), h the mean over the tokens of the hidden
               states at one layer, src English, b over the translations of the batch (the paper, section 3; contrastive.py)

`alternate: step`: optimizer steps 1, 3, 5 … are SFT and 2, 4, 6 … alignment; `train.steps` counts both kinds, and an
epoch over the instructions is twice as many optimizer steps as SFT alone would take. `alternate: micro-batch`: every
optimizer step holds a batch of either kind and its loss is the mean of the two. Either way a step's loss and gradient
are the same on any number of processes and micro-batches: `gathered` negatives are those of the whole step.

Shapes: B sequences of a micro-batch, T time, D hidden size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
import torch.distributed as dist
from accelerate.utils import DistributedType
from torch.nn.functional import normalize
from transformers import Trainer, TrainingArguments

from isogloss.errors import UserError
from isogloss.methods.batches import Collator, Kind, micro_batches, pair_entries, parts_of, steps_of_work
from isogloss.methods.distributed import is_first
from isogloss.methods.job import Job
from isogloss.methods.mist import entries_of
from isogloss.methods.model import load_trainable
from isogloss.methods.rows import Entry, check_tokenizer, read_training, report_decisions, steps_of, within_length
from isogloss.methods.trainer import Footing, run_training, training_arguments
from isogloss.models.layers import check_layer, num_layers
from isogloss.spec.align import MidalignSection

# --------------------------------------------------------------------------------------------------------------------
# MIDALIGN's alignment loss: at one layer, a sentence should be nearer to its translation than to the other translations.
#
# For a batch of B translation pairs, with h the mean over the tokens of the layer's hidden states (the paper, section 3):
#
#     L_align = −1/B Σ_i log( exp(cos(h_src_i, h_tgt_i)/τ) / Σ_b exp(cos(h_src_i, h_tgt_b)/τ) )
#
# Shapes: B pairs of this process, G pairs of all processes, T time, D hidden size. The loss is made in float32 at least.


def mean_pool(hidden_BTD: torch.Tensor, tokens_BT: torch.Tensor) -> torch.Tensor:
    """h [B, D]: the mean of the hidden states over the positions where `tokens_BT` is true (nonzero)."""
    weights_BT1 = tokens_BT.to(_loss_dtype(hidden_BTD)).unsqueeze(-1)
    return (hidden_BTD.to(weights_BT1.dtype) * weights_BT1).sum(dim=1) / weights_BT1.sum(dim=1).clamp_min(1.0)


def pool_mask(input_ids_BT: torch.Tensor, attention_mask_BT: torch.Tensor, *, without: int | None) -> torch.Tensor:
    """Which positions enter the mean: the real tokens; but not a first one that is the token `without` (BOS)."""
    real_BT = attention_mask_BT.bool()
    if without is None:
        return real_BT
    first_BT = real_BT & (real_BT.cumsum(dim=1) == 1)
    return real_BT & ~(first_BT & (input_ids_BT == without))


def info_nce(sources_BD: torch.Tensor, targets_BD: torch.Tensor, *, temperature: float) -> torch.Tensor:
    """Each source's loss [B]: −log softmax over all targets of cos/τ, at its own target (the same row)."""
    with torch.autocast(sources_BD.device.type, enabled=False):
        dtype = _loss_dtype(sources_BD)
        cosine_BB = normalize(sources_BD.to(dtype), dim=-1) @ normalize(targets_BD.to(dtype), dim=-1).T
        logits_BB = cosine_BB / temperature
        return torch.logsumexp(logits_BB, dim=1) - logits_BB.diagonal()


def alignment_loss(
    sources_BD: torch.Tensor,
    targets_BD: torch.Tensor,
    *,
    temperature: float,
    direction: Literal["one", "symmetric"] = "one",
    negatives: Literal["gathered", "local"] = "gathered",
) -> torch.Tensor:
    """The batch's loss, a scalar: `sources_BD` English, `targets_BD` their translations. `symmetric` is the mean of both
    directions.

    On several processes the batch is that of all of them, in whatever parts: `gathered` contrasts every source with all
    G targets; with `local` the candidates are those of its own process. Data parallel training averages gradients over
    processes; averaged, these are the gradients that one process has with the whole batch. All processes must call this
    together.

    Raises:
        UserError: a source has no candidate but its own translation, which makes the loss zero whatever the model does.
    """
    if negatives == "gathered":
        width = sources_BD.shape[-1]
        pairs_G2D = gather(torch.cat([sources_BD, targets_BD], dim=-1))
        losses = _losses(pairs_G2D[:, :width], pairs_G2D[:, width:], temperature=temperature, direction=direction)
        return losses.mean()
    losses = _losses(sources_BD, targets_BD, temperature=temperature, direction=direction)
    counts = _counts(sources_BD)
    return losses.sum() * (len(counts) / sum(counts))


def _losses(sources: torch.Tensor, targets: torch.Tensor, *, temperature: float, direction: str) -> torch.Tensor:
    if len(sources) < 2:
        raise UserError(
            "a contrastive loss over a batch of one sentence pair is zero whatever the model does: it needs other "
            "sentences to tell it from. Set midalign.batch to 2 or more, for each process if negatives are local"
        )
    losses = info_nce(sources, targets, temperature=temperature)
    if direction == "symmetric":
        losses = (losses + info_nce(targets, sources, temperature=temperature)) / 2
    return losses


def gather(rows_BD: torch.Tensor) -> torch.Tensor:
    """The rows of all processes [G, D], in order of rank; B may differ. On one process, `rows_BD` itself.

    Differentiable for a loss that every process computes from all G rows, and so alike: each keeps the gradient of its
    own rows, times the number of processes, because the average over processes divides by it.
    """
    counts = _counts(rows_BD)
    if len(counts) == 1:
        return rows_BD
    gathered: torch.Tensor = _Gather.apply(rows_BD, counts)
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows_BD: torch.Tensor, counts: list[int]) -> torch.Tensor:
        begin = sum(counts[: dist.get_rank()])
        ctx.own, ctx.processes = slice(begin, begin + len(rows_BD)), len(counts)
        padded = rows_BD.new_zeros(max(counts), rows_BD.shape[1])
        padded[: len(rows_BD)] = rows_BD
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grads[0][ctx.own] * ctx.processes, None


def _counts(rows_BD: torch.Tensor) -> list[int]:
    """B of each process."""
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return [len(rows_BD)]
    counts = torch.zeros(dist.get_world_size(), dtype=torch.int64, device=rows_BD.device)
    counts[dist.get_rank()] = len(rows_BD)
    dist.all_reduce(counts)
    return [int(count) for count in counts.tolist()]


def _loss_dtype(values: torch.Tensor) -> torch.dtype:
    return torch.promote_types(values.dtype, torch.float32)


# --------------------------------------------------------------------------------------------------------------------


class MidalignTrainer(Footing, Trainer):
    """`train_dataset` is what :func:`micro_batches` made, in that order; `bos` the token left out of the mean, if any."""

    #: compute_loss divides by the whole step's tokens or pairs; the Trainer must not divide by micro-batches again.
    loss_is_scaled_for_ga = True

    def __init__(self, *, section: MidalignSection, layer: int, bos: int | None, **options: Any) -> None:
        super().__init__(**options)
        self.section, self.layer, self.bos = section, layer, bos
        # One plain process computes nothing above the layer. Data parallel engines wait for every parameter's gradient.
        self.stops_at_layer = self.accelerator.distributed_type == DistributedType.NO
        self._pairs: list[dict[str, Any]] = []
        self._gradients: list[torch.Tensor] = []
        self._loss = torch.zeros(())

    def get_batch_samples(self, *args: Any, **options: Any) -> Any:
        """All micro-batches of this process's next step: alignment contrasts the pairs of them all."""
        samples, items = super().get_batch_samples(*args, **options)
        self._pairs = [self._prepare_inputs(one) for one in samples if "completion_mask" not in one]
        self._gradients = []
        return samples, items

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """This micro-batch's part of the step's loss, times the number of processes (which average gradients)."""
        if "completion_mask" in inputs:
            loss = self._sft(model, inputs)
            self.note(sft=loss.detach())
        else:
            loss = self._alignment(model, inputs)
            self.note(alignment=loss.detach())
        return loss / 2 if self.section.alternate == "micro-batch" else loss

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any) -> torch.Tensor:
        """Above the layer a gradient of zero, not none: Adam's moments decay there as they do under every engine."""
        loss = super().training_step(model, inputs, *args)
        if self.stops_at_layer and "completion_mask" not in inputs:
            for parameter in model.parameters():
                if parameter.requires_grad and parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
        return loss

    def _sft(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        read = ("input_ids", "attention_mask", "completion_mask")
        values_N = model(**{name: inputs[name] for name in read}).values_N
        return -values_N.sum() / inputs["total"] * self.args.world_size

    def _alignment(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        if len(self._pairs) == 1:
            return self._contrast(self._pooled(model, inputs))
        # Accumulated: the loss of the whole step gives each state's gradient, with which its micro-batch goes backward.
        if not self._gradients:
            self._loss, self._gradients = self._of_the_step(model)
        which = len(self._pairs) - len(self._gradients)
        with self._same_dropout(which):
            pooled_BD = self._pooled(model, inputs)
        carrier = (pooled_BD * self._gradients.pop(0)).sum()
        return carrier - carrier.detach() + self._loss / len(self._pairs)

    def _of_the_step(self, model: Any) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The alignment loss of all the step's pairs and its gradient with respect to each micro-batch's states."""
        states = []
        for which, inputs in enumerate(self._pairs):
            with torch.no_grad(), self._same_dropout(which):
                states.append(self._pooled(model, inputs).requires_grad_())
        halves = [state.chunk(2) for state in states]
        loss = self._contrast(torch.cat([one for half in zip(*halves, strict=True) for one in half]))
        return loss.detach(), list(torch.autograd.grad(loss, states))

    def _pooled(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """h [B, D] of each sentence: the English ones, then their translations."""
        ids_BT, real_BT = inputs["input_ids"], inputs["attention_mask"]
        if self.stops_at_layer:
            above: dict[str, Any] = {"stop_at_layer": True}
        else:
            above = {"completion_mask": torch.zeros_like(real_BT)}
        out = model(input_ids=ids_BT, attention_mask=real_BT, hidden_layer=self.layer, **above)
        pooled_BD = mean_pool(out.hidden_BTD, pool_mask(ids_BT, real_BT, without=self.bos))
        return pooled_BD if out.values_N is None else pooled_BD + 0.0 * out.values_N.sum()

    def _contrast(self, pooled_BD: torch.Tensor) -> torch.Tensor:
        sources_BD, targets_BD = pooled_BD.chunk(2)
        settings = self.section
        return alignment_loss(
            sources_BD,
            targets_BD,
            temperature=settings.temperature,
            direction=settings.direction,
            negatives=settings.negatives,
        )

    @contextmanager
    def _same_dropout(self, which: int) -> Iterator[None]:
        """Both forwards of a micro-batch drop the same: random numbers from the step's and its own number."""
        devices = [self.args.device] if self.args.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(hash((self.args.seed, self.state.global_step, which, self.args.process_index)) % 2**63)
            yield


def layer_of(section: MidalignSection, layers: int) -> int:
    """The layer whose states are aligned: `middle` is half of them. Raises UserError where the model has none such."""
    layer = max(1, layers // 2) if section.layer == "middle" else section.layer
    check_layer(layer, layers)
    return layer


def train(job: Job) -> None:
    """Train by the job's settings, from its newest checkpoint if it has one.

    Raises:
        UserError: the layer is outside the model, the sentence pairs are too few for a batch, a batch is smaller than its
            parts; and as the modules do that read the data, load the model and train.
    """
    section = job.midalign
    assert section is not None
    model, tokenizer = load_trainable(job)
    layer = layer_of(section, num_layers(model))
    check_tokenizer(tokenizer, job)
    data = read_training(job)
    sft, made = within_length(entries_of(data.instructions, tokenizer, job), job)
    pairs, unpaired = pair_entries(data.parallel, tokenizer)
    pairs, made_of_pairs = within_length(pairs, job)
    pair_batch = section.batch or job.train.batch
    sft_steps = steps_of(job, len(sft))
    steps = job.train.steps or (2 * sft_steps if section.alternate == "step" else sft_steps)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    parts = parts_of(job.launch, processes=processes, rows=job.train.batch, pairs=pair_batch)
    entries: dict[Kind, list[Entry]] = {"sft": sft, "alignment": pairs}
    work = steps_of_work(
        sft,
        pairs,
        steps=steps,
        alternate=section.alternate,
        batch=job.train.batch,
        pair_batch=pair_batch,
        seed=job.train.seed,
    )
    collator = Collator(entries, tokenizer.pad_token_id)
    arguments = training_arguments(
        job,
        TrainingArguments,
        steps=steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=parts * (1 if section.alternate == "step" else 2),
    )
    if is_first():
        report_decisions(job, (*data.decisions, *made, *unpaired, *made_of_pairs))
    trainer = MidalignTrainer(
        section=section,
        layer=layer,
        bos=None if section.pool_bos else tokenizer.bos_token_id,
        model=model,
        args=arguments,
        train_dataset=micro_batches(work, entries, processes=processes, parts=parts),
        data_collator=collator,
        processing_class=tokenizer,
    )
    trainer.entry_names = collator.names
    run_training(trainer, job)
