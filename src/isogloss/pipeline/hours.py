"""Floating-point operations and seconds of scoring and of training, from sizes alone.

A token costs 2 operations a weight of the decoder's matrices and 4 · context · width for attention, a token that is read
2 · hidden · vocabulary more. A backward costs two forwards, gradient checkpointing one more. A training step takes its
operations at the share of the peak that `gpus` says, then what its processes tell each other, then offloading: added up, as
if none of it overlapped.
"""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.models.outline import Outline
from isogloss.pipeline.gpus import HOST_MEMORY, NETWORK, SCORING_SHARE, TRAINING_SHARE, Gpu
from isogloss.spec.launch import LaunchSpec


@dataclass(frozen=True, slots=True)
class Work:
    """Operations and seconds."""

    flops: float
    seconds: float


def forward_flops(outline: Outline, *, tokens: float, read: float, context: float) -> float:
    """Of `tokens` tokens that see `context` / 2 others on average, `read` of them predicted over the whole vocabulary."""
    seen = sum(min(context / 2, window) if window else context / 2 for window in outline.windows)
    attention = 4.0 * seen * outline.attention_width
    return tokens * (2.0 * outline.body + attention) + read * 2.0 * outline.head


def scoring_work(
    outline: Outline, gpu: Gpu, *, forwards: float, tokens: float, read: float, gpus: int, width: float
) -> Work:
    """Score `forwards` questions of `tokens` tokens on `gpus` GPUs, each with a copy of the model of `width` bytes a weight."""
    flops = forwards * forward_flops(outline, tokens=tokens, read=read, context=tokens)
    # Read from disk at a gigabyte a second, by all at once.
    loading = outline.parameters * width / 1e9 if forwards else 0.0
    return Work(flops, flops / (gpu.teraflops * 1e12 * SCORING_SHARE * gpus) + loading)


def training_work(
    outline: Outline,
    gpu: Gpu,
    shape: LaunchSpec,
    *,
    steps: float,
    rows: float,
    tokens: float,
    read: float,
    reference: float,
    accumulated: int,
    processes: int,
    trained: float,
    full: bool,
) -> Work:
    """`steps` optimizer steps of `rows` sequences of `tokens` tokens each, `read` of them predicted; before them a forward of
    `reference` sequences.
    """
    forward = forward_flops(outline, tokens=tokens, read=read, context=tokens)
    # Backward of matrices: one product for the states, one for the weights, which adapters do without.
    passes = 1.0 + (2.0 if full else 1.0) + (1.0 if shape.gradient_checkpointing else 0.0)
    flops = steps * rows * forward * passes + reference * forward
    computing = flops / (gpu.teraflops * 1e12 * TRAINING_SHARE * processes)
    width = 2.0 if shape.engine == "deepspeed" else 4.0
    sent = width * trained * 2.0
    if shape.engine == "deepspeed" and shape.zero == 3:
        # Parameters are gathered for the forward and for the backward, gradients scattered.
        gathers = (3.0 if shape.gradient_checkpointing else 2.0) * accumulated
        sent = width * (outline.parameters * gathers + trained * accumulated)
    link = NETWORK if shape.nodes > 1 else gpu.link
    telling = steps * sent * (processes - 1) / processes / (link * 1e9) if processes > 1 else 0.0
    offloading = 0.0
    if shape.offload != "none":
        # Adam on the processors reads and writes 28 bytes a parameter; gradients and weights cross over.
        offloading = steps * 28.0 * trained / shape.nodes / (HOST_MEMORY * 1e9)
    loading = outline.parameters * 2 / 1e9 + 60.0
    return Work(flops, computing + telling + offloading + loading)
