"""Shapes of published models, so that one can be planned for before anything of it is fetched.

The settings are those of each repository's config.json that decide its size; the rest is the family's default in
transformers. A model's `-pt`, `-it` and `-Instruct` versions have one shape.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class _Published(NamedTuple):
    """`kind` is transformers' model type; `vision` the image encoder's settings, where it has one."""

    kind: str
    settings: dict[str, Any]
    vision: dict[str, Any] | None = None


#: The image encoder of Gemma 3 from 4B on (SigLIP, 0.4B parameters): read with the model, never trained here.
_SIGLIP = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 896,
    "patch_size": 14,
}


def _shape(
    hidden: int, layers: int, feed_forward: int, heads: int, kv_heads: int, head: int, vocabulary: int, **more: Any
) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "intermediate_size": feed_forward,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head,
        "vocab_size": vocabulary,
        **more,
    }


_UNTIED = {"tie_word_embeddings": False}
_MODELS = {
    "google/gemma-3-270m": _Published("gemma3_text", _shape(640, 18, 2048, 4, 1, 256, 262144, sliding_window=512)),
    "google/gemma-3-1b": _Published("gemma3_text", _shape(1152, 26, 6912, 4, 1, 256, 262144, sliding_window=512)),
    "google/gemma-3-4b": _Published("gemma3", _shape(2560, 34, 10240, 8, 4, 256, 262208, sliding_window=1024), _SIGLIP),
    "google/gemma-3-12b": _Published(
        "gemma3", _shape(3840, 48, 15360, 16, 8, 256, 262208, sliding_window=1024), _SIGLIP
    ),
    "google/gemma-3-27b": _Published(
        "gemma3", _shape(5376, 62, 21504, 32, 16, 128, 262208, sliding_window=1024), _SIGLIP
    ),
    "meta-llama/Llama-3.1-8B": _Published("llama", _shape(4096, 32, 14336, 32, 8, 128, 128256, **_UNTIED)),
    "meta-llama/Llama-3.2-1B": _Published("llama", _shape(2048, 16, 8192, 32, 8, 64, 128256, tie_word_embeddings=True)),
    "Qwen/Qwen2.5-7B": _Published("qwen2", _shape(3584, 28, 18944, 28, 4, 128, 152064, **_UNTIED)),
    "Qwen/Qwen3-8B": _Published("qwen3", _shape(4096, 36, 12288, 32, 8, 128, 151936, **_UNTIED)),
    "CohereLabs/aya-expanse-8b": _Published("cohere", _shape(4096, 32, 14336, 32, 8, 128, 256000)),
}
#: Endings that change what a model was trained on, and not its shape.
_VERSION = re.compile(r"-(pt|it|base|instruct)$", re.IGNORECASE)


def published_config(name: str) -> PretrainedConfig | None:
    """The config of `org/name` from the table, None where it is not in there. Nothing is fetched."""
    known = {key.lower(): value for key, value in _MODELS.items()}
    found = known.get(name.lower()) or known.get(_VERSION.sub("", name).lower())
    if found is None:
        return None
    from transformers import AutoConfig

    if found.vision is None:
        return AutoConfig.for_model(found.kind, **found.settings)
    return AutoConfig.for_model(found.kind, text_config=found.settings, vision_config=found.vision)


def published_names() -> tuple[str, ...]:
    """The models in the table."""
    return tuple(_MODELS)
