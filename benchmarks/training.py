"""Training speed and memory, side by side in one run: `python benchmarks/training.py [--model REF | --shape 1b|4b]`.

MIST against TRL's SFTTrainer, CLO against TRL's DPOTrainer with `["sigmoid", "sft"]` (another loss of the same cost), and
MIDALIGN's alignment step against its SFT step; with LoRA and with all parameters. Both sides of a comparison use one model
and the same tokens, and take turns. A step is forward and backward; the optimizer is the same for all and left out.
Tokens are real ones, not padding. `--shape` takes random weights in the shape of Gemma 3 and adds the share of the
machine's measured matrix-multiply peak. Rows of random tokens stand in for text, half to all of `--prompt` and
`--response` long.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, Gemma3TextConfig, PreTrainedTokenizerFast, TrainingArguments
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from isogloss.methods.batches import Collator, MicroBatch
from isogloss.methods.clo import CloTrainer
from isogloss.methods.log_probs import install_completion_forward
from isogloss.methods.midalign import MidalignTrainer, layer_of
from isogloss.methods.mist import MistTrainer, collate, dataset_of
from isogloss.methods.rows import Entry, Tokens
from isogloss.models.layers import num_layers
from isogloss.models.load import load_model
from isogloss.spec.align import CloSection, MidalignSection

#: Gemma 3's text decoders by their nominal size (`tiny` is none: it tries this program out).
SHAPES: dict[str, dict[str, int]] = {
    "tiny": {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 128},
    "1b": {"hidden_size": 1152, "num_hidden_layers": 26, "num_attention_heads": 4, "intermediate_size": 6912},
    "4b": {"hidden_size": 2560, "num_hidden_layers": 34, "num_attention_heads": 8, "intermediate_size": 10240},
}
KEY_VALUE_HEADS = {"tiny": 1, "1b": 1, "4b": 4}
PAD = 0
CUDA = torch.cuda.is_available()


@dataclass(frozen=True)
class Side:
    """One side of a comparison. `operations`: the floating-point operations that its real tokens need."""

    name: str
    step: Callable[[], float]
    tokens: int
    operations: float


class Bench:
    """A model with or without adapters, and steps of the trainers on it."""

    def __init__(self, options: argparse.Namespace, *, lora: bool) -> None:
        self.options, self.lora = options, lora
        half = lora and options.dtype == "bfloat16"  # as in training: float32 adapters over a frozen base
        self.model = new_model(options, dtype="bfloat16" if half else "float32")
        self.config = self.model.config.get_text_config()
        install_completion_forward(self.model)
        self.model.config.use_cache = False
        if lora:
            self.model = get_peft_model(self.model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"))
        else:
            self.model.requires_grad_(True)
        self.tokenizer = stand_in_tokenizer()
        self.folder = tempfile.mkdtemp(prefix="isogloss-benchmark-")
        self.draw = random.Random(0)
        self.prepared: Any = None

    def text(self, most: int) -> tuple[int, ...]:
        """Random tokens, half of `most` to `most` of them."""
        vocabulary = self.config.vocab_size
        return tuple(self.draw.randrange(3, vocabulary) for _ in range(self.draw.randint((most + 1) // 2, most)))

    def row(self) -> Tokens:
        """A prompt with its response."""
        return Tokens(self.text(self.options.prompt), self.text(self.options.response))

    def pair(self) -> Entry:
        """Two prompts and two responses as the four sequences of CLO."""
        first, second = self.row(), self.row()
        sequences = ((first, first), (first, second), (second, second), (second, first))
        return Entry("", "", "", tuple(Tokens(asked.prompt, answered.completion) for asked, answered in sequences))

    def arguments(self, kind: type[Any], **extra: Any) -> Any:
        """Arguments of a trainer, the same for all."""
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
        """Steps of `trainer` on `batch`, begun as its own loop begins them."""
        trainer.current_gradient_accumulation_steps = 1
        if self.prepared is None:
            self.prepared = trainer.accelerator.prepare_model(self.model, evaluation_mode=True)

        def step() -> float:
            samples, items = trainer.get_batch_samples(iter([batch]), 1, trainer.args.device)
            loss = float(trainer.training_step(self.prepared, samples[0], items))
            self.prepared.zero_grad(set_to_none=True)
            return loss

        return Side(name, step, int(batch["attention_mask"].sum()), operations)

    def mist(self) -> tuple[Side, Side]:
        """MIST, SFTTrainer."""
        rows = [self.row() for _ in range(self.options.batch)]
        entries = [Entry("", f"{place}", "", (row,)) for place, row in enumerate(rows)]
        dataset = dataset_of(entries)
        batch = collate(list(dataset), pad_id=PAD)
        common = {"model": self.model, "train_dataset": dataset, "processing_class": self.tokenizer}
        arguments = self.arguments(SFTConfig, max_length=None, dataset_kwargs={"skip_prepare_dataset": True})
        operations = self.operations(rows)
        stock = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
        return (
            self.side("MIST", MistTrainer(args=arguments, **common), batch, operations),
            self.side("SFTTrainer", SFTTrainer(args=arguments, **common), stock, operations),
        )

    def clo(self) -> tuple[Side, Side]:
        """CLO, DPOTrainer with `["sigmoid", "sft"]`; a quarter of the rows, because a pair is four sequences."""
        pairs = [self.pair() for _ in range(max(1, self.options.batch // 4))]
        preferences = [
            {
                "prompt_ids": [*pair.sequences[own].prompt],
                "chosen_ids": [*pair.sequences[own].completion],
                "rejected_ids": [*pair.sequences[other].completion],
                "ref_chosen_logps": 0.0,
                "ref_rejected_logps": 0.0,
            }
            for pair in pairs
            for own, other in ((0, 1), (2, 3))
        ]
        clo = CloTrainer(
            model=self.model,
            reference=None,
            args=self.arguments(DPOConfig, precompute_ref_log_probs=not self.lora),
            tokenizer=self.tokenizer,
            section=CloSection(),
            pairs=pairs,
            order=range(len(pairs)),
        )
        clo.reference_P4 = torch.zeros(len(pairs), 4)
        stock = StockDpo(
            model=self.model,
            args=self.arguments(
                DPOConfig,
                loss_type=["sigmoid", "sft"],
                loss_weights=[0.5, 0.5],
                beta=1.0,
                precompute_ref_log_probs=True,
            ),
            train_dataset=Dataset.from_list(preferences),
            processing_class=self.tokenizer,
        )
        if self.lora:
            self.model.delete_adapter("ref")
        operations = self.operations([row for pair in pairs for row in pair.sequences])
        return (
            self.side("CLO", clo, clo.collate([{"index": place} for place in range(len(pairs))]), operations),
            self.side("DPOTrainer", stock, stock.data_collator(preferences), operations),
        )

    def midalign(self) -> tuple[Side, Side]:
        """MIDALIGN's alignment step, its SFT step."""
        rows = [self.row() for _ in range(self.options.batch)]
        most = self.options.prompt + self.options.response
        sentences = [(Tokens((), self.text(most)), Tokens((), self.text(most))) for _ in range(len(rows) // 2)]
        entries = {
            "sft": [Entry("", "", "", (row,)) for row in rows],
            "alignment": [Entry("", "", "", pair) for pair in sentences],
        }
        collator = Collator(entries, PAD)
        section = MidalignSection(preset="mid-align")
        layer = layer_of(section, num_layers(self.model))
        trainer = MidalignTrainer(
            section=section,
            layer=layer,
            bos=None,
            model=self.model,
            args=self.arguments(TrainingArguments),
            train_dataset=Dataset.from_dict({"index": [0]}),
            data_collator=collator,
            processing_class=self.tokenizer,
        )
        alignment = collator([MicroBatch("alignment", tuple(range(len(sentences))), len(sentences))])
        tokens = sum(len(row.completion) for row in rows)
        sft = collator([MicroBatch("sft", tuple(range(len(rows))), tokens)])
        both = [sentence for pair in sentences for sentence in pair]
        return (
            self.side("alignment step", trainer, alignment, self.operations(both, layers=layer, head=False)),
            self.side("SFT step", trainer, sft, self.operations(rows)),
        )

    def operations(self, rows: Sequence[Tokens], *, layers: int | None = None, head: bool = True) -> float:
        """Of forward and backward, for real tokens: matrix products of `layers` blocks and causal attention, and the
        output head at response tokens. The gradient of the weights is left out where adapters are trained."""
        config = self.config
        width, own, shared = config.hidden_size, config.num_attention_heads, config.num_key_value_heads
        attention = config.head_dim * (2 * own + 2 * shared) * width
        block = attention + 3 * width * config.intermediate_size
        forward = 0.0
        for row in rows:
            between = 2 * len(row) ** 2 * own * config.head_dim
            forward += (layers or config.num_hidden_layers) * (2 * block * len(row) + between)
            forward += 2 * config.vocab_size * width * len(row.completion) if head else 0.0
        return forward * (2 if self.lora else 3)


class StockDpo(DPOTrainer):
    """DPOTrainer on rows that are tokens already, with reference log-probabilities in them."""

    def _prepare_dataset(self, dataset: Any, *_args: Any, **_options: Any) -> Any:
        return dataset

    def _precompute_ref_logps(self, dataset: Any, *_args: Any, **_options: Any) -> Any:
        return dataset


def new_model(options: argparse.Namespace, *, dtype: str) -> Any:
    """The model named, or random weights of the shape."""
    if options.shape is None:
        return load_model(options.model, dtype=dtype, device="cuda" if CUDA else "cpu").model
    config = Gemma3TextConfig(
        **SHAPES[options.shape], num_key_value_heads=KEY_VALUE_HEADS[options.shape], sliding_window=1024
    )
    with torch.device("cuda" if CUDA else "cpu"):
        return AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype), attn_implementation="sdpa")


def stand_in_tokenizer() -> PreTrainedTokenizerFast:
    """What the trainers ask for beside tokens: special ones."""
    special = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}
    backend = Tokenizer(models.WordLevel({word: place for place, word in enumerate(special.values())}, "<unk>"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)


def memory_of(step: Callable[[], float]) -> float:
    """The highest memory in use during a step above what was in use before, in GB; NaN where nothing tells."""
    gc.collect()
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return (torch.cuda.max_memory_allocated() - before) / 1e9
    forget = Path("/proc/self/clear_refs")
    if not forget.exists():
        return float("nan")
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc: memory that was freed goes back
    if trim is not None:
        trim(0)
    forget.write_text("5")  # the highest resident size counts from now on
    before = resident("VmRSS")
    step()
    return (resident("VmHWM") - before) / 1e9


def resident(field: str) -> int:
    """Bytes, from Linux's account of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def seconds_of(work: Callable[[], Any]) -> float:
    """How long it takes, a GPU's queue included."""
    if CUDA:
        torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    if CUDA:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def matmul_peak(dtype: str) -> float:
    """Operations a second of the best of several large matrix products."""
    size = 8192 if CUDA else 1536
    left, right = (torch.randn(size, size, dtype=getattr(torch, dtype), device="cuda" if CUDA else "cpu") for _ in "ab")
    return 2 * size**3 / min(seconds_of(lambda: left @ right) for _ in range(8))


def compare(label: str, ours: Side, theirs: Side, *, steps: int, peak: float | None) -> None:
    """Run both sides in turns after a step of each for warming up, and print their lines."""
    losses = [side.step() for side in (ours, theirs)]
    memory = [memory_of(side.step) for side in (ours, theirs)]
    taken = [[seconds_of(side.step) for side in (ours, theirs)] for _ in range(steps)]
    speeds = []
    for place, side in enumerate((ours, theirs)):
        seconds = statistics.median(turn[place] for turn in taken)
        speeds.append(side.tokens / seconds)
        share = "" if peak is None else f"{side.operations / seconds / peak:7.1%} of peak"
        print(
            f"{label:<6}{side.name:<16}{side.tokens:>7} tokens{seconds:9.3f} s{speeds[-1]:>10.0f} tokens/s"
            f"{memory[place]:8.2f} GB{share}   loss {losses[place]:.4f}"
        )
    print(f"{label:<6}{ours.name} is {speeds[0] / speeds[1]:.2f} × as fast a token as {theirs.name}", flush=True)


def main() -> None:
    """Measure, and print two lines and their ratio for each comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", default="embedded")
    which.add_argument("--shape", choices=sorted(SHAPES))
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--parameters", choices=("lora", "full"), nargs="+", default=["lora", "full"])
    parser.add_argument("--batch", type=int, default=16, help="rows; a quarter of it pairs for CLO, half for alignment")
    parser.add_argument("--prompt", type=int, help="longest prompt in tokens")
    parser.add_argument("--response", type=int, help="longest response in tokens")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--checkpointing", action="store_true", help="compute activations again in backward")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)  # transformers' and TRL's notes to each other
    options.prompt = options.prompt or (384 if CUDA else 32)
    options.response = options.response or (256 if CUDA else 8)
    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    peak = matmul_peak(options.dtype) if options.shape else None
    device = torch.cuda.get_device_name() if CUDA else f"{torch.get_num_threads()} threads"
    print(
        f"{options.shape or options.model}, {options.dtype}, {device}, up to {options.prompt}+{options.response} tokens"
    )
    if peak is not None:
        print(f"matrix-multiply peak {peak / 1e12:.1f} TFLOP/s")
    for parameters in options.parameters:
        bench = Bench(options, lora=parameters == "lora")
        for sides in (bench.mist, bench.clo, bench.midalign):
            compare(parameters, *sides(), steps=options.steps, peak=peak)
        del bench


if __name__ == "__main__":
    main()
