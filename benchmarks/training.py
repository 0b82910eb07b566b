"""Training speed and memory, side by side in one run: `python benchmarks/training.py [--model REF | --shape 1b|4b]`.

MIST against TRL's SFTTrainer, CLO against TRL's DPOTrainer with `["sigmoid", "sft"]`, MIDALIGN's alignment step against its
SFT step; with LoRA and with all parameters. Both sides of a comparison use one model and one batch, and take turns.
A step is forward and backward; the optimizer is the same for all and left out. Tokens are real ones, not padding.
`--shape` takes random weights in the shape of Gemma 3 and gives the share of the machine's measured matrix-multiply peak.
Rows of random tokens stand in for text: `--prompt` and `--response` are their longest lengths, and the shortest are half.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models
from transformers import AutoConfig, AutoModelForCausalLM, Gemma3TextConfig, PreTrainedTokenizerFast, TrainingArguments
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from isogloss.methods.clo import CloTrainer
from isogloss.methods.clo_loss import PairSequence
from isogloss.methods.encoding import Entry, Tokens
from isogloss.methods.micro_batches import Collator, MicroBatch
from isogloss.methods.midalign import MidalignTrainer, layer_of
from isogloss.methods.mist import MistTrainer, collate, dataset_of
from isogloss.methods.token_log_probs import install_completion_forward
from isogloss.models.load import load_model
from isogloss.spec.align import CloSection, MidalignSection

#: Gemma 3's text decoders by their nominal size; the vocabulary is theirs too.
SHAPES: dict[str, dict[str, int]] = {
    "tiny": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128},
    "1b": {"hidden_size": 1152, "num_hidden_layers": 26, "num_attention_heads": 4, "intermediate_size": 6912},
    "4b": {"hidden_size": 2560, "num_hidden_layers": 34, "num_attention_heads": 8, "intermediate_size": 10240},
}
KEY_VALUE_HEADS = {"tiny": 1, "1b": 1, "4b": 4}
WINDOW = {"tiny": 512, "1b": 512, "4b": 1024}
CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"


@dataclass(frozen=True)
class Measured:
    """Medians over steps; `memory` is the highest use above what stood before the step, in bytes."""

    loss: float
    seconds: float
    memory: float


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a step to run, the batch's real tokens, and the floating-point operations they need."""

    name: str
    step: Callable[[], float]
    tokens: int
    operations: float


class Bench:
    """A model, and the trainers on it. `parameters` is `lora` or `full`."""

    def __init__(self, options: argparse.Namespace, parameters: str) -> None:
        self.options, self.lora = options, parameters == "lora"
        half = self.lora and options.dtype == "bfloat16"  # as in training: adapters in float32 over a frozen base
        self.model: Any = new_model(options, dtype="bfloat16" if half else "float32")
        self.config = self.model.config.get_text_config()
        install_completion_forward(self.model)
        if self.lora:
            self.model = get_peft_model(self.model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"))
        else:
            self.model.requires_grad_(True)
        self.tokenizer = stand_in_tokenizer()
        self.folder = tempfile.mkdtemp(prefix="isogloss-benchmark-")
        self.draw = random.Random(0)

    def tokens(self) -> Tokens:
        """A row of random tokens."""
        lengths = (self.draw.randint((most + 1) // 2, most) for most in (self.options.prompt, self.options.response))
        prompt, completion = (
            tuple(self.draw.randrange(3, self.config.vocab_size) for _ in range(length)) for length in lengths
        )
        return Tokens(prompt, completion)

    def arguments(self, kind: type[Any], **extra: Any) -> Any:
        """Arguments of a trainer, the same for all: no optimizer or data loader is ever used."""
        return kind(
            output_dir=self.folder,
            per_device_train_batch_size=self.options.batch,
            gradient_checkpointing=self.options.checkpointing,
            bf16=self.options.dtype == "bfloat16",
            use_cpu=not CUDA,
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            **extra,
        )

    def side(self, name: str, trainer: Any, batch: dict[str, Any], operations: float) -> Side:
        """A step of `trainer` on `batch`, as its own loop would call it."""
        trainer.current_gradient_accumulation_steps = 1
        if "index" in batch:
            trainer._get_train_sampler  # noqa: B018
        samples, items = trainer.get_batch_samples(iter([batch]), 1, trainer.args.device)
        prepared = trainer.accelerator.prepare_model(self.model, device_placement=False, evaluation_mode=True)

        def step() -> float:
            trainer.get_batch_samples(iter([batch]), 1, trainer.args.device)
            loss = trainer.training_step(prepared, dict(samples[0]), items)
            prepared.zero_grad(set_to_none=True)
            return float(loss)

        return Side(name, step, int(batch["attention_mask"].sum()), operations)
