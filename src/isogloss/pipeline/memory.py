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

from dataclasses import asdict, dataclass
from typing import Any

from isogloss.models.outline import Kept, Outline
from isogloss.spec.align import TrainSection
from isogloss.spec.launch import LaunchSpec

#: Bytes a trained parameter's optimizer state takes, besides the float32 copy that DeepSpeed keeps.
STATE_BYTES = {"adamw": 8.0, "adamw-8bit": 2.1, "paged-adamw-8bit": 2.1, "adafactor": 0.1}
#: DeepSpeed's defaults, in numbers: gradients reduced at once; under ZeRO-3 parameters that stay whole, those fetched ahead,
#: those updated at once.
_REDUCED, _LIVE, _AHEAD, _GROUP = 5e8, 1e9, 5e7, 1e9
#: Logits that the loss makes at once on a GPU, and copies of them alive together (methods/completion_head.py).
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
