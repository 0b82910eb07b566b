"""GPU memory of a training, rank by rank, from the sizes of a model and a launch shape; no measurement.

    peak = parameters + optimizer + buffers + the highest of three moments:
           behind the last forward    activations + logits, and gradients where steps are accumulated
           behind the last backward   gradients, with one block, or the parts of a tied head's
           at the update              gradients, with what the engine copies for it

Ψ parameters (those trained, where only some are), N processes, w bytes of the forward's number type. Bytes on a process:

    engine    parameters   gradients         optimizer     buffers
    none      4Ψ           4Ψ                8Ψ            4Ψ where N > 1 (DDP's buckets)
    ZeRO-1    wΨ           wΨ (transient)    12Ψ/N         w · reduce bucket
    ZeRO-2    wΨ           wΨ/N              12Ψ/N         w · reduce bucket
    ZeRO-3    wΨ/N         wΨ/N              12Ψ/N         w · reduce bucket, and parameters made whole, at most 1e9 and one
                                                           module

`benchmarks/memory.py` holds these against the live bytes of real steps.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from isogloss.errors import UserError
from isogloss.models.config import Kept, Outline
from isogloss.spec import PipelineSpec
from isogloss.spec.align import LaunchSpec, TrainSection

#: Bytes a trained parameter's optimizer state takes, besides the float32 copy that DeepSpeed keeps.
STATE_BYTES = {"adamw": 8.0, "adamw-8bit": 2.1, "paged-adamw-8bit": 2.1, "adafactor": 0.1}
#: DeepSpeed's defaults, in numbers: gradients reduced at once; under ZeRO-3 parameters that stay whole, those fetched ahead,
#: those updated at once.
_REDUCED, _LIVE, _AHEAD, _GROUP = 5e8, 1e9, 5e7, 1e9
#: Logits that the loss makes at once on a GPU, and copies of them alive together (methods/log_probs.py).
_LOGITS, _COPIES = 2**27, 3
#: What CUDA, its libraries and NCCL take of a GPU, and what its allocator loses in gaps.
CONTEXT_BYTES, GAPS = 1.5 * 2**30, 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """What a process computes at once: `rows` sequences of `time` tokens, of which `read` are predicted in all."""

    rows: int
    time: int
    read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankMemory:
    """Bytes on one GPU. `peak` is the most alive at one moment, not the sum; `resting` what stays between two steps. `host` is
    on the machine, for all its processes.
    """

    parameters: float
    gradients: float
    optimizer: float
    buffers: float
    activations: float
    logits: float
    reserve: float
    resting: float
    peak: float
    host: float

    def as_json(self) -> dict[str, Any]:
        """Stable JSON."""
        return {name: round(value) for name, value in asdict(self).items()}


def trained_parameters(outline: Outline, train: TrainSection, *, attention_only: bool = False) -> float:
    """How many parameters a training changes; adapters have rank · (inputs + outputs) a linear layer."""
    if train.parameters == "lora":
        return float(sum(train.lora.rank * (inputs + outputs) for inputs, outputs in outline.linears))
    return float(outline.attention if attention_only else outline.trained)


def training_memory(
    outline: Outline,
    shape: LaunchSpec,
    train: TrainSection,
    *,
    batch: MicroBatch,
    kept: Kept,
    processes: int,
    dtype: str,
    accumulated: int = 1,
    trained: float | None = None,
    second_model: bool = False,
    on_gpu: bool = True,
) -> RankMemory:
    """Memory of a process of `processes` in all. `kept` is what a forward of `batch` keeps; `trained` defaults to what
    `train` says; `second_model` is a frozen reference held beside the trained one.
    """
    lora, deepspeed = train.parameters == "lora", shape.engine == "deepspeed"
    zero = shape.zero if deepspeed else 0
    trained = trained_parameters(outline, train) if trained is None else trained
    width = 2.0 if dtype == "bfloat16" and deepspeed else 4.0
    base = 2.0 if dtype == "bfloat16" and (lora or deepspeed) else 4.0
    share = processes if deepspeed else 1
    adapters = trained if lora else 0.0
    whole = base * outline.parameters + width * adapters
    parameters = whole / (share if zero == 3 else 1)
    if second_model:
        parameters *= 2
    gradients = width * trained / (share if zero >= 2 else 1)
    optimizer = optimizer_bytes(shape, train, dtype=dtype) * trained / (share if zero >= 1 else 1)
    buffers = _buffers(outline, shape, trained, width, processes)
    onhost = 0.0
    if shape.offload != "none":
        # Gradients leave the GPU as soon as they are averaged, and are applied there.
        onhost = (optimizer + gradients) * processes / shape.nodes
        optimizer = gradients = 0.0
        if zero == 3:
            onhost += parameters * processes / shape.nodes
            parameters = 0.0
    tokens = batch.rows * batch.time
    residual = tokens * outline.hidden_size * width
    if shape.gradient_checkpointing:
        activations = residual * outline.layers + kept.outside
    else:
        activations = kept.block * outline.layers + kept.outside
    activations += batch.read * outline.hidden_size * (width + 8)
    most = _LOGITS if on_gpu else 4096 * batch.read
    logits = _COPIES * 4.0 * min(float(batch.read) * outline.vocabulary, max(most, 4096.0 * batch.read))
    of_head = 0.0 if lora or trained < outline.trained else width * outline.head
    again = kept.block if shape.gradient_checkpointing else 0.0  # a block that is computed once more
    forward = activations + again + logits + of_head + (gradients if accumulated > 1 or zero == 3 else 0.0)
    # A head tied to the embeddings has two gradients, and their sum, before it has one.
    backward = gradients + max(kept.block, 2 * of_head if outline.tied else 0.0)
    # Without ZeRO gradients are laid out in a row to be averaged; with it, their share is turned into float32.
    # ZeRO-3 does so a group of parameters after the other.
    copied = 4.0 * min(trained / share, _GROUP if zero == 3 else trained) if deepspeed and gradients else 0.0
    update = 2 * gradients if deepspeed and zero == 0 else gradients + copied
    resting = parameters + optimizer
    if not deepspeed:
        resting += buffers
    elif zero == 3:
        resting += gradients + _reduced_bytes(shape, width)
    peak = parameters + optimizer + buffers + max(forward, backward, update)
    reserve = CONTEXT_BYTES + GAPS * peak if on_gpu else 0.0
    return RankMemory(
        parameters=parameters,
        gradients=gradients,
        optimizer=optimizer,
        buffers=buffers,
        activations=activations,
        logits=logits + of_head,
        reserve=reserve,
        resting=resting,
        peak=peak + reserve,
        host=onhost + _host(outline, shape, processes, lora=lora, dtype=dtype),
    )


def scoring_memory(outline: Outline, *, dtype: str, token_budget: int, on_gpu: bool = True) -> RankMemory:
    """Memory of a process that scores: the whole model, the states of a batch, the logits read at once."""
    width = 2.0 if dtype == "bfloat16" else 4.0
    parameters = width * outline.parameters
    # The widest moment of a block: its inner layer three times over, beside the stream and the attention's parts.
    inner = max(size for pair in outline.linears for size in pair)
    activations = token_budget * width * (3 * inner + 8 * outline.hidden_size)
    logits = 256.0 * outline.vocabulary * 4 * 2
    peak = parameters + activations + logits
    reserve = CONTEXT_BYTES + GAPS * peak if on_gpu else 0.0
    return RankMemory(
        parameters=parameters,
        gradients=0.0,
        optimizer=0.0,
        buffers=0.0,
        activations=activations,
        logits=logits,
        reserve=reserve,
        resting=parameters,
        peak=peak + reserve,
        # Loaded there first, and hidden states that conditions start from.
        host=parameters + 2 * 2**30 + _PROCESS,
    )


#: What a process of Python with its libraries takes of the machine's memory.
_PROCESS = 2.5 * 2**30


def optimizer_bytes(shape: LaunchSpec, train: TrainSection, *, dtype: str) -> float:
    """Bytes of the optimizer's state for each trained parameter, all processes together."""
    state = STATE_BYTES[train.optimizer]
    if shape.engine == "none" or (shape.zero == 0 and dtype != "bfloat16"):
        return state
    return state + 4.0


def _buffers(outline: Outline, shape: LaunchSpec, trained: float, width: float, processes: int) -> float:
    if shape.engine == "none":
        return width * trained if processes > 1 else 0.0
    if shape.zero == 0:
        return 0.0
    reduced = _reduced_bytes(shape, width)
    if shape.zero < 3:
        return reduced
    given = shape.deepspeed.get("zero_optimization", {})
    live = float(given.get("stage3_max_live_parameters", _LIVE))
    gathered = min(float(outline.parameters), max(live, float(outline.head)) + _AHEAD)
    return reduced + (width * gathered if processes > 1 else 0.0)


def _reduced_bytes(shape: LaunchSpec, width: float) -> float:
    return width * float(shape.deepspeed.get("zero_optimization", {}).get("reduce_bucket_size", _REDUCED))


def _host(outline: Outline, shape: LaunchSpec, processes: int, *, lora: bool, dtype: str) -> float:
    """Processes read the model into the machine's memory before it goes to their GPU; under ZeRO-3 the first one alone
    does, a part at a time, and gathers it when it is saved."""
    local = max(1, processes // shape.nodes)
    if shape.engine == "deepspeed" and shape.zero == 3:
        return 2.0 * outline.parameters + local * _PROCESS
    read = 2.0 if lora and dtype == "bfloat16" else 4.0
    return local * (read * outline.parameters + _PROCESS)


# --------------------------------------------------------------------------------------------------------------------
# How much a pipeline's data are, before they are there: items, rows and tokens.
#
# Files that are there are counted. Published sets have the sizes that their publishers give; tokens are those of a
# vocabulary of a quarter million, the mean over the paper's seven languages.

Cell = tuple[str, str]
#: Characters a token stands for, over languages and scripts.
_CHARACTERS = 3.0
#: Tokens around a question and its options: the line that asks for a letter, the letters, `Answer:`.
_FRAME = 30


@dataclass(frozen=True, slots=True)
class ChoiceSizes:
    """`items` a language by (split, axis) where nothing bounds them; `tokens` of a question with its options."""

    items: Mapping[Cell, float]
    tokens: float


@dataclass(frozen=True, slots=True)
class RowSizes:
    """Training rows: how many, tokens of a row in one language (prompt and response), and those of them that are read."""

    rows: float
    tokens: float
    read: float


def _cells(axis: str, dev1: float, dev2: float, test: float) -> dict[Cell, float]:
    return {("dev1", axis): dev1, ("dev2", axis): dev2, ("test", axis): test}


#: Of the embedded benchmark.
EMBEDDED = ChoiceSizes(
    MappingProxyType(_cells("transfer", 335, 335, 1000) | _cells("localization", 50, 50, 140)), tokens=45
)
#: By the names that `data.choices` takes. Global-MMLU: 14,042 test questions a language, each in the paper's splits.
_CHOICES = {
    "global-mmlu": ChoiceSizes(_cells("transfer", 100, 100, 13_842), tokens=170),
    "blend": ChoiceSizes(_cells("localization", 100, 100, 19_800), tokens=80),
}
_INSTRUCTIONS = {
    "embedded": RowSizes(1500, tokens=30, read=8),
    "embedded-english": RowSizes(1500, tokens=30, read=8),
    "openassistant": RowSizes(6000, tokens=300, read=240),
}
_PARALLEL = {"embedded": RowSizes(1500, tokens=20, read=0), "flores": RowSizes(2009, tokens=45, read=0)}


def choice_sizes(spec: PipelineSpec) -> ChoiceSizes:
    """Of the items that a pipeline scores, all its sources together."""
    if isinstance(spec.data.choices, str):
        return EMBEDDED
    items: Counter[Cell] = Counter()
    tokens = 0.0
    for source in map(str, spec.data.choices):
        own = _counted(Path(source)) if Path(source).is_file() else _CHOICES.get(source, EMBEDDED)
        items.update(own.items)
        tokens += own.tokens * sum(own.items.values())
    return ChoiceSizes(dict(items), tokens / max(1.0, sum(items.values())))


def _counted(path: Path) -> ChoiceSizes:
    from isogloss.data.rows import read_choices

    rows = read_choices([path]).rows
    languages = max(1, len({row.language for row in rows}))
    cells: Counter[Cell] = Counter((row.split, row.axis) for row in rows)
    characters = sum(len(row.question) + sum(map(len, row.options)) for row in rows)
    return ChoiceSizes(
        {cell: count / languages for cell, count in cells.items()},
        tokens=_FRAME + characters / _CHARACTERS / max(1, len(rows)),
    )


def training_sizes(source: Any, *, parallel: bool = False) -> RowSizes:
    """Of `align.instructions`, or of `align.parallel`: a word, or a list of words and files."""
    known = _PARALLEL if parallel else _INSTRUCTIONS
    if isinstance(source, str):
        return known.get(source, known["embedded"])
    parts = [
        _counted_rows(Path(one), parallel=parallel) if Path(one).is_file() else known.get(str(one), known["embedded"])
        for one in source
    ]
    rows = sum(part.rows for part in parts)
    return RowSizes(
        rows,
        tokens=sum(part.rows * part.tokens for part in parts) / max(1.0, rows),
        read=sum(part.rows * part.read for part in parts) / max(1.0, rows),
    )


def _counted_rows(path: Path, *, parallel: bool) -> RowSizes:
    from isogloss.data.rows import InstructionRow, ParallelRow, read_rows

    if parallel:
        texts = [text for row in read_rows([path], ParallelRow).rows for text in row.text.values()]
        rows = len(read_rows([path], ParallelRow).rows)
        return RowSizes(rows, tokens=sum(map(len, texts)) / _CHARACTERS / max(1, len(texts)), read=0)
    instructions = read_rows([path], InstructionRow).rows
    asked = [text for row in instructions for text in row.prompt.values()]
    answered = [text for row in instructions for text in row.response.values()]
    read = sum(map(len, answered)) / _CHARACTERS / max(1, len(answered))
    return RowSizes(len(instructions), tokens=read + sum(map(len, asked)) / _CHARACTERS / max(1, len(asked)), read=read)


# --------------------------------------------------------------------------------------------------------------------
# GPUs by name: memory, speed, links; and what share of the peak is assumed to be reached.
#
# Memory is what a program can have, in GiB; speed the makers' dense bfloat16 peak in TFLOP/s; `link` GB/s between the GPUs of
# a machine, one way (NVLink, or PCIe where there is none).

#: Shares of the peak that training and scoring are assumed to reach.
TRAINING_SHARE, SCORING_SHARE = 0.30, 0.25
#: GB/s that a GPU has to other machines (400 Gbit/s), and that a machine's processors reach in their memory.
NETWORK, HOST_MEMORY = 50.0, 100.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """A kind of GPU. `teraflops` without native bfloat16 are those of float32."""

    name: str
    gib: float
    teraflops: float
    link: float
    bfloat16: bool = True

    @property
    def bytes(self) -> float:
        """Its memory in bytes."""
        return self.gib * 2**30


GPUS = (
    Gpu("B200", 178, 2250, 750),
    Gpu("H200", 139, 989, 350),
    Gpu("H100", 79, 989, 350),
    Gpu("A100-80", 79, 312, 230),
    Gpu("A100-40", 39, 312, 230),
    Gpu("L40S", 44, 362, 20),
    Gpu("A10G", 22, 70, 12),
    Gpu("RTX-4090", 23.5, 165, 20),
    Gpu("RTX-3090", 23.5, 71, 12),
    Gpu("V100-32", 31, 15.7, 100, bfloat16=False),
    Gpu("T4", 14.6, 8.1, 12, bfloat16=False),
)
#: What is planned for where GPUs are asked for and none is named or here.
ASSUMED = "H100"


def gpu_named(name: str) -> Gpu:
    """The GPU that a person means: case, spaces and dashes do not matter. Raises UserError with the known names."""
    wanted = _plain(name)
    for gpu in GPUS:
        if wanted == _plain(gpu.name) or (wanted == "a100" and gpu.name == "A100-80"):
            return gpu
    close = difflib.get_close_matches(wanted, {_plain(gpu.name): gpu for gpu in GPUS}, n=1, cutoff=0.6)
    meant = next((f" (did you mean '{gpu.name}'?)" for gpu in GPUS if close and _plain(gpu.name) == close[0]), "")
    raise UserError(f"--gpu {name}: not in the table{meant}; it has {', '.join(gpu.name for gpu in GPUS)}")


def gpu_here() -> tuple[Gpu, int] | None:
    """The GPUs of this machine as the driver names them, and how many; None without, or for one that is not in the table."""
    import torch

    if not torch.cuda.is_available():
        return None
    name, gib = torch.cuda.get_device_name(0), torch.cuda.get_device_properties(0).total_memory / 2**30
    for gpu in GPUS:
        family = _plain(gpu.name.partition("-")[0] if gpu.name.startswith(("A100", "V100")) else gpu.name)
        if family in _plain(name) and gib >= 0.9 * gpu.gib:
            return gpu, torch.cuda.device_count()
    return None


def _plain(name: str) -> str:
    return re.sub(r"nvidia|geforce|gb$|[\W_]", "", name.lower())
