"""Tiny random models of real architectures, saved as a user would have them: for tests that need no trained weights.

4 layers, hidden size 32, a byte-level vocabulary of about 300 tokens that can spell any text in any language. Weights
depend on the family alone (fixed seeds) and are larger than usual, so that logits differ clearly between tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FAMILIES = ("llama", "qwen2", "qwen3", "gemma3_text", "gemma3_multimodal", "smollm", "gemma2")
NUM_LAYERS = 4
HIDDEN_SIZE = 32

_SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<image>", "<start_of_image>", "<end_of_image>"]
PAD_ID, EOS_ID, BOS_ID = 0, 1, 2
#: Merges on top of the bytes: " A" … " Z" are one token each, as in real vocabularies, and a few pairs besides.
_MERGES = [("Ġ", chr(code)) for code in range(ord("A"), ord("Z") + 1)] + [("t", "h"), ("th", "e"), ("Ġ", "the")]


def make_tiny_tokenizer(folder: Path) -> Path:
    """Save a byte-level BPE tokenizer in `folder` that puts `<bos>` first, and return the folder."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = [*_SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in _MERGES)]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=_MERGES, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", BOS_ID)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
        additional_special_tokens=_SPECIAL[4:],
        clean_up_tokenization_spaces=False,
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    return folder


def make_tiny_model(family: str, folder: Path) -> Path:
    """Save a random model of `family` (one of FAMILIES) and its tokenizer in `folder`, and return the folder."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(FAMILIES.index(family))
        _build(family).save_pretrained(folder)
    return make_tiny_tokenizer(folder)


def _build(family: str) -> Any:
    import transformers as hf

    text: dict[str, Any] = {
        "vocab_size": len(_SPECIAL) + 256 + len(_MERGES),
        "hidden_size": HIDDEN_SIZE,
        "intermediate_size": 64,
        "num_hidden_layers": NUM_LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
        "pad_token_id": PAD_ID,
        "eos_token_id": EOS_ID,
        "bos_token_id": BOS_ID,
    }
    # A window shorter than most prompts, so that sliding and full attention differ.
    sliding: dict[str, Any] = {
        "layer_types": ["sliding_attention"] * 3 + ["full_attention"],
        "sliding_window": 16,
        "query_pre_attn_scalar": 8,
    }
    if family == "llama":
        return hf.LlamaForCausalLM(hf.LlamaConfig(**text, tie_word_embeddings=False))
    if family == "smollm":
        return hf.LlamaForCausalLM(hf.LlamaConfig(**text, tie_word_embeddings=True))
    if family == "qwen2":
        return hf.Qwen2ForCausalLM(hf.Qwen2Config(**{k: v for k, v in text.items() if k != "head_dim"}))
    if family == "qwen3":
        return hf.Qwen3ForCausalLM(hf.Qwen3Config(**text, tie_word_embeddings=True))
    if family == "gemma2":  # Soft caps on the scores, which PyTorch's fused attention has not, and on the logits.
        caps = {"attn_logit_softcapping": 10.0, "final_logit_softcapping": 5.0}
        return hf.Gemma2ForCausalLM(hf.Gemma2Config(**text, **sliding, **caps))
    if family == "gemma3_text":
        return hf.Gemma3ForCausalLM(hf.Gemma3TextConfig(**text, **sliding))
    if family == "gemma3_multimodal":
        vision: dict[str, Any] = {
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 8,
            "patch_size": 4,
        }
        config = hf.Gemma3Config(
            text_config={**text, **sliding},
            vision_config=vision,
            mm_tokens_per_image=4,
            image_token_index=4,
            boi_token_index=5,
            eoi_token_index=6,
            pad_token_id=PAD_ID,
            eos_token_id=EOS_ID,
            bos_token_id=BOS_ID,
        )
        return hf.Gemma3ForConditionalGeneration(config)
    raise ValueError(f"unknown family {family!r}; known: {', '.join(FAMILIES)}")
