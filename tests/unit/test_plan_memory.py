"""Predicted memory against the live bytes of real steps, in this process; `benchmarks/memory.py` does it for every engine."""

import copy
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig

from isogloss.methods.log_probs import install_completion_forward
from isogloss.models.config import kept_for_backward, outline_of
from isogloss.planning.memory import MicroBatch, training_memory
from isogloss.spec.align import LaunchSpec, TrainSection

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from live_bytes import LiveBytes

CONFIG = Gemma3TextConfig(
    hidden_size=256, num_hidden_layers=6, intermediate_size=1024, num_attention_heads=4, num_key_value_heads=2, head_dim=64,
    vocab_size=8192, sliding_window=512, pad_token_id=0,
)  # fmt: skip
ROWS, TIME, READ = 6, 96, 40


def steps(*, checkpointing, autocast):
    """(between steps, highest) live bytes of the second of two AdamW steps on completion log-probabilities."""
    live = LiveBytes()
    with live:
        model = AutoModelForCausalLM.from_config(copy.deepcopy(CONFIG))
        install_completion_forward(model)
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), fused=True)
        ids, real = torch.randint(1, 8000, (ROWS, TIME)), torch.ones(ROWS, TIME, dtype=torch.long)
        mask = torch.zeros(ROWS, TIME, dtype=torch.bool)
        mask[:, -READ:] = True
        for _ in range(2):
            live.mark("begin")
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                out = model(input_ids=ids, attention_mask=real, completion_mask=mask)
                loss = -out.values_N.sum()
            del out
            loss.backward()
            del loss
            optimizer.step()
            optimizer.zero_grad()
    return live.marks[-1]["now"], live.peak


@pytest.mark.parametrize(("checkpointing", "autocast"), [(False, False), (True, False), (False, True)])
def test_the_peak_of_a_step_is_predicted_within_fifteen_percent(checkpointing, autocast):
    dtype = "bfloat16" if autocast else "float32"
    outline = outline_of(CONFIG)
    said = training_memory(
        outline,
        LaunchSpec(gradient_checkpointing=checkpointing),
        TrainSection(),
        batch=MicroBatch(rows=ROWS, time=TIME, read=ROWS * READ),
        kept=kept_for_backward(outline, rows=ROWS, time=TIME, dtype=dtype, autocast=autocast),
        processes=1,
        dtype=dtype,
        on_gpu=False,
    )
    resting, peak = steps(checkpointing=checkpointing, autocast=autocast)
    assert said.resting == pytest.approx(resting, rel=0.01)
    assert said.peak == pytest.approx(peak, rel=0.15)


def test_live_bytes_end_with_their_tensors():
    live = LiveBytes()
    with live:
        one = torch.ones(1000)
        assert live.now == 4000
        two = one * 2
        view = two[:10]
        assert (live.now, live.peak) == (8000, 8000)
        del one, two
        assert live.now == 4000
        del view
    assert (live.now, live.peak) == (0, 8000)
