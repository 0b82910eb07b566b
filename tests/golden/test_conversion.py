"""The conversion from GGUF gives bit for bit the weights that transformers' own, unassisted GGUF loading gives."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from isogloss.models.conversion import convert_gguf

HIDDEN, INNER, HEADS, HEAD_SIZE, LAYERS = 64, 96, 2, 32, 6
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>"]
PIECES = ["▁", *"abcdeA", "ab", "▁a", "▁A", "Ε", "한"]
VOCABULARY = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random 6-layer Gemma 3 as the packaged file has it: 8-bit matrices, fp32 norms, sentencepiece."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_name("tiny")
    writer.add_context_length(256)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_key_length(HEAD_SIZE)
    writer.add_value_length(HEAD_SIZE)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_sliding_window(16)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(VOCABULARY)
    writer.add_token_scores([-float(index) for index in range(len(VOCABULARY))])
    kinds = [3, 3, 3, 2, *[6] * 256, *[1] * len(PIECES)]  # control, unknown, byte, normal
    writer.add_token_types(kinds)
    for index, add in enumerate(
        (writer.add_pad_token_id, writer.add_eos_token_id, writer.add_bos_token_id, writer.add_unk_token_id)
    ):
        add(index)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)

    rng = np.random.default_rng(0)
    shapes = {"token_embd": (len(VOCABULARY), HIDDEN), "output_norm": (HIDDEN,)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.{name}": shape
            for name, shape in {
                "attn_q": (HEADS * HEAD_SIZE, HIDDEN),
                "attn_k": (HEAD_SIZE, HIDDEN),
                "attn_v": (HEAD_SIZE, HIDDEN),
                "attn_output": (HIDDEN, HEADS * HEAD_SIZE),
                "attn_q_norm": (HEAD_SIZE,),
                "attn_k_norm": (HEAD_SIZE,),
                "attn_norm": (HIDDEN,),
                "post_attention_norm": (HIDDEN,),
                "ffn_norm": (HIDDEN,),
                "post_ffw_norm": (HIDDEN,),
                "ffn_gate": (INNER, HIDDEN),
                "ffn_up": (INNER, HIDDEN),
                "ffn_down": (HIDDEN, INNER),
            }.items()
        }
    for name, shape in shapes.items():
        values = rng.normal(0, 0.2, shape).astype(np.float32)
        if len(shape) == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(f"{name}.weight", values + 1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def converted(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    convert_gguf(packed, folder)
    return folder


def test_weights_and_config_are_those_of_transformers(packed: Path, converted: Path) -> None:
    expected = AutoModelForCausalLM.from_pretrained(packed.parent, gguf_file=packed.name, dtype=torch.float32)
    model = AutoModelForCausalLM.from_pretrained(converted, use_safetensors=True)
    weights = model.state_dict()
    assert weights.keys() == expected.state_dict().keys()
    for name, weight in expected.state_dict().items():
        assert torch.equal(weights[name], weight), name
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    for name in ("layer_types", "rope_parameters", "sliding_window", "rms_norm_eps", "query_pre_attn_scalar"):
        assert getattr(model.config, name) == getattr(expected.config, name), name
    ids = torch.arange(40).unsqueeze(0)
    with torch.no_grad():
        assert torch.equal(model(ids).logits, expected(ids).logits)


def test_tokens_are_those_of_transformers(packed: Path, converted: Path) -> None:
    expected = AutoTokenizer.from_pretrained(packed.parent, gguf_file=packed.name)
    tokenizer = AutoTokenizer.from_pretrained(converted)
    for text in ("ab a A", " A", "Ε 한국 ñ", "a  b\n"):
        assert tokenizer(text).input_ids == expected(text).input_ids
        assert tokenizer(text).input_ids[0] == VOCABULARY.index("<bos>")
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text
    assert tokenizer.pad_token_id == 0


def test_the_reader_and_the_bars_are_as_before(packed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.modeling_gguf_pytorch_utils import tqdm
    from transformers.utils import logging

    before = (gguf.GGUFReader, tqdm, logging.get_verbosity(), logging.is_progress_bar_enabled())
    capfd.readouterr()
    convert_gguf(packed, tmp_path / "again")
    from transformers.modeling_gguf_pytorch_utils import tqdm as tqdm_after

    assert (gguf.GGUFReader, tqdm_after, logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
    assert capfd.readouterr().err == ""
